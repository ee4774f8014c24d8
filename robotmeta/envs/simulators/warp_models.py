"""The models of all worlds as one MuJoCo Warp model. Fields in which tasks differ have a row for each world."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mujoco
import mujoco_warp
import numpy as np
import torch
import warp
from torch import Tensor

from robotmeta.envs.simulators.warp_fields import HEIGHTFIELDS, POOL, SWITCHES, ModelFields, value
from robotmeta.errors import UserError


class WarpModels:
    """A Warp model that follows the tasks.

    Args:
        nominal: The nominal model.
        num_tasks: Number of tasks.
        num_episodes: Worlds of each task.

    Attributes:
        model: The Warp model. :meth:`load` may replace it.

    Raises:
        UserError: For a model that Warp does not support.
    """

    def __init__(self, nominal: mujoco.MjModel, num_tasks: int, num_episodes: int) -> None:
        self._nominal, self._tasks, self._episodes = nominal, num_tasks, num_episodes
        self._fields = ModelFields(nominal)
        self._rows: set[str] = set()  # fields with a row for each world
        self.model = self._put()

    def differing(self, models: Sequence[mujoco.MjModel]) -> set[str]:
        """Returns the fields in which any of the models differs from the nominal one.

        Raises:
            UserError: For a field that cannot differ from task to task.
        """
        return self._fields.differing(models)

    def load(self, models: Sequence[mujoco.MjModel]) -> bool:
        """Gives the worlds of each task its model.

        Args:
            models: One model for each task.

        Returns:
            Whether :attr:`model` was replaced, because fields differ now that did not before.

        Raises:
            UserError: For a field that cannot differ from task to task.
        """
        differing = self.differing(models)
        replaced = not differing <= self._rows
        if replaced:
            self._rows |= differing
            self.model = self._put()
        for name in sorted(self._rows - set(HEIGHTFIELDS)):
            self._write(name, np.stack([value(model, name) for model in models]))
        if self._pooled:
            self._write_pool(models)
        return replaced

    @property
    def _pooled(self) -> bool:
        """Whether each task has heightfields of its own."""
        return not self._rows.isdisjoint(HEIGHTFIELDS)

    def _put(self) -> Any:
        worlds = self._tasks * self._episodes
        rows = self._rows - set(HEIGHTFIELDS) | ({"geom_dataid"} if self._pooled else set())
        options = {name for name in rows if name.startswith("opt.")}
        try:
            model = mujoco_warp.put_model(self._nominal, dict.fromkeys(rows - options, worlds))
        except (NotImplementedError, ValueError) as error:
            raise UserError(f"MuJoCo Warp does not support its model: {error}") from None
        model.opt.warn_overflow = 0  # the simulator reads the flags
        for name in options:
            _grow(model.opt, name[4:], worlds)
        for name in rows & SWITCHES.keys():
            setattr(model, SWITCHES[name], True)
        if self._pooled:
            for name in POOL:
                _grow(model, name, self._tasks)
            starts = warp.to_torch(model.hfield_adr).view(self._tasks, -1)
            starts += self._nominal.nhfielddata * _counted(starts)
        return model

    def _write(self, name: str, rows: np.ndarray) -> None:
        """Writes a row of each task, ``[task, ...]``, to its worlds."""
        owner, _, short = name.rpartition(".")
        target = warp.to_torch(getattr(self.model.opt if owner else self.model, short))
        rows_on = torch.from_numpy(rows).to(target).repeat_interleave(self._episodes, dim=0)
        target.copy_(rows_on.view_as(target))

    def _write_pool(self, models: Sequence[mujoco.MjModel]) -> None:
        """Writes the heightfields of each task, and makes its geoms select them."""
        for name in HEIGHTFIELDS:
            target = warp.to_torch(getattr(self.model, name))
            target.copy_(torch.from_numpy(np.stack([value(m, name) for m in models])).to(target).view_as(target))
        selected = np.stack([model.geom_dataid for model in models])
        is_field = self._nominal.geom_type == int(mujoco.mjtGeom.mjGEOM_HFIELD)
        selected[:, is_field] += self._nominal.nhfield * np.arange(len(models))[:, None]
        self._write("geom_dataid", selected)


def _counted(rows: Tensor) -> Tensor:
    """The number of each row, to be broadcast with the rows."""
    return torch.arange(len(rows), dtype=rows.dtype, device=rows.device).unsqueeze(1)


def _grow(owner: Any, name: str, count: int) -> None:
    """Repeats an array of a Warp object along its first axis."""
    array = getattr(owner, name)
    repeated = np.concatenate([array.numpy()] * count)
    setattr(owner, name, warp.array(repeated, dtype=array.dtype, device=array.device))
