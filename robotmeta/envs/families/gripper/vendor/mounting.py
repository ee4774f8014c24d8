"""Where an arm stands at the family's table, and how it holds the hand above it: a search by inverse kinematics."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from robotmeta.envs.families.gripper.vendor.kinematics import Chain
from robotmeta.errors import UserError

Point = tuple[float, float, float, float]
"""A pose that the hand must reach: x, y and height above the table, m, and turn, rad."""

HOME: Point = (0.0, 0.0, 0.15, 0.0)
_FORWARD = {"x": 0.0, "y": 0.5 * math.pi, "-y": -0.5 * math.pi, "-x": math.pi}
_AHEAD = tuple(np.arange(0.25, 0.9, 0.1))  # metres, from the base to the middle of the table, times the arm's reach
_BELOW = (0.0, 0.15, 0.3, 0.45, 0.6, -0.2)  # how far below the shoulder the table lies, times the reach
_GUESSES, _MORE_GUESSES = 5, 25  # the second number where the first finds nothing
_STEPS, _FURTHER = 30, 12  # of inverse kinematics, to the home pose and from it to the other points
_CLOSE, _UPRIGHT = 0.003, 0.03  # m and rad, within which a pose is reached
_CLEARANCE = 0.02  # metres above the table, for all joints but the first
_AGILE = 0.25  # metres, to compare turns of the hand with its motion
_NEAR = 0.02  # m
_NEAR_REST = 3.0  # how much more ease another branch must have than the one that is nearest to the rest pose
_PLACES, _BRANCHES = 10, 2  # that are followed
_PREFERRED = 0.4  # share of the best score from which a table level with the foot is preferred


@dataclass(frozen=True)
class Mounting:
    """An arm at the table, whose middle is the origin of the world.

    Attributes:
        chain: The arm's kinematics there.
        turn: Rotation of the arm's file about the vertical, rad.
        shift: Shift after that rotation, m, ``[3]``.
        turned: Turn of the hand's frame about its own z axis, rad, one of those that are the same to the family.
        home: Positions of the joints with the hand at :data:`HOME`, ``[joint]``.
        ahead: From the base to the middle of the table, m.
        raised: Height of the table above the origin of the arm's root body, m.
        reach: From the shoulder to the hand at most, m.
    """

    chain: Chain
    turn: float
    shift: np.ndarray
    turned: float
    home: np.ndarray
    ahead: float
    raised: float
    reach: float


def mount(
    chain: Chain,
    root: np.ndarray,
    hint: np.ndarray | None,
    points: Sequence[Point],
    turns: Sequence[float],
    forward: str | None,
    understood: str,
) -> Mounting:
    """Puts an arm at the table, where it reaches the workspace with the most ease.

    Args:
        chain: The arm's kinematics in its file.
        root: Place of its root body there, m, ``[3]``.
        hint: Positions of the joints in a keyframe, ``[joint]``, for the direction and the choice among poses.
        points: What the hand must reach.
        turns: Turns of the hand about its own axis that are the same to the family, rad.
        forward: The axis of the base toward the table; None for any.
        understood: What is understood so far, for errors.

    Raises:
        UserError: If there is no such place. It says how far the arm reaches.
    """
    reach, shoulder = _reach(chain)
    heights = [float(root[2]), *(shoulder - below * reach for below in _BELOW)]
    places = list(itertools.product(_AHEAD, heights))
    base = torch.tensor([*chain.anchors[0, :2].tolist(), 0.0], dtype=torch.float64)
    nearest = math.inf
    for angle in _directions(chain, hint, forward):
        # Targets are brought into the frame of the arm's file, so that all places are one batch.
        origin = torch.stack([_ahead(base, angle, ahead * reach, height) for ahead, height in places])
        found, ease = [], torch.zeros(len(turns), len(places))
        for guesses in (_GUESSES, _MORE_GUESSES):
            found = [_searched(chain, origin, angle, turned, points, hint, guesses) for turned in turns]
            nearest = min(nearest, *(missed for _, _, missed in found))
            ease = torch.stack([least for _, least, _ in found])  # [turn, place]
            if float(ease.max()) > 0.0:
                break
        if float(ease.max()) <= 0.0:
            continue
        level = ease * torch.tensor([height == heights[0] for _, height in places])
        chosen = level if float(level.max()) > _PREFERRED * float(ease.max()) else ease
        which, where = divmod(int(chosen.argmax()), len(places))
        ahead, height = places[where]
        shift = _about_z(-angle) @ -origin[where]
        return Mounting(
            chain=chain.in_hand(_about_z(turns[which])).moved(_about_z(-angle), shift),
            turn=-angle,
            shift=shift.numpy(),
            turned=turns[which],
            home=found[which][0][where].numpy(),
            ahead=ahead * reach,
            raised=height - heights[0],
            reach=reach,
        )
    near = " but is beyond limits of joints or below the table" if nearest < _NEAR else ""
    raise UserError(
        f"{understood}; it reaches {reach:.2f} m from its shoulder, and at no place of the table does its hand point "
        f"down everywhere in the family's workspace of {_size(points)}: at best it misses a point by "
        f"{nearest:.2f} m{near}"
    )


def _searched(
    chain: Chain,
    origin: Tensor,
    angle: float,
    turned: float,
    points: Sequence[Point],
    hint: np.ndarray | None,
    number: int,
) -> tuple[Tensor, Tensor, float]:
    """For each place of the table, the pose with the hand at home from which it reaches all points with most ease.

    Returns:
        Those poses, ``[place, joint]``; the least ease, 0 where a point is not reached, ``[place]``; and the distance
        from the point that is missed by most, m, at the best place. It ends at a point that no place reaches.
    """
    rest = _rest(chain, hint)
    chain = chain.in_hand(_about_z(turned))
    guesses = _guesses(chain, rest, number).expand(len(origin), -1, -1)
    home, ease = _followed(chain, guesses, origin, angle, HOME, rest, _STEPS)
    if not bool(ease.any()):
        to, _ = _target(origin, angle, HOME)
        return rest.expand(len(origin), -1), ease[:, 0], float((chain.hand(home)[0] - to).norm(dim=-1).min())
    ease[:, 0] *= _NEAR_REST
    tried = ease.amax(dim=1).topk(min(_PLACES, len(origin))).indices
    branches = ease[tried].topk(_BRANCHES, dim=1).indices
    home = home[tried.unsqueeze(1), branches]
    least, missed = ease[tried.unsqueeze(1), branches], torch.zeros(branches.shape, dtype=torch.float64)
    for point in points:
        there, ease = _followed(chain, home, origin[tried], angle, point, home, _FURTHER)
        least = torch.minimum(least, ease)
        to, _ = _target(origin[tried], angle, point)
        missed = torch.maximum(missed, (chain.hand(there)[0] - to).norm(dim=-1))
        if not bool(least.any()):
            break
    least = torch.where(branches == 0, _NEAR_REST * least, least)
    best, rows = least.argmax(dim=1), torch.arange(len(tried))
    poses, eases = rest.expand(len(origin), -1).clone(), torch.zeros(len(origin), dtype=torch.float64)
    poses[tried], eases[tried] = home[rows, best], least[rows, best]
    return poses, eases, float(missed.min())


def _followed(
    chain: Chain, joints: Tensor, origin: Tensor, angle: float, point: Point, rest: Tensor, steps: int
) -> tuple[Tensor, Tensor]:
    """Poses with the hand at a point, ``[place, guess, joint]``, and their ease, 0 if they miss it."""
    to, yaw = _target(origin, angle, point)
    found = chain.reached(joints, to, yaw, rest, steps)
    place, turn, _ = chain.hand(found)
    error = chain.error(place, turn, to, yaw)
    there = (error[..., :3].norm(dim=-1) < _CLOSE) & (error[..., 3:].norm(dim=-1) < _UPRIGHT)
    if chain.posed > 3:
        there &= turn[..., 2, 2] > 0.9
    there &= (chain.anchors_at(found)[..., 2:, 2] > origin[:, None, None, 2] + _CLEARANCE).all(dim=-1)
    return found, torch.where(there, _ease(chain, found), 0.0)


def _target(origin: Tensor, angle: float, point: Point) -> tuple[Tensor, Tensor]:
    """A point above the table in the frame of the arm's file, ``[place, 1, 3]``, and its turn, a number."""
    above = _about_z(angle) @ torch.tensor(point[:3], dtype=torch.float64)
    return (origin + above).unsqueeze(1), torch.tensor(angle + point[3], dtype=torch.float64)


def _ease(chain: Chain, joints: Tensor) -> Tensor:
    """How easily the hand moves there: the smallest singular value of the Jacobian, less near limits of joints."""
    jacobian = chain.hand(joints)[2][..., : chain.posed, :].clone()
    jacobian[..., 3:, :] *= _AGILE
    agile = torch.linalg.svdvals(jacobian)[..., -1]
    room = torch.minimum(joints - chain.low, chain.high - joints).clamp(max=0.3).amin(dim=-1) / 0.3
    room = torch.where(torch.isfinite(room), room, torch.ones(()).to(room))
    return 1e-6 + agile * (0.2 + 0.8 * room)


def _reach(chain: Chain) -> tuple[float, float]:
    """How far the hand gets from the shoulder, m, and the height of the shoulder, m.

    The shoulder is the first joint whose axis is not vertical.
    """
    tilted = [i for i in range(len(chain.zero)) if abs(float(chain.axes[i, 2])) < 0.9 and not bool(chain.slides[i])]
    first = tilted[0] if tilted else 0
    path = torch.cat([chain.anchors[first:], chain.place.unsqueeze(0)])
    return float((path[1:] - path[:-1]).norm(dim=-1).sum()), float(chain.anchors[first, 2])


def _directions(chain: Chain, hint: np.ndarray | None, forward: str | None) -> list[float]:
    """Directions of the table as seen from the base, rad: the one that is asked for, or all, the hinted one first."""
    if forward is not None:
        if forward not in _FORWARD:
            raise UserError(f"forward: an arm's table lies along {', '.join(_FORWARD)}, not {forward}")
        return [_FORWARD[forward]]
    seen = chain.hand(_rest(chain, hint))[0] - chain.anchors[0]
    angle = math.atan2(float(seen[1]), float(seen[0])) if float(seen[:2].norm()) > 0.1 else 0.0
    nearest = min(_FORWARD.values(), key=lambda a: abs(math.remainder(a - angle, 2.0 * math.pi)))
    return [nearest] if hint is not None else [0.0, *(a for a in _FORWARD.values() if a != 0.0)]


def _rest(chain: Chain, hint: np.ndarray | None) -> Tensor:
    """The hinted pose, or the middle of the ranges."""
    low, high = _ranges(chain)
    middle = (low + high) / 2.0
    return (middle if hint is None else torch.tensor(hint)).clamp(chain.low, chain.high)


def _ranges(chain: Chain) -> tuple[Tensor, Tensor]:
    """Limits of the joints; half a turn to each side where there are none."""
    return chain.low.nan_to_num(neginf=-math.pi), chain.high.nan_to_num(posinf=math.pi)


def _guesses(chain: Chain, rest: Tensor, number: int) -> Tensor:
    """Poses to start from, ``[guess, joint]``: the rest pose and fixed random ones around it."""
    generator = torch.Generator().manual_seed(0)
    low, high = _ranges(chain)
    drawn = torch.rand(number - 1, len(rest), generator=generator, dtype=torch.float64)
    return torch.cat([rest.unsqueeze(0), low + (high - low) * (0.1 + 0.8 * drawn)])


def _ahead(base: Tensor, angle: float, ahead: float, height: float) -> Tensor:
    """The middle of the table in the frame of the arm's file, m, ``[3]``."""
    direction = torch.tensor([math.cos(angle), math.sin(angle), 0.0], dtype=torch.float64)
    return base + ahead * direction + torch.tensor([0.0, 0.0, height], dtype=torch.float64)


def _about_z(angle: float) -> Tensor:
    cos, sin = math.cos(angle), math.sin(angle)
    return torch.tensor([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64)


def _size(points: Sequence[Point]) -> str:
    spans = [max(p[i] for p in points) - min(p[i] for p in points) for i in range(3)]
    return " x ".join(f"{100 * span:.0f}" for span in spans) + " cm"
