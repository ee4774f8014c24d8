"""The four legs of a quadruped: which corner each is at, and which way the robot faces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import mujoco
import numpy as np

from robotmeta.envs.families.quadruped.vendor.chains import Chain, carried, foot_centre
from robotmeta.errors import UserError

_LEVEL = 0.5  # cosine between the world's z axis and up, above which the robot is upright in the file
_APART = 1e-3  # m
_SCALAR = (int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE))


@dataclass(frozen=True)
class Legs:
    """The legs of a quadruped.

    Attributes:
        root: Index of the body that moves freely.
        trunk: Bodies that are fixed to it.
        chains: The legs by our names: front and hind, left and right.
        axes: Forward, left and up in the frame of the root body, ``[3, 3]``, one a column.
        others: Hinges and slides that belong to no leg.
        balls: Ball joints.
    """

    root: int
    trunk: tuple[int, ...]
    chains: Mapping[str, Chain]
    axes: np.ndarray
    others: tuple[int, ...]
    balls: tuple[int, ...]


def find_legs(model: mujoco.MjModel, data: mujoco.MjData, root: int, name: str, forward: str | None = None) -> Legs:
    """Finds the four legs of a robot.

    Args:
        model: The robot's model.
        data: Its initial state, with the poses of bodies.
        root: The body that moves freely.
        name: Name of the file, for errors.
        forward: The axis of the root body that points forward, such as ``"-x"``; None for the positive end of the one
            along which the abduction axes lie.

    Raises:
        UserError: If there are not four legs, one at each corner. It says what was found instead.
    """
    found = carried(model, data, root)
    if len(found.chains) != 4:
        number = len(found.chains)
        raise UserError(
            f"{name} is no quadruped with 12 joints: the trunk '{model.body(root).name}' has {number or 'no'} "
            f"leg{'s' * (number != 1)} of three hinges, one about the forward and two about the lateral axis; it "
            f"carries {found.described}"
        )
    chains = list(found.chains.values())
    turn = data.xmat[root].reshape(3, 3)
    axes = _axes(model, data, chains, turn, forward, name)
    legs = _by_corner(model, data, chains, axes, name)
    used = {joint for chain in chains for joint in chain.joints}
    inside = {b for b in range(model.nbody) if int(model.body_rootid[b]) == root}
    rest = [j for j in range(model.njnt) if int(model.jnt_bodyid[j]) in inside and j not in used]
    others = tuple(j for j in rest if int(model.jnt_type[j]) in _SCALAR)
    balls = tuple(j for j in rest if int(model.jnt_type[j]) == int(mujoco.mjtJoint.mjJNT_BALL))
    return Legs(root, found.trunk, legs, turn.T @ axes, others, balls)


def _axes(
    model: mujoco.MjModel, data: mujoco.MjData, chains: Sequence[Chain], trunk: np.ndarray, asked: str | None, name: str
) -> np.ndarray:
    """Forward, left and up in the world's frame, ``[3, 3]``, one a column.

    Forward is along the abduction axes, and left from one pair of them to the other, so that it does not matter how the
    robot lies in the file. Up is the side of the world's z axis, or that of the trunk opposite the feet.

    Args:
        model: The robot's model.
        data: Its initial state.
        chains: The legs.
        trunk: Rotation of the root body, ``[3, 3]``.
        asked: The axis of the root body that is forward; None for the positive end of the one that is.
        name: Name of the file, for errors.
    """
    abductions = [chain.joints[0] for chain in chains]
    lines = data.xaxis[abductions]
    mean = (lines * np.where(lines @ lines[0] < 0.0, -1.0, 1.0)[:, None]).sum(axis=0)
    forward = mean / np.linalg.norm(mean)
    main = int(np.argmax(np.abs(trunk.T @ forward)))
    letter = "xyz"[main]
    if asked is not None and asked.removeprefix("-") != letter:
        raise UserError(
            f"{name}: its abduction axes lie along {letter} of the root body, so that forward is {letter} or -{letter}"
        )
    forward *= np.sign(trunk[:, main] @ forward) * (-1.0 if (asked or "").startswith("-") else 1.0)
    apart = data.xanchor[abductions] - data.xanchor[abductions].mean(axis=0)
    apart -= np.outer(apart @ forward, forward)
    lateral = np.linalg.svd(apart)[2][0] if np.abs(apart).max() > _APART else np.cross([0.0, 0.0, 1.0], forward)
    up = np.cross(forward, lateral)
    feet = np.mean([foot_centre(model, data, chain) - data.xanchor[chain.joints[1]] for chain in chains], axis=0)
    below = up[2] if abs(up[2]) > _LEVEL else -(up @ feet)
    up *= (1.0 if below >= 0.0 else -1.0) / np.linalg.norm(up)
    return np.stack([forward, np.cross(up, forward), up], axis=1)


def _by_corner(
    model: mujoco.MjModel, data: mujoco.MjData, chains: Sequence[Chain], axes: np.ndarray, name: str
) -> dict[str, Chain]:
    along = np.array([data.xanchor[chain.joints[1]] @ axes[:, 0] for chain in chains])
    across = np.array([data.xanchor[chain.joints[0]] @ axes[:, 1] for chain in chains])
    if np.abs(across - across.mean()).min() < _APART:  # all abduction axes in the middle
        across = np.array([foot_centre(model, data, chain) @ axes[:, 1] for chain in chains])
    front, left = along > along.mean(), across > across.mean()
    corners = [("f" if f else "h") + ("l" if s else "r") for f, s in zip(front, left, strict=True)]
    if len(set(corners)) < 4:
        where = ", ".join(
            f"'{model.joint(chain.joints[0]).name}' at {x:.2f}, {y:.2f} m"
            for chain, x, y in zip(chains, along, across, strict=True)
        )
        raise UserError(f"{name}: four legs, but not one at each corner of the trunk (forward, left): {where}")
    legs = dict(zip(corners, chains, strict=True))
    return {leg: legs[leg] for leg in ("fl", "fr", "hl", "hr")}
