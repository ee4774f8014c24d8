"""Reach: a hand moves to an observed point; its axes of motion are rotated by a hidden angle."""

from __future__ import annotations

import math
from dataclasses import replace

import mujoco
import torch
from torch import Tensor

from robotmeta.envs.distributions import Uniform, Union
from robotmeta.envs.edits import ModelEdit, SpecEdit
from robotmeta.envs.families.gripper.hand import (
    ARM,
    CITATION,
    DT,
    FRAME_SKIP,
    XYZ,
    actions,
    closeness,
    goal_column,
    servo_targets,
    signals,
    started,
    strength,
    turned,
    uniform,
)
from robotmeta.envs.families.gripper.model import (
    HEIGHT,
    LATENCY,
    OPENING,
    add_goal,
    add_payload,
    carry,
    gripper,
    turn_gantry,
    without_axis,
    without_fingers,
)
from robotmeta.envs.family import Columns, MujocoWorld, Source, State, TaskFamily, Transition
from robotmeta.envs.parameters import Parameter, ParameterSpace

_CLOSE = 0.02  # metres to the goal, within which the hand has reached it

# -- model -------------------------------------------------------------------------------------------------------------


def _reacher() -> mujoco.MjSpec:
    spec = gripper()
    without_fingers(spec, 0.3 * OPENING)
    without_axis(spec, "yaw")
    add_payload(spec)
    add_goal(spec, mujoco.mjtGeom.mjGEOM_SPHERE, (_CLOSE, 0.0, 0.0), [0.1, 0.0, 0.15])
    return spec


# -- what varies -------------------------------------------------------------------------------------------------------

_SPACE = ParameterSpace(
    (
        Parameter(
            "gantry_turn",
            "angle between the axes of the hand's motion and those of the camera",
            train=Uniform(-0.8, 0.8),
            nominal=0.0,
            bounds=(-math.pi, math.pi),
            ood=Union(((-1.2, -0.8), (0.8, 1.2))),
            edits=(SpecEdit(turn_gantry),),
            unit="rad",
        ),
        Parameter(
            "payload",
            "mass of the load on the hand",
            train=Uniform(0.0, 1.0),
            nominal=0.0,
            bounds=(0.0, 2.5),
            ood=Uniform(1.0, 1.5),
            edits=(ModelEdit(carry),),
            unit="kg",
        ),
        # A weaker hand could not hold the loads of the ood split.
        replace(strength(ARM), ood=Uniform(1.5, 2.0)),
        LATENCY,
        goal_column(0, "x of the goal", (-0.16, 0.16), 0.1, (-0.17, 0.17)),
        goal_column(1, "y of the goal", (-0.16, 0.16), 0.0, (-0.17, 0.17)),
        goal_column(2, "height of the goal", (0.04, 0.2), 0.15, (HEIGHT, 0.22)),
    )
)

# -- measurements ------------------------------------------------------------------------------------------------------


def _start(nominal: State, generator: torch.Generator, task: Columns) -> State:
    qpos = uniform(generator, nominal, (-0.1, 0.1), (-0.1, 0.1), (0.05, 0.2))
    return started(qpos, nominal["qvel"], ARM)


def _to_goal(state: State, task: Columns) -> Tensor:
    """From the hand to the goal, m in the camera's frame ``[task, episode, 3]``."""
    hand = turned(state["qpos"], task["gantry_turn"])
    goal = torch.stack([task["goal_x"], task["goal_y"], task["goal_z"] - HEIGHT], dim=-1)
    return goal - hand


def _distance(state: State, task: Columns) -> Tensor:
    return _to_goal(state, task).norm(dim=-1)


def _reached(state: State, task: Columns) -> Tensor:
    return _distance(state, task) < _CLOSE


def _observe(state: State, task: Columns) -> Tensor:
    turn, lag = task["gantry_turn"], servo_targets(state, ARM) - state["qpos"]
    seen = (state["qpos"], state["qvel"], lag)
    return torch.cat([*(turned(vector, turn) for vector in seen), _to_goal(state, task)], dim=-1)


# -- rewards -----------------------------------------------------------------------------------------------------------


def _reward(step: Transition) -> Tensor:
    return closeness(_distance(step.after, step.task), far=0.4, exact=2 * _CLOSE)


# -- families ----------------------------------------------------------------------------------------------------------


def reach() -> TaskFamily:
    """The family ``reach``."""
    return TaskFamily(
        name="reach",
        summary="A hand moves to an observed point; the rotation of its axes, its load, strength and latency are "
        "hidden.",
        source=Source(
            CITATION,
            "In [0, 1]: half for the distance to the goal on a scale of 0.4 m, half for precision at the goal. Success "
            f"is a distance below {100 * _CLOSE:g} cm for the last half second.",
        ),
        space=_SPACE,
        world=MujocoWorld(_reacher, frame_skip=FRAME_SKIP, fields=("act",), camera="table"),
        observations=(
            *signals("{}", XYZ),
            *signals("{}_velocity", XYZ, "/s"),
            *signals("{}_target", XYZ, " from the hand"),
            *signals("goal_{}", XYZ, " from the hand"),
        ),
        actions=actions(ARM),
        horizon=50,
        dt=DT,
        reset=_start,
        observe=_observe,
        reward=_reward,
        success=_reached,
        success_lasts=0.5,
        changing=("payload", "strength", "latency"),
        distance=_distance,
    )
