"""Quadrupeds that follow commands: the robots, loads and faults of the family ``quadruped``, told where to go.

A policy is told forward speed, sideways speed and yaw rate, and to stand still. Commands change within an episode. It
observes how far its heading is from the commanded one, as a real robot does by integrating its yaw rate.
"""

from __future__ import annotations

from dataclasses import replace

import mujoco
import torch
from torch import Tensor

from robotmeta.envs.families.quadruped import family as quadruped
from robotmeta.envs.families.quadruped.commands.feet import add_sensors
from robotmeta.envs.families.quadruped.commands.interface import interface
from robotmeta.envs.families.quadruped.commands.measures import MEASURES, followed
from robotmeta.envs.families.quadruped.commands.motion import MEMORY, upcoming
from robotmeta.envs.families.quadruped.commands.rewards import reward
from robotmeta.envs.families.quadruped.commands.schedule import AXES, PARAMETERS
from robotmeta.envs.families.quadruped.measurements import SENSED, natural_time
from robotmeta.envs.families.quadruped.parameters import BODY, CONDITIONS
from robotmeta.envs.families.quadruped.sensors import SENSORS
from robotmeta.envs.family import Columns, MujocoWorld, Source, State, TaskFamily
from robotmeta.envs.parameters import ParameterSpace
from robotmeta.envs.sensors import Sensor

_OBSERVATIONS = (
    *SENSED,
    *((name, unit) for name, _, unit in AXES),
    ("heading_error_sin", "1"),
    ("heading_error_cos", "1"),
)
_PRIVILEGED = (
    *((f"velocity_{axis}", "sqrt(g L), in the heading frame") for axis in "xy"),
    ("next_command_in", "s, until the next command"),
    *((f"next_{name}", unit) for name, _, unit in AXES),
)
_FIELDS = ("ctrl", "sensordata", "actuator_force", "actuator_velocity")


def _observe(state: State, task: Columns) -> Tensor:
    qvel, time = state["qvel"], natural_time(task).unsqueeze(-1)
    error = state["heading_error"]
    return torch.cat(
        [
            -state["up"],
            qvel[..., 3:6] * time,
            state["qpos"][..., 7:],
            qvel[..., 6:] * time,
            state["ctrl"],
            state["command"][..., :3],
            torch.stack([error.sin(), error.cos()], dim=-1),
        ],
        dim=-1,
    )


def follow() -> TaskFamily:
    """The family ``quadruped-commands``."""
    level = quadruped.walk()
    world = level.world
    assert isinstance(world, MujocoWorld)

    def spec() -> mujoco.MjSpec:
        robot = world.spec()
        add_sensors(robot)
        return robot

    return replace(
        level,
        name="quadruped-commands",
        summary="A quadruped follows commands for forward speed, sideways speed and yaw rate, which change within an "
        "episode, and keeps its heading; robot, load, floor, faults and latency are hidden as in quadruped.",
        source=Source(
            f"{level.source.citation} Commands are drawn every 2 to 2.5 s: 15 % stand, 25 % go straight, 20 % "
            "sideways, 8 % turn, 20 % go along a curve, 12 % all three. Ood tasks have commands 1.3 times as large.",
            "Upright times (0.1 + 0.9 tracking), minus at most 0.05 for changes of the action, feet that slip and "
            "motion while told to stand. Tracking is in [0, 1]: the mean of the shares of the speed and of the turning "
            "that are asked, times factors for moving aside, turning unasked and losing the heading; a third of that "
            "where the robot is told to stand. An episode ends at a tilt of 60 degrees or half "
            "the standing height. Success: the mean tracking error of each command is at most a quarter of its mean "
            "size plus 0.05 (yaw rate: 0.04) in natural units, feet slip at most 0.1 sqrt(g L) on average, no fall.",
            "Other packages give exponential rewards for the squared error of the velocity and of the yaw rate "
            "(Rudin et al. 2022), in which standing still earns a part; here it earns a tenth.",
        ),
        space=ParameterSpace((*BODY, *CONDITIONS, *PARAMETERS)),
        world=replace(world, spec=spec, fields=_FIELDS, lagging=True),
        observations=_OBSERVATIONS,
        observe=_observe,
        reward=reward,
        success=followed,
        interface=interface(),
        privileged_state=_PRIVILEGED,
        observe_privileged_state=lambda state, task: torch.cat([state["motion"][..., :2], upcoming(state)], dim=-1),
        performance=None,
        sensors=(*SENSORS, Sensor("imu", ("heading_error_sin",), noise=0.01, bias=0.02)),
        told=tuple(parameter.name for parameter in PARAMETERS),
        memory=MEMORY,
        measures=MEASURES,
    )
