"""Finds the fingers of a parallel gripper: two bodies that slide towards each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import mujoco
import numpy as np

from robotmeta.envs.vendor.shapes import farthest, touches

_SLIDE, _MESH = int(mujoco.mjtJoint.mjJNT_SLIDE), int(mujoco.mjtGeom.mjGEOM_MESH)
_PARALLEL = 0.95  # cosine between the axes of the fingers
_PAD = 0.003  # metres from the innermost surface of a finger, within which geoms are its pad
_TIP = 0.03  # metres from the tip of a finger, within which geoms that are its pad must reach


@dataclass(frozen=True)
class Fingers:
    """The two fingers of a gripper. The left one lies on the positive side of ``across``.

    Attributes:
        bodies: Indices of the bodies of the left finger and of the right one.
        joints: Indices of their slides.
        signs: Whether each closes toward larger (1) or smaller (-1) positions.
        opened: Positions of the slides at which the gripper is widest, m.
        geoms: Geoms of each finger that can touch an object.
        pads: Those of them that touch it first.
        across: Direction from the right finger to the left one, in the world's frame at the initial pose, ``[3]``.
        opening: Largest distance between the pads, m.
        closed: Smallest distance between the pads, m.
        limited: Whether both slides have ranges.
    """

    bodies: tuple[tuple[int, ...], tuple[int, ...]]
    joints: tuple[int, int]
    signs: tuple[float, float]
    opened: tuple[float, float]
    geoms: tuple[tuple[int, ...], tuple[int, ...]]
    pads: tuple[tuple[int, ...], tuple[int, ...]]
    across: np.ndarray
    opening: float
    closed: float
    limited: bool

    @property
    def swapped(self) -> Fingers:
        """The same fingers with left and right exchanged."""
        pairs = {name: getattr(self, name)[::-1] for name in ("bodies", "joints", "signs", "opened", "geoms", "pads")}
        return replace(self, across=-self.across, **pairs)


def find_fingers(model: mujoco.MjModel, data: mujoco.MjData, branches: Sequence[int], last: int) -> Fingers | None:
    """The fingers that two branches of a hand are, moved to the middle of their ranges; None if they are none.

    Args:
        model: The vendor's model.
        data: Its initial state, with the poses of bodies.
        branches: The first bodies of the two branches.
        last: Index of the joint that moves the hand.
    """
    bodies = [_fixed_to(model, branch) for branch in branches]
    joints = [_only_slide(model, branch) for branch in branches]
    if None in joints or any(_jointed_beyond(model, b) for b in bodies):
        return None
    for joint in joints:
        data.qpos[model.jnt_qposadr[joint]] = model.jnt_range[joint].mean()
    mujoco.mj_kinematics(model, data)
    geoms = [_touching(model, b) for b in bodies]
    if not all(geoms):
        return None
    axes = [data.xaxis[joint] for joint in joints]
    if abs(axes[0] @ axes[1]) < _PARALLEL:
        return None
    across = axes[0] * float(np.sign(axes[0] @ (_middle(data, geoms[0]) - _middle(data, geoms[1]))) or 1.0)
    signs = -_sign(float(axes[0] @ across)), _sign(float(axes[1] @ across))
    ranges = [model.jnt_range[joint] for joint in joints]
    opened = [float(r[0] if sign > 0 else r[1]) for r, sign in zip(ranges, signs, strict=True)]
    pads = _pads(model, data, geoms, across, data.xanchor[last])
    gap = -extent(model, data, pads[0], -across) - extent(model, data, pads[1], across)
    travel = sum(float(np.ptp(r)) for r in ranges)
    return Fingers(
        bodies=(bodies[0], bodies[1]),
        joints=(joints[0], joints[1]),  # pyright: ignore[reportArgumentType]
        signs=signs,
        opened=(opened[0], opened[1]),
        geoms=(geoms[0], geoms[1]),
        pads=pads,
        across=across,
        opening=gap + travel / 2.0,
        closed=max(gap - travel / 2.0, 0.0),
        limited=all(bool(model.jnt_limited[joint]) for joint in joints),
    )


def extent(model: mujoco.MjModel, data: mujoco.MjData, geoms: Sequence[int], direction: np.ndarray) -> float:
    """How far geoms reach along a direction, m in the world's frame."""
    return max(float(farthest(model, data, geom, direction) @ direction) for geom in geoms)


def _pads(
    model: mujoco.MjModel,
    data: mujoco.MjData,
    geoms: Sequence[tuple[int, ...]],
    across: np.ndarray,
    behind: np.ndarray,
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The innermost geoms of each finger among those that reach its tip, as seen from a point behind the hand."""
    away = data.geom_xpos[[*geoms[0], *geoms[1]]].mean(axis=0) - behind
    away = away - (away @ across) * across
    away = away / max(float(np.linalg.norm(away)), 1e-9)

    def pad(finger: tuple[int, ...], inward: np.ndarray) -> tuple[int, ...]:
        tip = extent(model, data, finger, away)
        near = [g for g in finger if extent(model, data, [g], away) > tip - _TIP]
        face = extent(model, data, near, inward)
        innermost = [g for g in near if extent(model, data, [g], inward) > face - _PAD]
        # Where a mesh and boxes on it share a face, contacts of the mesh come and go.
        return tuple([g for g in innermost if int(model.geom_type[g]) != _MESH] or innermost)

    return pad(geoms[0], -across), pad(geoms[1], across)


def _touching(model: mujoco.MjModel, bodies: Sequence[int]) -> tuple[int, ...]:
    """The geoms of bodies that can touch others; all of them if none can."""
    geoms = [g for g in range(model.ngeom) if int(model.geom_bodyid[g]) in bodies]
    return tuple([g for g in geoms if touches(model, g)] or geoms)


def _only_slide(model: mujoco.MjModel, body: int) -> int | None:
    joint = int(model.body_jntadr[body])
    return joint if model.body_jntnum[body] == 1 and int(model.jnt_type[joint]) == _SLIDE else None


def _fixed_to(model: mujoco.MjModel, body: int) -> tuple[int, ...]:
    fixed = [body]
    for other in range(body + 1, model.nbody):  # a body comes after its parent
        if int(model.body_parentid[other]) in fixed and model.body_jntnum[other] == 0:
            fixed.append(other)
    return tuple(fixed)


def _jointed_beyond(model: mujoco.MjModel, bodies: Sequence[int]) -> bool:
    return any(
        int(model.body_parentid[b]) in bodies and b not in bodies and model.body_jntnum[b] for b in range(model.nbody)
    )


def _middle(data: mujoco.MjData, geoms: Sequence[int]) -> np.ndarray:
    return data.geom_xpos[list(geoms)].mean(axis=0)


def _sign(value: float) -> float:
    return 1.0 if value >= 0.0 else -1.0
