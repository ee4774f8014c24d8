"""Finds the robot in a file, and takes everything else out of the scene."""

from __future__ import annotations

from collections.abc import Iterator

import mujoco
import numpy as np

from robotmeta.errors import UserError

_FREE = mujoco.mjtJoint.mjJNT_FREE
_FLOOR_ALONE = 1 << 29  # contact bit that robots do not use among themselves
_PASSED = (mujoco.mjtWrap.mjWRAP_SITE, mujoco.mjtWrap.mjWRAP_SPHERE, mujoco.mjtWrap.mjWRAP_CYLINDER)
_SIZES = {int(_FREE): 7, int(mujoco.mjtJoint.mjJNT_BALL): 4}


def free_bodies(spec: mujoco.MjSpec) -> list[mujoco.MjsBody]:
    """The bodies that move freely in the world."""
    return [b for b in spec.worldbody.bodies if any(int(joint.type) == int(_FREE) for joint in b.joints)]


def tree(body: mujoco.MjsBody) -> Iterator[mujoco.MjsBody]:
    """A body and all bodies that it carries."""
    yield body
    for child in body.bodies:
        yield from tree(child)


def hinted_pose(spec: mujoco.MjSpec) -> dict[str, float]:
    """Positions of hinges and slides in the first keyframe, by joint; none without a keyframe that fits."""
    if not spec.keys:
        return {}
    joints = [joint for body in tree(spec.worldbody) for joint in body.joints]
    sizes = [_SIZES.get(int(joint.type), 1) for joint in joints]
    qpos = np.asarray(spec.keys[0].qpos)
    if len(qpos) != sum(sizes):
        return {}
    places = np.cumsum([0, *sizes])[:-1]
    return {joint.name: float(qpos[at]) for joint, size, at in zip(joints, sizes, places, strict=True) if size == 1}


def only(spec: mujoco.MjSpec, robot: mujoco.MjsBody) -> list[str]:
    """Takes all but one robot out of a scene, and sensors and keyframes too.

    Returns:
        What was left out, in one sentence, if anything was.
    """
    world = spec.worldbody
    others = [body for body in world.bodies if body.name != robot.name]
    left = [*(geom.name for geom in world.geoms), *(body.name for body in others)]
    inside = list(tree(robot))
    geoms, bodies = {geom.name for body in inside for geom in body.geoms}, {body.name for body in inside}
    sites = {site.name for body in inside for site in body.sites}
    _let_feet_touch(spec, geoms)
    held = [equality for equality in spec.equalities if _holds(equality, bodies, sites)]
    looking = [item for item in (*spec.cameras, *spec.lights) if item.targetbody and item.targetbody not in bodies]
    soft = [flex for flex in spec.flexes if not {*flex.nodebody, *flex.vertbody} <= bodies]
    across = [tendon for tendon in spec.tendons if not _touched(tendon) <= geoms | sites]
    hangs = any({item.name1, item.name2} & (bodies | sites) for item in held)
    hangs |= any(_touched(tendon) & (geoms | sites) for tendon in across)
    for item in [*held, *looking, *soft, *across, *spec.tuples, *spec.sensors, *spec.keys]:
        spec.delete(item)
    for item in [*others, *world.geoms, *world.sites, *world.lights, *world.cameras]:
        spec.delete(item)
    for pair in list(spec.pairs):
        if not {pair.geomname1, pair.geomname2} <= geoms:
            spec.delete(pair)
    for exclude in list(spec.excludes):
        if not {exclude.bodyname1, exclude.bodyname2} <= bodies:
            spec.delete(exclude)
    used = {geom.hfieldname for geom in spec.geoms}
    for hfield in list(spec.hfields):
        if hfield.name not in used:
            spec.delete(hfield)
    notes = []
    if left:
        more = f" and {len(left) - 5} more" if len(left) > 5 else ""
        notes.append(f"Left out of the scene: {', '.join(left[:5])}{more}. The floor is that of the family.")
    if hangs:
        notes.append("Constraints and tendons that hold the robot in the scene are left out.")
    return notes


def _let_feet_touch(spec: mujoco.MjSpec, geoms: set[str]) -> None:
    """Lets geoms touch the family's floor that do so in the file by pairs with geoms of the scene."""
    for pair in spec.pairs:
        for one, other in ((pair.geomname1, pair.geomname2), (pair.geomname2, pair.geomname1)):
            geom = spec.geom(one)
            if one in geoms and other not in geoms and not geom.contype and not geom.conaffinity:
                geom.conaffinity = _FLOOR_ALONE


def _holds(equality: mujoco.MjsEquality, bodies: set[str], sites: set[str]) -> bool:
    """Whether a constraint between bodies or sites holds the robot in the scene."""
    if int(equality.objtype) not in (int(mujoco.mjtObj.mjOBJ_BODY), int(mujoco.mjtObj.mjOBJ_SITE)):
        return False
    return not {equality.name1, equality.name2} <= bodies | sites


def _touched(tendon: mujoco.MjsTendon) -> set[str]:
    """Names of the sites and geoms that a tendon passes."""
    return {wrap.target.name for wrap in tendon.path if wrap.type in _PASSED}


def the_only(robots: list[str], name: str, what: str) -> str:
    """The only robot in a file.

    Raises:
        UserError: For several.
    """
    if len(robots) > 1:
        raise UserError(f"{name}: {len(robots)} {what}s in one file, {', '.join(robots)}: a file must have one")
    return robots[0]
