"""What is measured of the hand, the object and its neighbour; all functions are on batches ``[task, episode]``."""

from __future__ import annotations

import torch
from torch import Tensor

from robotmeta.envs.devices import per_device
from robotmeta.envs.families import object_state
from robotmeta.envs.families.gripper.hand import TABLE
from robotmeta.envs.families.gripper.model import HEIGHT, OPENING
from robotmeta.envs.families.gripper.objects import kinds
from robotmeta.envs.families.gripper.objects.scene import NEIGHBOUR_HALF, NONE
from robotmeta.envs.family import Columns, State

_HALVES, _MIDDLES = (per_device(torch.from_numpy(table)) for table in (kinds.HALVES, kinds.MIDDLES))
_ABSENT = per_device(torch.from_numpy(~kinds.THERE))
_GRIP, _REACH, _REST = (per_device(torch.from_numpy(table)) for table in (kinds.GRIP, kinds.REACH, kinds.REST))
_UPRIGHT, _ROUND = (per_device(torch.from_numpy(table) > 0.5) for table in (kinds.UPRIGHT, kinds.ROUND))
_SQUARE = per_device(torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64))
_FALLEN = 0.03  # metres below the height at which it stands, from which the neighbour has fallen
UPSET = 0.5
"""Sine of the tilt from which a neighbour is knocked over."""

# -- what the object is ------------------------------------------------------------------------------------------------


def kind(task: Columns) -> Tensor:
    """Number of the kind, int64 ``[task, 1]``."""
    return task["object"].round().long()


def upright(task: Columns) -> Tensor:
    """Whether the object stands, bool ``[task, 1]``."""
    return _UPRIGHT(task["object"].device)[kind(task)]


def half_grip(task: Columns) -> Tensor:
    """Half the width of the part to hold, m ``[task, 1]``."""
    return _GRIP(task["object"].device)[kind(task)] * task["half_width"]


def _lengths(task: Columns) -> Tensor:
    """The lengths of which all others are combinations, m ``[task, 1, 3]``."""
    width = task["half_width"]
    return torch.stack([width, width * task["aspect"], width * task["part"]], dim=-1)


def rest(task: Columns) -> Tensor:
    """Height of the object's origin at rest, m ``[task, 1]``."""
    return (_REST(task["object"].device)[kind(task)] * _lengths(task)).sum(dim=-1)


def extents(task: Columns) -> Tensor:
    """How far the object reaches from its origin to both sides along x, y and z, m ``[task, 1, 2, 3]``.

    The first is toward negative, the second toward positive coordinates. Both are distances.
    """
    device, number = task["object"].device, kind(task)
    lengths = _lengths(task)[..., None, None, :]
    halves, middles = ((table(device)[number] * lengths).sum(dim=-1) for table in (_HALVES, _MIDDLES))
    ends = torch.stack([halves - middles, halves + middles], dim=-2)  # [task, 1, slot, 2, 3]
    return ends.masked_fill(_ABSENT(device)[number][..., None, None], -torch.inf).amax(dim=-3)


# -- the object --------------------------------------------------------------------------------------------------------


def rise(state: State, task: Columns) -> Tensor:
    """Height of the object above its height at rest, m ``[task, episode]``."""
    return object_state.position(state)[..., 2] - rest(task)


def tilt(state: State, task: Columns) -> Tensor:
    """Sine of the object's tilt, ``[task, episode]``.

    For an upright object it is the angle between its axis and the vertical. For another one it is the angle between its
    x axis and the table, negative where that end is lower.
    """
    level = object_state.along(state)[..., 2]
    return torch.where(upright(task), object_state.up(state)[..., :2].norm(dim=-1), level)


def observed_along(direction: Tensor, task: Columns) -> Tensor:
    """Observed direction of the object's x axis, ``[task, episode, 3]``; that of the hand for a round object.

    Args:
        direction: The true direction in the hand's frame, ``[task, episode, 3]``.
        task: The task row.
    """
    device = direction.device
    return torch.where(_ROUND(device)[kind(task)].unsqueeze(-1), _SQUARE(device), direction)


def nearest_hold(state: State, task: Columns) -> Tensor:
    """The nearest point to the pads at which the object can be held, m ``[task, episode, 3]``."""
    middle, axis = object_state.position(state), object_state.along(state)
    axis = torch.where(upright(task).unsqueeze(-1), object_state.up(state), axis)
    reach = _REACH(middle.device)[kind(task)] * task["aspect"] * task["half_width"]
    along = ((hand(state) - middle) * axis).sum(dim=-1)
    return middle + torch.minimum(torch.maximum(along, -reach), reach).unsqueeze(-1) * axis


def centre_of_mass(state: State) -> Tensor:
    """The object's centre of mass, m ``[task, episode, 3]``."""
    return state["xipos"][..., -1, :]


# -- the hand ----------------------------------------------------------------------------------------------------------


def hand(state: State) -> Tensor:
    """The middle between the pads, m ``[task, episode, 3]``."""
    place = state["qpos"][..., :3].clone()
    place[..., 2] += HEIGHT
    return place


def closure(state: State) -> Tensor:
    """How far the fingers are closed, m ``[task, episode]``."""
    return state["qpos"][..., 5:7].sum(dim=-1)


def gap(state: State) -> Tensor:
    """Distance between the pads, m ``[task, episode]``."""
    return OPENING - closure(state)


def touch(state: State) -> Tensor:
    """Force on both sides, N ``[task, episode, 2]``: on the left finger, and on the one or two opposite."""
    left, right, third = state["sensordata"].unbind(dim=-1)
    return torch.stack([left, right + third], dim=-1)


# -- the neighbour and the table ---------------------------------------------------------------------------------------


def has_neighbour(task: Columns) -> Tensor:
    """Whether there is a neighbour, bool ``[task, 1]``."""
    return task["neighbour"] != NONE


def neighbour_position(state: State) -> Tensor:
    """Position of the neighbour's middle, m ``[task, episode, 3]``."""
    return state["qpos"][..., 8:11]


def neighbour_tilt(state: State, task: Columns) -> Tensor:
    """Sine of the neighbour's tilt, ``[task, episode]``; 0 if there is none."""
    w, x, y, z = state["qpos"][..., 11:15].unbind(dim=-1)
    upward = 1.0 - 2.0 * (x.square() + y.square())
    sine = torch.stack([2.0 * (x * z + w * y), 2.0 * (y * z - w * x)], dim=-1).norm(dim=-1)
    return torch.where(upward < 0.0, 1.0, sine) * has_neighbour(task)


def fallen(state: State, task: Columns) -> Tensor:
    """Whether the object or its neighbour fell off the table, bool ``[task, episode]``.

    What is on the table falls where its centre of mass passes an edge.
    """
    place = centre_of_mass(state)
    off = _beyond(place, task) & (rise(state, task) < 0.01) | (object_state.position(state)[..., 2] < 0.0)
    beside = neighbour_position(state)
    lost = _beyond(beside, task) & (beside[..., 2] < NEIGHBOUR_HALF[1] + 0.01) | (beside[..., 2] < 0.0)
    return off | (lost & has_neighbour(task))


def _beyond(place: Tensor, task: Columns) -> Tensor:
    x, y = place[..., 0], place[..., 1]
    return (x.abs() > TABLE) | (y > TABLE) | (y < -task["edge"])
