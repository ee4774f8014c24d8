"""Slide: two fingers strike an object, which has to stop at a goal out of their reach; its friction is hidden."""

from __future__ import annotations

from dataclasses import replace

import mujoco
import torch
from torch import Tensor

from robotmeta.envs.distributions import LogUniform, Uniform
from robotmeta.envs.families import objects
from robotmeta.envs.families.gripper.hand import ARM, CITATION, TABLE, closeness, goal_column, off_table, strength
from robotmeta.envs.families.gripper.model import LATENCY
from robotmeta.envs.families.gripper.push import OBJECT, distance, push, pusher, put_down
from robotmeta.envs.family import Columns, Source, State, TaskFamily, Transition
from robotmeta.envs.parameters import ParameterSpace

_REACH = -0.04  # metres, the largest x of the hand
_ARRIVED = 0.02  # metres to the goal, within which an object has arrived

# -- model -------------------------------------------------------------------------------------------------------------


def _slider() -> mujoco.MjSpec:
    spec = pusher()
    spec.joint("x").range = [-TABLE, _REACH]
    spec.joint("x").limited = mujoco.mjtLimited.mjLIMITED_TRUE
    spec.site("goal").size[0] = _ARRIVED
    spec.site("goal").pos[0] = 0.09
    return spec


# -- what varies -------------------------------------------------------------------------------------------------------

_SPACE = ParameterSpace(
    (
        *OBJECT,
        replace(objects.FRICTION, train=Uniform(0.35, 0.5), nominal=0.4, ood=None),
        # An object at half a metre a second slides 13 to 52 cm.
        replace(objects.TABLE_FRICTION, train=LogUniform(0.07, 0.2), nominal=0.12, ood=Uniform(0.04, 0.07)),
        strength(ARM[:2]),
        LATENCY,
        goal_column(0, "goal, ahead", (0.05, 0.13), 0.09, (0.03, 0.25)),
        goal_column(1, "goal, to the left", (-0.05, 0.05), 0.0, (-0.2, 0.2)),
    )
)

# -- measurements ------------------------------------------------------------------------------------------------------


def _start(nominal: State, generator: torch.Generator, task: Columns) -> State:
    hand, thing = ((-0.22, -0.2), (-0.03, 0.03)), ((-0.15, -0.13), (-0.03, 0.03))
    return put_down(nominal, generator, task, *hand, *thing, (-0.3, 0.3))


def _arrived(state: State, task: Columns) -> Tensor:
    return (distance(state, task) < _ARRIVED) & ~off_table(state, task)


# -- rewards -----------------------------------------------------------------------------------------------------------


def _reward(step: Transition) -> Tensor:
    return closeness(distance(step.after, step.task), far=0.3, exact=2 * _ARRIVED)


# -- families ----------------------------------------------------------------------------------------------------------


def slide() -> TaskFamily:
    """The family ``slide``."""
    pushing = push()
    return replace(
        pushing,
        name="slide",
        summary="Two fingers strike an object, which has to stop at an observed goal out of their reach; its mass, "
        "balance and friction are hidden, and so are the servos' strength and latency.",
        source=Source(
            f"{CITATION} The hand does not go beyond x = {_REACH:g} m.",
            "In [0, 1]: for the object's distance to its goal, half on a scale of 0.3 m and half on one of "
            f"{200 * _ARRIVED:g} cm. An episode ends where the object falls off the table. Success is a distance below "
            f"{100 * _ARRIVED:g} cm at the end.",
        ),
        space=_SPACE,
        world=replace(pushing.world, spec=_slider),
        reset=_start,
        reward=_reward,
        success=_arrived,
    )
