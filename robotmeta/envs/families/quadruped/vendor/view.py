"""A vendor's robot as the family sees it: pose of the hips, and joints in our order, signs and zeros."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from robotmeta.envs.episode_memory import EpisodeMemory
from robotmeta.envs.families.quadruped.model import standing_height
from robotmeta.envs.family import Columns, State, TaskFamily, Transition


@dataclass(frozen=True)
class View:
    """Turns the state of the vendor's model into that of the family's, which its functions read.

    Attributes:
        root: Where the pose of the root body begins in ``qpos``, and its velocity in ``qvel``.
        positions, velocities: Where the legs' joints are in ``qpos`` and in ``qvel``, in our order, ``[12]``.
        standing: The vendor's angles of these joints when it stands, ``[12]``.
        mixing: Our angles by the vendor's, ``[12, 12]``: signs, and the coupling of legs that bend the other way.
        turn: Quaternion from the frame of forward, left and up to the root body's.
        centre: Middle of the hips in the root body's frame, m, ``[3]``.
        height: Height of that point when the robot stands, m.
        numbers: The numbers of the robot that the family's functions read from the task.
    """

    root: tuple[int, int]
    positions: Tensor
    velocities: Tensor
    standing: Tensor
    mixing: Tensor
    turn: Tensor
    centre: Tensor
    height: float
    numbers: Mapping[str, float]

    def state(self, state: State) -> State:
        """The family's state, ``qpos`` and ``qvel`` of a free body with 12 joints; other fields as they are."""
        qpos, qvel = state["qpos"], state["qvel"]
        at, speed = self.root
        position, body = qpos[..., at : at + 3], qpos[..., at + 3 : at + 7]
        linear, angular = qvel[..., speed : speed + 3], qvel[..., speed + 3 : speed + 6]
        centre, turn, mixing = (value.to(qpos) for value in (self.centre, self.turn, self.mixing))
        middle = position + _rotated(body, centre.expand_as(position))
        moving = linear + _rotated(body, torch.linalg.cross(angular, centre.expand_as(angular)))
        ours = standing_height(self.numbers["thigh_length"], self.numbers["calf_length"])
        raised = middle - middle.new_tensor([0.0, 0.0, self.height - ours])
        joints = (qpos[..., self.positions.to(qpos.device)] - self.standing.to(qpos)) @ mixing.T
        turning = qvel[..., self.velocities.to(qpos.device)] @ mixing.T
        inward = _rotated(_inverse(turn).expand_as(body), angular)
        seen = torch.cat([raised, _times(body, turn), joints], dim=-1)
        return {**state, "qpos": seen, "qvel": torch.cat([moving, inward, turning], dim=-1)}

    def task(self, task: Columns) -> Columns:
        """The task with the numbers of the robot."""
        like = next(iter(task.values()))
        return {**task, **{name: torch.full_like(like, value) for name, value in self.numbers.items()}}

    def functions(self, family: TaskFamily) -> dict[str, Any]:
        """The family's functions, for the state of the vendor's model."""
        named = ("observe", "terminated", "success", "observe_privileged_state")
        return {
            "reward": lambda step: family.reward(self._step(step)),
            "memory": None if family.memory is None else self._memory(family.memory),
            "measures": tuple(replace(measure, of=self._seeing(measure.of)) for measure in family.measures),
            **{name: self._seeing(getattr(family, name)) for name in named},
        }

    def _seeing(self, function: Callable[..., Any]) -> Callable[[State, Columns], Any]:
        return lambda state, task: function(self.state(state), self.task(task))

    def _step(self, step: Transition) -> Transition:
        return Transition(self.state(step.before), step.action, self.state(step.after), self.task(step.task))

    def _memory(self, memory: EpisodeMemory) -> EpisodeMemory:
        """The family's memory, for the state of the vendor's model."""
        resume = memory.resume
        return replace(
            memory,
            start=lambda state, generator, task: memory.start(self.state(state), generator, self.task(task)),
            advance=lambda step: memory.advance(self._step(step)),
            resume=resume and (lambda state, seen, task: resume(self.state(state), seen, self.task(task))),
        )


def _times(first: Tensor, second: Tensor) -> Tensor:
    """Product of two quaternions, ``[..., 4]``."""
    w, v = first[..., :1], first[..., 1:]
    s, u = second[..., :1], second.expand_as(first)[..., 1:]
    real = w * s - (v * u).sum(dim=-1, keepdim=True)
    return torch.cat([real, w * u + s * v + torch.linalg.cross(v, u)], dim=-1)


def _inverse(turn: Tensor) -> Tensor:
    return turn * turn.new_tensor([1.0, -1.0, -1.0, -1.0])


def _rotated(turn: Tensor, vector: Tensor) -> Tensor:
    """Vectors ``[..., 3]``, rotated by quaternions ``[..., 4]``."""
    w, axis = turn[..., :1], turn[..., 1:]
    twice = 2.0 * torch.linalg.cross(axis, vector)
    return vector + w * twice + torch.linalg.cross(axis, twice)
