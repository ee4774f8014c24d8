"""The state of all worlds in MuJoCo Warp, as torch tensors that share its memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import mujoco
import numpy as np
import torch
import warp
from torch import Tensor

from robotmeta.errors import UserError

_STATE = ("time", "qpos", "qvel", "act", "history", "qacc_warmstart", "ctrl", "qfrc_applied", "xfrc_applied")
STATE = (*_STATE, "eq_active", "mocap_pos", "mocap_quat", "userdata")
"""Fields of ``MjData`` that are state, in MuJoCo's order. MuJoCo derives the others from them."""
_STATIC = ("geom_xpos", "geom_xmat")  # which Warp computes once for geoms that are fixed to the world
_HUGE = 1e10  # MuJoCo takes positions, velocities and accelerations beyond it for diverged


class WarpData:
    """Named fields of ``MjData``, each ``[task, episode, ...]``.

    Args:
        data: The Warp data of all worlds, task by task.
        model: The nominal model.
        worlds: Numbers of tasks and episodes.
    """

    def __init__(self, data: Any, model: mujoco.MjModel, worlds: tuple[int, int]) -> None:
        self._data, self._worlds = data, worlds
        self._shapes = mujoco.MjData(model)  # its arrays have the shapes of one world
        self._views: dict[str, Tensor] = {}
        self._initial: dict[str, Tensor] = {}

    def __getitem__(self, name: str) -> Tensor:
        """Returns a live view of a field.

        Raises:
            UserError: For a field that Warp does not have for each world.
        """
        if name not in self._views:
            array, like = getattr(self._data, name, None), getattr(self._shapes, name, None)
            if not isinstance(array, warp.array) or not isinstance(like, np.ndarray | int | float):
                raise UserError(f"MuJoCo Warp has no '{name}' of MjData as an array of a fixed size for each world")
            shape = (*self._worlds, *np.shape(like))
            self._views[name] = warp.to_torch(array).view(shape) if all(shape) else self._empty(shape)
        return self._views[name]

    def _empty(self, shape: tuple[int, ...]) -> Tensor:
        return torch.zeros(shape, device=warp.device_to_torch(self._data.qpos.device))

    def load(self, models: Sequence[mujoco.MjModel], keyframe: int) -> None:
        """Reads the initial state of each task from its model, and moves the geoms that are fixed to the world.

        Args:
            models: One model for each task.
            keyframe: The keyframe; -1 for the initial pose at rest.
        """
        found: dict[int, dict[str, np.ndarray]] = {}
        for model in models:
            if id(model) not in found:
                data = mujoco.MjData(model)
                if keyframe >= 0:
                    mujoco.mj_resetDataKeyframe(model, data, keyframe)
                mujoco.mj_kinematics(model, data)
                found[id(model)] = {name: np.array(getattr(data, name)) for name in (*STATE, *_STATIC)}
        rows = {n: torch.from_numpy(np.stack([found[id(m)][n] for m in models])) for n in (*STATE, *_STATIC)}
        self._initial = {name: rows[name].to(self[name]).unsqueeze(1) for name in STATE}
        for name in _STATIC:
            self[name].copy_(rows[name].to(self[name]).unsqueeze(1))

    def reset(self) -> None:
        """Puts every world in its initial state."""
        for name, value in self._initial.items():
            self[name].copy_(value)
        self["qacc"].zero_()
        self.overflow.zero_()

    @property
    def overflow(self) -> Tensor:
        """Bits of ``mujoco_warp.OverflowType``, int32 ``[task, episode]``, a live view."""
        return warp.to_torch(self._data.overflow).view(self._worlds)

    def diverged(self) -> Tensor:
        """Worlds that have diverged, by MuJoCo's own rule, bool ``[task, episode]``."""
        numbers = torch.cat([self[name] for name in ("qpos", "qvel", "qacc")], dim=-1)
        return ~(numbers.abs() <= _HUGE).all(dim=-1)

    def restart(self, worlds: Tensor) -> None:
        """Puts some worlds, bool ``[task, episode]``, in their initial state."""
        for name in STATE:
            self[name].copy_(torch.where(_expand(worlds, self[name]), self._initial[name], self[name]))
        self["qacc"].masked_fill_(worlds.unsqueeze(-1), 0.0)

    def put_back(self, before: Mapping[str, Tensor], worlds: Tensor) -> None:
        """Gives some worlds, bool ``[task, episode]``, the values that they had."""
        for name, value in before.items():
            self[name].copy_(torch.where(_expand(worlds, value), value, self[name]))

    @property
    def state(self) -> Tensor:
        """Everything that the next step depends on besides the model, a copy ``[task, episode, number]``."""
        return torch.cat([self[name].reshape(*self._worlds, -1).float() for name in STATE], dim=-1)

    def set_state(self, state: Tensor) -> None:
        """Sets what :attr:`state` returns; broadcasts to ``[task, episode, number]``."""
        sizes = [self[name][0, 0].numel() for name in STATE]
        rows = state.expand(*self._worlds, sum(sizes))
        for name, row in zip(STATE, rows.split(sizes, dim=-1), strict=True):
            self[name].copy_(row.reshape(self[name].shape))
        self["qacc"].zero_()
        self.overflow.zero_()


def _expand(worlds: Tensor, value: Tensor) -> Tensor:
    """A mask of worlds with the axes of a value."""
    return worlds.view(*worlds.shape, *[1] * (value.ndim - 2))
