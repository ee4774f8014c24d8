"""What learners that adapt by acting share: a network that reads along, and trials as the sequences it read."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from robotmeta.envs.family import bounded
from robotmeta.experience.rollout import Belief, PolicyInput, Rollout
from robotmeta.metalearners.ppo import PPOConfig
from robotmeta.metalearners.protocol import MetaLearner, Sizes


@dataclass(frozen=True)
class InContextConfig(PPOConfig):
    """Hyper-parameters of learners that adapt by acting."""

    meta_batch: int = 32
    """Trials a meta-update, each with a task of its own."""
    episodes: int = 1
    """One: the episodes of a trial follow one another."""
    adaptation_steps: int = 2
    """Episodes of a trial before the last one. Beyond that many the hidden state leaves what was trained."""
    hidden_size: int = 128
    """GRU units."""
    bptt: int = 50
    """Steps that gradients flow back; 0 for the whole trial. Shorter sequences make larger, faster batches."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check("hidden_size", at_least=1)
        self.check("bptt", at_least=0)


ConfigT = TypeVar("ConfigT", bound=InContextConfig)


class Reading(NamedTuple):
    """What the network reads before an action; worlds are all episodes of all tasks."""

    inputs: Tensor
    """``[1, world, input]``."""
    hidden: Tensor
    """``[world, hidden]``."""


class InContext(MetaLearner[ConfigT], ABC):
    """Its belief is the hidden state, kept across the episodes of a trial; adapting is acting."""

    def __init__(self, sizes: Sizes, config: ConfigT, generator: torch.Generator) -> None:
        super().__init__(sizes, config, generator)
        self.input_size = sizes.observation + sizes.action + 2  # and the last reward, and whether an episode starts

    def begin(self, num_tasks: int, generator: torch.Generator | None = None) -> Belief:
        def nothing(size: int) -> Tensor:
            return torch.zeros(num_tasks, 1, size, device=self.device)

        # The last step of an episode is told with the first observation of the next, so that no reward goes unseen.
        return {
            "hidden": nothing(self.config.hidden_size),
            "action": nothing(self.sizes.action),
            "reward": nothing(1),
        }

    def adapt(self, belief: Belief, rollout: Rollout) -> Belief:
        taken = rollout.mask.sum(dim=-1, keepdim=True)
        last = (taken.long() - 1).clamp(min=0)
        action = rollout.actions.gather(2, last.unsqueeze(-1).expand(-1, -1, 1, self.sizes.action)).squeeze(2)
        reward = rollout.rewards.gather(2, last)
        return {
            **belief,
            "action": torch.where(taken > 0, action, belief["action"]),
            "reward": torch.where(taken > 0, reward, belief["reward"]),
        }

    def schedule(self, episodes: int) -> list[int]:
        return [1] * episodes

    def read(self, belief: Belief, policy_input: PolicyInput) -> Reading:
        """What the network reads before it acts."""
        tasks, episodes = policy_input.reward.shape
        start = torch.full((tasks, episodes, 1), float(policy_input.start), device=self.device)
        action, reward = policy_input.action, policy_input.reward
        if policy_input.start:
            action = belief["action"].expand(tasks, episodes, -1)
            reward = belief["reward"].expand(tasks, episodes, -1).squeeze(-1)
        inputs = self._inputs(policy_input.observation, action, reward, start)
        hidden = belief["hidden"].expand(tasks, episodes, -1)
        return Reading(inputs.view(1, tasks * episodes, -1), hidden.reshape(tasks * episodes, -1))

    def remember(self, belief: Belief, policy_input: PolicyInput, hidden: Tensor) -> Belief:
        """The belief with the hidden state after reading, ``[world, hidden]``, where episodes are still running."""
        hidden = hidden.view(*policy_input.reward.shape, -1)
        if policy_input.active is not None:
            hidden = torch.where(policy_input.active.unsqueeze(-1), hidden, belief["hidden"])
        return {**belief, "hidden": hidden}

    def read_along(self, timeline: Timeline) -> Tensor:
        """What was read before each step of some trials, ``[time, trial, input]``."""

        def told(value: Tensor) -> Tensor:  # last step's, whichever episode it was in; zero at the trial's start
            return torch.cat([torch.zeros_like(value[:1]), value[:-1]])

        def start(r: Rollout) -> Tensor:
            first = torch.zeros_like(r.rewards).unsqueeze(-1)
            first[:, :, 0] = 1.0
            return first

        return self._inputs(
            timeline.joined(lambda r: r.observations),
            told(timeline.joined(lambda r: r.actions)),
            told(timeline.joined(lambda r: r.rewards)),
            timeline.joined(start),
        )

    def in_pieces(
        self, network: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]], inputs: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        """Reads whole trials, ``bptt`` steps at a time.

        Args:
            network: ``(inputs [time, trial, input], hidden [trial, hidden]) -> (outputs, hidden)``.
            inputs: ``[time, trial, input]``.

        Returns:
            Outputs ``[time, trial, ...]``, and the hidden state before each piece, as :meth:`pieces` wants them.
        """
        outputs, hidden = [], [inputs.new_zeros(inputs.shape[1], self.config.hidden_size)]
        for piece in inputs.split(self._length(inputs)):
            output, after = network(piece, hidden[-1])
            outputs.append(output)
            hidden.append(after)
        return torch.cat(outputs), hidden[:-1]

    def pieces(self, whole: Mapping[str, Tensor], hidden: list[Tensor]) -> dict[str, Tensor]:
        """Cuts trials into pieces for truncated backpropagation, and leaves out those in which nothing happened.

        Args:
            whole: ``[time, trial, ...]`` each, among them the ``mask``.
            hidden: The hidden state before each piece, ``[trial, hidden]``.

        Returns:
            ``[bptt, piece, ...]`` each, and the hidden states ``[1, piece, hidden]``.
        """
        length = self._length(whole["mask"])
        padding = -len(whole["mask"]) % length  # steps that did not happen, so that all pieces are equally long
        cut = {}
        for name, value in whole.items():
            padded = torch.cat([value, value.new_zeros(padding, *value.shape[1:])])
            cut[name] = torch.cat(padded.split(length), dim=1)
        cut["hidden"] = torch.cat(hidden).unsqueeze(0)
        # Where episodes end early, most pieces at the end of a trial hold nothing to learn from.
        happened_in = cut["mask"].sum(dim=0) > 0
        return {name: value[:, happened_in] for name, value in cut.items()}

    def _length(self, trials: Tensor) -> int:
        return min(self.config.bptt or len(trials), len(trials))

    def _inputs(self, observation: Tensor, action: Tensor, reward: Tensor, start: Tensor) -> Tensor:
        # A drifting scale would change the meaning of a reward during a trial: the logarithm needs none.
        squashed = (reward.sign() * reward.abs().log1p()).unsqueeze(-1)
        return torch.cat([self.normalizer(observation), bounded(action), squashed, start], dim=-1)


class Timeline:
    """Trials laid out as they were lived: the episodes of each one after another, padding at the end."""

    def __init__(self, rollouts: list[Rollout]) -> None:
        self._rollouts = rollouts
        happened = torch.cat([r.mask.flatten(0, 1) for r in rollouts], dim=1)
        # Padding moves to the end, so that an episode follows the last step of the one before, as it did in acting.
        self._order = happened.argsort(dim=1, descending=True, stable=True)

    def joined(self, of: Callable[[Rollout], Tensor]) -> Tensor:
        """``[task, episode, time, ...]`` of each rollout as ``[time, trial, ...]`` of the whole trial."""
        whole = torch.cat([of(r).flatten(0, 1) for r in self._rollouts], dim=1)
        return whole.gather(1, _like(self._order, whole)).transpose(0, 1).contiguous()

    def parted(self, value: Tensor) -> list[Tensor]:
        """The way back: ``[time, trial, ...]`` of the whole trial as ``[task, episode, time, ...]`` of each rollout."""
        back, whole = self._order.argsort(dim=1), value.transpose(0, 1)
        whole = whole.gather(1, _like(back, whole))
        lengths = [r.mask.shape[-1] for r in self._rollouts]
        return [
            part.unflatten(0, r.mask.shape[:2]) for part, r in zip(whole.split(lengths, 1), self._rollouts, strict=True)
        ]


def _like(index: Tensor, value: Tensor) -> Tensor:
    return index.view(*index.shape, *(1 for _ in value.shape[2:])).expand_as(value)
