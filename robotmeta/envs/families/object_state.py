"""The state of the object of a manipulation task: pose, size, and what policies observe of it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from robotmeta.envs.devices import per_device
from robotmeta.envs.families.objects import BOX, CAPSULE, CYLINDER, SPHERE
from robotmeta.envs.family import Columns, State

OBSERVED = (
    "Sizes are observed as by a camera. The rotation of a cylinder or a sphere, the shape and the hidden parameters "
    "are not observed."
)
"""What policies observe of the object, for a family's source."""


def position(state: State) -> Tensor:
    """Position of the object's middle, m ``[..., 3]``."""
    return state["qpos"][..., -7:-4]


def velocity(state: State) -> Tensor:
    """Velocity of the object's middle, m/s ``[..., 3]``."""
    return state["qvel"][..., -6:-3]


def spin(state: State) -> Tensor:
    """Angular velocity in the object's frame, rad/s ``[..., 3]``."""
    return state["qvel"][..., -3:]


def along(state: State) -> Tensor:
    """Direction of the object's own x axis, ``[..., 3]``."""
    return _turned_by(state["qpos"][..., -4:], _X_AXIS)


def up(state: State) -> Tensor:
    """Direction of the object's own z axis, ``[..., 3]``."""
    return _turned_by(state["qpos"][..., -4:], _Z_AXIS)


def _summed(*components: dict[str, float]) -> Tensor:
    """Weight of each product of two entries of a quaternion, such as ``"wz"``, in each component, ``[16, 3]``."""
    weights = torch.zeros(4, 4, 3, dtype=torch.float64)
    for axis, products in enumerate(components):
        for (one, other), weight in products.items():
            weights["wxyz".index(one), "wxyz".index(other), axis] = weight
    return weights.flatten(0, 1)


_X_AXIS = per_device(_summed({"ww": 1, "xx": 1, "yy": -1, "zz": -1}, {"xy": 2, "wz": 2}, {"xz": 2, "wy": -2}))
_Z_AXIS = per_device(_summed({"xz": 2, "wy": 2}, {"yz": 2, "wx": -2}, {"ww": 1, "xx": -1, "yy": -1, "zz": 1}))


def _turned_by(quaternion: Tensor, axis: Callable[[torch.device], Tensor]) -> Tensor:
    """Rotates an axis by unit quaternions ``[..., 4]``; returns ``[..., 3]``."""
    products = (quaternion.unsqueeze(-1) * quaternion.unsqueeze(-2)).flatten(-2)
    return products @ axis(quaternion.device).to(quaternion.dtype)


_SQUARE = per_device(torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64))


def observed_along(direction: Tensor, task: Columns) -> Tensor:
    """Observed direction of the object's x axis in the hand's frame, ``[task, episode, 3]``.

    The rotation of a cylinder or a sphere is not visible. Its direction is that of the hand's x axis, as if it lay
    squarely between the pads.

    Args:
        direction: The true direction in the hand's frame, ``[task, episode, 3]``.
        task: The task row.
    """
    shows = (task["shape"] == BOX) | (task["shape"] == CAPSULE)
    return torch.where(shows.unsqueeze(-1), direction, _SQUARE(direction.device))


def half_extents(task: Columns) -> Tensor:
    """Half the object's length, width and height in its initial orientation, m ``[task, 1, 3]``."""
    width, kind = task["half_width"], task["shape"]
    length = torch.where((kind == BOX) | (kind == CAPSULE), width * task["aspect"], width)
    return torch.stack([length, width, _half_height(task)], dim=-1)


def _half_height(task: Columns) -> Tensor:
    width = task["half_width"]
    return torch.where(task["shape"] == CYLINDER, width * task["aspect"], width)


def rise(state: State, task: Columns) -> Tensor:
    """Height of the object's middle above its height on the table, m ``[task, episode]``."""
    return position(state)[..., 2] - _half_height(task)


def tilt(state: State, task: Columns) -> Tensor:
    """Sine of the object's tilt, ``[task, episode]``.

    For a cylinder, the tilt is the angle between its axis and the vertical. For a box or a capsule, it is the angle
    between its x axis and the table, negative where that end is lower. For a sphere it is 0.
    """
    kind = task["shape"]
    return torch.where(kind == CYLINDER, up(state)[..., :2].norm(dim=-1), along(state)[..., 2] * (kind != SPHERE))


def at_rest(xy: Tensor, yaw: Tensor, task: Columns) -> Tensor:
    """Pose of an object that lies on the table.

    Args:
        xy: Position on the table, m ``[task, episode, 2]``.
        yaw: Direction of its x axis, rad ``[task, episode]``.
        task: The task row.

    Returns:
        Position and quaternion, ``[task, episode, 7]``.
    """
    height, none = _half_height(task).expand_as(yaw), torch.zeros_like(yaw)
    return torch.stack([*xy.unbind(dim=-1), height, (yaw / 2).cos(), none, none, (yaw / 2).sin()], dim=-1)


def off_table(state: State, half_side: float) -> Tensor:
    """Whether the object fell off a square table of that half side (m) or through it, bool ``[task, episode]``."""
    middle = position(state)
    return (middle[..., :2].abs().amax(dim=-1) > half_side) | (middle[..., 2] < 0.0)
