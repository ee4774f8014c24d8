"""Parameters of a robot that are known before it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from robotmeta.adaptation.posterior import TaskPosterior
from robotmeta.envs import Choice, ParameterSpace, TaskFamily
from robotmeta.seeding import streams

_DRAWN = 256  # tasks


def known_values(family: TaskFamily, known: Mapping[str, float | str]) -> dict[str, float]:
    """The numbers of the parameters that are known, by name.

    Args:
        family: The family.
        known: Their values, or labels; ``robot`` stands for the numbers of a robot that the family names.

    Raises:
        UserError: For an unknown parameter, robot or value.
    """
    family = family.widened
    row = next(iter(family.task(**known)))
    named = {*known, *(family.robots[str(known["robot"])] if "robot" in known else ())} - {"robot"}
    implied = {column for name in named for column in family.space[name].sets}
    return {name: value for name, value in row.items() if name in named | implied}


def tasks_with(family: TaskFamily, known: Mapping[str, float | str], seed: int) -> TaskPosterior:
    """Meta-training tasks in which the parameters that are known have their values.

    Args:
        family: The family.
        known: The parameters, as in :func:`known_values`.
        seed: Determines the others.

    Raises:
        UserError: For an unknown parameter, robot or value.
    """
    values = known_values(family, known)
    if not values.keys() <= set(family.space.names):
        family = family.widened
    # Others may be drawn in proportion to a known one, as a load is to the mass of the trunk.
    left = (replace(p, train=Choice((values[p.name],))) if p.name in values else p for p in family.space)
    return TaskPosterior.of(ParameterSpace(tuple(left)).sample(_DRAWN, streams(seed, "fine-tuning: known")[1]))
