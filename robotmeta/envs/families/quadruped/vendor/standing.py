"""The standing pose of a vendor's quadruped: the family's, found by kinematics."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import mujoco
import numpy as np

from robotmeta.envs.families.quadruped.model import LEGS, STAND
from robotmeta.envs.families.quadruped.vendor.chains import KINDS, Chain, foot_centre
from robotmeta.envs.families.quadruped.vendor.legs import Legs
from robotmeta.envs.vendor.shapes import farthest, touches
from robotmeta.errors import UserError

_INWARD = 1e-3  # m, by which a leg may be on the inner side of its abduction axis
_MARGIN = 0.05  # radians between the standing pose and a limit


@dataclass(frozen=True)
class StandingLeg:
    """One leg of the standing robot.

    Attributes:
        angles: The vendor's angles of abduction, hip and knee when it stands, radians.
        signs: 1 where the vendor's angle grows with ours, else -1. Ours grow outward, and as the link swings back.
        thigh: Distance from the hip axis to the knee axis, m.
        calf: Distance from the knee axis to the centre of the foot, m.
        offset: Distance from the abduction axis to the plane of the leg, m.
        coupling: 0 for a leg that bends as ours. In a leg that bends the other way, our hip is the vendor's hip plus
            this many times the vendor's knee, so that the foot moves as ours does.
    """

    angles: tuple[float, float, float]
    signs: tuple[float, float, float]
    thigh: float
    calf: float
    offset: float
    coupling: float = 0.0


@dataclass(frozen=True)
class Standing:
    """The standing robot. Positions are in the frame of forward, left and up.

    Attributes:
        qpos: Its pose, with the trunk above the origin, feet on the ground.
        legs: The legs by our names.
        centre: Middle of the four hips in the root body's frame, ``[3]``, m.
        height: Height of that point above the ground, m.
        length: Distance between the front and the hind hip axes, m.
        width: Distance between the left and the right abduction axes, m.
    """

    qpos: np.ndarray
    legs: dict[str, StandingLeg]
    centre: np.ndarray
    height: float
    length: float
    width: float


def stand(model: mujoco.MjModel, legs: Legs, pose: np.ndarray, name: str) -> Standing:
    """Finds the standing pose.

    Args:
        model: The vendor's model.
        legs: Its legs.
        pose: A pose, for the joints that belong to no leg.
        name: Name of the file, for errors.

    Raises:
        UserError: If a joint's limits do not allow it, whichever way the knee bends.
    """
    data = mujoco.MjData(model)
    data.qpos[:] = pose
    root = int(model.jnt_qposadr[model.body_jntadr[legs.root]])
    turn = np.zeros(4)
    mujoco.mju_mat2Quat(turn, legs.axes.T.ravel())
    data.qpos[root : root + 7] = [0.0, 0.0, 0.0, *turn]
    standing = {leg: _stand_on(model, data, chain, leg, name) for leg, chain in legs.chains.items()}
    mujoco.mj_kinematics(model, data)
    hips = np.array([data.xanchor[chain.joints[1]] for chain in legs.chains.values()])
    sides = np.array([data.xanchor[chain.joints[0]] for chain in legs.chains.values()])
    forward, left = (np.array([LEGS[leg][i] for leg in legs.chains]) for i in (0, 1))
    geoms = [g for g in range(model.ngeom) if _moves_with(model, g, legs.root) and touches(model, g)]
    lowest = min(farthest(model, data, g, np.array([0.0, 0.0, -1.0]))[2] for g in geoms)
    data.qpos[root + 2] = -lowest
    # A point of an axis along x says nothing about x, and one of an axis along y nothing about y.
    centre = np.array([hips[:, 0].mean(), sides[:, 1].mean(), hips[:, 2].mean()])
    return Standing(
        qpos=data.qpos.copy(),
        legs=standing,
        centre=legs.axes @ centre,
        height=float(centre[2] - lowest),
        length=float((forward * hips[:, 0]).mean() * 2.0),
        width=float((left * sides[:, 1]).mean() * 2.0),
    )


def _moves_with(model: mujoco.MjModel, geom: int, root: int) -> bool:
    return int(model.body_rootid[model.geom_bodyid[geom]]) == root


def _stand_on(model: mujoco.MjModel, data: mujoco.MjData, chain: Chain, leg: str, name: str) -> StandingLeg:
    """Puts a leg into the standing pose, and measures it. The first way to stand on the leg's outer side is chosen."""
    abduction, knee = chain.joints[0], chain.joints[2]
    address = [int(model.jnt_qposadr[joint]) for joint in chain.joints]
    mujoco.mj_kinematics(model, data)
    data.qpos[address[0]] += _level(data.xaxis[abduction], data.xaxis[knee])
    found: list[StandingLeg] = []
    beyond: list[str] = []
    for turned, mirrored in itertools.product((0.0, math.pi), (False, True)):
        # Half a turn about the abduction axis makes the knee's axis lateral, too.
        data.qpos[address[0]] += turned if not mirrored else 0.0
        pose = _posed(model, data, chain, LEGS[leg][1], mirrored)
        angles = [_within(model, joint, angle) for joint, angle in zip(chain.joints, pose.angles, strict=True)]
        if None in angles:
            beyond.append(_limits(model, chain, address, data))
        else:
            found.append(replace(pose, angles=tuple(angles)))  # pyright: ignore[reportArgumentType]
    if not found:
        raise UserError(f"{name}: four legs, but the leg {leg} cannot stand as ours does: {beyond[0]}")
    stands = next((one for one in found if one.offset > -_INWARD), found[0])
    data.qpos[address] = stands.angles
    mujoco.mj_kinematics(model, data)
    return stands


def _posed(model: mujoco.MjModel, data: mujoco.MjData, chain: Chain, side: float, mirrored: bool) -> StandingLeg:
    """Turns hip and knee of a leg with a lateral knee axis to our pitches, or to the mirrored ones, and measures it."""
    abduction, hip, knee = chain.joints

    def turn(joint: int, angle: float) -> None:
        data.qpos[model.jnt_qposadr[joint]] += angle
        mujoco.mj_kinematics(model, data)

    mujoco.mj_kinematics(model, data)
    signs = (side * _sign(data.xaxis[abduction][0]), _sign(data.xaxis[hip][1]), _sign(data.xaxis[knee][1]))
    thigh, calf = _lengths(data, chain, foot_centre(model, data, chain))
    pitches = _pitches(thigh, calf)[mirrored]
    turn(hip, signs[1] * (pitches[0] - _pitch(data.xanchor[knee] - data.xanchor[hip])))
    turn(knee, signs[2] * (pitches[1] - _pitch(foot_centre(model, data, chain) - data.xanchor[knee])))
    first, second, third = (float(data.qpos[model.jnt_qposadr[joint]]) for joint in chain.joints)
    offset = side * float((foot_centre(model, data, chain) - data.xanchor[abduction])[1])
    coupling = _coupling(thigh, calf) if mirrored else 0.0
    return StandingLeg((first, second, third), signs, thigh, calf, offset, coupling)


def _level(axis: np.ndarray, knee: np.ndarray) -> float:
    """The smallest turn about the abduction axis that makes the knee's axis lateral, radians."""
    lateral = np.array([0.0, _sign(knee[1]), 0.0])
    lateral -= (lateral @ axis) * axis
    knee = knee - (knee @ axis) * axis
    return math.atan2(np.cross(knee, lateral) @ axis, knee @ lateral)


def _lengths(data: mujoco.MjData, chain: Chain, foot: np.ndarray) -> tuple[float, float]:
    """Lengths of thigh and calf in the plane of the leg, m."""
    _, hip, knee = (data.xanchor[joint] for joint in chain.joints)
    return float(np.linalg.norm((knee - hip)[[0, 2]])), float(np.linalg.norm((foot - knee)[[0, 2]]))


def _pitches(thigh: float, calf: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Pitches of thigh and calf in our standing pose, and with the knee to the other side of hip and foot."""
    first, second = STAND["hip"], STAND["hip"] + STAND["knee"]
    foot = thigh * _down(first) + calf * _down(second)
    line = _pitch(np.array([foot[0], 0.0, foot[1]]))
    return (first, second), (2.0 * line - first, 2.0 * line - second)


def _coupling(thigh: float, calf: float) -> float:
    """Twice the turn of the line from hip to foot for a small turn of the knee."""
    bend = math.cos(STAND["knee"])
    return 2.0 * calf * (calf + thigh * bend) / (thigh**2 + calf**2 + 2.0 * thigh * calf * bend)


def _down(pitch: float) -> np.ndarray:
    return np.array([-math.sin(pitch), -math.cos(pitch)])


def _pitch(link: np.ndarray) -> float:
    """How far a link swings back from straight down, radians."""
    return math.atan2(-link[0], -link[2])


def _sign(value: float) -> float:
    return 1.0 if value >= 0.0 else -1.0


def _within(model: mujoco.MjModel, joint: int, angle: float) -> float | None:
    """The same angle within the joint's limits; None if there is none."""
    nearest = (angle + math.pi) % (2.0 * math.pi) - math.pi
    if not model.jnt_limited[joint]:
        return nearest
    low, high = model.jnt_range[joint]
    turns = (nearest, nearest + 2.0 * math.pi, nearest - 2.0 * math.pi)
    return next((turned for turned in turns if low + _MARGIN <= turned <= high - _MARGIN), None)


def _limits(model: mujoco.MjModel, chain: Chain, address: list[int], data: mujoco.MjData) -> str:
    said = []
    for kind, joint, place in zip(KINDS, chain.joints, address, strict=True):
        angle = float(data.qpos[place])
        if _within(model, joint, angle) is None:
            low, high = model.jnt_range[joint]
            angle = (angle + math.pi) % (2.0 * math.pi) - math.pi
            named = f"the {kind} '{model.joint(joint).name}'"
            said.append(f"{named} would be at {angle:.2f} rad, and its range is {low:.2f} to {high:.2f}")
    return "; ".join(said)
