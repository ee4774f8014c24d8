"""Task families and the worlds they run in. The only part of robotmeta that imports MuJoCo."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points

from robotmeta.envs import cheetah, point
from robotmeta.envs.family import TaskFamily
from robotmeta.envs.parameters import Parameter, ParameterSpace, Tasks
from robotmeta.envs.task_batch import BatchEnv, Step, TaskBatchEnv
from robotmeta.errors import unknown

__all__ = [
    "FAMILIES",
    "BatchEnv",
    "Parameter",
    "ParameterSpace",
    "Step",
    "TaskBatchEnv",
    "TaskFamily",
    "Tasks",
    "family_names",
    "make",
]

FAMILIES: dict[str, Callable[[], TaskFamily]] = {
    "point-navigation": point.navigation,
    "cheetah-direction": cheetah.direction,
    "cheetah-velocity": cheetah.velocity,
    "cheetah-dynamics": cheetah.dynamics,
}
"""The families of this package. Other packages add theirs through the entry-point group ``robotmeta.families``."""


def family_names() -> list[str]:
    """Names of all families, this package's first."""
    return [*FAMILIES, *(point.name for point in entry_points(group="robotmeta.families"))]


def make(name: str) -> TaskFamily:
    """Builds a task family by name.

    Raises:
        UserError: For a name that no installed package provides.
    """
    if name in FAMILIES:
        return FAMILIES[name]()
    for entry in entry_points(group="robotmeta.families"):
        if entry.name == name:
            return entry.load()()
    raise unknown("family", name, family_names())
