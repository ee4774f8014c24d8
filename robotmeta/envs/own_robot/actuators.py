"""Motors and servos for the joints of a model that has none, such as a URDF."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import mujoco
import numpy as np

from robotmeta.envs import checks
from robotmeta.errors import UserError, unknown

_DRIVEN = (int(mujoco.mjtJoint.mjJNT_SLIDE), int(mujoco.mjtJoint.mjJNT_HINGE))
_HINGE = int(mujoco.mjtJoint.mjJNT_HINGE)


@dataclass(frozen=True)
class Motor:
    """A motor; see :func:`motor`."""

    force: float | None

    def drive(self, actuator: Any, joint: Any, robot: str) -> None:
        """Turns a new actuator into this motor."""
        force = _limit(joint) if self.force is None else self.force
        if force is None:
            raise UserError(f"joint '{joint.name}' of {robot} has no effort limit: give its motor a force")
        _set_limit(joint, force)
        actuator.set_to_motor()
        actuator.gear[0] = force
        actuator.ctrllimited, actuator.ctrlrange = True, [-1.0, 1.0]


@dataclass(frozen=True)
class Servo:
    """A position servo; see :func:`servo`."""

    kp: float
    kv: float | None
    force: float | None
    range: tuple[float, float] | None

    def drive(self, actuator: Any, joint: Any, robot: str) -> None:
        """Turns a new actuator into this servo."""
        span = self.range
        if span is None and joint.range[0] < joint.range[1]:
            in_degrees = joint.compiler.degree and int(joint.type) == _HINGE
            span = tuple(np.deg2rad(joint.range) if in_degrees else joint.range)
        if span is None and int(joint.type) != _HINGE:
            raise UserError(f"joint '{joint.name}' of {robot} has no range: give its servo one, servo(..., range=...)")
        if self.force is not None:
            _set_limit(joint, self.force)
        if self.kv is None:
            actuator.set_to_position(kp=self.kp, dampratio=1.0)
        else:
            actuator.set_to_position(kp=self.kp, kv=self.kv)
        actuator.ctrllimited, actuator.ctrlrange = True, (-math.pi, math.pi) if span is None else span


Drive = Motor | Servo


def motor(force: float | None = None) -> Motor:
    """A motor whose action in [-1, 1] is a share of its largest force.

    Args:
        force: Largest force, N or N m. It replaces the effort limit of the joint; by default it is that limit.
    """
    return Motor(None if force is None else checks.positive("force of motor", force))


def servo(
    kp: float, *, kv: float | None = None, force: float | None = None, range: tuple[float, float] | None = None
) -> Servo:
    """A servo whose action in [-1, 1] is a target position in the range of its joint.

    Args:
        kp: Stiffness, N/m or N m/rad.
        kv: Damping, N s/m or N m s/rad; by default critical damping on the nominal robot.
        force: Largest force, N or N m. It replaces the effort limit of the joint; by default it is that limit.
        range: Targets of the actions -1 and 1, m or rad; by default the range of the joint, or a whole turn.
    """
    return Servo(
        checks.positive("kp of servo", kp),
        None if kv is None else checks.not_negative("kv of servo", kv),
        None if force is None else checks.positive("force of servo", force),
        None if range is None else checks.interval("range of servo", range),
    )


def add_actuators(spec: mujoco.MjSpec, drives: Mapping[str, Drive], robot: str, damping: dict[str, float]) -> None:
    """Adds an actuator to each joint that has a name or matches a pattern, in the order of the joints.

    A name comes before a pattern, and an earlier pattern before a later one. Patterns leave out joints that have an
    actuator in the model.

    Args:
        spec: The spec, which is changed.
        drives: Motors and servos by name or pattern of hinges and slides.
        robot: Name of the model in errors.
        damping: Critical damping of servos by joint, as an earlier call found it; empty at the first call, which
            compiles the model to find it.

    Raises:
        UserError: For anything else, or a name that is not of a hinge or slide without an actuator.
    """
    if not isinstance(drives, Mapping) or not all(isinstance(drive, Drive) for drive in drives.values()):
        raise UserError(
            f'actuators must be a mapping of joints to motor or servo, such as {{"*": motor()}}, not {drives!r}'
        )
    joints = {joint.name: joint for joint in spec.joints if int(joint.type) in _DRIVEN}
    driven = {actuator.target: actuator.name for actuator in spec.actuators if int(actuator.trntype) in (0, 1)}
    for name in drives:
        if name in joints and name in driven:
            raise UserError(f"actuators: joint '{name}' of {robot} has the actuator '{driven[name]}' already")
        if not any(fnmatchcase(joint, str(name)) for joint in joints):
            raise unknown("hinge or slide joint", str(name), joints, where=robot)
    taken = {actuator.name for actuator in spec.actuators}
    added = []
    for name, joint in joints.items():
        patterns = [pattern for pattern in drives if fnmatchcase(name, pattern)]
        if patterns and name not in driven:
            drive = drives[name] if name in drives else drives[patterns[0]]
            called = f"{name}_drive" if name in taken else name
            added.append(spec.add_actuator(name=called, trntype=mujoco.mjtTrn.mjTRN_JOINT, target=name))
            added[-1].gear, added[-1].forcelimited = [1.0, *[0.0] * 5], False  # whatever the defaults of the file are
            drive.drive(added[-1], joint, robot)
    critical = [actuator for actuator in added if actuator.biasprm[2] > 0.0]
    if critical and not damping:
        model = spec.copy().compile()
        damping.update({actuator.target: -float(model.actuator(actuator.name).biasprm[2]) for actuator in critical})
    for actuator in critical:
        actuator.biasprm[2] = -damping[actuator.target]


def _limit(joint: Any) -> float | None:
    low, high = joint.actfrcrange
    return float(max(-low, high)) if low < high else None


def _set_limit(joint: Any, force: float) -> None:
    joint.actfrclimited, joint.actfrcrange = True, [-force, force]
