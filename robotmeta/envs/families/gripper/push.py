"""Push: two fingers push an object along a table; its shape, mass, balance and friction are hidden."""

from __future__ import annotations

import math
from dataclasses import replace

import mujoco
import torch
from torch import Tensor

from robotmeta.envs.distributions import LogUniform, Uniform
from robotmeta.envs.families import object_state, objects
from robotmeta.envs.families.gripper.hand import (
    ARM,
    CITATION,
    DT,
    FRAME_SKIP,
    actions,
    closeness,
    goal_column,
    off_table,
    servo_targets,
    signals,
    started,
    strength,
    uniform,
)
from robotmeta.envs.families.gripper.model import LATENCY, add_goal, gripper, without_axis, without_fingers
from robotmeta.envs.family import Columns, MujocoWorld, Source, State, TaskFamily, Transition
from robotmeta.envs.parameters import ParameterSpace
from robotmeta.envs.rewards import tolerance

_APART = 0.03  # metres between the fingers, which give two points of contact
_PUSHED = 0.03  # metres to the goal, within which a pushed object has arrived

# -- model -------------------------------------------------------------------------------------------------------------


def pusher() -> mujoco.MjSpec:
    """The hand with its fingers a little apart, an object and a mark at the goal."""
    spec = gripper()
    without_fingers(spec, _APART)
    without_axis(spec, "yaw")
    without_axis(spec, "z")
    objects.add_object(spec, ("left_pad", "right_pad"))
    add_goal(spec, mujoco.mjtGeom.mjGEOM_CYLINDER, (_PUSHED, 0.0005, 0.0), [0.14, 0.0, 0.0005])
    return spec


# -- what varies -------------------------------------------------------------------------------------------------------

OBJECT = (
    objects.SHAPE,
    replace(objects.HALF_WIDTH, train=Uniform(0.025, 0.035), nominal=0.03, bounds=(0.02, 0.04), ood=None),
    objects.ASPECT,
    replace(objects.MASS, train=LogUniform(0.1, 1.0), nominal=0.3, ood=Uniform(1.0, 1.5)),
    objects.OFFSET,
)
"""Parameters of pushed objects, without their friction."""

_SPACE = ParameterSpace(
    (
        *OBJECT,
        replace(objects.FRICTION, train=Uniform(0.3, 0.6), nominal=0.45, ood=None),
        replace(objects.TABLE_FRICTION, train=LogUniform(0.1, 1.0), nominal=0.3, ood=Uniform(0.05, 0.1)),
        strength(ARM[:2]),
        LATENCY,
        goal_column(0, "goal, ahead", (0.06, 0.2), 0.14, (0.0, 0.25)),
        goal_column(1, "goal, to the left", (-0.1, 0.1), 0.0, (-0.2, 0.2)),
    )
)

# -- measurements ------------------------------------------------------------------------------------------------------


def put_down(nominal: State, generator: torch.Generator, task: Columns, *ranges: tuple[float, float]) -> State:
    """Hand and object at rest; the ranges are of the hand's x and y, the object's x and y (m) and its yaw (rad)."""
    drawn = uniform(generator, nominal, *ranges)
    lying = object_state.at_rest(drawn[..., 2:4], drawn[..., 4], task)
    return started(torch.cat([drawn[..., :2], lying], dim=-1), nominal["qvel"], ARM[:2])


def _start(nominal: State, generator: torch.Generator, task: Columns) -> State:
    hand, thing = ((-0.24, -0.22), (-0.04, 0.04)), ((-0.12, -0.08), (-0.05, 0.05))
    return put_down(nominal, generator, task, *hand, *thing, (-math.pi, math.pi))


def _left_to_push(state: State, task: Columns) -> Tensor:
    """From the object to the goal, m ``[task, episode, 2]``."""
    goal = torch.stack([task["goal_x"], task["goal_y"]], dim=-1)
    return goal - object_state.position(state)[..., :2]


def distance(state: State, task: Columns) -> Tensor:
    """From the object to the goal along the table, m ``[task, episode]``."""
    return _left_to_push(state, task).norm(dim=-1)


def _pushed(state: State, task: Columns) -> Tensor:
    return (distance(state, task) < _PUSHED) & ~off_table(state, task)


def _observe(state: State, task: Columns) -> Tensor:
    hand, speed, size = state["qpos"][..., :2], state["qvel"][..., :2], object_state.half_extents(task)
    return torch.cat(
        [
            hand,
            speed,
            servo_targets(state, ARM[:2]) - hand,
            object_state.position(state)[..., :2] - hand,
            object_state.along(state)[..., :2],
            object_state.velocity(state)[..., :2],
            object_state.spin(state)[..., 2:],
            size[..., :2].expand(*hand.shape[:2], 2),
            _left_to_push(state, task),
        ],
        dim=-1,
    )


# -- rewards -----------------------------------------------------------------------------------------------------------


def _reward(step: Transition) -> Tensor:
    hand = step.after["qpos"][..., :2]
    apart = (object_state.position(step.after)[..., :2] - hand).norm(dim=-1)
    near = tolerance(apart, (0.0, 0.06), 0.15, sigmoid="linear", value_at_margin=0.0)
    there = closeness(distance(step.after, step.task), far=0.3, exact=2 * _PUSHED)
    return 0.1 * near + 0.9 * there


# -- families ----------------------------------------------------------------------------------------------------------


def push() -> TaskFamily:
    """The family ``push``."""
    return TaskFamily(
        name="push",
        summary="Two fingers push an object along a table to an observed goal; its shape, mass, balance and friction "
        "are hidden, and so are the servos' strength and latency.",
        source=Source(
            CITATION,
            "In [0, 1]: 0.1 for a hand at the object and 0.9 for the object's distance to its goal, half on a scale of "
            f"0.3 m and half on one of {200 * _PUSHED:g} cm. An episode ends where the object falls off the table. "
            f"Success is a distance below {100 * _PUSHED:g} cm at the end.",
        ),
        space=_SPACE,
        # The object rests on contacts of a few nanometres, which single precision cannot tell from none.
        world=MujocoWorld(pusher, frame_skip=FRAME_SKIP, fields=("act",), camera="table", double_precision=True),
        observations=(
            *signals("{}", ARM[:2]),
            *signals("{}_velocity", ARM[:2], "/s"),
            *signals("{}_target", ARM[:2], " from the hand"),
            *signals("object_{}", ARM[:2], " from the hand"),
            ("object_cos", "1"),
            ("object_sin", "1"),
            *signals("object_{}_velocity", ARM[:2], "/s"),
            ("object_spin", "rad/s"),
            ("object_half_length", "m"),
            ("object_half_width", "m"),
            *signals("goal_{}", ARM[:2], " from the object"),
        ),
        actions=actions(ARM[:2]),
        horizon=80,
        dt=DT,
        reset=_start,
        observe=_observe,
        reward=_reward,
        terminated=off_table,
        success=_pushed,
        distance=distance,
    )
