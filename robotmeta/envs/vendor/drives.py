"""What drives the joints of a vendor's model: motors or position servos, and their torque limits."""

from __future__ import annotations

import math
from dataclasses import dataclass

import mujoco

from robotmeta.errors import UserError

_DYNAMICS = ("none", "filter", "filterexact", "integrator")
_ON_JOINTS = ("joint", "jointinparent")


@dataclass(frozen=True)
class Drive:
    """What drives a joint.

    Attributes:
        kind: ``"motor"``, ``"position servo"`` or ``"none"``.
        torque: Largest torque on the joint, N m; None if the model does not limit it.
    """

    kind: str
    torque: float | None


def drive(model: mujoco.MjModel, joint: int, understood: str) -> Drive:
    """What drives a hinge.

    Args:
        model: The vendor's model.
        joint: Index of the joint.
        understood: What is understood so far, for errors.

    Raises:
        UserError: For actuators that are neither motors nor position servos, or several on one joint.
    """
    named = model.joint(joint).name
    acting = [i for i in range(model.nactuator) if joint in _driven(model, i)]
    if len(acting) > 1:
        raise UserError(f"{understood}; joint '{named}' has {len(acting)} actuators and must have one")
    limits = [float(abs(model.jnt_actfrcrange[joint]).max())] if model.jnt_actfrclimited[joint] else []
    if not acting:
        return Drive("none", min(limits, default=None))
    index = acting[0]
    kind = _kind(model, index)
    if kind not in ("motor", "position servo"):
        raise UserError(
            f"{understood}; joint '{named}' is driven by {kind}, and only motors and position servos can be converted"
        )
    gear = abs(float(model.actuator_gear[int(model.actuator_outadr[index]), 0]))
    if model.actuator_forcelimited[index]:
        limits.append(gear * float(abs(model.actuator_forcerange[index]).max()))
    control = int(model.actuator_ctrladr[index])
    if kind == "motor" and model.actuator_ctrllimited[control]:
        full = float(abs(model.actuator_ctrlrange[control]).max())
        limits.append(gear * abs(float(model.actuator_gainprm[index, 0])) * full)
    finite = [limit for limit in limits if 0.0 < limit < math.inf]
    return Drive(kind, min(finite, default=None))


def finger_force(model: mujoco.MjModel, joint: int, understood: str) -> float | None:
    """Largest force on a slide of a gripper, N, through a joint or a tendon; None if the model does not limit it.

    Args:
        model: The vendor's model.
        joint: Index of the slide.
        understood: What is understood so far, for errors.

    Raises:
        UserError: For an actuator that is no motor and no servo.
    """
    limits = [float(abs(model.jnt_actfrcrange[joint]).max())] if model.jnt_actfrclimited[joint] else []
    for index in (i for i in range(model.nactuator) if joint in _driven(model, i)):
        if int(model.actuator_gaintype[index]) != int(mujoco.mjtGain.mjGAIN_FIXED):
            gain = _word(mujoco.mjtGain(int(model.actuator_gaintype[index])), "mjGAIN_")
            named = model.joint(joint).name
            raise UserError(f"{understood}; its finger '{named}' is driven by an actuator of kind '{gain}'")
        share = abs(_share(model, index, joint) * float(model.actuator_gear[int(model.actuator_outadr[index]), 0]))
        if model.actuator_forcelimited[index]:
            limits.append(share * float(abs(model.actuator_forcerange[index]).max()))
        control = int(model.actuator_ctrladr[index])
        is_motor = int(model.actuator_biastype[index]) == int(mujoco.mjtBias.mjBIAS_NONE)
        if is_motor and model.actuator_ctrllimited[control]:
            full = float(abs(model.actuator_ctrlrange[control]).max())
            limits.append(share * abs(float(model.actuator_gainprm[index, 0])) * full)
    finite = [limit for limit in limits if 0.0 < limit < math.inf]
    return min(finite, default=None)


def is_driven(model: mujoco.MjModel, joint: int) -> bool:
    """Whether an actuator drives a joint, directly or through a tendon."""
    return any(joint in _driven(model, index) for index in range(model.nactuator))


def _share(model: mujoco.MjModel, index: int, joint: int) -> float:
    """Force on a joint by a unit of force of its actuator's transmission."""
    if _transmission(model, index) in _ON_JOINTS:
        return 1.0
    first = int(model.tendon_adr[int(model.actuator_trnid[index, 0])])
    wraps = range(first, first + int(model.tendon_num[int(model.actuator_trnid[index, 0])]))
    return next((float(model.wrap_prm[w]) for w in wraps if int(model.wrap_objid[w]) == joint), 1.0)


def _kind(model: mujoco.MjModel, index: int) -> str:
    if _transmission(model, index) not in _ON_JOINTS:
        return f"a {_transmission(model, index)}"
    dynamics = _word(mujoco.mjtDyn(int(model.actuator_dyntype[index])), "mjDYN_")
    gain = _word(mujoco.mjtGain(int(model.actuator_gaintype[index])), "mjGAIN_")
    bias = _word(mujoco.mjtBias(int(model.actuator_biastype[index])), "mjBIAS_")
    for word, known in ((dynamics, _DYNAMICS), (gain, ("fixed",)), (bias, ("none", "affine"))):
        if word not in known:
            return f"an actuator of kind '{word}'"
    if bias == "none":
        return "motor" if dynamics != "integrator" else "an actuator that integrates its control"
    _, position, velocity = model.actuator_biasprm[index, :3]
    if position < 0.0:
        return "position servo"
    return "a velocity servo" if velocity < 0.0 else "an actuator with a bias of unknown kind"


def _driven(model: mujoco.MjModel, index: int) -> list[int]:
    """Joints that an actuator drives, directly or through a tendon."""
    target = int(model.actuator_trnid[index, 0])
    if _transmission(model, index) in _ON_JOINTS:
        return [target]
    if _transmission(model, index) != "tendon":
        return []
    first, number = int(model.tendon_adr[target]), int(model.tendon_num[target])
    wraps = range(first, first + number)
    return [int(model.wrap_objid[w]) for w in wraps if int(model.wrap_type[w]) == int(mujoco.mjtWrap.mjWRAP_JOINT)]


def _transmission(model: mujoco.MjModel, index: int) -> str:
    return _word(mujoco.mjtTrn(int(model.actuator_trntype[index])), "mjTRN_")


def _word(value: object, prefix: str) -> str:
    return str(getattr(value, "name", value)).removeprefix(prefix).lower()
