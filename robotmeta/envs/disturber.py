"""Disturbs the worlds of an environment: what policies see of them, and how they are pushed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from robotmeta.envs.disturbances import BIAS, DELAY, DROPPED, NOISE, PUSH, Disturbances, column
from robotmeta.envs.family import Columns, TaskFamily
from robotmeta.envs.sensors import mixing
from robotmeta.envs.simulators.protocol import Simulator
from robotmeta.ranks import Rank


@dataclass(frozen=True)
class _Now:
    """What goes on from one step of an episode to the next."""

    generator: Tensor | None
    """State of the generator of the episode; None for an episode without chance."""
    bias: Tensor
    """Bias of each reading in usual standard deviations, ``[task, episode, reading]``."""
    time: int = 0
    sent: Tensor | None = None
    """The last measurements, ``[delay, task, episode, sensed]``, in a ring."""
    seen: Tensor | None = None
    """What the policy saw last, ``[task, episode, sensed]``."""


class Disturber:
    """The disturbances of ``[task, episode]`` worlds.

    All random numbers of an episode come from one seed, which its reset draws. They are drawn on the CPU, and for the
    tasks of all ranks, so that they depend neither on the device nor on the number of ranks.

    Args:
        family: A family with disturbances.
        num_tasks: Tasks of this rank.
        num_episodes: Episodes of each task.
        rank: Which of several processes this one is.
        device: Where observations are.
    """

    def __init__(self, family: TaskFamily, num_tasks: int, num_episodes: int, rank: Rank, device: torch.device) -> None:
        assert family.disturbances is not None
        self._what: Disturbances = family.disturbances
        self._dt, self._rank, self._device = family.dt, rank, device
        self._shape = (num_tasks, num_episodes)
        readings = [sensor for sensor in family.sensors for _ in sensor.readings]
        self._groups = [sensor.group for sensor in readings]
        self._usual = {e: torch.tensor([getattr(s, e) for s in readings], device=device) for e in (NOISE, BIAS)}
        matrix = mixing(family.sensors, [name for name, _ in family.observations])
        self._sensed = matrix.any(dim=0).nonzero().squeeze(-1).to(device)
        self._mixing = matrix[:, matrix.any(dim=0)].to(device)
        self._generator = torch.Generator()
        self.now = _Now(None, torch.zeros(*self._shape, len(readings), device=device))

    def reset(self, generator: torch.Generator | None) -> None:
        """Starts an episode.

        Args:
            generator: Draws the seed of the episode; None for one without noise, bias, lost packets and pushes.
        """
        self.now = _Now(None, torch.zeros(*self._shape, len(self._groups), device=self._device))
        if generator is None:
            return
        self._generator.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        self.now = replace(self.now, generator=self._generator.get_state())
        if self._what.bias:
            self.now = replace(self.now, bias=self._drawn(torch.randn, len(self._groups)))

    def seen(self, observation: Tensor, task: Columns) -> Tensor:
        """What policies see instead of an observation; called once at the start and after each step.

        Args:
            observation: float32 ``[task, episode, observation]``. Numbers that are not finite are seen as they are.
            task: Columns of the tasks.
        """
        measured = (observation[..., self._sensed] + self._errors(task)).nan_to_num(0.0, 0.0, 0.0)
        arrived = self._delivered(self._delayed(measured, task), task)
        self.now = replace(self.now, time=self.now.time + 1, seen=arrived)
        seen = observation.clone()
        seen[..., self._sensed] = arrived
        return torch.where(observation.isfinite(), seen, observation)

    def push(self, simulator: Simulator, task: Columns, active: Tensor | None) -> None:
        """Changes the velocity of the bases that are pushed before this step.

        Args:
            simulator: The worlds.
            task: Columns of the tasks.
            active: bool ``[task, episode]``, worlds that may be pushed; None for all.
        """
        if not self._what.pushed or self.now.generator is None:
            return
        chance, turn = self._drawn(torch.rand, 2).unbind(dim=-1)
        pushed = (chance < self._dt / self._what.seconds) & (task[PUSH] > 0.0)
        pushed = pushed if active is None else pushed & active
        if not bool(pushed.any()):
            return
        angle = 2.0 * math.pi * turn
        direction = torch.stack([angle.cos(), angle.sin()], dim=-1)[..., : len(self._what.pushed)]
        direction = direction / direction.norm(dim=-1, keepdim=True)
        change = direction * (task[PUSH] * pushed).unsqueeze(-1)
        velocity = simulator.coordinates["qvel"]
        velocity[..., list(self._what.pushed)] += change.to(velocity.dtype)
        simulator.refresh()

    def _drawn(self, draw: Callable[..., Tensor], size: int) -> Tensor:
        """Random numbers of the worlds of this rank, ``[task, episode, size]``."""
        assert self.now.generator is not None
        self._generator.set_state(self.now.generator)
        tasks, episodes = self._shape
        drawn = draw(tasks * self._rank.count, episodes, size, generator=self._generator)
        self.now = replace(self.now, generator=self._generator.get_state())
        return self._rank.of(drawn).to(self._device)

    def _errors(self, task: Columns) -> Tensor:
        """Errors of the observations that sensors give, ``[task, episode, sensed]``."""
        errors = torch.zeros_like(self.now.bias)
        if self.now.generator is not None and self._what.noise:
            errors = errors + self._drawn(torch.randn, len(self._groups)) * self._scale(task, NOISE, self._what.noise)
        if self._what.bias:
            errors = errors + self.now.bias * self._scale(task, BIAS, self._what.bias)
        return errors @ self._mixing

    def _scale(self, task: Columns, error: str, groups: tuple[str, ...]) -> Tensor:
        """Standard deviation of an error of each reading, ``[task, 1, reading]``."""
        none = torch.zeros_like(next(iter(task.values())))
        columns = {group: task[column(group, error)] if group in groups else none for group in set(self._groups)}
        return (torch.stack([columns[g] for g in self._groups], dim=-1) * self._usual[error]).float()

    def _delayed(self, measured: Tensor, task: Columns) -> Tensor:
        """The measurements that arrive now, ``[task, episode, sensed]``; the first ones until there are others."""
        room = self._what.longest_delay + 1
        if room == 1:
            return measured
        if self.now.sent is None:
            self.now = replace(self.now, sent=measured.new_zeros(room, *measured.shape))
        sent = self.now.sent
        assert sent is not None
        sent[self.now.time % room] = measured
        late = (1e-3 * task[DELAY] / self._dt - 1e-9).ceil().long().clamp(max=min(self.now.time, room - 1)).squeeze(-1)
        return sent[(self.now.time - late) % room, torch.arange(len(late), device=late.device)]

    def _delivered(self, arriving: Tensor, task: Columns) -> Tensor:
        """What the policy sees, ``[task, episode, sensed]``: the last measurement again where one is lost."""
        if not self._what.dropped or self.now.generator is None:
            return arriving
        lost = self._drawn(torch.rand, 1) < task[DROPPED].unsqueeze(-1)
        return arriving if self.now.seen is None else torch.where(lost, self.now.seen, arriving)
