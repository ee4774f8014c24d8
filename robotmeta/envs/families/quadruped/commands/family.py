"""Quadrupeds that follow commands: the robots, loads and faults of the family ``quadruped``, told where to go.

A policy is told forward speed, sideways speed and yaw rate, and to stand still. Commands change within an episode. It
observes how far its heading is from the commanded one, as a real robot does by integrating its yaw rate.
"""

from __future__ import annotations

from dataclasses import replace

import mujoco
import torch
from torch import Tensor

from robotmeta.envs.families.legged.commands import observations
from robotmeta.envs.families.legged.commands.measures import followed, measures
from robotmeta.envs.families.legged.commands.motion import memory
from robotmeta.envs.families.legged.commands.rewards import reward
from robotmeta.envs.families.legged.commands.schedule import PARAMETERS
from robotmeta.envs.families.legged.sensors import HEADING
from robotmeta.envs.families.quadruped import family as quadruped
from robotmeta.envs.families.quadruped.commands.feet import add_sensors, slip
from robotmeta.envs.families.quadruped.commands.interface import interface
from robotmeta.envs.families.quadruped.measurements import SENSED, fallen
from robotmeta.envs.families.quadruped.model import LEGS
from robotmeta.envs.families.quadruped.parameters import BODY, CONDITIONS
from robotmeta.envs.family import Columns, MujocoWorld, Source, State, TaskFamily
from robotmeta.envs.parameters import ParameterSpace


def mass(task: Columns) -> Tensor:
    """Mass of a robot with its load, kg, ``[task, 1]``."""
    return (
        task["trunk_mass"]
        + len(LEGS) * sum(task[f"{link}_mass"] for link in ("hip", "thigh", "calf"))
        + task["payload_mass"]
    )


def _observe(state: State, task: Columns) -> Tensor:
    return torch.cat([*observations.sensed(state, task), *observations.told(state)], dim=-1)


def _followed(state: State, task: Columns) -> Tensor:
    return followed(state) & ~fallen(state, task)


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
            "Upright times (0.1 + 0.9 tracking grip), minus at most 0.05 for changes of the action and motion while "
            "told to stand. Tracking is in [0, 1]: the mean of the shares of the speed and of the turning that are "
            "asked, times factors for moving aside, turning unasked and losing the heading; a third of that where the "
            "robot is told to stand. Grip falls from 1 to 0.5 with the mean slip of the feet on the ground, 0 to 0.2 "
            "sqrt(g L). An episode ends at a tilt of 60 degrees or half the standing height. Success: the mean "
            "tracking error of each command is at most a quarter of its mean size plus 0.05 (yaw rate: 0.04) in "
            "natural units, feet slip at most 0.1 sqrt(g L) on average, no fall.",
            "Other packages give exponential rewards for the squared error of the velocity and of the yaw rate "
            "(Rudin et al. 2022), in which standing still earns a part; here it earns a tenth.",
        ),
        space=ParameterSpace((*BODY, *CONDITIONS, *PARAMETERS)),
        world=replace(world, spec=spec, fields=observations.FIELDS, lagging=True),
        observations=(*SENSED, *observations.TOLD),
        observe=_observe,
        reward=reward,
        success=_followed,
        interface=interface(),
        privileged_state=observations.PRIVILEGED,
        observe_privileged_state=observations.privileged,
        performance=None,
        sensors=(*level.sensors, HEADING),
        told=tuple(parameter.name for parameter in PARAMETERS),
        memory=memory(slip),
        measures=measures(mass),
    )
