"""A finite table of terrains, and the columns of a task that choose one of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
import torch
from torch import Tensor

from robotmeta.envs.distributions import Choice, Uniform
from robotmeta.envs.edits import ModelEdit, Row
from robotmeta.envs.family import Columns
from robotmeta.envs.parameters import Parameter, numbered
from robotmeta.envs.terrain.kinds import KINDS, Patch, height_at, heights, kind_number, replace_floor, reshape_floor
from robotmeta.errors import UserError


@dataclass(frozen=True)
class TerrainPool:
    """Flat ground, and every kind of terrain at every level of difficulty and for every seed, on one patch.

    A task's row chooses a terrain by its columns ``terrain``, ``difficulty`` (rounded to a level) and ``terrain_seed``.
    All share one patch and one range of heights, so that a model holds any of them in the same place. A simulator that
    keeps all of them in one model chooses by :meth:`index`.

    Attributes:
        patch: The ground each covers.
        scale: Leg length of the robot in metres; where it varies from task to task, that of the longest.
        apron: Metres of flat ground around the spawn point in each direction.
        levels: Difficulties there are, from ``1 / levels`` to 1.
        seeds: Terrains of each kind and level.
        leg: The leg length of a task's robot by its columns, where it varies: patch, apron and terrain then shrink in
            proportion to it. Works on a row of floats and on tensors ``[task, 1]`` alike.
    """

    patch: Patch
    scale: float = 1.0
    apron: float = 1.0
    levels: int = 10
    seeds: int = 12
    leg: Callable[[Mapping[str, Any]], Any] | None = None

    @functools.cached_property
    def table(self) -> Tensor:
        """Heights in metres of all terrains, float32 ``[terrain, row, column]``; the first is flat. Made once."""
        chosen = [("flat", 0, 0)]
        chosen += [(k, i + 1, s) for k in KINDS[1:] for i in range(self.levels) for s in range(self.seeds)]
        table = np.empty((len(chosen), *self.patch.shape), dtype=np.float32)
        for terrain, (kind, level, seed) in zip(table, chosen, strict=True):
            difficulty = level / self.levels
            terrain[:] = heights(kind, difficulty, seed, self.patch, scale=self.scale, apron=self.apron)
        return torch.from_numpy(table)

    @functools.cached_property
    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest point of all terrains, in metres."""
        return float(self.table.min()), float(self.table.max())

    def index(self, task: Columns) -> Tensor:
        """Where the table holds each task's terrain, int64 ``[task, 1]``."""
        kind, level = task["terrain"].long(), (task["difficulty"] * self.levels).round().long()
        place = 1 + ((kind - 1) * self.levels + level - 1) * self.seeds + task["terrain_seed"].long()
        return torch.where((kind == 0) | (level == 0), 0, place)

    def height_at(self, task: Columns, x: Tensor, y: Tensor | float = 0.0) -> Tensor:
        """Height of each task's ground in metres, at ``x`` and ``y`` of shape ``[task, episode, ...]``."""
        points = (-1, *(1 for _ in x.shape[1:]))
        stretch = torch.as_tensor(self._stretch(task)).view(points)
        terrain = self.index(task).view(points)
        return stretch * height_at(self.table, self.patch, x / stretch, y / stretch, terrain=terrain)

    def lay(self, spec: mujoco.MjSpec, *, floor: str = "floor") -> None:
        """Replaces a model's floor by one that can take the shape of every terrain; it starts flat."""
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
        """The three columns that choose a terrain, for a family whose floor was laid with :meth:`lay`.

        Args:
            train: Kinds to meta-train on.
            difficulty: Their range.
            seeds: How many seeds to train on; the pool's others are out of distribution.
            ood: Kinds out of distribution; empty where only difficulties and seeds are.
            ood_difficulty: Their range, above ``difficulty``.

        Raises:
            UserError: For an unknown kind, or more seeds than the pool has.
        """
        if not 1 <= seeds <= self.seeds:
            raise UserError(f"the pool has {self.seeds} seeds, of which {seeds} cannot be trained on")
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
