"""Tasks to start with: the nominal one, named robots, and the held-out tasks of each split, one after another."""

from __future__ import annotations

from robotmeta.envs import TaskFamily, Tasks

NOMINAL = "nominal"
_LAST = 1024  # tasks of a split


class Draws:
    """Gives tasks of a family.

    Args:
        family: The family.
        shown: The task that is shown first. It is not given again if it is the first one of a split.

    Attributes:
        sources: What tasks can be taken from: ``"nominal"``, the splits, and the names of robots.
    """

    def __init__(self, family: TaskFamily, shown: Tasks) -> None:
        self._family = family
        self._splits = tuple(split for split in family.splits if split != "robots")
        self._taken = {split: int(family.tasks(split, 1).digest == shown.digest) for split in self._splits}
        self.sources = (NOMINAL, *self._splits, *(name for name in family.robots if name not in self._splits))

    def next(self, source: str) -> tuple[Tasks, str]:
        """Returns the next task, and what to call it.

        Args:
            source: One of :attr:`sources`.
        """
        if source in self._splits:
            number = self._taken[source] % _LAST
            self._taken[source] = number + 1
            return self._family.tasks(source, number + 1)[number:], f"{source} task {number + 1}"
        if source == NOMINAL:
            return self._family.space.nominal(), "nominal task"
        return self._family.robot(source), f"robot {source}"
