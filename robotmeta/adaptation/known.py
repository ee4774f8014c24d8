"""Parameters of a robot that are known before it runs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from robotmeta.adaptation.posterior import TaskPosterior
from robotmeta.envs import TaskFamily, Tasks
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
    row = family.task(**known).values[0]
    of_robot = family.robots[str(known["robot"])] if "robot" in known else ()
    names = {*known, *of_robot} - {"robot"}
    return {name: float(value) for name, value in zip(family.space.names, row, strict=True) if name in names}


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
    drawn = family.sample(_DRAWN, streams(seed, "fine-tuning: known parameters")[1])
    if not values.keys() <= set(family.space.names):
        family = family.widened
    rows = np.tile(family.task(**values).values, (_DRAWN, 1))
    for column, name in enumerate(drawn.names):
        if name not in values:
            rows[:, column] = drawn.values[:, column]
    return TaskPosterior.of(Tasks(family.space.names, rows))
