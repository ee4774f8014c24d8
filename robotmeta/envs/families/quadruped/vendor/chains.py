"""Finds the legs among what a trunk carries: chains of three hinges.

Names play no part. A leg is a chain of three hinges on the trunk: two are parallel (hip and knee) and turn about the
lateral axis, the third (abduction) turns about the forward axis. It may come before the hip or after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import mujoco
import numpy as np

from robotmeta.envs.vendor.shapes import farthest, round_end, touches

KINDS = ("abduction", "hip", "knee")
_PARALLEL, _CROSSWISE = 0.95, 0.3  # cosines between axes of a leg
_ALIKE = 0.8  # cosine between abduction axes of legs
_TIP = 1.1  # lengths of a calf from the knee to the ground, in the family's robots
_HINGE = int(mujoco.mjtJoint.mjJNT_HINGE)


@dataclass(frozen=True)
class Chain:
    """A chain of three hinges that is a leg.

    Attributes:
        joints: Indices of abduction, hip and knee.
        links: Bodies that move with the first joint alone, with two, and with all three.
        foot: Index of the geom that stands on the ground.
    """

    joints: tuple[int, int, int]
    links: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
    foot: int


@dataclass(frozen=True)
class Carried:
    """What a trunk carries.

    Attributes:
        trunk: The bodies that are fixed to the root body, and itself.
        chains: The branches that are legs, by their first body.
        described: All branches, in words.
    """

    trunk: tuple[int, ...]
    chains: Mapping[int, Chain]
    described: str


def carried(model: mujoco.MjModel, data: mujoco.MjData, root: int) -> Carried:
    """Finds the branches of a trunk that are legs.

    Args:
        model: The robot's model.
        data: Its initial state, with the poses of bodies.
        root: The body that moves freely.
    """
    trunk = _fixed_to(model, root)
    branches = [b for b in range(model.nbody) if int(model.body_parentid[b]) in trunk and b not in trunk]
    chains = _alike(data, {b: chain for b in branches if (chain := _chain(model, data, b)) is not None})
    described = ", ".join(f"'{model.body(b).name}' ({_in_words(model, data, b)})" for b in branches) or "none"
    return Carried(trunk, chains, described)


def _alike(data: mujoco.MjData, chains: dict[int, Chain]) -> dict[int, Chain]:
    """The largest number of chains whose abduction axes are parallel, so that an arm is no leg."""
    axes = {branch: data.xaxis[chain.joints[0]] for branch, chain in chains.items()}
    groups = [{b: c for b, c in chains.items() if abs(axes[b] @ axes[a]) > _ALIKE} for a in chains]
    return max(groups, key=len, default={})


def _fixed_to(model: mujoco.MjModel, root: int) -> tuple[int, ...]:
    fixed = [root]
    for body in range(root + 1, model.nbody):  # a body comes after its parent
        if int(model.body_parentid[body]) in fixed and model.body_jntnum[body] == 0:
            fixed.append(body)
    return tuple(fixed)


def _carried(model: mujoco.MjModel, branch: int) -> list[int]:
    bodies = [branch]
    for body in range(branch + 1, model.nbody):
        if int(model.body_parentid[body]) in bodies:
            bodies.append(body)
    return bodies


def _joints(model: mujoco.MjModel, bodies: Sequence[int]) -> list[int]:
    return [j for b in bodies for j in range(model.body_jntadr[b], model.body_jntadr[b] + model.body_jntnum[b])]


def _above(model: mujoco.MjModel, body: int, branch: int) -> Iterator[int]:
    """A body and its parents, up to the branch."""
    while body != branch:
        yield body
        body = int(model.body_parentid[body])
    yield branch


def _chain(model: mujoco.MjModel, data: mujoco.MjData, branch: int) -> Chain | None:
    bodies = _carried(model, branch)
    joints = _joints(model, bodies)
    if len(joints) != 3 or any(int(model.jnt_type[j]) != _HINGE for j in joints):
        return None
    before = {b: sum(model.body_jntnum[a] for a in _above(model, b, branch)) for b in bodies}
    last = int(model.jnt_bodyid[joints[2]])
    if before[last] != 3:
        return None  # it branches
    ordered = _kinds(data.xaxis[joints], joints)
    if ordered is None:
        return None
    links = tuple(tuple(b for b in bodies if before[b] == number) for number in (1, 2, 3))
    foot = _foot(model, data, links[2], data.xanchor[ordered[2]])
    return None if foot is None else Chain(ordered, links, foot)  # pyright: ignore[reportArgumentType]


def _kinds(axes: np.ndarray, joints: Sequence[int]) -> tuple[int, int, int] | None:
    """Abduction, hip and knee among three hinges; None if they are no leg's."""
    for abduction, hip, knee in ((0, 1, 2), (1, 0, 2)):
        along, across = axes[abduction], (axes[hip], axes[knee])
        parallel = abs(across[0] @ across[1]) > _PARALLEL
        crosswise = max(abs(along @ axis) for axis in across) < _CROSSWISE
        if parallel and crosswise:
            return joints[abduction], joints[hip], joints[knee]
    return None


def _foot(model: mujoco.MjModel, data: mujoco.MjData, bodies: Sequence[int], knee: np.ndarray) -> int | None:
    """The geom that reaches farthest from the knee."""
    geoms = [g for g in range(model.ngeom) if int(model.geom_bodyid[g]) in bodies and touches(model, g)]
    reach = {g: float(np.linalg.norm(_tip(model, data, g, knee) - knee)) for g in geoms}
    return max(reach, key=lambda geom: reach[geom], default=None)


def _tip(model: mujoco.MjModel, data: mujoco.MjData, geom: int, knee: np.ndarray) -> np.ndarray:
    away = data.geom_xpos[geom] - knee
    length = float(np.linalg.norm(away))
    return farthest(model, data, geom, away / length if length > 1e-6 else np.array([0.0, 0.0, -1.0]))


def foot_centre(model: mujoco.MjModel, data: mujoco.MjData, chain: Chain) -> np.ndarray:
    """Centre of a foot in the world's frame, ``[3]``.

    A foot that is not round counts as the family's: its centre is a little above its end.
    """
    knee = data.xanchor[chain.joints[2]]
    tip = _tip(model, data, chain.foot, knee)
    centre = round_end(model, data, chain.foot, tip)
    return knee + (tip - knee) / _TIP if centre is None else centre


def _in_words(model: mujoco.MjModel, data: mujoco.MjData, branch: int) -> str:
    """What a branch of the trunk is, in words."""
    joints = _joints(model, _carried(model, branch))
    if len(joints) != 3 or any(int(model.jnt_type[j]) != _HINGE for j in joints):
        return f"{len(joints)} joint{'s' * (len(joints) != 1)}"
    if _kinds(data.xaxis[joints], joints) is None:
        axes = ", ".join(f"{x:.2g} {y:.2g} {z:.2g}" for x, y, z in np.round(data.xaxis[joints], 2) + 0.0)
        return f"hinges about {axes}"
    if _chain(model, data, branch) is None:
        return "three hinges, but no geom at the end that touches the floor"
    return "three hinges"
