"""Experience for one meta-update after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from robotmeta.distributed import gathered
from robotmeta.envs import TaskBatchEnv, Tasks
from robotmeta.envs.changes import Changes, random_changes
from robotmeta.envs.changing_env import ChangingEnv
from robotmeta.experience.rollout import Belief, Rollout, Trial, collect_parts
from robotmeta.experience.trees import expand_mask, tree_map
from robotmeta.metalearners.levels import Levels
from robotmeta.metalearners.protocol import LearnerConfig, MetaLearner


class _Played(NamedTuple):
    """A part of the episodes of one rollout."""

    part: Trial
    """Its experience."""
    belief: Belief
    """After it."""
    tasks: Tasks
    """After the rollout, those of all ranks."""
    whole: Trial | None
    """The experience of the rollout; None for all parts but the last one."""


def collect_trial(
    env: TaskBatchEnv,
    learner: MetaLearner,
    generator: torch.Generator,
    tasks: Tasks | None = None,
    rng: np.random.Generator | None = None,
) -> Trial:
    """Collects one rollout of every task before the first adaptation step, and one after each.

    Args:
        env: The worlds, loaded with their tasks.
        learner: The learner that acts.
        generator: A CPU generator.
        tasks: Their tasks, those of all ranks; needed if tasks change within episodes.
        rng: Draws how they change; None if they do not.
    """
    now = env.tasks if tasks is None else tasks
    begin = belief = _begun(env, learner, now, generator)
    encoded, rollouts, changing = _encoded(env, learner, env.tasks), [], []
    for remaining in reversed(range(learner.config.adaptation_steps + 1)):
        *_, played = _played(env, learner, Trial([], encoded, belief), generator, now, rng)
        belief, now, whole = played.belief, played.tasks, played.whole
        assert whole is not None
        rollouts += whole.rollouts
        changing += whole.changing or []
        if remaining:
            belief = learner.adapt(belief, rollouts[-1])
    return Trial(rollouts, encoded, begin, changing=changing or None)


def _played(
    env: TaskBatchEnv,
    learner: MetaLearner,
    before: Trial,
    generator: torch.Generator,
    tasks: Tasks,
    rng: np.random.Generator | None,
) -> Iterator[_Played]:
    """The parts of one rollout, within which a share of the tasks changes if the learner's configuration asks for it.

    Args:
        env: The worlds.
        learner: The learner that acts.
        before: The trial before the rollout, without experience.
        generator: A CPU generator.
        tasks: The tasks, those of all ranks.
        rng: Draws how they change; None if they do not.
    """
    family, share = env.family, learner.config.changing
    worlds, series, after, belief = env, [], tasks, before.belief
    if rng is not None and share > 0.0:
        changes = random_changes(family.space, family.changing, tasks, share=share, horizon=env.horizon, rng=rng)
        worlds, series, after = ChangingEnv(env, changes), [_series(env, learner, changes)], changes.after
    for part in collect_parts(worlds, learner, belief, generator, length=learner.config.part_length, rank=env.rank):
        trial = before._replace(rollouts=[part.rollout], belief=belief, resumed=part.begin > 0)
        if series:
            steps = slice(part.begin, part.begin + part.rollout.mask.shape[-1] + 1)
            changing = [values[:, :, steps] for values in series]
            trial = trial._replace(tasks=changing[0][:, 0, 0], changing=changing)
        whole = None if part.whole is None else before._replace(rollouts=[part.whole], changing=series or None)
        yield _Played(trial, part.belief, after, whole)
        belief = learner.adapt(part.belief, part.rollout)


def _series(env: TaskBatchEnv, learner: MetaLearner, changes: Changes) -> Tensor:
    """The encoded task at each step and after the last one, ``[task, 1, time + 1, encoding]``."""
    own = env.rank.rows(len(changes))
    before, after = (_encoded(env, learner, tasks[own])[:, None, None] for tasks in (changes.before, changes.after))
    steps = changes.step, env.horizon + 1 - changes.step
    return torch.cat([task.expand(-1, -1, n, -1) for task, n in zip((before, after), steps, strict=True)], dim=2)


class _InProgress(NamedTuple):
    """Trials that go on with the next meta-update."""

    tasks: np.ndarray
    """``[task, parameter]``, those of all ranks."""
    belief: Belief
    """After the episodes so far, ``[task, ...]`` each, of the tasks of this rank."""
    episode: Tensor
    """Number of the next episode, ``[task]``, those of all ranks. A trial that has had all of them is over."""


class Trials:
    """Collects experience for one meta-update after another: whole trials, or one episode of staggered ones.

    Whole trials of some tasks run from their first episode to the last one. Of staggered trials, some are at their
    first episode, some at their second one, and so on. A meta-update takes one episode of each, or a part of it, with
    the belief that it had then. As many trials begin and end in an iteration, and as many episodes are collected. But
    more of them run side by side, which is faster.

    Each of several ranks collects the trials of its tasks, with the numbers that one process would have drawn for them.

    Args:
        env: The worlds of this rank.
        learner: The learner that acts.
        state: What :meth:`state` returned before an interruption.
        levels: Levels of the family's curriculum, which the trials move; None for tasks as they are drawn.
    """

    def __init__(
        self,
        env: TaskBatchEnv,
        learner: MetaLearner,
        state: Mapping[str, Any] | None = None,
        levels: Levels | None = None,
    ) -> None:
        self._env, self._learner, self._levels = env, learner, levels
        self._now: _InProgress | None = None
        self._whole: Trial | None = None
        if state and "tasks" in state:
            belief = tree_map(lambda value: env.rank.of(value).to(learner.device), state["belief"])
            self._now = _InProgress(state["tasks"].numpy(), belief, state["episode"])

    def next(
        self, sample: Callable[[int], Tasks], generator: torch.Generator, rng: np.random.Generator | None = None
    ) -> Trial:
        """All experience of the next iteration. The arguments are those of :meth:`parts`."""
        for _ in self.parts(sample, generator, rng):
            pass
        return self.whole

    @property
    def whole(self) -> Trial:
        """All experience of the last iteration."""
        assert self._whole is not None
        return self._whole

    def parts(
        self, sample: Callable[[int], Tasks], generator: torch.Generator, rng: np.random.Generator | None = None
    ) -> Iterator[Trial]:
        """Experience for the meta-updates of the next iteration: for one, or for one after each part of the episodes.

        Args:
            sample: Draws that many tasks.
            generator: A CPU generator, see :func:`robotmeta.experience.rollout.collect`.
            rng: Draws how tasks change within episodes, if the learner's configuration says so; None for no changes.
        """
        parts = self._episode_parts if staggered(self._learner.config) else self._trial_parts
        for part in parts(sample, generator, rng):
            if self._learner.config.part_length:
                yield part
        if not self._learner.config.part_length:
            yield self.whole

    def metrics(self) -> dict[str, float]:
        """Numbers to log: the levels of the next tasks, if there is a curriculum."""
        return {} if self._levels is None else self._levels.metrics()

    def state(self) -> dict[str, Any]:
        """What the next meta-update depends on besides the weights, as tensors: the trials of all ranks."""
        levels = {} if self._levels is None else {"levels": self._levels.state()}
        if self._now is None:
            return levels
        tasks, belief, episode = self._now
        trials = {"tasks": torch.from_numpy(tasks), "belief": dict(tree_map(gathered, belief)), "episode": episode}
        return trials | levels

    def _drawn(self, sample: Callable[[int], Tasks], places: Tensor) -> Tasks:
        """New tasks for some places, bool ``[place]``."""
        tasks = sample(int(places.sum()))
        return tasks if self._levels is None else self._levels.given(tasks, places)

    def _move(self, places: Tensor, rollout: Rollout) -> None:
        """Moves the levels of the places whose trials end with this rollout, whose worlds are still as it left them."""
        if self._levels is not None:
            progress = self._env.progress()
            achieved = rollout.success if progress is None else progress
            assert achieved is not None  # checked with the family
            self._levels.move(places, gathered(achieved.float().mean(dim=1)).cpu())

    def _trial_parts(
        self, sample: Callable[[int], Tasks], generator: torch.Generator, rng: np.random.Generator | None
    ) -> Iterator[Trial]:
        env, learner = self._env, self._learner
        places = torch.ones(env.all_tasks, dtype=torch.bool)
        tasks = self._drawn(sample, places)
        env.load(tasks)
        if not learner.config.part_length:
            self._whole = collect_trial(env, learner, generator, tasks, rng)
        else:
            begin = _begun(env, learner, tasks, generator)
            before = Trial([], _encoded(env, learner, env.tasks), begin)
            for played in _played(env, learner, before, generator, tasks, rng):
                yield played.part
                self._whole = played.whole
        self._move(places, self.whole.rollouts[-1])

    def _episode_parts(
        self, sample: Callable[[int], Tasks], generator: torch.Generator, rng: np.random.Generator | None
    ) -> Iterator[Trial]:
        env, learner = self._env, self._learner
        tasks, belief, episode = self._started(sample, generator)
        env.load(tasks)
        before = Trial([], _encoded(env, learner, env.tasks), belief, env.rank.of(episode))
        for played in _played(env, learner, before, generator, tasks, rng):
            yield played.part
            tasks, belief, self._whole = played.tasks, played.belief, played.whole
        (rollout,) = self.whole.rollouts
        self._now = _InProgress(tasks.values, learner.adapt(belief, rollout), episode + 1)
        self._move(self._now.episode == _length(learner.config), rollout)

    def _started(self, sample: Callable[[int], Tasks], generator: torch.Generator) -> tuple[Tasks, Belief, Tensor]:
        """The trials with new ones in the places of those that are over."""
        count, length = self._env.all_tasks, _length(self._learner.config)
        if self._now is None:  # the first trials are shorter, so that as many end with each meta-update
            tasks = self._drawn(sample, torch.ones(count, dtype=torch.bool))
            begin = _begun(self._env, self._learner, tasks, generator)
            return tasks, begin, torch.arange(length).repeat_interleave(-(-count // length))[:count]
        values, belief, episode = self._now
        over = episode == length
        new = self._drawn(sample, over)
        values = values.copy()
        values[over.numpy()] = new.values
        begin = _begun(self._env, self._learner, Tasks(new.names, values), generator)
        mask = self._env.rank.of(over).to(self._learner.device)
        started = {n: torch.where(expand_mask(mask, begin[n]), begin[n], value) for n, value in belief.items()}
        return Tasks(new.names, values), started, episode.masked_fill(over, 0)


def staggered(config: LearnerConfig) -> bool:
    """Whether a meta-update takes one episode of each trial, instead of whole trials."""
    return config.rollouts < _length(config)


def _length(config: LearnerConfig) -> int:
    """Rollouts of a trial."""
    return config.adaptation_steps + 1


def _begun(env: TaskBatchEnv, learner: MetaLearner, tasks: Tasks, generator: torch.Generator) -> Belief:
    """The belief before the first episode, of the tasks of this rank.

    Args:
        env: The worlds.
        learner: The learner that acts.
        tasks: The tasks, those of all ranks.
        generator: A CPU generator.
    """
    begin = learner.begin(env.all_tasks, generator)
    return tree_map(env.rank.of, learner.inform(begin, _encoded(env, learner, tasks), generator))


def _encoded(env: TaskBatchEnv, learner: MetaLearner, tasks: Tasks) -> Tensor:
    return env.family.encoding.encode(tasks).to(learner.device)
