"""Recorded episodes, as a fit reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from robotmeta.envs import TaskFamily
from robotmeta.envs.family import State, bounded
from robotmeta.errors import UserError
from robotmeta.experience.observations import flatten
from robotmeta.experience.rollout import Rollout, concatenate_episodes

FEWEST_STEPS = 10


@dataclass(frozen=True)
class RecordedEpisodes:
    """Episodes of one robot.

    Attributes:
        observations: Before each step and after the last one, ``[episode, time + 1, observation]``.
        actions: As they were applied, in [-1, 1], ``[episode, time, action]``.
        rewards: ``[episode, time]``; NaN where they are not known.
        lengths: Steps of each episode, long ``[episode]``. What follows them is zero.
        states: State before each step and after the last one, by quantity, each ``[episode, time + 1, ...]``; None if
            it was not recorded.
    """

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    lengths: Tensor
    states: State | None = None

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def steps(self) -> int:
        """Steps of all episodes."""
        return int(self.lengths.sum())

    @property
    def saturated(self) -> float:
        """Share of the actions that are at their limit."""
        happened = torch.arange(self.actions.shape[1]) < self.lengths.unsqueeze(-1)
        return float((self.actions[happened].abs() >= 1.0).double().mean())

    def spread(self) -> Tensor:
        """Standard deviation of each observation and of the reward, ``[observation + 1]``."""
        times = torch.arange(self.observations.shape[1])
        seen = self.observations[times <= self.lengths.unsqueeze(-1)].double()
        gained = self.rewards[times[:-1] < self.lengths.unsqueeze(-1)].double()
        known = gained[gained.isfinite()]
        return torch.cat([seen.std(dim=0), (known.std() if len(known) > 1 else torch.zeros(())).double().view(1)])

    @classmethod
    def of(cls, rollouts: Sequence[Rollout]) -> RecordedEpisodes:
        """The episodes of the only task of some rollouts."""
        rollout = concatenate_episodes(list(rollouts)).to("cpu")
        lengths = rollout.mask[0].sum(dim=-1).long()
        before, last = flatten(rollout.observations)[0], flatten(rollout.last_observations)[0]
        observations = torch.cat([before, torch.zeros_like(before[:, :1])], dim=1)
        observations[torch.arange(len(lengths)), lengths] = last
        return cls(observations, bounded(rollout.actions[0]), rollout.rewards[0], lengths)

    def check(self, family: TaskFamily) -> None:
        """Raises UserError if a fit of the family cannot use these episodes."""
        sizes = (self.observations.shape[-1], self.actions.shape[-1])
        if sizes != (family.observation_size, family.action_size):
            raise UserError(
                f"these episodes have {sizes[0]} observations and {sizes[1]} actions, family '{family.name}' has "
                f"{family.observation_size} and {family.action_size}"
            )
        if self.steps < FEWEST_STEPS:
            raise UserError(f"a fit needs at least {FEWEST_STEPS} recorded steps, not {self.steps}")
        for name, values in (("observations", self.observations), ("actions", self.actions)):
            if not bool(values.isfinite().all()):
                raise UserError(f"the recorded {name} are not all finite")
