"""Finds the arm in a model: the chain of hinges and slides from a fixed base to the hand. Names play no part."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import mujoco
import numpy as np

from robotmeta.envs.families.gripper.vendor.fingers import Fingers, find_fingers
from robotmeta.envs.vendor.shapes import farthest
from robotmeta.errors import UserError

_JOINING = (int(mujoco.mjtEq.mjEQ_CONNECT), int(mujoco.mjtEq.mjEQ_WELD))
_SCALAR = (int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE))
_LOCKED = 1e4  # N m s/rad or N s/m; a joint with more damping does not move
_ARM, _LIMB, _FINGER = 3, 4, 3  # joints: of an arm at least, of a second limb at least, of a finger at most
_ACROSS = 0.5  # cosine between the axis of a jaw and the direction in which it points
_JAW, _BESIDE = 0.04, 0.7  # length of a jaw, m, and share of it to which what it closes on reaches


@dataclass(frozen=True)
class Arm:
    """An arm on a fixed base.

    Attributes:
        root: Index of its outermost body, a child of the world.
        joints: Indices of its joints, from the base to the hand.
        hand: Index of the body that the last joint moves.
        carried: The hand and the bodies that it carries, fingers included.
        fingers: The fingers of a parallel gripper; None without one.
        branches: What the hand carries besides, in words; empty for nothing.
    """

    root: int
    joints: tuple[int, ...]
    hand: int
    carried: tuple[int, ...]
    fingers: Fingers | None
    branches: str

    def turned(self, angle: float) -> Arm:
        """The arm with its hand's frame turned about its own z axis, rad; by half a turn, left and right change."""
        if self.fingers is None or math.cos(angle) > 0.0:
            return self
        return replace(self, fingers=self.fingers.swapped)


def find_arm(model: mujoco.MjModel, data: mujoco.MjData, name: str) -> Arm:
    """Finds the only arm in a model.

    Args:
        model: The vendor's model.
        data: Its initial state, with the poses of bodies.
        name: Name of the file, for errors.

    Raises:
        UserError: If there is no arm on a fixed base, or several. It says what was found instead.
    """
    roots = [b for b in _children(model, 0) if _depth(model, b) >= _ARM]
    fixed = [b for b in roots if not _moves_freely(model, b)]
    if not fixed:
        free = ", ".join(f"'{model.body(b).name}'" for b in roots)
        found = f"{free} moves freely" if free else f"no chain of {_ARM} or more joints hangs on the world"
        raise UserError(f"{name} is no arm: {found}, and an arm is a chain of joints on a fixed base")
    if len(fixed) > 1:
        names = ", ".join(f"'{model.body(b).name}' ({_depth(model, b)} joints)" for b in fixed)
        raise UserError(f"{name}: {len(fixed)} arms in one file, {names}: a file must have one")
    return _followed(model, data, fixed[0], name)


def _followed(model: mujoco.MjModel, data: mujoco.MjData, root: int, name: str) -> Arm:
    """Follows the chain from the base to the hand."""
    joints, body, branches, fingers = _own(model, root), root, _branches(model, root), None
    while branches:
        fingers = find_fingers(model, data, branches, joints[-1]) if joints and len(branches) == 2 else None
        depths = sorted((_depth(model, b) for b in branches), reverse=True)
        if fingers is not None or (len(joints) >= _ARM and len(branches) > 1 and depths[0] <= _FINGER):
            break
        # An arm may carry fingers of some joints; a body that comes before any arm carries limbs.
        if len(branches) > 1 and depths[1] >= (_LIMB if len(joints) >= _ARM else _ARM):
            limbs = ", ".join(f"'{model.body(b).name}' ({_depth(model, b)} joints)" for b in branches)
            raise UserError(
                f"{name}: '{model.body(body).name}' carries several limbs, {limbs}: a file must have one arm"
            )
        body = max(branches, key=lambda b: _depth(model, b))
        joints, branches = [*joints, *_own(model, body)], _branches(model, body)
    joints = [joint for joint in joints if model.dof_damping[model.jnt_dofadr[joint]] < _LOCKED]
    for joint in joints:
        if int(model.jnt_type[joint]) not in _SCALAR:
            raise UserError(f"{name}: joint '{model.joint(joint).name}' of the arm is neither a hinge nor a slide")
    if len(joints) < _ARM:
        raise UserError(f"{name} is no arm: '{model.body(root).name}' has {len(joints)} joints before it branches")
    if not branches and len(joints) > _ARM and _is_jaw(model, data, joints[-1]):
        joints, branches = joints[:-1], [body]
        body = int(model.jnt_bodyid[joints[-1]])
    _check_free(model, root, joints, branches, name)
    said = "" if fingers else ", ".join(f"'{model.body(b).name}' ({_kinds(model, b)})" for b in branches)
    return Arm(root, tuple(joints), body, tuple(tree(model, body)), fingers, said)


def _is_jaw(model: mujoco.MjModel, data: mujoco.MjData, joint: int) -> bool:
    """Whether the last joint moves a jaw: a finger that closes on a part of the body that carries it."""
    jaw, anchor = int(model.jnt_bodyid[joint]), data.xanchor[joint]
    geoms = _geoms(model, set(tree(model, jaw)))
    if not geoms:
        return False
    away = np.mean([data.geom_xpos[g] for g in geoms], axis=0) - anchor
    length = float(np.linalg.norm(away))
    if length < 1e-6 or abs(data.xaxis[joint] @ away) > _ACROSS * length:
        return False
    beside = _geoms(model, _fixed_to(model, int(model.body_parentid[jaw])))
    reach, opposite = (
        max([float((farthest(model, data, g, away / length) - anchor) @ away) / length for g in group], default=0.0)
        for group in (geoms, beside)
    )
    return reach > _JAW and opposite > _BESIDE * reach


def _geoms(model: mujoco.MjModel, bodies: set[int]) -> list[int]:
    return [g for g in range(model.ngeom) if int(model.geom_bodyid[g]) in bodies]


def _fixed_to(model: mujoco.MjModel, body: int) -> set[int]:
    """A body and those that do not move on it."""
    while body and not model.body_jntnum[body]:
        body = int(model.body_parentid[body])
    fixed = [body]
    for other in fixed:
        fixed += [child for child in _children(model, other) if not model.body_jntnum[child]]
    return set(fixed)


def _check_free(model: mujoco.MjModel, root: int, joints: list[int], branches: list[int], name: str) -> None:
    """Raises UserError for a constraint on the arm, such as a linkage: each joint gets a servo of its own."""
    links = {*tree(model, root)} - {body for branch in branches for body in tree(model, branch)}
    for index in (i for i in range(model.neq) if model.eq_active0[i]):
        kind, ends = int(model.eq_type[index]), [int(model.eq_obj1id[index]), int(model.eq_obj2id[index])]
        if kind == int(mujoco.mjtEq.mjEQ_JOINT) and set(ends) & set(joints):
            names = " and ".join(f"'{model.joint(joint).name}'" for joint in ends if joint >= 0)
            what = f"joint {names} is locked" if ends[1] < 0 else f"joints {names} are coupled"
        elif kind in _JOINING and int(model.eq_objtype[index]) == int(mujoco.mjtObj.mjOBJ_BODY) and set(ends) & links:
            what = " and ".join(f"'{model.body(body).name}'" for body in ends) + " are joined"
        else:
            continue
        raise UserError(f"{name}: {what} by a constraint, and the joints of an arm must move by themselves")


def tree(model: mujoco.MjModel, body: int) -> Iterator[int]:
    """A body and all bodies that it carries."""
    yield body
    for child in _children(model, body):
        yield from tree(model, child)


def _children(model: mujoco.MjModel, body: int) -> list[int]:
    return [b for b in range(1, model.nbody) if int(model.body_parentid[b]) == body]


def _own(model: mujoco.MjModel, body: int) -> list[int]:
    first = int(model.body_jntadr[body])
    return list(range(first, first + int(model.body_jntnum[body])))


def _branches(model: mujoco.MjModel, body: int) -> list[int]:
    """The nearest bodies with joints that a body and what is fixed to it carry."""
    found: list[int] = []
    for child in _children(model, body):
        found += [child] if model.body_jntnum[child] else _branches(model, child)
    return found


def _depth(model: mujoco.MjModel, body: int) -> int:
    """The largest number of joints in a row, from a body on."""
    below = max([_depth(model, child) for child in _children(model, body)], default=0)
    return int(model.body_jntnum[body]) + below


def _moves_freely(model: mujoco.MjModel, body: int) -> bool:
    return any(int(model.jnt_type[j]) == int(mujoco.mjtJoint.mjJNT_FREE) for j in _own(model, body))


def _kinds(model: mujoco.MjModel, branch: int) -> str:
    """The joints of a branch, in words."""
    kinds = [int(model.jnt_type[j]) for b in tree(model, branch) for j in _own(model, b)]
    words = {int(mujoco.mjtJoint.mjJNT_HINGE): "hinge", int(mujoco.mjtJoint.mjJNT_SLIDE): "slide"}
    counts = {word: kinds.count(kind) for kind, word in words.items() if kind in kinds}
    return ", ".join(f"{n} {word}{'s' * (n > 1)}" for word, n in counts.items()) or "a ball joint"
