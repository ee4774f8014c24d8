"""The strength of actuators: what scales the force that they can give in every state.

MuJoCo computes ``force = gain * input + bias`` and then applies the limits of the tendon, of the actuator and of the
joint, in this order. Strength scales gain, bias and all of these limits by the same factor, so that the force is scaled
whether or not a limit holds it back. Lengths, speeds and targets stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import mujoco
import numpy as np

from robotmeta.envs.edits import Field
from robotmeta.errors import UserError

_GAIN, _BIAS, _TENDON = mujoco.mjtGain, mujoco.mjtBias, int(mujoco.mjtTrn.mjTRN_TENDON)
_FIXED, _MUSCLE, _DC_MOTOR = int(_GAIN.mjGAIN_FIXED), int(_GAIN.mjGAIN_MUSCLE), int(_GAIN.mjGAIN_DCMOTOR)
_PID, _NO_BIAS, _MUSCLE_BIAS = int(_GAIN.mjGAIN_PID), int(_BIAS.mjBIAS_NONE), int(_BIAS.mjBIAS_MUSCLE)
_LINEAR_GAINS = (_FIXED, int(_GAIN.mjGAIN_AFFINE), int(_GAIN.mjGAIN_SO3), _PID)
_LINEAR_BIASES = (int(_BIAS.mjBIAS_AFFINE), int(_BIAS.mjBIAS_SO3))
_FORWARD = 4  # MuJoCo's mjINPUT_FF in the inputs of a PID controller or a DC motor
_PEAK, _PEAK_PER_ACCELERATION = 2, 3  # parameters of a muscle; the first is negative where the second decides


def strength_edits(names: Sequence[str], text: str, model: mujoco.MjModel, robot: str) -> tuple[Field, ...]:
    """Returns the writes that scale the forces of some actuators.

    Args:
        names: The actuators.
        text: The target, as errors call it.
        model: The nominal model.
        robot: Name of the model in errors.

    Raises:
        UserError: For an actuator whose force cannot be scaled, or a limit that other actuators share.
    """
    writes: dict[Field, list[str]] = {}
    for name in names:
        for field in (*_law(name, text, model), Field("actuator_forcerange")):
            writes.setdefault(field, []).append(name)
    scaled = {model.actuator(name).id for name in names}
    joints = _within("joint", joint_limits(model), scaled, text, model, robot)
    tendons = _within("tendon", _tendon_limits(model), scaled, text, model, robot)
    writes |= {Field("jnt_actfrcrange"): joints, Field("tendon_actfrcrange"): tendons}
    return tuple(Field(f.name, f.mode, tuple(rows), f.column) for f, rows in writes.items() if rows)


def _law(name: str, text: str, model: mujoco.MjModel) -> list[Field]:
    """Returns what the force of an actuator is proportional to."""
    actuator = model.actuator(name)
    gain, bias = int(actuator.gaintype[0]), int(actuator.biastype[0])
    if model.actuator_plugin[actuator.id] >= 0:
        raise UserError(f"{text}: the force of '{name}' is computed by an engine plugin and cannot be scaled")
    if gain in (_PID, _DC_MOTOR) and model.actuator_ctrlspec[actuator.id] & _FORWARD:
        raise UserError(f"{text}: an input of '{name}' is a force, which no gain scales; leave ff out of its input")
    if gain == _DC_MOTOR:  # force = K (V - K speed) / R; a limit on the change of the current may delay it
        return [Field("actuator_gainprm", "divide", column=0), Field("actuator_dynprm", column=1)]
    law = []
    for kind, field, linear, muscle in (
        (gain, "actuator_gainprm", _LINEAR_GAINS, _MUSCLE),
        (bias, "actuator_biasprm", _LINEAR_BIASES, _MUSCLE_BIAS),
    ):
        if kind in linear:
            law.append(Field(field))
        elif kind == muscle:
            given = getattr(model, field)[actuator.id, _PEAK] >= 0.0
            law.append(Field(field, column=_PEAK if given else _PEAK_PER_ACCELERATION))
        elif field == "actuator_gainprm" or kind != _NO_BIAS:
            raise UserError(f"{text}: the force of '{name}' is computed by a function of yours and cannot be scaled")
    return law


# -- limits ------------------------------------------------------------------------------------------------------------


def joint_limits(model: mujoco.MjModel) -> dict[int, set[int]]:
    """Returns the actuators that move each joint with an ``actuatorfrcrange``. Adhesion is left out."""
    data = mujoco.MjData(model)
    anywhere = np.random.default_rng(0).uniform(-0.3, 0.3, model.nv)  # away from poses in which a lever arm is zero
    mujoco.mj_integratePos(model, data.qpos, anywhere, 1.0)
    mujoco.mj_fwdPosition(model, data)
    limits = {joint: set[int]() for joint in np.flatnonzero(model.jnt_actfrclimited).tolist()}
    for actuator in range(model.nactuator):
        first = int(model.actuator_outadr[actuator])
        for output in range(first, first + int(model.actuator_outnum[actuator])):
            start = data.moment_rowadr[output]
            entries = slice(start, start + data.moment_rownnz[output])
            moved = data.moment_colind[entries][np.abs(data.actuator_moment[entries]) > 1e-12]
            for joint in set(model.dof_jntid[moved].tolist()) & set(limits):
                if model.actuator_trntype[actuator] != int(mujoco.mjtTrn.mjTRN_BODY):
                    limits[joint].add(actuator)
    return limits


def _tendon_limits(model: mujoco.MjModel) -> dict[int, set[int]]:
    pulled = model.actuator_trnid[:, 0]
    return {
        tendon: set(np.flatnonzero((model.actuator_trntype == _TENDON) & (pulled == tendon)).tolist())
        for tendon in np.flatnonzero(model.tendon_actfrclimited).tolist()
    }


def _within(
    kind: str, limits: dict[int, set[int]], scaled: set[int], text: str, model: mujoco.MjModel, robot: str
) -> list[str]:
    """Returns the names of the joints or tendons whose limit holds back the scaled actuators and no others."""
    found = []
    for place, actuators in limits.items():
        name = getattr(model, kind)(place).name
        if actuators & scaled and not actuators <= scaled:
            together = " and ".join(f"'{model.actuator(actuator).name}'" for actuator in sorted(actuators))
            raise UserError(
                f"{text}: the actuatorfrcrange of {kind} '{name}' in {robot} limits the forces of {together} together: "
                f"vary the strength of all of them by one pattern, such as '*.strength', or give each a forcerange "
                "in its place"
            )
        if actuators & scaled:
            found.append(name)
    return found


# -- gears -------------------------------------------------------------------------------------------------------------


def check_gear(names: Sequence[str], gears: np.ndarray, text: str, model: mujoco.MjModel, robot: str) -> None:
    """Refuses a gear that changes more than it says, or that a limit makes useless.

    Args:
        names: The actuators.
        gears: The largest gear of each, without sign, ``[actuator]``.
        text: The target, as errors call it.
        model: The nominal model.
        robot: Name of the model in errors.

    Raises:
        UserError: For a muscle, or a motor whose joint does not let it give the force of its largest gear.
    """
    limits = joint_limits(model)
    for name, gear in zip(names, gears, strict=True):
        actuator = model.actuator(name)
        strength = text.replace(".gear", ".strength")
        if actuator.gaintype[0] == _MUSCLE:
            raise UserError(f"{text}: the gear of muscle '{name}' changes its length too; vary {strength}")
        if actuator.gaintype[0] != _FIXED or actuator.biastype[0] != _NO_BIAS:
            continue
        force = abs(actuator.gainprm[0]) * _largest_input(model, actuator.id)
        if actuator.forcelimited[0]:
            force = min(force, np.abs(actuator.forcerange).max())
        for joint in (joint for joint, actuators in limits.items() if actuator.id in actuators):
            most = np.abs(model.jnt_actfrcrange[joint]).max()
            if gear * force > most * (1.0 + 1e-9):
                raise UserError(
                    f"{text}: joint '{model.joint(joint).name}' of {robot} limits the force to {most:g} "
                    f"(actuatorfrcrange), whatever the gear; vary {strength}, which scales the limit too"
                )


def _largest_input(model: mujoco.MjModel, actuator: int) -> float:
    if model.actuator_actlimited[actuator]:
        return float(np.abs(model.actuator_actrange[actuator]).max())
    control = int(model.actuator_ctrladr[actuator])
    limited = bool(model.actuator_ctrllimited[control])
    return float(np.abs(model.actuator_ctrlrange[control]).max()) if limited else np.inf
