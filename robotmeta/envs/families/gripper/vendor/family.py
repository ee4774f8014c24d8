"""The family of a vendor's arm: its model in a world with the interface of ``reach`` or ``grasp``."""

from __future__ import annotations

from dataclasses import replace

import mujoco

from robotmeta.envs.families.gripper.vendor.view import View
from robotmeta.envs.families.gripper.vendor.world import CAMERA, substeps
from robotmeta.envs.family import MujocoWorld, Source, TaskFamily
from robotmeta.envs.parameters import ParameterSpace


def vendor_family(
    family: TaskFamily,
    spec: mujoco.MjSpec,
    view: View,
    space: ParameterSpace,
    timestep: float,
    name: str,
) -> TaskFamily:
    """The family of a vendor's arm.

    Args:
        family: The family whose interface it gets.
        spec: The arm in the family's world.
        view: The arm as the family sees it.
        space: What varies there.
        timestep: Time step of the vendor's model, seconds.
        name: Name of the file.
    """
    assert isinstance(family.world, MujocoWorld)
    return replace(
        family,
        name=f"{family.name} {name}",
        summary=f"{name} at the table of {family.name}; the object, loads, strength and latency are hidden.",
        source=Source(
            f"The vendor's model, {name}, with servos of the family's response. Joints follow the hand's targets by "
            "damped least squares.",
            family.source.reward,
        ),
        space=space,
        world=replace(
            family.world,
            spec=spec.copy,
            frame_skip=substeps(timestep, family.dt),
            fields=(*family.world.fields, "ctrl"),
            camera=CAMERA,
            drive=view.drive,
        ),
        reset=view.start(family),
        changing=tuple(name for name in family.changing if name in space.names),
        **view.functions(family),
    )
