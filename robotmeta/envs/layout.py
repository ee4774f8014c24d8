"""What the models of all tasks of a family must have in common, so that states and actions mean the same in each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import mujoco
import numpy as np

_OF_SIGNALS = ("nq", "nv", "nu", "nactuator", "njnt")
_SIZES = (*_OF_SIGNALS, "na", "nbody", "ngeom", "nsite", "ntendon", "neq", "nsensor", "nsensordata", "nmocap")


def changed_signals(before: mujoco.MjModel, now: mujoco.MjModel) -> str | None:
    """Returns the first difference between the joints and actuators of two models, in words; None if there is none.

    Args:
        before: The model that names of observations and actions come from.
        now: The model that is simulated. It may have further bodies and geoms.
    """
    return _difference(before, now, _OF_SIGNALS, _MOVING)


def changed_layout(before: mujoco.MjModel, now: mujoco.MjModel, fields: Collection[str]) -> str | None:
    """Returns the first difference between the states of two models, in words; None if there is none.

    Args:
        before: The nominal model.
        now: A variant of it.
        fields: Fields of ``MjData`` that the family reads besides ``qpos`` and ``qvel``.
    """
    return _difference(before, now, _SIZES, _MOVING | (_OF_FIELDS if fields else {}))


def _difference(before: mujoco.MjModel, now: mujoco.MjModel, sizes: Sequence[str], objects: _Objects) -> str | None:
    for size in sizes:
        if getattr(now, size) != getattr(before, size):
            return f"{size} is {getattr(now, size)} and not {getattr(before, size)}"
    for kind, (size, described) in objects.items():
        for number in range(getattr(before, size)):
            expected, found = described(before, number), described(now, number)
            if found != expected:
                return f"{kind} {number + 1} is {found} and not {expected}"
    return None


def wider_range(before: mujoco.MjModel, now: mujoco.MjModel) -> str | None:
    """Returns the first control range that is wider than before, in words; None if there is none.

    Args:
        before: The model whose control ranges actions are scaled to.
        now: A variant with the same actuators.
    """
    limited = (before.actuator_ctrllimited & now.actuator_ctrllimited).astype(bool)
    low, high = (now.actuator_ctrlrange - before.actuator_ctrlrange).T
    for control in np.flatnonzero(limited & ((low < 0.0) | (high > 0.0))).tolist():
        actuator = int(np.searchsorted(before.actuator_ctrladr, control, side="right")) - 1
        wide, narrow = (f"{a:g} to {b:g}" for a, b in (m.actuator_ctrlrange[control] for m in (now, before)))
        return f"the control range of actuator '{before.actuator(actuator).name}' is {wide} and not {narrow}"
    return None


# -- objects in words --------------------------------------------------------------------------------------------------


def _name(kind: str) -> Callable[[mujoco.MjModel, int], str]:
    return lambda model, number: f"'{getattr(model, kind)(number).name}'"


def _joint(model: mujoco.MjModel, number: int) -> str:
    joint = model.joint(number)
    return f"the {mujoco.mjtJoint(int(joint.type[0])).name.removeprefix('mjJNT_').lower()} '{joint.name}'"


def _sensor(model: mujoco.MjModel, number: int) -> str:
    sensor = model.sensor(number)
    return f"the {mujoco.mjtSensor(int(sensor.type[0])).name.removeprefix('mjSENS_').lower()} '{sensor.name}'"


_TARGETS = {
    mujoco.mjtTrn.mjTRN_JOINT: "joint",
    mujoco.mjtTrn.mjTRN_JOINTINPARENT: "joint",
    mujoco.mjtTrn.mjTRN_TENDON: "tendon",
    mujoco.mjtTrn.mjTRN_SITE: "site",
    mujoco.mjtTrn.mjTRN_SLIDERCRANK: "site",
    mujoco.mjtTrn.mjTRN_BODY: "body",
}


def _actuator(model: mujoco.MjModel, number: int) -> str:
    target, count = int(model.actuator_trnid[number, 0]), int(model.actuator_ctrlnum[number])
    kind = _TARGETS.get(mujoco.mjtTrn(int(model.actuator_trntype[number])))
    acts = "" if kind is None or target < 0 else f" on {kind} '{getattr(model, kind)(target).name}'"
    return f"'{model.actuator(number).name}'{acts}{'' if count == 1 else f' with {count} controls'}"


_Objects = dict[str, tuple[str, Callable[[mujoco.MjModel, int], str]]]
"""Kinds of objects, with the size of the model that counts them, and an object in words."""

_MOVING: _Objects = {"joint": ("njnt", _joint), "actuator": ("nactuator", _actuator)}
_OF_FIELDS: _Objects = {
    "sensor": ("nsensor", _sensor),
    **{kind: (f"n{kind}", _name(kind)) for kind in ("body", "geom", "site", "tendon")},
}
