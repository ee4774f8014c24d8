"""Rollouts: the experience of a policy in a batch of worlds, and how it is collected."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from robotmeta.envs import BatchEnv, Observation, Step
from robotmeta.envs.devices import reads_at_once
from robotmeta.experience.observations import flatten
from robotmeta.experience.trees import expand_mask, tree_map
from robotmeta.policies import ActionDistribution
from robotmeta.ranks import ALONE, Rank
from robotmeta.threads import one_torch_thread

Belief = Mapping[str, Tensor]
"""What a learner knows about each task: named tensors ``[task, ...]``, such as adapted parameters or a hidden state.

Entries named ``action`` and ``reward`` are those of the last step of the previous episode."""

INFORMED = "informed"
"""Entry of a belief in meta-training: whether the policy is told the task, bool ``[task, 1, 1]``."""

_STEPS_BETWEEN_READS = 16  # on a GPU


class PolicyInput(NamedTuple):
    """What a policy observes before each action; leading axes ``[task, episode]``."""

    observation: Observation
    """``[task, episode, observation]``, or groups by name."""
    action: Tensor
    """Previous action in this episode, ``[task, episode, action]``; zero at its start."""
    reward: Tensor
    """Previous reward in this episode, ``[task, episode]``; zero at its start."""
    start: bool
    """Whether this is the first step of an episode."""
    active: Tensor | None = None
    """bool ``[task, episode]``, episodes still running; None for all. Beliefs about the others must not change."""


class Actor(Protocol):
    """What :func:`collect` needs of a learner."""

    @property
    def device(self) -> torch.device:
        """Device of the policy."""
        ...

    def act(
        self, belief: Belief, policy_input: PolicyInput, generator: torch.Generator | None = None
    ) -> tuple[ActionDistribution, Belief]:
        """The action distribution ``[task, episode, action]``, and the belief after this input; see MetaLearner."""
        ...


@dataclass(frozen=True)
class Rollout:
    """Experience of one policy in ``[task, episode]`` worlds.

    Attributes:
        observations: Observation before each step, not normalized, ``[task, episode, time, observation]``. Groups by
            name if the family has groups.
        last_observations: Observation after the last step of each episode, ``[task, episode, observation]``. If the
            simulation diverged in that step, the observation before it.
        actions: Actions before clipping, ``[task, episode, time, action]``.
        rewards: ``[task, episode, time]``; zero where ``mask`` is.
        shaping_rewards: ``[task, episode, time]``; zero where ``mask`` is; None if the family has none.
        distribution: Distribution of each action, ``[task, episode, time, action]``. A parameter that all worlds share
            and that never changes has a time axis of length one.
        mask: 1.0 for steps that happened, 0.0 after the end of an episode, ``[task, episode, time]``.
        terminated: bool ``[task, episode]``, episodes that ended before the time limit.
        diverged: bool ``[task, episode]``, episodes that ended because their simulation diverged, or a function of the
            family returned numbers that are not finite.
        success: bool ``[task, episode]``; None if the family does not define it.
        distance: Distance from the goal at the end of each episode, m ``[task, episode]``. If the episode diverged, at
            its start. None if the family does not define it.
        privileged_states: Privileged state before each step and after the last one,
            ``[task, episode, time + 1, privileged_state]``; zero after the end of an episode.
        measures: The family's measures of each episode by name, ``[task, episode]``.
        goes_on: Whether this is a part of episodes that go on after it. What is known at their end only is then absent.
    """

    observations: Observation
    last_observations: Observation
    actions: Tensor
    rewards: Tensor
    shaping_rewards: Tensor | None
    distribution: ActionDistribution
    mask: Tensor
    terminated: Tensor
    diverged: Tensor
    success: Tensor | None
    distance: Tensor | None
    privileged_states: Tensor
    measures: Mapping[str, Tensor] = field(default_factory=dict)
    goes_on: bool = False

    @property
    def training_rewards(self) -> Tensor:
        """Rewards plus shaping rewards, ``[task, episode, time]``; meta-training maximizes their sum."""
        return self.rewards if self.shaping_rewards is None else self.rewards + self.shaping_rewards

    @property
    def returns(self) -> Tensor:
        """Undiscounted return of each episode, ``[task, episode]``; of a diverged one, of the steps before that."""
        return self.rewards.sum(dim=-1)

    @property
    def steps(self) -> int:
        """Control steps that happened."""
        return int(self.mask.sum())

    def since(self, begin: int) -> Rollout:
        """The part of the episodes from a step on."""
        names = ("observations", "actions", "rewards", "shaping_rewards", "mask", "privileged_states")
        series = {name: tree_map(lambda value: value[:, :, begin:], getattr(self, name)) for name in names}
        shared = tree_map(lambda value: value if value.shape[2] == 1 else value[:, :, begin:], self.distribution)
        return replace(self, **series, distribution=shared) if begin else self

    def mean_return(self) -> float:
        """Mean return of the episodes that did not diverge; NaN if all did."""
        kept = ~self.diverged
        return float(self.returns[kept].mean()) if bool(kept.any()) else float("nan")

    def to(self, device: torch.device | str) -> Rollout:
        """The same experience on another device."""
        if self.rewards.device == torch.device(device):
            return self
        return replace(self, **tree_map(lambda value: value.to(device), vars(self)))


class Trial(NamedTuple):
    """Experience for one meta-update."""

    rollouts: list[Rollout]
    """Rollouts of the same tasks. There was an adaptation step after each but the last."""
    tasks: Tensor
    """These tasks, encoded, ``[task, encoding]``. They are known in meta-training only."""
    belief: Belief
    """The belief before the first rollout, ``[task, ...]`` each."""
    episode: Tensor | None = None
    """How many episodes each trial had before the first rollout, ``[task]`` on the CPU; None for none."""
    changing: list[Tensor] | None = None
    """For each rollout, the encoded task at each step and after the last one, ``[task, 1, time + 1, encoding]``; None
    if tasks do not change within an episode. ``tasks`` are then those at the start of the first rollout."""
    resumed: bool = False
    """Whether the first rollout goes on with episodes that began before it."""

    @property
    def steps(self) -> int:
        """Control steps that happened."""
        return sum(rollout.steps for rollout in self.rollouts)

    @property
    def informed(self) -> Tensor | None:
        """Trials in which the policy is told the task, bool ``[task]``; None if there are none."""
        return self.belief[INFORMED].flatten() if INFORMED in self.belief else None

    def tasks_at(self, rollout: int) -> Tensor:
        """The encoded task at each step of a rollout; broadcasts to ``[task, episode, time + 1, encoding]``."""
        return self.tasks[:, None, None] if self.changing is None else self.changing[rollout]

    def observations(self) -> Tensor:
        """Observations of all steps that happened, as vectors, ``[sample, observation]``."""
        return torch.cat([flatten(r.observations)[r.mask > 0] for r in self.rollouts])

    def to(self, device: torch.device | str) -> Trial:
        """The same trial on another device."""
        belief = tree_map(lambda value: value.to(device), self.belief)
        changing = None if self.changing is None else [tasks.to(device) for tasks in self.changing]
        rollouts = [rollout.to(device) for rollout in self.rollouts]
        return self._replace(rollouts=rollouts, tasks=self.tasks.to(device), belief=belief, changing=changing)


def concatenate_episodes(rollouts: list[Rollout]) -> Rollout:
    """Rollouts of the same tasks as one rollout with all their episodes."""

    def along_episodes(*parts: Tensor) -> Tensor:
        # Shapes differ only where a parameter of the distribution has a time axis of length one.
        rest = torch.broadcast_shapes(*(part.shape[2:] for part in parts))
        return torch.cat([part.expand(*part.shape[:2], *rest) for part in parts], dim=1)

    return replace(rollouts[0], **tree_map(along_episodes, *map(vars, rollouts)))


class Part(NamedTuple):
    """A part of an episode of every world."""

    begin: int
    """Number of the first step."""
    rollout: Rollout
    """Its experience. All parts but the last one have the same number of steps, some of which may not have happened."""
    belief: Belief
    """Belief after acting."""
    whole: Rollout | None = None
    """The experience of all parts; None for all but the last one."""


class PolicyStep(NamedTuple):
    """One control step of :func:`play`; leading axes ``[task, episode]``, tensors on the env's device."""

    observation: Observation
    """Observation before the step, ``[task, episode, observation]``, or groups by name."""
    privileged_state: Tensor
    """Privileged state before the step, ``[task, episode, privileged_state]``."""
    distribution: ActionDistribution
    """The distribution the action was drawn from, ``[task, episode, action]``."""
    action: Tensor
    """``[task, episode, action]``, before clipping."""
    active: Tensor | None
    """bool ``[task, episode]``, episodes that were still running; None for all."""
    step: Step
    """What the environment returned."""
    belief: Belief
    """Belief after acting."""


@torch.no_grad()
def play(
    env: BatchEnv,
    learner: Actor,
    belief: Belief,
    generator: torch.Generator,
    *,
    explore: bool = True,
    remember: bool = True,
    rank: Rank = ALONE,
) -> Iterator[PolicyStep]:
    """Runs one episode in every world, a control step at a time. The arguments are those of :func:`collect`."""
    observation = env.reset(generator)
    first, privileged = belief, env.privileged_state()
    here, there = privileged.device, learner.device
    shape = (env.num_tasks, env.num_episodes, env.action_size)
    noise = None
    if explore:  # drawn at once and on the CPU, so that the numbers do not depend on the device or the policy
        tasks, *rest = shape
        drawn = torch.randn(env.horizon, tasks * rank.count, *rest, generator=generator)
        noise = rank.of(drawn, dim=1).to(here)
    policy_input = nothing = PolicyInput(
        observation, torch.zeros(shape, device=here), torch.zeros(shape[:2], device=here), True
    )
    active: Tensor | None = None
    for t in range(env.horizon):
        observed = policy_input if remember else nothing._replace(observation=observation, active=active)
        distribution, belief = learner.act(belief if remember else first, _move(observed, there), generator)
        if there != here:
            distribution = tree_map(lambda value: value.to(here), distribution)
        action = distribution.mean if noise is None else distribution.sample(noise[t])
        step = env.step(action, active)
        yield PolicyStep(observation, privileged, distribution, action, active, step, belief)
        if step.terminated is not None or step.diverged is not None:
            running = torch.ones(shape[:2], dtype=torch.bool, device=here) if active is None else active.clone()
            for ended in (step.terminated, step.diverged):
                if ended is not None:
                    running &= ~ended
            if _is_time_to_read(here, t) and not bool(running.any()):
                break
            active = None if reads_at_once(here) and bool(running.all()) else running
        observation, privileged = (_zero_where_ended(v, active) for v in (step.observation, env.privileged_state()))
        policy_input = PolicyInput(observation, action, step.reward, False, active)
    env.end_episode()


def _is_time_to_read(device: torch.device, t: int) -> bool:
    """Whether to look if any episode still runs: at every step where that costs nothing."""
    return reads_at_once(device) or (t + 1) % _STEPS_BETWEEN_READS == 0


def collect(
    env: BatchEnv,
    learner: Actor,
    belief: Belief,
    generator: torch.Generator,
    *,
    explore: bool = True,
    remember: bool = True,
    rank: Rank = ALONE,
) -> tuple[Rollout, Belief]:
    """Runs one episode in every world.

    Args:
        env: ``[task, episode]`` worlds, already loaded with their tasks.
        learner: The learner that acts.
        belief: Its belief about each task.
        generator: A CPU generator. It determines reset noise, exploration and the draws of the learner on any device.
        explore: Whether to sample actions from the policy's distribution, instead of taking its mean.
        remember: Whether the belief changes while acting. Otherwise every step acts from ``belief`` as a first step
            does, which is the zero-shot control of learners that adapt within an episode.
        rank: Whose tasks the environment has, if several processes share them. Exploration is drawn for all of them.

    Returns:
        The rollout, on the learner's device, and the belief after it.
    """
    (part,) = collect_parts(env, learner, belief, generator, explore=explore, remember=remember, rank=rank)
    return part.rollout, part.belief


def collect_parts(
    env: BatchEnv,
    learner: Actor,
    belief: Belief,
    generator: torch.Generator,
    *,
    length: int = 0,
    explore: bool = True,
    remember: bool = True,
    rank: Rank = ALONE,
) -> Iterator[Part]:
    """Runs one episode in every world, a part of it at a time.

    The weights of the learner may change between the parts: it acts in the next part with the new ones. A part has
    ``length`` steps, 0 for whole episodes. The number of parts does not depend on when episodes end. The other
    arguments are those of :func:`collect`.
    """
    length = length or env.horizon
    with one_torch_thread():
        steps = play(env, learner, belief, generator, explore=explore, remember=remember, rank=rank)
        first = played = next(steps)
        recorder = Recorder(env, first)
        steps = itertools.chain([first], steps)
    for begin in range(0, env.horizon, length):
        ends = begin + length >= env.horizon
        with one_torch_thread():
            for played in steps if ends else itertools.islice(steps, length):
                recorder.write(played)
            whole = recorder.rollout().to(learner.device) if ends else None
            part = recorder.part(begin, length).to(learner.device) if whole is None else whole.since(begin)
        yield Part(begin, part, played.belief, whole)


class Recorder:
    """Records one episode of every world.

    Args:
        env: The worlds.
        first: The first step, which is to be written like all others.
    """

    # Time comes first meanwhile, so that each step is one block of memory.

    def __init__(self, env: BatchEnv, first: PolicyStep) -> None:
        self._env, self._last, self._t = env, first, -1
        self._series: dict[str, Any] = {}
        self._happened = torch.ones(first.action.shape[:2], dtype=torch.bool, device=first.action.device)
        self._terminated, self._diverged = (torch.zeros_like(self._happened) for _ in range(2))
        self._privileged = first.privileged_state.new_zeros(1 + env.horizon, *first.privileged_state.shape)

    def write(self, played: PolicyStep) -> None:
        """Adds the next step."""
        step, self._last, self._t = played.step, played, self._t + 1
        happened = self._happened if played.active is None else played.active
        if step.diverged is not None:
            self._diverged |= step.diverged & happened
            happened = happened & ~step.diverged
        if step.terminated is not None:
            self._terminated |= step.terminated & happened
        values = {
            "observations": played.observation,
            "actions": played.action,
            "rewards": torch.where(happened, step.reward, 0.0),
            "shaping_rewards": tree_map(lambda reward: torch.where(happened, reward, 0.0), step.shaping_reward),
            "mask": happened,
            "distribution": played.distribution.parameters(),
        }
        if not self._series:
            self._series = tree_map(lambda value: value.new_zeros(self._env.horizon, *value.shape), values)
        for name, value in values.items():
            _write(self._series[name], self._t, value)
        self._privileged[self._t] = played.privileged_state

    def _running(self) -> Tensor:
        """Whether an episode goes on, bool ``[task, episode]``."""
        return self._series["mask"][self._t].bool() & ~self._terminated

    def part(self, begin: int, length: int) -> Rollout:
        """Some steps of episodes that go on after them. All of what happened after the first step has been written.

        Args:
            begin: Number of the first step.
            length: Number of steps.
        """
        part, series, last = slice(begin, begin + length), dict(self._series), self._completed(begin + length)
        parameters = series.pop("distribution")
        series = tree_map(lambda value: value[part].movedim(0, 2), series)
        return Rollout(
            **{**series, "mask": series["mask"].float()},
            distribution=self._distribution(tree_map(lambda value: value[part], parameters)),
            last_observations=last,
            terminated=self._terminated.clone(),
            diverged=self._diverged.clone(),
            success=None,
            distance=None,
            privileged_states=self._privileged[begin : part.stop + 1].movedim(0, 2),
            goes_on=True,
        )

    def rollout(self) -> Rollout:
        """The episode, once it is over. The recorder is of no use afterwards."""
        series, last, distance = self._series, self._completed(self._env.horizon), self._env.distance()
        # A distance is measured at the end only.
        diverged = self._diverged if distance is None else self._diverged | ~distance.isfinite()
        series["mask"] = series["mask"].float()
        parameters = series.pop("distribution")
        success = self._env.success()
        return Rollout(
            **tree_map(lambda value: value.movedim(0, 2), series),
            distribution=self._distribution(parameters),
            last_observations=last,
            terminated=self._terminated,
            diverged=diverged,
            success=None if success is None else success & ~diverged,
            distance=distance,
            privileged_states=self._privileged.movedim(0, 2),
            measures=self._env.measures(),
        )

    def _completed(self, end: int) -> Observation:
        """Fills in what follows the last step that happened, up to step ``end``, and returns the last observations."""
        series, after, last = self._series, self._t + 1, self._last.step.observation
        self._privileged[after] = _zero_where_ended(self._env.privileged_state(), self._running())
        for value in (series["actions"], *series["distribution"].values()):
            value[after:end] = value[self._t]  # log-probabilities stay finite after all episodes have ended
        if bool(self._diverged.any()):
            last = tree_map(self._before_divergence, series["observations"], last)
        return last

    def _distribution(self, parameters: Mapping[str, Tensor]) -> ActionDistribution:
        worlds = self._terminated.shape
        return self._last.distribution.from_parameters(
            {name: _parameter_series(value, worlds) for name, value in parameters.items()}
        )

    def _before_divergence(self, series: Tensor, last: Tensor) -> Tensor:
        """The last observation ``[task, episode, ...]``; where a world diverged, the one before that step."""
        steps = (self._series["mask"].sum(dim=0).long() - 1).clamp(min=0)
        task, episode = (torch.arange(size, device=last.device) for size in steps.shape)
        return torch.where(expand_mask(self._diverged, last), series[steps, task.unsqueeze(1), episode], last)


def _write(series: Any, t: int, value: Any) -> None:
    if isinstance(value, Tensor):
        series[t] = value
    elif value is not None:
        for name in value:
            _write(series[name], t, value[name])


def _parameter_series(values: Tensor, worlds: torch.Size) -> Tensor:
    """A parameter of all distributions, ``[time, ..., k]``, as ``[task, episode, time or 1, k]``."""
    if values.shape[1:-1] != worlds and bool((values == values[:1]).all()):
        values = values[:1].clone()
    whole = values.view(len(values), *[1] * (4 - values.ndim), *values.shape[1:])
    return whole.expand(len(values), *worlds, -1).movedim(0, 2)


def _zero_where_ended(observation: Observation, active: Tensor | None) -> Observation:
    """Observations with zeros where an episode has ended: those of a diverged world need not be finite."""
    if active is None:
        return observation
    return tree_map(lambda value: value.masked_fill(~expand_mask(active, value), 0), observation)


def _move(policy_input: PolicyInput, device: torch.device) -> PolicyInput:
    if policy_input.reward.device == device:
        return policy_input
    values = policy_input._asdict()
    start = values.pop("start")
    return PolicyInput(**tree_map(lambda value: value.to(device), values), start=start)
