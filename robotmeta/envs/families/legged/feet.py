"""Sensors of feet in the simulator. No policy observes them."""

from __future__ import annotations

import mujoco

_FOUND = 1 << int(mujoco.mjtConDataField.mjCONDATA_FOUND)


def sense_contact(spec: mujoco.MjSpec, name: str, body: str, ground: str | None = None) -> None:
    """Adds a sensor that counts the contacts of a body.

    Args:
        spec: The model.
        name: Name of the sensor.
        body: Name of the body.
        ground: Name of the geom that is touched; None for any.
    """
    sensor = spec.add_sensor(
        name=name,
        type=mujoco.mjtSensor.mjSENS_CONTACT,
        objtype=mujoco.mjtObj.mjOBJ_BODY,
        objname=body,
        intprm=[_FOUND, 0, 1],
    )
    if ground is not None:
        sensor.reftype, sensor.refname = mujoco.mjtObj.mjOBJ_GEOM, ground
