"""Kinematics of a chain of hinges and slides, over batches in torch."""

from __future__ import annotations

from dataclasses import dataclass, replace

import mujoco
import numpy as np
import torch
from torch import Tensor

from robotmeta.envs.families.gripper.vendor.chain import Arm
from robotmeta.envs.families.gripper.vendor.hand import Hand

_DAMPING = 0.02  # of the least-squares steps
_LONGEST = 0.3  # radians or metres, the largest change of a joint in a step
_BACK = 0.1  # share of the way back to the rest pose in a step, where the hand leaves it free


@dataclass(frozen=True)
class Chain:
    """A chain of joints that ends in a hand, as a product of exponentials (Brockett 1984).

    Attributes:
        axes: Axes of the joints at position ``zero``, in the world's frame, ``[joint, 3]``.
        anchors: Points on these axes, m, ``[joint, 3]``.
        slides: Whether each is a slide, bool ``[joint]``.
        zero: Positions of the joints at which ``place`` and ``turn`` are those of the hand, ``[joint]``.
        place: Where the hand is, m, ``[3]``.
        turn: Its axes, one a column, ``[3, 3]``.
        low, high: Limits of the joints, ``[joint]``; infinite where there are none.
    """

    axes: Tensor
    anchors: Tensor
    slides: Tensor
    zero: Tensor
    place: Tensor
    turn: Tensor
    low: Tensor
    high: Tensor

    @classmethod
    def of(cls, model: mujoco.MjModel, data: mujoco.MjData, arm: Arm, hand: Hand) -> Chain:
        """The chain of an arm, from the pose of its model."""
        joints = list(arm.joints)
        limited = model.jnt_limited[joints].astype(bool)
        low, high = (
            np.where(limited, model.jnt_range[joints, side], bound) for side, bound in ((0, -np.inf), (1, np.inf))
        )
        return cls(
            axes=torch.tensor(data.xaxis[joints]),
            anchors=torch.tensor(data.xanchor[joints]),
            slides=torch.tensor(model.jnt_type[joints] == int(mujoco.mjtJoint.mjJNT_SLIDE)),
            zero=torch.tensor(data.qpos[model.jnt_qposadr[joints]]),
            place=torch.tensor(hand.place),
            turn=torch.tensor(hand.axes),
            low=torch.tensor(low),
            high=torch.tensor(high),
        )

    def moved(self, turn: Tensor, by: Tensor) -> Chain:
        """The chain after a rotation ``[3, 3]`` and then a shift ``[3]`` of its base."""
        return replace(
            self,
            axes=self.axes @ turn.T,
            anchors=self.anchors @ turn.T + by,
            place=turn @ self.place + by,
            turn=turn @ self.turn,
        )

    def in_hand(self, turn: Tensor) -> Chain:
        """The chain with the hand's frame rotated in itself, ``[3, 3]``."""
        return replace(self, turn=self.turn @ turn)

    def on(self, device: torch.device) -> Chain:
        """The chain on a device."""
        return replace(self, **{name: getattr(self, name).to(device) for name in self.__dataclass_fields__})

    @property
    def posed(self) -> int:
        """How many of place (3), pointing down (2) and turn (1) it can choose."""
        return 6 if len(self.zero) >= 6 else 5 if len(self.zero) == 5 else 3

    def hand(self, joints: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Place ``[..., 3]``, axes ``[..., 3, 3]`` and Jacobian ``[..., 6, joint]`` (m and rad) of the hand.

        Args:
            joints: Positions of the joints, ``[..., joint]``.
        """
        turns, shifts = self._carried(joints)
        axes, anchors = self._axes(turns, shifts)
        turn, place = turns[..., -1, :, :], shifts[..., -1, :]
        place = place + (turn @ self.place.unsqueeze(-1)).squeeze(-1)
        along = torch.linalg.cross(axes, place.unsqueeze(-2) - anchors)
        linear = torch.where(self.slides.unsqueeze(-1), axes, along)
        angular = torch.where(self.slides.unsqueeze(-1), torch.zeros_like(axes), axes)
        return place, turn @ self.turn, torch.cat([linear, angular], dim=-1).transpose(-1, -2)

    def anchors_at(self, joints: Tensor) -> Tensor:
        """Where the joints are, m, ``[..., joint, 3]``."""
        return self._axes(*self._carried(joints))[1]

    def _axes(self, turns: Tensor, shifts: Tensor) -> tuple[Tensor, Tensor]:
        """Axes and anchors of the joints, ``[..., joint, 3]``. Those before a joint move it."""
        turns, shifts = turns[..., :-1, :, :], shifts[..., :-1, :]
        axes = (turns @ self.axes.unsqueeze(-1)).squeeze(-1)
        return axes, (turns @ self.anchors.unsqueeze(-1)).squeeze(-1) + shifts

    def _carried(self, joints: Tensor) -> tuple[Tensor, Tensor]:
        """How the first 0, 1, ... joints move what they carry: ``[..., joint + 1, 3, 3]``, ``[..., joint + 1, 3]``."""
        moved = joints - self.zero
        across = _crossing(self.axes)
        angle = torch.where(self.slides, 0.0, moved)[..., None, None]
        turns = torch.eye(3).to(across) + angle.sin() * across + (1.0 - angle.cos()) * (across @ across)
        shifts = self.anchors - (turns @ self.anchors.unsqueeze(-1)).squeeze(-1)
        shifts = shifts + (self.slides * moved).unsqueeze(-1) * self.axes
        turn, place = torch.eye(3).to(turns).expand_as(turns[..., 0, :, :]), torch.zeros_like(shifts[..., 0, :])
        carried = [(turn, place)]
        for i in range(len(self.zero)):
            place = place + (turn @ shifts[..., i, :, None]).squeeze(-1)
            turn = turn @ turns[..., i, :, :]
            carried.append((turn, place))
        return torch.stack([t for t, _ in carried], dim=-3), torch.stack([p for _, p in carried], dim=-2)

    def error(self, place: Tensor, turn: Tensor, to: Tensor, yaw: Tensor) -> Tensor:
        """From a hand to a place, pointing down and turned by ``yaw``, m and rad, ``[..., posed]``."""
        cos, sin, none = yaw.cos(), yaw.sin(), torch.zeros_like(yaw)
        forward, left = torch.stack([cos, sin, none], dim=-1), torch.stack([-sin, cos, none], dim=-1)
        up = torch.stack([none, none, none + 1.0], dim=-1)
        wanted = torch.stack([forward, left, up], dim=-1)
        turned = torch.linalg.cross(turn, wanted.expand_as(turn), dim=-2).sum(dim=-1) / 2.0
        return torch.cat([to - place, turned], dim=-1)[..., : self.posed]

    def step(self, joints: Tensor, to: Tensor, yaw: Tensor, rest: Tensor) -> Tensor:
        """One damped least-squares step (Nakamura and Hanafusa 1986) toward a pose of the hand, within the limits.

        Args:
            joints: Positions of the joints, ``[..., joint]``.
            to: Place of the hand, m, ``[..., 3]``.
            yaw: Its turn about the vertical, rad, ``[...]``.
            rest: Positions to which joints return where the hand leaves them free, ``[..., joint]``.
        """
        place, turn, jacobian = self.hand(joints)
        jacobian = jacobian[..., : self.posed, :]
        error = self.error(place, turn, to, yaw)
        square = jacobian @ jacobian.transpose(-1, -2)
        damped = square + _DAMPING**2 * torch.eye(self.posed).to(square)
        back = _BACK * (rest - joints).expand_as(joints)
        wanted = error - (jacobian @ back.unsqueeze(-1)).squeeze(-1)
        solved = torch.linalg.solve(damped, wanted.unsqueeze(-1))
        change = back + (jacobian.transpose(-1, -2) @ solved).squeeze(-1)
        return (joints + change.clamp(-_LONGEST, _LONGEST)).clamp(self.low, self.high)

    def reached(self, joints: Tensor, to: Tensor, yaw: Tensor, rest: Tensor, steps: int) -> Tensor:
        """Positions of the joints after several steps, ``[..., joint]``."""
        for _ in range(steps):
            joints = self.step(joints, to, yaw, rest)
        return joints


def _crossing(axes: Tensor) -> Tensor:
    """Matrices of the cross product with axes, ``[..., 3, 3]``."""
    x, y, z = axes.unbind(dim=-1)
    none = torch.zeros_like(x)
    rows = ((none, -z, y), (z, none, -x), (-y, x, none))
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)
