"""Episodes in simulated tasks or in one environment, and the belief that a policy forms from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch

from robotmeta.envs import BatchEnv, TaskBatchEnv, Tasks
from robotmeta.envs.simulators import check_simulator
from robotmeta.envs.task_batch import episode_bytes
from robotmeta.errors import UserError
from robotmeta.experience.rollout import Belief, Rollout, collect, concatenate_episodes
from robotmeta.memory import check_memory
from robotmeta.metalearners import MetaLearner
from robotmeta.policy import Policy
from robotmeta.seeding import streams


class NoMoreEpisodes(Exception):
    """An environment starts no further episode: it failed, or reached a limit."""


class Worlds(Protocol):
    """Environments of the same tasks, with different numbers of episodes side by side."""

    num_tasks: int

    def env(self, episodes: int) -> BatchEnv:
        """An environment with at most that many episodes of each task. If it has fewer, it is run several times."""
        ...


class TaskWorlds:
    """Simulated worlds of some tasks, observed as the policy was trained to.

    Args:
        policy: The policy that will act in them.
        tasks: Tasks of the policy's family.
        simulator: Physics backend; None for that of the policy's run.
        threads: Number of physics threads.

    Raises:
        UserError: For tasks of another family, or a simulator that does not exist or cannot run the family.
    """

    def __init__(
        self, policy: Policy, tasks: Tasks, *, simulator: str | None = None, threads: int | None = None
    ) -> None:
        check_tasks(policy, tasks)
        self.num_tasks = len(tasks)
        self._policy, self._tasks, self._threads = policy, tasks, threads
        self._simulator = policy.config.simulator if simulator is None else simulator
        check_simulator(policy.family, self._simulator)
        self._envs: dict[int, TaskBatchEnv] = {}

    def env(self, episodes: int) -> TaskBatchEnv:
        if episodes not in self._envs:
            self._envs[episodes] = TaskBatchEnv(
                self._policy.family,
                self.num_tasks,
                episodes,
                simulator=self._simulator,
                threads=self._threads,
                oracle=self._policy.config.hyperparameters.oracle,
            )
            self._envs[episodes].load(self._tasks)
        return self._envs[episodes]


def check_tasks(policy: Policy, tasks: Tasks) -> None:
    """Raises UserError for no tasks, or tasks of another family than the policy's."""
    if not len(tasks):
        raise UserError("there must be at least 1 task")
    if tasks.names != policy.family.of_tasks(tasks).space.names:
        raise UserError(
            f"these tasks are not of the policy's family '{policy.family.name}', whose parameters are "
            f"{', '.join(policy.family.space.names)}; theirs are {', '.join(tasks.names)}"
        )


class OneWorld:
    """One environment with one world. Its episodes run one after another.

    Args:
        env: The environment, with the observations and actions of the policy.
    """

    num_tasks = 1

    def __init__(self, env: BatchEnv) -> None:
        self._env = env

    def env(self, episodes: int) -> BatchEnv:
        return self._env


def collect_episodes(
    worlds: Worlds,
    learner: MetaLearner,
    belief: Belief,
    episodes: int,
    generator: torch.Generator,
    *,
    explore: bool = True,
    remember: bool = True,
) -> tuple[Rollout, Belief]:
    """Collects a number of episodes of each task, all starting from one belief.

    Args:
        worlds: Where to act.
        learner: The learner that acts.
        belief: Its belief about each task.
        episodes: Number of episodes of each task.
        generator: Determines initial states and exploration.
        explore: Whether to sample actions from the policy's distribution, instead of taking its mean.
        remember: Whether the belief changes while acting; see :func:`robotmeta.collect`.

    Returns:
        The rollout, and the belief after it. It has fewer episodes if the environment does not go on.

    Raises:
        NoMoreEpisodes: If the environment does not go on and there is no episode.
    """
    env = worlds.env(episodes)
    parts, acted = [], belief
    for _ in range(-(-episodes // env.num_episodes)):
        try:
            part, acted = collect(env, learner, belief, generator, explore=explore, remember=remember)
        except NoMoreEpisodes:
            if not parts:
                raise
            break
        parts.append(part)
    return (parts[0] if len(parts) == 1 else concatenate_episodes(parts)), acted


def adapted_belief(
    policy: Policy, worlds: Worlds, episodes: int, seed: int, seen: Callable[[Rollout], None] | None = None
) -> Belief:
    """The belief after a number of adaptation episodes of each task, in the adaptation steps the learner asks for.

    Args:
        policy: The policy that adapts.
        worlds: Where to act. If they do not go on, the belief is that of the episodes until then.
        episodes: Number of episodes of each task.
        seed: Determines initial states and exploration.
        seen: Called with the rollout of each adaptation step.

    Raises:
        UserError: For more episodes than fit into memory.
    """
    check_memory(f"{episodes} adaptation episodes", episodes * worlds.num_tasks * episode_bytes(policy.family))
    generator, _ = streams(seed, "adaptation")
    belief = policy.begin(worlds.num_tasks, generator)
    for count in policy.learner.schedule(episodes):
        try:
            rollout, belief = collect_episodes(worlds, policy.learner, belief, count, generator)
        except NoMoreEpisodes:
            break
        belief = policy.learner.adapt(belief, rollout)
        if seen is not None:
            seen(rollout)
    return belief
