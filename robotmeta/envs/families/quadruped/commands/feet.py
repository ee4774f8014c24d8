"""Sensors of the feet in the simulator: how fast they slip on the ground. No policy observes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import mujoco
from torch import Tensor

from robotmeta.envs.families.legged.feet import sense_contact
from robotmeta.envs.families.quadruped.model import FOOT_RADIUS, LEGS
from robotmeta.envs.family import Columns, State

_NUMBERS = 7  # of each foot: velocity, angular velocity, and the number of its contacts


class Foot(NamedTuple):
    """Where a foot is measured, by names in the model."""

    centre: mujoco.mjtObj
    """Whether its centre is that of a geom or a site."""
    name: str
    body: str
    """The body that touches the ground."""


FEET: Mapping[str, Foot] = {leg: Foot(mujoco.mjtObj.mjOBJ_GEOM, f"{leg}_foot", f"{leg}_calf") for leg in LEGS}
"""The feet of our own model."""


def add_sensors(spec: mujoco.MjSpec, feet: Mapping[str, Foot] = FEET) -> None:
    """Adds the sensors of the feet, in the order of :data:`LEGS`; the model must have no others."""
    body, kinds = mujoco.mjtObj.mjOBJ_XBODY, mujoco.mjtSensor
    for leg in LEGS:
        foot = feet[leg]
        for kind, at, name in (
            (kinds.mjSENS_FRAMELINVEL, foot.centre, foot.name),
            (kinds.mjSENS_FRAMEANGVEL, body, foot.body),
        ):
            spec.add_sensor(name=f"{leg}_{kind.name}", type=kind, objtype=at, objname=name)
        sense_contact(spec, f"{leg}_contact", foot.body)


def slip(state: State, task: Columns) -> tuple[Tensor, Tensor]:
    """Speed of each foot's lowest point along the ground, m/s, and whether it touches, both ``[task, episode, leg]``.

    The centre of a round foot moves while it rolls, and its lowest point does not.
    """
    feet = state["sensordata"].unflatten(-1, (len(LEGS), _NUMBERS))
    radius = (FOOT_RADIUS * task["calf_length"]).unsqueeze(-1)
    x = feet[..., 0] - radius * feet[..., 4]
    y = feet[..., 1] + radius * feet[..., 3]
    return (x.square() + y.square()).sqrt(), feet[..., 6].clamp(max=1.0)
