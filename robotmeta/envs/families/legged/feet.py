"""Sensors of feet in the simulator. No policy observes them."""

from __future__ import annotations

import mujoco

_FOUND = 1 << int(mujoco.mjtConDataField.mjCONDATA_FOUND)
_FORCE = 1 << int(mujoco.mjtConDataField.mjCONDATA_FORCE)
_NET = 3  # the contacts together, with their force in the world's frame


def sense_contact(spec: mujoco.MjSpec, name: str, body: str) -> None:
    """Adds a sensor that counts the contacts of a body: one number."""
    _contact(spec, name, body, [_FOUND, 0, 1])


def sense_load(spec: mujoco.MjSpec, name: str, body: str, ground: str) -> None:
    """Adds a sensor of the contacts of a body with a geom: their number, and their force in the world's frame, N."""
    sensor = _contact(spec, name, body, [_FOUND | _FORCE, _NET, 1])
    sensor.reftype, sensor.refname = mujoco.mjtObj.mjOBJ_GEOM, ground


def _contact(spec: mujoco.MjSpec, name: str, body: str, what: list[int]) -> mujoco.MjsSensor:
    kind, owner = mujoco.mjtSensor.mjSENS_CONTACT, mujoco.mjtObj.mjOBJ_BODY
    return spec.add_sensor(name=name, type=kind, objtype=owner, objname=body, intprm=what)
