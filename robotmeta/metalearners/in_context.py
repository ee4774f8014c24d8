"""In-context learning: policies that adapt as they act, by a memory that is kept across the episodes of a trial."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import torch
from torch import Tensor

from robotmeta.envs import Observation
from robotmeta.envs.family import bounded
from robotmeta.errors import unknown
from robotmeta.experience.observations import flatten
from robotmeta.experience.rollout import Belief, PolicyInput, Rollout, Trial
from robotmeta.experience.trees import expand_mask, tree_map
from robotmeta.metalearners.parallel import moments
from robotmeta.metalearners.ppo import PPOConfig
from robotmeta.metalearners.protocol import MetaLearner, Sizes
from robotmeta.metalearners.sequences import Timeline
from robotmeta.policies import MEMORIES, Memory, MemoryState, ObservationNormalizer


@dataclass(frozen=True)
class InContextConfig(PPOConfig):
    """Hyper-parameters of learners that adapt as they act."""

    meta_batch: int = 32
    """Trials a meta-update, each with a task of its own."""
    episodes: int = 1
    """One: the episodes of a trial follow one another."""
    adaptation_steps: int = 2
    """Episodes of a trial before the last one. In longer trials the memory meets states it was not trained on."""
    memory: str = "gru"
    """Network that remembers: gru."""
    hidden_size: int = 128
    """Size of the memory: units of a GRU."""
    bptt: int = 50
    """Steps that gradients flow back; 0 for the whole trial. Shorter sequences make larger, faster batches."""
    normalize_rewards: bool = True
    """Whether the memory reads rewards scaled to zero mean and unit variance, so that their unit hardly matters."""

    unrecorded: ClassVar = {"normalize_rewards": False}

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check("hidden_size", at_least=1)
        self.check("bptt", at_least=0)
        if self.memory not in MEMORIES:
            raise unknown("memory", self.memory, MEMORIES)


ConfigT = TypeVar("ConfigT", bound=InContextConfig)


class InContext(MetaLearner[ConfigT], ABC):
    """A learner whose belief is the state of a memory, kept across the episodes of a trial."""

    beside_memory: ClassVar[tuple[str, ...]] = ("action", "reward")
    """Entries of the belief that are not the state of the memory."""

    def __init__(self, sizes: Sizes, config: ConfigT, generator: torch.Generator) -> None:
        super().__init__(sizes, config, generator)
        self.reward_normalizer = ObservationNormalizer(1 if config.normalize_rewards else 0)
        self.input_size = sizes.observation + sizes.action + 2  # and the last reward, and whether an episode starts

    @property
    @abstractmethod
    def memory(self) -> Memory:
        """The memory whose state is the belief."""

    def new_memory(self, generator: torch.Generator) -> Memory:
        """An untrained memory."""
        return MEMORIES[self.config.memory](self.input_size, self.config.hidden_size, generator)

    # -- acting and adapting ---------------------------------------------------------------------------------------

    def begin(self, num_tasks: int, generator: torch.Generator | None = None) -> Belief:
        # The memory reads the last action and reward of an episode with the first observation of the next one.
        return {
            **tree_map(lambda value: value.unsqueeze(1), self.memory.begin(num_tasks)),
            "action": torch.zeros(num_tasks, 1, self.sizes.action, device=self.device),
            "reward": torch.zeros(num_tasks, 1, 1, device=self.device),
        }

    def adapt(self, belief: Belief, rollout: Rollout) -> Belief:
        steps = rollout.mask.sum(dim=-1, keepdim=True)
        last = (steps.long() - 1).clamp(min=0)
        action = rollout.actions.gather(2, last.unsqueeze(-1).expand(-1, -1, 1, self.sizes.action)).squeeze(2)
        reward = rollout.rewards.gather(2, last)
        return {
            **belief,
            "action": torch.where(steps > 0, action, belief["action"]),
            "reward": torch.where(steps > 0, reward, belief["reward"]),
        }

    def memory_state(self, belief: Belief) -> MemoryState:
        """The entries of a belief that are the state of the memory, ``[task, episode, ...]`` each."""
        return {name: value for name, value in belief.items() if name not in self.beside_memory}

    def network_input(self, belief: Belief, policy_input: PolicyInput) -> tuple[Tensor, MemoryState]:
        """What the network reads before an action. Worlds are all episodes of all tasks.

        Returns:
            Its input ``[1, world, input]``, and the state of its memory, ``[world, ...]`` each.
        """
        tasks, episodes = policy_input.reward.shape
        start = torch.full((tasks, episodes, 1), float(policy_input.start), device=self.device)
        action, reward = policy_input.action, policy_input.reward
        if policy_input.start:
            action = belief["action"].expand(tasks, episodes, -1)
            reward = belief["reward"].expand(tasks, episodes, -1).squeeze(-1)
        inputs = self._inputs(policy_input.observation, action, reward, start)
        state = {
            name: value.expand(tasks, episodes, *value.shape[2:]).flatten(0, 1)
            for name, value in self.memory_state(belief).items()
        }
        return inputs.view(1, tasks * episodes, -1), state

    def updated(self, belief: Belief, policy_input: PolicyInput, state: MemoryState) -> Belief:
        """The belief after an input.

        Args:
            belief: The belief before.
            policy_input: The input.
            state: The state of the memory after it, ``[world, ...]`` each.
        """
        shape, active = policy_input.reward.shape, policy_input.active
        entries = {name: value.view(*shape, *value.shape[1:]) for name, value in state.items()}
        if active is not None:
            for name, value in entries.items():
                entries[name] = torch.where(expand_mask(active, value), value, belief[name])
        return {**belief, **entries}

    # -- trials as sequences -----------------------------------------------------------------------------------------

    def state_before(self, trial: Trial) -> MemoryState:
        """The state of the memory before the first step of some trials, ``[trial, ...]`` each."""
        state = self.memory_state(trial.belief)
        return {name: _of_worlds(value, trial.rollouts[0]) for name, value in state.items()}

    def trial_inputs(self, timeline: Timeline, trial: Trial) -> Tensor:
        """What the network read before each step of some trials, ``[time, trial, input]``."""
        first = trial.rollouts[0]

        def previous(value: Tensor, before: Tensor) -> Tensor:
            """Of the step before, in whichever episode of the trial."""
            return torch.cat([_of_worlds(before, first).view_as(value[:1]), value[:-1]])

        def start(rollout: Rollout) -> Tensor:
            begins = torch.zeros_like(rollout.rewards).unsqueeze(-1)
            begins[:, :, 0] = float(rollout is not first or not trial.resumed)
            return begins

        return self._inputs(
            timeline.concatenate(lambda r: flatten(r.observations)),
            previous(timeline.concatenate(lambda r: r.actions), trial.belief["action"]),
            previous(timeline.concatenate(lambda r: r.rewards), trial.belief["reward"]),
            timeline.concatenate(start),
        )

    def _inputs(self, observation: Observation, action: Tensor, reward: Tensor, start: Tensor) -> Tensor:
        read = _compressed(reward)
        if self.config.normalize_rewards:
            read = self.reward_normalizer(read)
        return torch.cat([self.observe(observation), bounded(action), read, start], dim=-1)

    def update_normalizers(self, trial: Trial) -> None:
        """Adds the observations and rewards of some trials to the statistics by which the networks read them."""
        self.normalizer.update(moments(trial.observations()))
        if self.config.normalize_rewards:
            rewards = torch.cat([r.rewards[r.mask > 0] for r in trial.rollouts])
            self.reward_normalizer.update(moments(_compressed(rewards)))


def _compressed(rewards: Tensor) -> Tensor:
    """``[...] -> [..., 1]``: linear near 0 and logarithmic beyond, so that no single reward is far from the others."""
    return (rewards.sign() * rewards.abs().log1p()).unsqueeze(-1)


def _of_worlds(value: Tensor, rollout: Rollout) -> Tensor:
    """Of each task and episode ``[task, episode or 1, ...]`` in the order of the worlds, ``[world, ...]``."""
    return value.expand(*rollout.rewards.shape[:2], *value.shape[2:]).flatten(0, 1)
