"""The task families of this package: one file or folder for each robot, and one line in FAMILIES for each family."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # listing families imports none of their libraries
    from robotmeta.envs.family import TaskFamily
    from robotmeta.envs.vendor.robot import VendorRobot


def _build(place: str, *arguments: Any) -> Any:
    """Calls the function at ``"module:function"``. Imports the module only then."""
    module, _, function = place.partition(":")
    return getattr(importlib.import_module(f"{__name__}.{module}"), function)(*arguments)


FAMILIES: dict[str, Callable[[], TaskFamily]] = {
    name: partial(_build, place)
    for name, place in {
        "point-navigation": "point:navigation",
        "cheetah-direction": "cheetah:direction",
        "cheetah-velocity": "cheetah:velocity",
        "cheetah-dynamics": "cheetah:dynamics",
        "cheetah-mass": "cheetah:mass",
        "cheetah-terrain": "cheetah_terrain:forward",
        "hopper-dynamics": "hopper:dynamics",
        "walker-dynamics": "walker:dynamics",
        "walker-faults": "walker:faults",
        "ant-direction": "ant:direction",
        "ant-goal": "ant:goal",
        "ant-crippled": "ant:crippled",
        "humanoid-direction": "humanoid:direction",
        "dm-cheetah": "suite.cheetah:run",
        "dm-walker": "suite.walker:walk",
        "dm-quadruped": "suite.quadruped:walk",
        "quadruped": "quadruped.family:walk",
        "quadruped-terrain": "quadruped.terrain:walk",
        "quadruped-stairs": "quadruped.stairs:blind",
        "quadruped-stairs-sighted": "quadruped.stairs:sighted",
        "quadruped-commands": "quadruped.commands.family:follow",
        "biped": "biped.family:walk",
        "fetch-reach": "fetch.families:reach",
        "fetch-push": "fetch.families:push",
        "fetch-slide": "fetch.families:slide",
        "fetch-pick-and-place": "fetch.families:pick_and_place",
        "reach": "gripper.reach:reach",
        "push": "gripper.push:push",
        "slide": "gripper.slide:slide",
        "grasp": "gripper.grasp:grasp",
        "grasp-objects": "gripper.objects.family:grasp_objects",
        "panda-grasp": "panda.family:grasp",
    }.items()
}
"""The families of this package. Other packages add theirs through the entry-point group ``robotmeta.families``."""

VARIANTS: dict[str, Callable[[], TaskFamily]] = {
    f"{name}-{kind}": partial(_build, place, name)
    for kind, place, robots in (
        ("disturbed", "real_world:variant", ("quadruped", "biped", "fetch-", "panda-", "grasp")),
        ("package", "fetch.package:variant", ("fetch-",)),
    )
    for name in FAMILIES
    if name.startswith(robots)
}
"""The families that state their sensors, with noise, delays, lost measurements and pushes (``NAME-disturbed``). The
Fetch families in the world of gymnasium-robotics, in which nothing is hidden (``NAME-package``)."""

READERS: dict[str, Callable[[str | Path, str | None], VendorRobot]] = {
    name: partial(_build, place)
    for name, place in {
        "quadruped": "quadruped.vendor.reader:read_quadruped",
        "quadruped-terrain": "quadruped.vendor.reader:read_quadruped",
        "quadruped-stairs": "quadruped.vendor.reader:read_quadruped",
        "quadruped-commands": "quadruped.vendor.reader:read_commanded",
        "reach": "gripper.vendor.reader:read_for_reach",
        "grasp": "gripper.vendor.reader:read_for_grasp",
    }.items()
}
"""For families whose policies can act on vendors' robots, what reads the MJCF file of one: ``(file, forward)``."""
