"""A finite table of terrains, and the columns of a task that select one of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import mujoco
import numpy as np
import torch
from torch import Tensor

from robotmeta.envs.devices import per_device
from robotmeta.envs.distributions import Choice, Uniform
from robotmeta.envs.edits import ModelEdit, Row
from robotmeta.envs.family import Columns
from robotmeta.envs.parameters import Parameter, numbered
from robotmeta.envs.terrain.kinds import KINDS, Patch, height_at, heights, kind_number, replace_floor, reshape_floor
from robotmeta.errors import UserError


@dataclass(frozen=True)
class TerrainPool:
    """Flat ground, and every kind of terrain at every level of difficulty and for every seed, on one patch.

    A task selects a terrain by its columns ``terrain``, ``difficulty`` (rounded to a level) and ``terrain_seed``. All
    terrains have the same patch and the same range of heights, so that one heightfield can hold any of them. A
    simulator that keeps all terrains in one model selects one by :meth:`index`.

    Attributes:
        patch: The ground that each terrain covers.
        scale: Leg length of the robot, m; the longest one if it varies from task to task.
        apron: Metres of flat ground around the spawn point in each direction.
        levels: Number of difficulties, from ``1 / levels`` to 1.
        seeds: Number of terrains of each kind and level.
        hardest: What difficulty 1 of a task is in :func:`robotmeta.envs.terrain.kinds.heights`, for kinds of which it
            is less than 1. The column ``difficulty`` then goes up in smaller steps.
        leg: Returns the leg length of a task's robot, m, if it varies. Patch, apron and terrain are then scaled with
            it. The argument is a task row of floats or of tensors ``[task, 1]``.
    """

    patch: Patch
    scale: float = 1.0
    apron: float = 1.0
    levels: int = 10
    seeds: int = 12
    hardest: Mapping[str, float] = field(default_factory=dict, hash=False)
    leg: Callable[[Mapping[str, Any]], Any] | None = None

    @functools.cached_property
    def table(self) -> Tensor:
        """Heights of all terrains, m, float32 ``[terrain, row, column]``; the first is flat. Computed once."""
        chosen = [("flat", 0, 0)]
        chosen += [(k, i + 1, s) for k in KINDS[1:] for i in range(self.levels) for s in range(self.seeds)]
        table = np.empty((len(chosen), *self.patch.shape), dtype=np.float32)
        for terrain, (kind, level, seed) in zip(table, chosen, strict=True):
            difficulty = level / self.levels * self.hardest.get(kind, 1.0)
            terrain[:] = heights(kind, difficulty, seed, self.patch, scale=self.scale, apron=self.apron)
        return torch.from_numpy(table)

    @functools.cached_property
    def _table_on(self) -> Callable[[torch.device], Tensor]:
        return per_device(self.table)

    @functools.cached_property
    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest point of all terrains, m."""
        return float(self.table.min()), float(self.table.max())

    def index(self, task: Columns) -> Tensor:
        """Returns the index of each task's terrain in the table, int64 ``[task, 1]``."""
        kind, level = task["terrain"].long(), (task["difficulty"] * self.levels).round().long()
        place = 1 + ((kind - 1) * self.levels + level - 1) * self.seeds + task["terrain_seed"].long()
        return torch.where((kind == 0) | (level == 0), 0, place)

    def height_at(self, task: Columns, x: Tensor, y: Tensor | float = 0.0) -> Tensor:
        """Returns the height of each task's ground, m, at ``x`` and ``y`` of shape ``[task, episode, ...]``."""
        points = (-1, *(1 for _ in x.shape[1:]))
        stretch = torch.as_tensor(self._stretch(task), device=x.device).view(points)
        terrain = self.index(task).view(points)
        return stretch * height_at(self._table_on(x.device), self.patch, x / stretch, y / stretch, terrain=terrain)

    def leg_length(self, task: Columns) -> Tensor:
        """Returns the leg length of each task's robot, m, ``[task, 1]``."""
        return self.scale * torch.as_tensor(self._stretch(task)).expand_as(task["terrain"])

    def lay(self, spec: mujoco.MjSpec, *, floor: str = "floor") -> None:
        """Replaces a model's floor by a flat one that can take the shape of every terrain."""
        replace_floor(spec, self.table[0].numpy(), self.patch, *self.bounds, floor=floor)

    def parameters(
        self,
        train: tuple[str, ...] = ("slope", "rough", "waves"),
        difficulty: tuple[float, float] = (0.0, 0.5),
        seeds: int = 8,
        *,
        ood: tuple[str, ...] = ("stairs", "gaps"),
        ood_difficulty: tuple[float, float] = (0.6, 1.0),
    ) -> tuple[Parameter, Parameter, Parameter]:
        """Returns the three columns that select a terrain, for a family whose floor was made with :meth:`lay`.

        Args:
            train: Kinds to meta-train on.
            difficulty: Range of their difficulty.
            seeds: Number of seeds to meta-train on. The other seeds of the pool are out of distribution.
            ood: Kinds that are out of distribution. Empty if only difficulties and seeds are.
            ood_difficulty: Range of their difficulty, above ``difficulty``.

        Raises:
            UserError: For an unknown kind, or more seeds than the pool has.
        """
        if not 1 <= seeds <= self.seeds:
            raise UserError(f"seeds must be between 1 and {self.seeds}, the seeds of the pool, not {seeds}")
        numbers = tuple(float(seed) for seed in range(self.seeds))
        return (
            Parameter(
                "terrain",
                "kind of ground",
                train=Choice(tuple(map(kind_number, train))),
                nominal=0.0,
                bounds=(0.0, len(KINDS) - 1.0),
                ood=Choice(tuple(map(kind_number, ood))) if ood else None,
                edits=(ModelEdit(self._shape),),
                labels=numbered(KINDS),
            ),
            Parameter(
                "difficulty",
                f"difficulty of the terrain, rounded to {self.levels} levels; 0 is flat",
                train=Uniform(*difficulty),
                nominal=sum(difficulty) / 2,
                bounds=(0.0, 1.0),
                ood=Uniform(*ood_difficulty),
                qualifies="terrain",
            ),
            Parameter(
                "terrain_seed",
                "seed of the terrain, among those of its kind and difficulty",
                train=Choice(numbers[:seeds]),
                nominal=0.0,
                bounds=(0.0, self.seeds - 1.0),
                ood=Choice(numbers[seeds:]) if seeds < self.seeds else None,
                qualifies="terrain",
            ),
        )

    def _shape(self, model: mujoco.MjModel, kind: float, row: Row) -> None:
        stretch = self._stretch(row)
        if stretch > 1.0:
            raise UserError(f"the terrain is made for legs of at most {self.scale:g} m, not {stretch * self.scale:g} m")
        terrain = int(self.index({name: torch.tensor([[value]]) for name, value in row.items()}))
        reshape_floor(model, self.table[terrain].numpy(), *self.bounds, stretch=stretch)

    def _stretch(self, task: Mapping[str, Any]) -> Any:
        return 1.0 if self.leg is None else self.leg(task) / self.scale
