"""Brings a vendor's model into a plain form, in which nothing depends on the options of its file."""

from __future__ import annotations

import mujoco
import numpy as np

from robotmeta.envs.own_robot.loading import compiled
from robotmeta.errors import UserError

GRAVITY = (0.0, 0.0, -9.81)  # m/s^2
_NEAR = 0.05  # m/s^2, by which standard gravity differs between files
_LARGEST_PRIORITY = 1 << 20  # of a contact; the floor's is higher
_JOINTS = (mujoco.mjtTrn.mjTRN_JOINT, mujoco.mjtTrn.mjTRN_JOINTINPARENT)
_SCALAR = (int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE))
_SWITCHES = {  # what a family relies on
    "constraint": mujoco.mjtDisableBit.mjDSBL_CONSTRAINT,
    "equality": mujoco.mjtDisableBit.mjDSBL_EQUALITY,
    "limit": mujoco.mjtDisableBit.mjDSBL_LIMIT,
    "contact": mujoco.mjtDisableBit.mjDSBL_CONTACT,
    "gravity": mujoco.mjtDisableBit.mjDSBL_GRAVITY,
    "clampctrl": mujoco.mjtDisableBit.mjDSBL_CLAMPCTRL,
    "actuation": mujoco.mjtDisableBit.mjDSBL_ACTUATION,
}
_AT_LEAST = ("iterations", "ls_iterations", "ccd_iterations")
_AT_MOST = ("tolerance", "ls_tolerance", "ccd_tolerance")


def plain(spec: mujoco.MjSpec, name: str, reserved: str | None = None) -> list[str]:
    """Brings a robot, alone in its file, into a plain form.

    Masses become numbers of the bodies, rotors on actuators become those of the joints, and options that a family does
    not have are left out.

    Args:
        spec: The vendor's robot, which is changed.
        name: Name of the file, for errors.
        reserved: How the names begin that a family adds to the model; None if it adds none.

    Returns:
        What was left out, one sentence each.

    Raises:
        UserError: For a model that does not compile, or a name that begins as the family's own do.
    """
    named = (*spec.bodies, *spec.geoms, *spec.sites, *spec.joints, *spec.tendons, *spec.equalities, *spec.cameras)
    taken = next((item.name for item in named if reserved and item.name.startswith(reserved)), None)
    if taken is not None:
        raise UserError(f"{name}: '{taken}' has a name that begins with {reserved}, as ours do: rename it")
    notes = _without_options(spec)
    for geom in spec.geoms:
        geom.priority = min(geom.priority, _LARGEST_PRIORITY)
    for actuator in spec.actuators:
        _rotor_to_joint(spec, actuator)
    added = spec.default.actuator  # of actuators that are added
    added.armature, added.damping[:] = 0.0, 0.0
    _fix_inertia(spec, name)
    return notes


def inertia_from_geoms(spec: mujoco.MjSpec, body: mujoco.MjsBody) -> bool:
    """Whether the mass of a body follows from its geoms."""
    always = spec.compiler.inertiafromgeom == mujoco.mjtInertiaFromGeom.mjINERTIAFROMGEOM_TRUE
    return always or not body.explicitinertial


def _without_options(spec: mujoco.MjSpec) -> list[str]:
    option, left = spec.option, []
    gravity = np.asarray(option.gravity).tolist()
    if np.abs(np.subtract(gravity, GRAVITY)).max() > _NEAR:
        left.append("gravity of {:g} {:g} {:g}".format(*gravity))
    option.gravity = GRAVITY
    for word, bit in _SWITCHES.items():
        if option.disableflags & int(bit):
            option.disableflags &= ~int(bit)
            left.append(f"{word} switched off")
    if option.enableflags & int(mujoco.mjtEnableBit.mjENBL_OVERRIDE):
        option.enableflags &= ~int(mujoco.mjtEnableBit.mjENBL_OVERRIDE)
        left.append("parameters of all contacts")
    if _refine_solver(spec):
        left.append("a solver that saves iterations")
    option.disableactuator = 0
    spec.memory = -1
    return [f"Left out of the options of the file: {', '.join(left)}."] if left else []


def _refine_solver(spec: mujoco.MjSpec) -> bool:
    """Makes the solver as exact as MuJoCo's default is; returns whether that changed anything.

    Files for simulation on a GPU often have one iteration. Feet then slide on the floor as they do on no real one.
    """
    option, usual = spec.option, mujoco.MjSpec().option
    exact = {name: max(getattr(option, name), getattr(usual, name)) for name in _AT_LEAST}
    exact |= {name: min(getattr(option, name), getattr(usual, name)) for name in _AT_MOST}
    exact["solver"] = usual.solver
    changed = any(getattr(option, name) != value for name, value in exact.items())
    for name, value in exact.items():
        setattr(option, name, value)
    return changed


def _rotor_to_joint(spec: mujoco.MjSpec, actuator: mujoco.MjsActuator) -> None:
    """Adds the inertia and damping of an actuator to the joint that it turns: the servos of a family replace it."""
    rotor = actuator.armature or np.any(actuator.damping)
    joint = spec.joint(actuator.target) if rotor and actuator.trntype in _JOINTS else None
    if joint is None or int(joint.type) not in _SCALAR:
        return
    gear = abs(float(actuator.gear[0]))
    joint.armature += gear**2 * actuator.armature
    for order, damping in enumerate(actuator.damping):  # of the speed, and of its powers
        joint.damping[order] += gear ** (order + 2) * damping
    actuator.armature, actuator.damping[:] = 0.0, 0.0


def _fix_inertia(spec: mujoco.MjSpec, name: str) -> None:
    """Writes masses and inertias into the bodies where settings of the compiler decide them."""
    compiler = spec.compiler
    compiler.fusestatic = False
    always = compiler.inertiafromgeom == mujoco.mjtInertiaFromGeom.mjINERTIAFROMGEOM_TRUE
    if not (always or compiler.settotalmass > 0.0 or compiler.boundmass > 0.0 or compiler.boundinertia > 0.0):
        return
    model = compiled(spec, name)
    for body in spec.bodies[1:]:
        found = model.body(body.name)
        if found.mass[0] > 0.0:
            body.explicitinertial = True
            body.mass, body.ipos, body.iquat, body.inertia = found.mass[0], found.ipos, found.iquat, found.inertia
            body.fullinertia[:] = np.nan
            body.ialt.type = mujoco.mjtOrientation.mjORIENTATION_QUAT
    compiler.inertiafromgeom = mujoco.mjtInertiaFromGeom.mjINERTIAFROMGEOM_AUTO
    compiler.settotalmass, compiler.boundmass, compiler.boundinertia = -1.0, 0.0, 0.0
