"""Where the hand of an arm is, and which way it points: the frame that the family's hand has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import mujoco
import numpy as np

from robotmeta.envs.families.gripper.vendor.chain import Arm
from robotmeta.envs.families.gripper.vendor.fingers import extent
from robotmeta.envs.vendor.shapes import touches

_ABOVE_TIP = 0.012  # metres from the tip of a finger to the middle of the family's pads
_ALIGNED = 0.85  # cosine within which the direction of approach is that of an axis


@dataclass(frozen=True)
class Hand:
    """The hand's frame in the world's, at the initial pose: x forward, y from the right to the left finger, z back.

    Attributes:
        place: Middle between the pads near their tips, or the tip of a hand without fingers, m, ``[3]``.
        axes: Its axes, one a column, ``[3, 3]``. The hand approaches along -z.
        width: Width of the pads, m; 0 without fingers.
    """

    place: np.ndarray
    axes: np.ndarray
    width: float

    def turned(self, angle: float) -> Hand:
        """The hand with its frame turned about its own z axis, rad."""
        cos, sin = math.cos(angle), math.sin(angle)
        return replace(self, axes=self.axes @ np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]]))


def find_hand(model: mujoco.MjModel, data: mujoco.MjData, arm: Arm) -> Hand:
    """Finds the hand's frame of an arm at its initial pose."""
    if arm.fingers is None:
        return _bare(model, data, arm)
    fingers = arm.fingers
    pads = [*fingers.pads[0], *fingers.pads[1]]
    both = [*fingers.geoms[0], *fingers.geoms[1]]
    approach = _approach(data, arm, data.geom_xpos[both].mean(axis=0), fingers.across)
    back, left = -approach, fingers.across
    forward = np.cross(left, back)
    faces = extent(model, data, fingers.pads[1], left), -extent(model, data, fingers.pads[0], -left)
    sides = extent(model, data, pads, forward), -extent(model, data, pads, -forward)
    tip = extent(model, data, both, approach)
    place = approach * (tip - _ABOVE_TIP) + left * sum(faces) / 2.0 + forward * sum(sides) / 2.0
    return Hand(place, np.stack([forward, left, back], axis=1), sides[0] - sides[1])


def _bare(model: mujoco.MjModel, data: mujoco.MjData, arm: Arm) -> Hand:
    """The frame of a hand without fingers, at its end."""
    geoms = _geoms(model, arm.carried)
    last = arm.joints[-1]
    anchor, axis = data.xanchor[last], data.xaxis[last]
    middle = data.geom_xpos[geoms].mean(axis=0) if geoms else anchor + axis
    if np.linalg.norm(middle - anchor) < 1e-3:
        middle = 2.0 * anchor - data.xanchor[arm.joints[-2]]
    approach = _approach(data, arm, middle, None)
    left = _perpendicular(data, arm, approach)
    tip = extent(model, data, geoms, approach) if geoms else float(anchor @ approach)
    place = anchor + approach * (tip - anchor @ approach)
    return Hand(place, np.stack([np.cross(left, -approach), left, -approach], axis=1), 0.0)


def _geoms(model: mujoco.MjModel, bodies: Sequence[int]) -> list[int]:
    geoms = [g for g in range(model.ngeom) if int(model.geom_bodyid[g]) in bodies]
    return [g for g in geoms if touches(model, g)] or geoms


def _approach(data: mujoco.MjData, arm: Arm, middle: np.ndarray, across: np.ndarray | None) -> np.ndarray:
    """From the last joint to the middle of what grasps, along the axis of the joint or the hand that is nearest."""
    away = middle - data.xanchor[arm.joints[-1]]
    axes = [data.xaxis[arm.joints[-1]], *data.xmat[arm.hand].reshape(3, 3).T]
    if across is not None:
        away = away - (away @ across) * across
        axes = [axis for axis in axes if abs(axis @ across) < 1.0 - _ALIGNED]
    away = away / max(float(np.linalg.norm(away)), 1e-9)
    for axis in axes:  # the last joint's first
        if abs(axis @ away) > _ALIGNED:
            chosen = axis * np.sign(axis @ away)
            chosen = chosen if across is None else chosen - (chosen @ across) * across
            return chosen / np.linalg.norm(chosen)
    return away


def _perpendicular(data: mujoco.MjData, arm: Arm, approach: np.ndarray) -> np.ndarray:
    axes = data.xmat[arm.hand].reshape(3, 3).T
    axis = min(axes, key=lambda a: abs(a @ approach))
    axis = axis - (axis @ approach) * approach
    return axis / np.linalg.norm(axis)
