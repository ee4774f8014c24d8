"""Bipeds: humanoids that follow commands. A task is a robot, its load, the floor, and the faults of its motors.

One policy controls robots of 3 to 95 kg, because observations and actions are in units of the robot, as for quadrupeds.
It observes an inertial measurement unit, joint encoders, the command, and a clock that gives the rhythm of its steps.
"""

from __future__ import annotations

import mujoco
import torch
from torch import Tensor

from robotmeta.envs.curriculum import Curriculum
from robotmeta.envs.families.biped.feet import add_sensors, touching
from robotmeta.envs.families.biped.gait import CLOCK, MEMORY, clock, mass, reference, stepping
from robotmeta.envs.families.biped.interface import interface
from robotmeta.envs.families.biped.model import FOLLOWED, JOINTS, LEGS, REACH, biped, kind_of, standing_height
from robotmeta.envs.families.biped.parameters import BODY, CHANGING, CONDITIONS, NOMINAL
from robotmeta.envs.families.biped.robots import ROBOTS
from robotmeta.envs.families.legged.commands import observations
from robotmeta.envs.families.legged.commands.measures import followed, measures
from robotmeta.envs.families.legged.commands.motion import SUMS
from robotmeta.envs.families.legged.commands.rewards import costs, grip, tracking
from robotmeta.envs.families.legged.commands.schedule import PARAMETERS
from robotmeta.envs.families.legged.measurements import DT, FRAME_SKIP, HORIZON, sensed_names, stand, upright
from robotmeta.envs.families.legged.sensors import HEADING, sensors
from robotmeta.envs.family import Columns, MujocoWorld, Source, State, TaskFamily, Transition
from robotmeta.envs.parameters import ParameterSpace

# -- measurements ------------------------------------------------------------------------------------------------------

_LEVELS = (0.0, 0.15, 0.3, 0.45, 0.6, 0.8, 1.0)  # distances from a G1
_TILT = 0.6  # cosine of the largest tilt of a robot that has not fallen
_CROUCH = 0.6  # lowest height of the hips of a robot that has not fallen, as a share of the standing height
_LEAST = 0.15  # size of a command by which errors are divided at least
_NOISE = 0.02  # rad, of the joints at the start


def fallen(state: State, task: Columns) -> Tensor:
    """Whether a robot is tilted too far or too low, bool ``[task, episode]``."""
    height = standing_height(task["thigh_length"], task["calf_length"], task["ankle_height"])
    return (upright(state) < _TILT) | (state["qpos"][..., 2] < _CROUCH * height)


def _observe(state: State, task: Columns) -> Tensor:
    return torch.cat([*observations.sensed(state, task), clock(state), *observations.told(state)], dim=-1)


def _observe_privileged(state: State, task: Columns) -> Tensor:
    return torch.cat([observations.privileged(state, task), touching(state)], dim=-1)


def _followed(state: State, task: Columns) -> Tensor:
    return followed(state) & ~fallen(state, task)


def _obeyed(state: State, task: Columns) -> Tensor:
    """How well a robot did as told until it fell: 1 less its tracking error by the size of the commands."""
    sums = state["sums"]
    steps = sums[..., SUMS.index("steps")]
    errors, sizes = (sums[..., place : place + 3].sum(dim=-1) for place in (0, 3))
    return (1.0 - errors / torch.maximum(sizes, _LEAST * steps).clamp(min=1e-9)).clamp(min=0.0) * steps / HORIZON


# -- rewards -----------------------------------------------------------------------------------------------------------

# A walking biped sways from foot to foot. Speeds at which a tenth is left, in natural units.
_ASIDE, _WOBBLE = 0.4, 0.8


def _reward(step: Transition) -> Tensor:
    level = step.after["up"][..., 2].clamp(min=0.0)
    followed = tracking(step, aside=_ASIDE, wobble=_WOBBLE) * grip(step.after)
    return level * (0.1 + 0.3 * stepping(step) + 0.6 * followed) - costs(step)


# -- families ----------------------------------------------------------------------------------------------------------


def _spec() -> mujoco.MjSpec:
    robot = biped(NOMINAL)
    add_sensors(robot)
    return robot


def _smoothed(state: State, action: Tensor, task: Columns) -> dict[str, Tensor]:
    target = state["ctrl"]
    return {"ctrl": target + FOLLOWED * (action - target)}


def walk() -> TaskFamily:
    """The family ``biped``."""
    return TaskFamily(
        name="biped",
        summary="A biped follows commands for forward speed, sideways speed and yaw rate, which change within an "
        "episode, and keeps its heading; robot, load, floor, faults and latency are hidden.",
        source=Source(
            "Our own: 12 position servos, whose targets go 0.3 of the way to the action in a control step; a gait that "
            "steps in place is added to the action (Iscen et al. 2018, arXiv:1910.02812); 4 substeps of 5 ms, implicit "
            "integration. Only the feet touch the floor and each other. In units, L is the length of thigh and calf. "
            "Commands are those of quadruped-commands. The policy observes a clock with a cycle of "
            "3 sqrt(L/g), after Siekmann et al. 2021.",
            "Upright times (0.1 + 0.3 stepping + 0.6 tracking grip), minus at most 0.05 for changes of the action and "
            "motion while told to stand. Stepping is in [0, 1]: the left foot swings in the first half "
            "of the clock's cycle, the right one in the second half; both stand in between and if the robot is told "
            "to stand. Tracking and grip are those of quadruped-commands, with more sway allowed. An episode ends at a "
            "tilt of 53 degrees or 0.6 of the standing height. Success is that of quadruped-commands.",
            "Other packages give exponential rewards for the squared error of the velocity, and rewards for the time "
            "that feet are in the air (Rudin et al. 2022). Meta-training begins with the nominal robot and moves on to "
            "others as they follow their commands, after Akkaya et al. 2019 (arXiv:1910.07113).",
        ),
        space=ParameterSpace((*BODY, *CONDITIONS, *PARAMETERS)),
        world=MujocoWorld(
            _spec,
            frame_skip=FRAME_SKIP,
            fields=observations.FIELDS,
            camera="track",
            drive=_smoothed,
            lagging=True,
        ),
        observations=(*sensed_names(JOINTS, "last target of the servo"), *CLOCK, *observations.TOLD),
        actions=tuple((f"{joint}_target", f"{REACH[kind_of(joint)]:g} rad from standing") for joint in JOINTS),
        horizon=HORIZON,
        dt=DT,
        reset=lambda nominal, generator, task: stand(nominal, generator, task, noise=_NOISE),
        observe=_observe,
        reward=_reward,
        terminated=fallen,
        success=_followed,
        interface=interface(),
        robots={name: robot.row for name, robot in ROBOTS.items()},
        privileged_state=(*observations.PRIVILEGED, *((f"{leg}_contact", "1") for leg in LEGS)),
        observe_privileged_state=_observe_privileged,
        changing=CHANGING,
        sensors=(*sensors(JOINTS), HEADING),
        told=tuple(parameter.name for parameter in PARAMETERS),
        memory=MEMORY,
        measures=measures(mass),
        reference=reference,
        curriculum=Curriculum(None, _LEVELS, progress=_obeyed, promote=0.55, demote=0.35),
        init_std=0.2,  # with more noise on the servos, robots fall before they step
    )
