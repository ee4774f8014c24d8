"""The level of a curriculum at which each place of the meta-batch is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robotmeta.envs import Tasks
from robotmeta.envs.curriculum import Curriculum, near_nominal
from robotmeta.envs.parameters import ParameterSpace
from robotmeta.errors import UserError
from robotmeta.seeding import streams


class Levels:
    """The levels of all places, those of all ranks. They start at the lowest one.

    Args:
        curriculum: The levels, and the rule that moves them.
        space: The family's parameters.
        places: Tasks of a meta-batch.
        seed: Seed of the run. Random levels have a stream of their own.
        state: What :meth:`state` returned before an interruption.
        told: Parameters that the policy is told.

    Raises:
        UserError: If that is the state of another curriculum.
    """

    def __init__(
        self,
        curriculum: Curriculum,
        space: ParameterSpace,
        places: int,
        seed: int,
        state: Mapping[str, Any] | None = None,
        *,
        told: Collection[str] = (),
    ) -> None:
        self._curriculum, self._seed = curriculum, seed
        self._kinds, self._space, self._told = curriculum.kinds(space), space, told
        self._now = state["now"] if state else torch.zeros(places, dtype=torch.long)
        self._moves = int(state["moves"]) if state else 0
        if len(self._now) != places or int(self._now.max()) >= len(curriculum.levels):
            raise UserError("the run has levels of another curriculum; continue it with the one it was started with")

    def given(self, tasks: Tasks, places: Tensor) -> Tasks:
        """Tasks with the difficulty of the places that they are for, and with their kind if they keep one.

        Args:
            tasks: As the family drew them, as many as there are places.
            places: Which places, bool ``[place]``.
        """
        column = self._curriculum.column
        levels = np.array(self._curriculum.levels)[self._now[places].numpy()]
        if column is None:
            _, rng = streams(self._seed, "curriculum: choices", self._moves)
            tasks = near_nominal(tasks, levels, self._space, self._told, rng)
        values = tasks.values.copy()
        if column is not None:
            values[:, tasks.names.index(column)] = levels
        if self._curriculum.kind is not None:
            kept = np.resize(np.array(list(self._kinds.values())), len(self._now))
            values[:, tasks.names.index(self._curriculum.kind)] = kept[places.numpy()]
        return Tasks(tasks.names, values)

    def move(self, places: Tensor, achieved: Tensor) -> None:
        """Moves the levels of some places after their trials.

        Args:
            places: Which places, bool ``[place]``.
            achieved: What was achieved in all places, ``[place]``.
        """
        _, rng = streams(self._seed, "curriculum", self._moves)
        otherwise = torch.from_numpy(rng.integers(len(self._curriculum.levels), size=len(self._now)))
        self._now = torch.where(places, self._curriculum.moved(self._now, achieved, otherwise), self._now)
        self._moves += 1

    def state(self) -> dict[str, Any]:
        """What the levels of later trials depend on."""
        return {"now": self._now, "moves": self._moves}

    def metrics(self) -> dict[str, float]:
        """The mean level, from 0 on, that of each kind, and the share of the places at each level."""
        shares = torch.bincount(self._now, minlength=len(self._curriculum.levels)) / len(self._now)
        now, count = self._now.double(), len(self._kinds)
        by_kind = {f"{kind}_level": float(now[place::count].mean()) for place, kind in enumerate(self._kinds)}
        by_level = {f"level_{number}": float(share) for number, share in enumerate(shares)}
        return {"level": float(now.mean())} | by_kind | by_level
