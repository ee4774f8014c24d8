"""Task families and the worlds they run in. The only part of robotmeta that imports MuJoCo."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points

from robotmeta.envs import (
    ant,
    cheetah,
    cheetah_terrain,
    dm_cheetah,
    dm_quadruped,
    dm_walker,
    fetch,
    grasp,
    hopper,
    humanoid,
    panda,
    point,
    push,
    quadruped,
    quadruped_terrain,
    reach,
    slide,
    walker,
)
from robotmeta.envs.encoding import Estimate
from robotmeta.envs.family import TaskFamily
from robotmeta.envs.imports import family_function, family_of
from robotmeta.envs.parameters import Choice, Parameter, ParameterSpace, Tasks
from robotmeta.envs.task_batch import BatchEnv, Step, TaskBatchEnv
from robotmeta.envs.variations import add, goal, scale, set_to
from robotmeta.errors import UserError, unknown

__all__ = [
    "FAMILIES",
    "BatchEnv",
    "Choice",
    "Estimate",
    "Parameter",
    "ParameterSpace",
    "Step",
    "TaskBatchEnv",
    "TaskFamily",
    "Tasks",
    "add",
    "family_names",
    "family_package",
    "goal",
    "make",
    "scale",
    "set_to",
]

FAMILIES: dict[str, Callable[[], TaskFamily]] = {
    "point-navigation": point.navigation,
    "cheetah-direction": cheetah.direction,
    "cheetah-velocity": cheetah.velocity,
    "cheetah-dynamics": cheetah.dynamics,
    "cheetah-mass": cheetah.mass,
    "cheetah-terrain": cheetah_terrain.forward,
    "hopper-dynamics": hopper.dynamics,
    "walker-dynamics": walker.dynamics,
    "walker-faults": walker.faults,
    "ant-direction": ant.direction,
    "ant-goal": ant.goal,
    "ant-crippled": ant.crippled,
    "humanoid-direction": humanoid.direction,
    "dm-cheetah": dm_cheetah.run,
    "dm-walker": dm_walker.walk,
    "dm-quadruped": dm_quadruped.walk,
    "quadruped": quadruped.walk,
    "quadruped-terrain": quadruped_terrain.walk,
    "fetch-reach": fetch.reach,
    "fetch-push": fetch.push,
    "fetch-slide": fetch.slide,
    "fetch-pick-and-place": fetch.pick_and_place,
    "reach": reach.reach,
    "push": push.push,
    "slide": slide.slide,
    "grasp": grasp.grasp,
    "panda-grasp": panda.grasp,
}
"""The families of this package. Other packages add theirs through the entry-point group ``robotmeta.families``."""


def family_names() -> list[str]:
    """Names of all families, this package's first."""
    return [*FAMILIES, *_others()]


def family_package(name: str) -> str:
    """The package that a family of that name comes from."""
    entry = _others().get(name)
    return "robotmeta" if entry is None else entry.dist.name if entry.dist else entry.module


def _others() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group="robotmeta.families") if entry.name not in FAMILIES}


def make(name: str) -> TaskFamily:
    """Builds a task family by name.

    Args:
        name: A family of an installed package; or the function of one's own that makes it, in a file, seen from the
            folder one works in (``"hopper.py:family"``), or in a module (``"my_package.robots:hopper"``). The family
            is called by this name, so that a run trained on it finds it again.

    Raises:
        UserError: For a name that leads to no family, or a function that fails.
    """
    if name in FAMILIES:
        return FAMILIES[name]()
    entry = _others().get(name)
    if entry is not None:
        return family_of(lambda: entry.load()(), name, f" of package {family_package(name)}")
    if ":" in name or name.endswith(".py"):
        return family_of(family_function(name), name)
    raise UserError(f"{unknown('family', name, family_names())}; one of your own is named FILE.py:FUNCTION")
