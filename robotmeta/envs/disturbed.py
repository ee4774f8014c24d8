"""Families with the disturbances of a real robot: :func:`disturbed`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import mujoco

from robotmeta.argument_types import check_arguments
from robotmeta.envs import checks
from robotmeta.envs.disturbances import BIAS, DELAY, DROPPED, NOISE, PUSH, Disturbances, column, parameters
from robotmeta.envs.family import MujocoWorld, TaskFamily
from robotmeta.envs.models import ModelBuilder
from robotmeta.envs.parameters import ParameterSpace
from robotmeta.envs.sensors import groups
from robotmeta.envs.signals import FloatingBase
from robotmeta.errors import UserError, unknown

Range = float | tuple[float, float]
"""The largest value in meta-training, from 0 on, or the smallest and the largest one."""

_ROOM = 2  # times the longest delay of meta-training that tasks can have
_LEAST_ROOM = 200.0  # milliseconds, likewise


@check_arguments
def disturbed(
    family: TaskFamily,
    *,
    noise: Range | Mapping[str, Range] = 0.0,
    bias: Range | Mapping[str, Range] = 0.0,
    delay_ms: Range = 0.0,
    dropped: Range = 0.0,
    pushes: Range = 0.0,
    push_seconds: float = 2.0,
    name: str | None = None,
) -> TaskFamily:
    """Returns a family whose sensors and world are those of a real robot.

    Each disturbance is a column of the tasks, so that ``--task`` can set it and a belief can infer it. It is off in the
    nominal task, and uniform over its range in meta-training. Commands, goals and last actions are known exactly and at
    once. Rewards do not change.

    - ``imu_noise`` and ``imu_bias``, and the like for each group of sensors: a normal error of each reading, and one
      that stays the same for an episode. Both are multiples of the standard deviations that the family states.
    - ``sensor_delay``, ms: how old a measurement is when the policy sees it, rounded up to whole control steps.
    - ``dropped``: the share of the measurements that are lost. The policy then sees the last one again.
    - ``push``, m/s: now and then, the velocity of the base changes by this much in any direction along the ground.

    Args:
        family: A family that states its sensors, as those that name a real robot do.
        noise: For all groups of sensors, or by group, such as ``{"imu": 1.0}``.
        bias: Likewise.
        delay_ms: Delay, ms.
        dropped: Share, below 1.
        pushes: Change of velocity, m/s.
        push_seconds: Mean time from one push to the next, s.
        name: Name of the new family; None for ``NAME-disturbed``.

    Raises:
        UserError: For a family without sensors, an unknown group, a range that cannot be, or pushes of a robot whose
            base does not float.
    """
    where = f"family '{family.name}'"
    if family.disturbances is not None:
        raise UserError(f"{where} is disturbed already")
    if family.observation_groups is not None:
        raise UserError(f"{where} observes groups; only one vector of observations can be disturbed")
    errors = {error: _by_group(family, error, given) for error, given in ((NOISE, noise), (BIAS, bias))}
    ranges = {column(group, error): span for error, given in errors.items() for group, span in given.items()}
    ranges |= {n: _range(n, span) for n, span in ((DELAY, delay_ms), (DROPPED, dropped), (PUSH, pushes)) if _on(span)}
    if DROPPED in ranges and ranges[DROPPED][1] >= 1.0:
        raise UserError(f"dropped must be below 1, not {ranges[DROPPED][1]:g}: nothing would arrive")
    if not family.sensors and set(ranges) - {PUSH}:
        raise UserError(f"{where} states no sensors: dataclasses.replace(family, sensors=(Sensor(...),)) gives it some")
    disturbances = Disturbances(
        tuple(errors[NOISE]),
        tuple(errors[BIAS]),
        _steps(max(_LEAST_ROOM, _ROOM * ranges[DELAY][1]), family.dt) if DELAY in ranges else 0,
        DROPPED in ranges,
        _base(family) if PUSH in ranges else (),
        checks.positive("push_seconds", push_seconds),
    )
    added = tuple(parameters(disturbances, ranges, family.dt))
    return replace(
        family,
        name=f"{family.name}-disturbed" if name is None else name,
        summary=f"{family.summary} It is disturbed: {', '.join(disturbances.columns)}." if added else family.summary,
        space=ParameterSpace((*family.space, *added)),
        encoded=None if family.encoded is None else ParameterSpace((*family.encoded, *added)),
        disturbances=disturbances if disturbances.columns else None,
    )


def known_by(names: Sequence[str], family: TaskFamily) -> TaskFamily:
    """The family as networks know it that know the parameters of these names.

    That is the family itself, or for policies of the family without disturbances one in which networks do not know of
    them.
    """
    if family.disturbances is None:
        return family
    known = tuple(p for p in family.inferred if p.name not in family.disturbances.columns)
    return replace(family, encoded=ParameterSpace(known)) if [p.name for p in known] == list(names) else family


def _on(span: object) -> bool:
    return not (isinstance(span, int | float) and span == 0.0)


def _range(what: str, span: object) -> tuple[float, float]:
    if isinstance(span, tuple | list):
        low, high = checks.interval(f"the range of {what}", span)
    else:
        low, high = 0.0, checks.not_negative(what, span)
    checks.not_negative(f"the range of {what}", low)
    return low, high


def _by_group(family: TaskFamily, error: str, given: object) -> dict[str, tuple[float, float]]:
    """The range of each group of sensors that has this error."""
    if isinstance(given, Mapping):
        for group in given:
            if group not in groups(family.sensors):
                raise unknown("group of sensors", str(group), groups(family.sensors), where=f"family '{family.name}'")
        chosen = dict(given)
    else:
        usual = {s.group for s in family.sensors if getattr(s, error) > 0.0}
        chosen = {group: given for group in groups(family.sensors) if group in usual}
        if _on(given) and not chosen:
            _range(error, given)
            raise UserError(f"family '{family.name}' states no sensors with {error}")
    return {group: _range(column(group, error), span) for group, span in chosen.items() if _on(span)}


def _steps(milliseconds: float, dt: float) -> int:
    return math.ceil(1e-3 * milliseconds / dt - 1e-9)


def _base(family: TaskFamily) -> tuple[int, ...]:
    """Degrees of freedom of the robot's base along the ground."""
    none = UserError(f"family '{family.name}' has no base that a push could move")
    if not isinstance(family.world, MujocoWorld):
        raise none
    model = ModelBuilder(family.world.spec, family.space).nominal
    ground = FloatingBase(model).ground
    if not ground:
        raise none
    return tuple(dof for joint in range(model.njnt) for dof in _along_ground(model, joint, ground))


def _along_ground(model: mujoco.MjModel, joint: int, ground: set[int]) -> list[int]:
    first, dof = int(model.jnt_qposadr[joint]), int(model.jnt_dofadr[joint])
    size = 2 if model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_FREE else 1
    return [dof + i for i in range(size) if first + i in ground]
