"""Quadrupeds: a task is a robot, its load, the floor, and the faults of its motors.

One policy controls robots of 3 to 70 kg, because observations and actions are in units of the robot. With leg length L
(thigh plus calf) and gravity g, the natural time of a robot is sqrt(L / g) and its natural speed sqrt(g L): 0.21 s and
2.0 m/s for a Go2. Speeds in this unit are Froude speeds. Animals and robots of all sizes change gaits at the same ones.

A policy observes what a real robot measures: an inertial measurement unit and joint encoders. No sensor measures the
robot's speed. A policy with a memory can estimate it from the motion of the legs and from the reward.
"""

from __future__ import annotations

import torch
from torch import Tensor

from robotmeta.envs.draws import uniform_like
from robotmeta.envs.families.quadruped.interface import interface
from robotmeta.envs.families.quadruped.model import GRAVITY, JOINTS, REACH, TIMESTEP, quadruped, standing_height
from robotmeta.envs.families.quadruped.parameters import BODY, CHANGING, CONDITIONS, NOMINAL
from robotmeta.envs.families.quadruped.robots import ROBOTS
from robotmeta.envs.families.quadruped.sensors import SENSORS
from robotmeta.envs.family import Columns, MujocoWorld, Source, State, TaskFamily, Transition
from robotmeta.envs.parameters import ParameterSpace
from robotmeta.envs.rewards import tolerance

_FRAME_SKIP = 4
_DT = _FRAME_SKIP * TIMESTEP  # 50 control steps a second
_HORIZON = 250  # 5 seconds
_TILT = 0.5  # cosine of the largest tilt of a robot that has not fallen
_CROUCH = 0.5  # lowest height of the trunk of a robot that has not fallen, as a share of the standing height

_OBSERVATIONS = (
    *((f"gravity_{axis}", "g, in the trunk's frame") for axis in "xyz"),
    *((f"angular_velocity_{axis}", "rad/sqrt(L/g), in the trunk's frame") for axis in "xyz"),
    *((joint, "rad from standing") for joint in JOINTS),
    *((f"{joint}_velocity", "rad/sqrt(L/g)") for joint in JOINTS),
    *((f"{joint}_target", "last action") for joint in JOINTS),
    ("speed", "sqrt(g L)"),
)
_ACTIONS = tuple((f"{joint}_target", f"{REACH[joint.split('_')[1]]:g} rad from standing") for joint in JOINTS)

# -- measurements ------------------------------------------------------------------------------------------------------


def _leg_length(task: Columns) -> Tensor:
    return task["thigh_length"] + task["calf_length"]


def natural_speed(task: Columns) -> Tensor:
    """The speed ``sqrt(g L)`` of each task's robot, m/s, ``[task, 1]``."""
    return (GRAVITY * _leg_length(task)).sqrt()


def _natural_time(task: Columns) -> Tensor:
    return (_leg_length(task) / GRAVITY).sqrt()


def _in_trunk(state: State, vector: Tensor) -> Tensor:
    """Rotates vectors ``[..., 3]`` from the world's to the trunk's frame."""
    w, axis = state["qpos"][..., 3:4], -state["qpos"][..., 4:7]
    twice = 2.0 * torch.linalg.cross(axis, vector)
    return vector + w * twice + torch.linalg.cross(axis, twice)


def _velocity(state: State, task: Columns) -> Tensor:
    """Velocity of the trunk in its own frame, in natural speeds, ``[task, episode, 3]``."""
    return _in_trunk(state, state["qvel"][..., :3]) / natural_speed(task).unsqueeze(-1)


def _upright(state: State) -> Tensor:
    """Cosine of the trunk's tilt, ``[task, episode]``."""
    x, y = state["qpos"][..., 4], state["qpos"][..., 5]
    return 1.0 - 2.0 * (x * x + y * y)


def _observe(state: State, task: Columns) -> Tensor:
    qvel, time = state["qvel"], _natural_time(task).unsqueeze(-1)
    down = torch.zeros_like(qvel[..., :3])
    down[..., 2] = -1.0
    speed = task["speed"].unsqueeze(-1).expand(*qvel.shape[:2], 1)
    return torch.cat(
        [
            _in_trunk(state, down),
            qvel[..., 3:6] * time,
            state["qpos"][..., 7:],
            qvel[..., 6:] * time,
            state["ctrl"],
            speed,
        ],
        dim=-1,
    )


def _stand(nominal: State, generator: torch.Generator, task: Columns) -> State:
    """Standing at the origin along x, with noise on the joints."""
    qpos = nominal["qpos"].clone()
    joints = qpos[..., 7:]
    joints += uniform_like(joints, generator, scale=0.05, dtype=torch.float32)
    return {"qpos": qpos, "qvel": nominal["qvel"]}


def _fallen(state: State, task: Columns) -> Tensor:
    height = standing_height(task["thigh_length"], task["calf_length"])
    return (_upright(state) < _TILT) | (state["qpos"][..., 2] < _CROUCH * height)


def slack(task: Columns) -> Tensor:
    """Error of the speed from which the reward for it is 0, in natural speeds."""
    return task["speed"].abs().clamp(min=0.1)


def _on_time(state: State, task: Columns) -> Tensor:
    """Whether the robot stands and its mean speed over a whole episode is within a quarter of the command."""
    speed = state["qpos"][..., 0] / (_HORIZON * _DT * natural_speed(task))
    return ((speed - task["speed"]).abs() < 0.25 * slack(task)) & ~_fallen(state, task)


# -- rewards -----------------------------------------------------------------------------------------------------------


def _reward(step: Transition) -> Tensor:
    velocity, goal = _velocity(step.after, step.task), step.task["speed"]
    forward = tolerance(velocity[..., 0], (goal, goal), slack(step.task), sigmoid="linear", value_at_margin=0.0)
    sideways = tolerance(velocity[..., 1], (0.0, 0.0), 0.3)
    turning = tolerance(step.after["qvel"][..., 5] * _natural_time(step.task), (0.0, 0.0), 0.4)
    upright = _upright(step.after).clamp(min=0.0)
    change = (step.action - step.before["ctrl"]).square().mean(dim=-1)
    return upright * (0.1 + 0.9 * forward * sideways * turning) - 0.05 * change


# -- families ----------------------------------------------------------------------------------------------------------


def walk() -> TaskFamily:
    """The family ``quadruped``."""
    return TaskFamily(
        name="quadruped",
        summary="A quadruped walks at a commanded speed and does not observe its own speed; robot, load, floor, faults "
        "and latency are hidden.",
        source=Source(
            "Our own: 12 position servos, 4 substeps of 5 ms, implicit integration. Only the feet touch the floor. In "
            "units, L is the length of thigh and calf.",
            "Upright times (0.1 + 0.9 forward sideways turning) minus 0.05 times the mean squared change of action. "
            "The factors are in [0, 1]. Forward falls linearly from 1 at the commanded speed to 0 at standstill. An "
            "episode ends at a tilt of 60 degrees or half the standing height.",
        ),
        space=ParameterSpace((*BODY, *CONDITIONS)),
        world=MujocoWorld(lambda: quadruped(NOMINAL), frame_skip=_FRAME_SKIP, fields=("ctrl",), camera="track"),
        observations=_OBSERVATIONS,
        actions=_ACTIONS,
        horizon=_HORIZON,
        dt=_DT,
        reset=_stand,
        observe=_observe,
        reward=_reward,
        terminated=_fallen,
        success=_on_time,
        interface=interface(),
        robots={name: robot.row for name, robot in ROBOTS.items()},
        privileged_state=tuple((f"velocity_{axis}", "sqrt(g L), in the trunk's frame") for axis in "xy"),
        observe_privileged_state=lambda state, task: _velocity(state, task)[..., :2],
        changing=CHANGING,
        performance="velocity_x",
        sensors=SENSORS,
        init_std=0.15,  # with more noise on the servos, policies learn a gait that needs the noise
    )
