"""Tasks that change within an episode: a load is put on, a motor weakens, the floor turns to ice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from robotmeta.envs.parameters import ParameterSpace, Proportional
from robotmeta.envs.tasks import Tasks
from robotmeta.errors import UserError


@dataclass(frozen=True)
class Changes:
    """Pairs of tasks. Each episode begins in the first one and goes on in the second one.

    Attributes:
        before: The tasks until the change.
        after: The tasks from the change on.
        step: Control step that is the first one after the change.

    Raises:
        UserError: For tasks with other columns, other numbers of tasks, or a step below 1.
    """

    before: Tasks
    after: Tasks
    step: int

    def __post_init__(self) -> None:
        if self.before.names != self.after.names or len(self.before) != len(self.after):
            raise UserError("before and after must be as many tasks of the same family")
        if self.step < 1:
            raise UserError(f"the step of a change must be at least 1, not {self.step}")

    def __len__(self) -> int:
        return len(self.after)

    def __getitem__(self, rows: slice | Sequence[int] | np.ndarray) -> Changes:
        return Changes(self.before[rows], self.after[rows], self.step)

    @property
    def parameters(self) -> tuple[str, ...]:
        """What changes in each task: the name of a parameter, several with `` and `` between them, or ``""``."""
        differ = self.before.values != self.after.values
        return tuple(" and ".join(np.array(self.after.names)[row].tolist()) for row in differ)


def away_from_nominal(space: ParameterSpace, changing: Sequence[str], after: Tasks, step: int) -> Changes:
    """Pairs of tasks that differ in one parameter, which is nominal before the change.

    The parameters take turns: each task gets the one that had the fewest, of those that are not nominal in it.

    Args:
        space: The parameters.
        changing: Names of those that may change.
        after: The tasks after the change.
        step: Control step of the change.
    """
    before = after.values.copy()
    chosen = dict.fromkeys(changing, 0)
    for row in before:
        for name in sorted(changing, key=chosen.__getitem__):  # a stable sort: those in turn first
            column, nominal = after.names.index(name), space[name].nominal
            if row[column] != nominal and space.matters(name, dict(zip(after.names, row, strict=True))):
                row[column] = nominal
                chosen[name] += 1
                break
    return Changes(Tasks(after.names, before), after, step)


def random_changes(
    space: ParameterSpace,
    changing: Sequence[str],
    tasks: Tasks,
    *,
    share: float,
    horizon: int,
    rng: np.random.Generator,
) -> Changes:
    """Tasks of which some change, in one parameter each, to a value of the meta-training distribution.

    Args:
        space: The parameters.
        changing: Names of those that may change.
        tasks: The tasks before the change.
        share: Share of the tasks that change.
        horizon: Control steps of an episode. The change is at any of them but the first.
        rng: Draws which tasks change, in what, and when.
    """
    values, columns = tasks.values.copy(), dict(zip(tasks.names, tasks.values.T, strict=True))
    changes, which = rng.uniform(size=len(tasks)) < share, rng.integers(len(changing), size=len(tasks))
    for place, name in enumerate(changing):
        train = space[name].train
        drawn = train.sample(rng, len(tasks))
        if isinstance(train, Proportional):
            drawn = drawn * np.prod([columns[column.name] for column in train.columns], axis=0)
        own = changes & (which == place)
        values[own, tasks.names.index(name)] = drawn[own]
    return Changes(tasks, Tasks(tasks.names, values), int(rng.integers(1, horizon)))


def check_changes(changing: Sequence[str], before: Tasks, after: Tasks, where: str) -> None:
    """Raises UserError for tasks that differ in a parameter that cannot change within an episode."""
    differ = np.array(after.names)[(before.values != after.values).any(axis=0)].tolist()
    fixed = [name for name in differ if name not in changing]
    if fixed:
        can = f"these can: {', '.join(changing)}" if changing else "none can"
        raise UserError(f"{where}: {fixed[0]} cannot change within an episode; {can}")
