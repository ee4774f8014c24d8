"""Curricula: the difficulty of tasks rises with what a robot achieves.

The difficulty is one column of the tasks, or how far they are from the nominal task.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import KW_ONLY, dataclass

import numpy as np
import torch
from torch import Tensor

from robotmeta.envs import checks
from robotmeta.envs.distributions import Choice
from robotmeta.envs.parameters import Parameter, ParameterSpace, Proportional
from robotmeta.envs.tasks import Tasks
from robotmeta.errors import UserError, unknown


@dataclass(frozen=True)
class Curriculum:
    """Levels of difficulty that each place of the meta-batch moves through on its own.

    The rule is the game-inspired curriculum of Rudin et al. 2022, "Learning to Walk in Minutes Using Massively Parallel
    Deep Reinforcement Learning" (arXiv:2109.11978, section 3): a robot that walked far enough goes one level up, and
    one that walked less than half of what it was told goes one level down. One that goes up from the highest level gets
    a random one, so that easy levels are not forgotten. All places start at the lowest level. The last episode of a
    trial decides, as the mean over the episodes of the task that ran side by side.

    With ``kind``, each place keeps one value of that column for the whole training, as each column of the paper's grid
    of terrains keeps its kind. A level is then a level of one kind: what a robot achieves on slopes does not move it up
    to stairs that it cannot climb.

    Without a column, levels are distances from the nominal task, from 0 to 1, as in the automatic domain randomization
    of Akkaya et al. 2019, "Solving Rubik's Cube with a Robot Hand" (arXiv:1910.07113, section 5). A robot that can
    hardly be learned among all others is learned alone first. At level 0.3, a task that was drawn is moved 0.7 of its
    way to the nominal one: in the logarithm where both values are positive. A choice takes its nominal value in 0.7 of
    the tasks.

    The levels are those of meta-training alone. Held-out tasks are drawn from the parameter space.

    Example::

        dataclasses.replace(family, curriculum=rm.Curriculum("mass", (0.5, 1.0, 1.5, 2.0)))
        dataclasses.replace(family, curriculum=rm.Curriculum(None, (0.0, 0.25, 0.5, 0.75, 1.0)))

    Attributes:
        column: The parameter that is the difficulty; None for the distance from the nominal task.
        levels: Its value at each level, increasing or decreasing, within the range of meta-training. Distances increase
            from 0 to 1.
        progress: ``(state, task) -> [task, episode]``, what an episode that ends now achieved: 0 for nothing, 1 for all
            of it, such as the share of a commanded distance. None for the family's success.
        promote: Achievement from which a place goes one level up.
        demote: Achievement below which it goes one level down.
        kind: A column of a few values, such as the kind of ground. Places take its values in turn and keep them. None
            to draw all columns anew with each task.

    Raises:
        UserError: For levels that are no sequence in order, or thresholds that are not in order within [0, 1].
    """

    column: str | None
    levels: tuple[float, ...]
    _: KW_ONLY
    progress: Callable[[Mapping[str, Tensor], Mapping[str, Tensor]], Tensor] | None = None
    promote: float = 0.8
    demote: float = 0.5
    kind: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.levels, tuple | list) or len(self.levels) < 2:
            raise UserError(f"levels of a curriculum must be at least two numbers, not {self.levels!r}")
        levels = tuple(float(checks.number("a level of a curriculum", level)) for level in self.levels)
        object.__setattr__(self, "levels", levels)
        if list(levels) not in (sorted(set(levels)), sorted(set(levels), reverse=True)):
            raise UserError(f"levels of a curriculum must go from easy to hard in one direction, not {levels}")
        if self.column is None and (levels[0] < 0.0 or levels[0] > levels[-1] or levels[-1] > 1.0):
            raise UserError(f"levels of a curriculum without a column must rise within 0 to 1, not {levels}")
        low, high = checks.interval("demote and promote of a curriculum", (self.demote, self.promote))
        if low < 0.0 or high > 1.0:
            raise UserError(f"demote and promote of a curriculum must be between 0 and 1, not {low:g} and {high:g}")
        if self.progress is not None and not callable(self.progress):
            raise UserError(f"progress of a curriculum must be a function, not {self.progress!r}")

    def moved(self, levels: Tensor, achieved: Tensor, otherwise: Tensor) -> Tensor:
        """The levels after a trial, as indices.

        Args:
            levels: The levels before it, int64 ``[place]``.
            achieved: What was achieved, ``[place]``.
            otherwise: Random levels for places that leave the highest one upwards, int64 ``[place]``.
        """
        after = levels + (achieved >= self.promote).long() - (achieved < self.demote).long()
        return torch.where(after < len(self.levels), after.clamp(min=0), otherwise)

    def kinds(self, space: ParameterSpace) -> dict[str, float]:
        """The values that places keep, by name; empty without a column of kinds."""
        if self.kind is None:
            return {}
        column = space[self.kind]
        assert isinstance(column.train, Choice)  # checked with the family
        return {column.text(value): value for value in dict.fromkeys(column.train.values)}

    def check(self, space: ParameterSpace, changing: tuple[str, ...], successful: bool, where: str) -> None:
        """Checks that the curriculum fits a family.

        Args:
            space: The family's parameters.
            changing: Those that may change within an episode.
            successful: Whether the family defines success.
            where: What errors call the family.

        Raises:
            UserError: For a column that does not fit, or levels outside its training range.
        """
        for name in (name for name in (self.column, self.kind) if name is not None):
            if name not in space.names:
                raise unknown("parameter", str(name), space.names, where=f"the curriculum of {where}"[:-1])
            if name in changing:
                raise UserError(f"{where} {name} changes within an episode, so it cannot be a curriculum's column")
            if name in _linked(space):
                raise UserError(f"{where} {name} is drawn together with other columns; choose one drawn on its own")
        if self.column is not None:
            _check_levels(self.levels, space[self.column], where)
        if self.kind is not None and (self.kind == self.column or not isinstance(space[self.kind].train, Choice)):
            raise UserError(
                f"{where} kind of a curriculum must be a column of a few values besides {self.column}, not {self.kind}"
            )
        if self.progress is None and not successful:
            raise UserError(f"{where} its curriculum needs a function progress, because the family has no success")


def near_nominal(
    tasks: Tasks, distance: np.ndarray, space: ParameterSpace, told: Collection[str], rng: np.random.Generator
) -> Tasks:
    """Tasks that are moved toward the nominal one.

    Args:
        tasks: As they were drawn.
        distance: How much of the way from the nominal task is left, from 0 to 1, ``[task]``.
        space: Their parameters.
        told: Names of those that the policy is told; they stay as they are drawn.
        rng: Draws for choices.
    """
    values = tasks.values.copy()
    for column, parameter in enumerate(space):
        drawn, nominal = values[:, column], parameter.nominal
        kept = rng.uniform(size=len(drawn)) < distance  # drawn for each column, so that no column changes another
        if parameter.name in told:
            continue
        if parameter.choices() is not None:
            values[:, column] = np.where(kept, drawn, nominal)
        elif nominal > 0.0 and parameter.train.support[0] > 0.0:
            values[:, column] = nominal * (drawn / nominal) ** distance
        else:
            values[:, column] = nominal + (drawn - nominal) * distance
    return Tasks(tasks.names, values)


def _linked(space: ParameterSpace) -> set[str]:
    """The columns that are factors or products of others."""
    products = [(p.name, p.train) for p in space if isinstance(p.train, Proportional)]
    return {name for product, train in products for name in (product, *(factor.name for factor in train.columns))}


def _check_levels(levels: tuple[float, ...], column: Parameter, where: str) -> None:
    low, high = column.train.support
    chosen = column.train.values if isinstance(column.train, Choice) else None
    for level in levels:
        if not low <= level <= high or (chosen is not None and level not in chosen):
            drawn = column.spelled(column.train)
            raise UserError(f"{where} level {level:g} of the curriculum is not among the {column.name} of {drawn}")
