"""The gripper of ``reach``, ``push``, ``slide`` and ``grasp``: its model and the changes a task makes to it.

The model is ``assets/gripper/gripper.xml``: a hand that slides along x, y and z and turns about z, with two fingers.
Families remove the joints they do not use.
"""

from __future__ import annotations

import math
from importlib.resources import files

import mujoco

from robotmeta.envs.distributions import Uniform
from robotmeta.envs.edits import ModelEdit, Row, delay, fill_cube
from robotmeta.envs.parameters import Parameter
from robotmeta.errors import UserError

TIMESTEP = 0.01  # seconds
HEIGHT = 0.016  # metres from the table to the middle of the pads, at joint angles of zero
OPENING = 0.08  # metres between the open pads
GRIP = 12.0  # newtons, the nominal limit of the fingers' force
LIFT = 25.0  # newtons, the nominal limit of the force of the servos that move the hand
SPEEDS = {"x": 0.5, "y": 0.5, "z": 0.5, "yaw": 2.0, "fingers": 0.2}  # m/s and rad/s, of a target at full action
TILTING = 2.0  # rad/s, the speed of the target of a hand that also tilts
LONGEST_DELAY = 200.0  # milliseconds

_FINGERS = ("left", "right")
_PAYLOAD_DENSITY = 7800.0  # kg/m^3, of steel
_GREEN = (0.2, 0.75, 0.35, 0.6)

# -- model -------------------------------------------------------------------------------------------------------------


def gripper() -> mujoco.MjSpec:
    """The hand with all its joints, above an empty table."""
    text = (files("robotmeta") / "assets" / "gripper" / "gripper.xml").read_text(encoding="utf-8")
    return mujoco.MjSpec.from_string(text)


def without_fingers(spec: mujoco.MjSpec, apart: float) -> None:
    """Removes the joints of the fingers, which stay ``apart``, m."""
    for part in (spec.actuator("fingers"), spec.tendon("closure"), spec.equality("fingers"), *spec.sensors):
        spec.delete(part)
    for finger in _FINGERS:
        spec.delete(spec.joint(f"{finger}_finger"))
        spec.body(f"{finger}_finger").pos[1] *= apart / OPENING


def without_axis(spec: mujoco.MjSpec, axis: str) -> None:
    """Removes a joint of the hand and its servo."""
    spec.delete(spec.actuator(axis))
    spec.delete(spec.joint(axis))


def add_payload(spec: mujoco.MjSpec) -> None:
    """Adds an empty load under the palm; :func:`carry` gives it a mass."""
    body = spec.body("hand").add_body(name="payload")
    body.add_geom(
        name="payload", type=mujoco.mjtGeom.mjGEOM_BOX, size=[0.001] * 3, mass=1e-6, rgba=[0.4, 0.33, 0.28, 1]
    )


def add_goal(spec: mujoco.MjSpec, kind: mujoco.mjtGeom, size: tuple[float, float, float], pos: list[float]) -> None:
    """Adds a mark at the goal, for pictures."""
    spec.worldbody.add_site(name="goal", type=kind, size=size, pos=pos, rgba=_GREEN)


def show_goal(axis: int) -> ModelEdit:
    """Moves the mark along x (0), y (1) or z (2)."""

    def change(model: mujoco.MjModel, value: float, row: Row) -> None:
        model.site("goal").pos[axis] = value

    return ModelEdit(change)


# -- what varies -------------------------------------------------------------------------------------------------------


def set_pad_width(spec: mujoco.MjSpec, width: float) -> None:
    """Sets the width of the pads, m."""
    for finger in _FINGERS:
        spec.geom(f"{finger}_pad").size[0] = width / 2


def turn_gantry(spec: mujoco.MjSpec, angle: float) -> None:
    """Rotates the axes of the hand's motion about z, rad."""
    spec.body("hand").quat = [math.cos(angle / 2), 0.0, 0.0, math.sin(angle / 2)]


def carry(model: mujoco.MjModel, mass: float, row: Row) -> None:
    """Attaches a load to the hand, kg. Gravity on the hand is compensated, on the load it is not.

    Raises:
        UserError: For a load that servos of the row's ``strength`` cannot hold.
    """
    if mass == 0.0:
        return
    most = row["strength"] * LIFT / -float(model.opt.gravity[2])
    if mass > most:
        raise UserError(
            f"payload={mass:g} is too heavy: a hand with strength={row['strength']:g} can hold {most:.3g} kg"
        )
    half = fill_cube(model, "payload", mass, _PAYLOAD_DENSITY)
    model.body("payload").pos[2] = model.geom("palm").pos[2] - model.geom("palm").size[2] - half


LATENCY = Parameter(
    "latency",
    "delay from an action to the servos",
    train=Uniform(0.0, 80.0),
    nominal=0.0,
    bounds=(0.0, LONGEST_DELAY),
    ood=Uniform(80.0, 120.0),
    edits=(ModelEdit(delay),),
    unit="ms",
)
