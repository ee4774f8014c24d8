"""Sums and differences of states, in which an orientation counts as three numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import mujoco
import torch
from torch import Tensor

from robotmeta.envs.family import State

_TURNS = {int(mujoco.mjtJoint.mjJNT_FREE): 3, int(mujoco.mjtJoint.mjJNT_BALL): 0}  # entries before the quaternion


@dataclass(frozen=True)
class StateSpace:
    """The numbers of a state, and how far one state is from another.

    Attributes:
        sizes: Number of entries of each quantity, in order.
        quaternions: Where unit quaternions start in each quantity. The difference of two orientations is the rotation
            vector from one to the other in the frame of the body, rad ``[..., 3]``, as in ``mj_differentiatePos``.
    """

    sizes: Mapping[str, int]
    quaternions: Mapping[str, Sequence[int]] | None = None

    @classmethod
    def of_model(cls, model: mujoco.MjModel) -> StateSpace:
        """Positions, velocities and activations of a model."""
        joints = zip(model.jnt_type.tolist(), model.jnt_qposadr.tolist(), strict=True)
        starts = [address + _TURNS[kind] for kind, address in joints if kind in _TURNS]
        sizes = {"qpos": model.nq, "qvel": model.nv, "act": model.na}
        return cls({name: size for name, size in sizes.items() if size}, {"qpos": starts})

    @property
    def size(self) -> int:
        """Length of a difference."""
        return sum(self._length(name) for name in self.sizes)

    def plus(self, state: State, difference: Tensor) -> dict[str, Tensor]:
        """The state that differs by that much, each quantity ``[..., entry]``.

        Args:
            state: Each quantity ``[..., entry]``.
            difference: ``[..., size]``; leading axes broadcast.
        """
        parts = difference.split([self._length(name) for name in self.sizes], dim=-1)
        return {name: self._moved(name, state[name], part) for name, part in zip(self.sizes, parts, strict=True)}

    def minus(self, state: State, other: State) -> Tensor:
        """The difference of two states, ``[..., size]``, that :meth:`plus` adds to the other."""
        return torch.cat([self._difference(name, state[name], other[name]) for name in self.sizes], dim=-1)

    def _length(self, name: str) -> int:
        return self.sizes[name] - len(self._turns(name))

    def _turns(self, name: str) -> Sequence[int]:
        return (self.quaternions or {}).get(name, ())

    def _moved(self, name: str, value: Tensor, change: Tensor) -> Tensor:
        parts, at, used = [], 0, 0
        for start in self._turns(name):
            parts += [value[..., at:start] + change[..., used : used + start - at]]
            used += start - at
            parts += [_times(value[..., start : start + 4], _turn(change[..., used : used + 3]))]
            used, at = used + 3, start + 4
        parts.append(value[..., at:] + change[..., used:])
        return torch.cat(parts, dim=-1)

    def _difference(self, name: str, value: Tensor, other: Tensor) -> Tensor:
        parts, at = [], 0
        for start in self._turns(name):
            parts += [value[..., at:start] - other[..., at:start]]
            turn = slice(start, start + 4)
            parts += [_rotation(_times(_inverse(other[..., turn]), value[..., turn]))]
            at = start + 4
        parts.append(value[..., at:] - other[..., at:])
        return torch.cat(parts, dim=-1)


# -- unit quaternions (w, x, y, z) -------------------------------------------------------------------------------------


def _times(a: Tensor, b: Tensor) -> Tensor:
    aw, ax, ay, az = a.unbind(dim=-1)
    bw, bx, by, bz = b.unbind(dim=-1)
    return torch.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        dim=-1,
    )


def _inverse(quaternion: Tensor) -> Tensor:
    return quaternion * quaternion.new_tensor([1.0, -1.0, -1.0, -1.0])


def _turn(rotation: Tensor) -> Tensor:
    """The quaternion of a rotation vector."""
    angle = rotation.norm(dim=-1, keepdim=True)
    return torch.cat([(angle / 2.0).cos(), rotation * torch.sinc(angle / (2.0 * torch.pi)) / 2.0], dim=-1)


def _rotation(quaternion: Tensor) -> Tensor:
    """The rotation vector of a quaternion, of at most half a turn."""
    quaternion = torch.where(quaternion[..., :1] < 0.0, -quaternion, quaternion)
    sine = quaternion[..., 1:].norm(dim=-1, keepdim=True)
    angle = 2.0 * torch.atan2(sine, quaternion[..., :1])
    return quaternion[..., 1:] * torch.where(sine > 1e-9, angle / sine.clamp(min=1e-9), 2.0)
