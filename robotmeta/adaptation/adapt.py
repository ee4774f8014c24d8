"""Deployment: a few episodes on one robot, and a policy that fits it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Protocol

import torch

from robotmeta.envs import BatchEnv, Estimate, TaskBatchEnv, Tasks
from robotmeta.errors import SimulationDiverged, UserError
from robotmeta.experience.rollout import Belief, Rollout, collect, joined
from robotmeta.metalearners import MetaLearner
from robotmeta.policy import Policy
from robotmeta.seeding import streams


@dataclass(frozen=True)
class Adapted:
    """What adaptation to one task produced.

    Attributes:
        policy: The adapted policy; record, evaluate and save it like any other.
        episodes: Adaptation episodes spent.
        return_before: Mean return of fresh episodes without adaptation: the policy as it was, and a learner that
            adapts within an episode kept from it.
        return_after: Mean return of fresh episodes after adaptation, from the same initial states.
        inferred: What the adapted policy thinks the task is, by parameter; None for learners that do not say.
    """

    policy: Policy
    episodes: int
    return_before: float
    return_after: float
    inferred: dict[str, Estimate] | None = None


def adapt(
    policy: Policy, target: Tasks | BatchEnv, *, episodes: int = 3, seed: int = 0, evaluation_episodes: int = 10
) -> Adapted:
    """Adapts a policy to one robot it has never seen.

    Args:
        policy: A meta-trained policy.
        target: One task of its family (``family.task(mass=1.4)``), or an environment that offers the same interface
            (:func:`robotmeta.adapters.gymnasium_in.wrap`), with one task and one episode.
        episodes: Adaptation episodes in all; at least 1.
        seed: Fixes initial states and exploration.
        evaluation_episodes: Episodes to measure the return before and after adaptation; at least 1. The policy does
            not learn from them.

    Raises:
        UserError: For fewer than one episode, tasks of another family, or an environment with another interface.
        SimulationDiverged: Where the simulation breaks in every episode.
    """
    if episodes < 1:
        raise UserError(f"episodes must be at least 1, not {episodes}")
    if evaluation_episodes < 1:
        raise UserError(f"evaluation_episodes must be at least 1, not {evaluation_episodes}")
    if isinstance(target, Tasks):
        if len(target) != 1:
            raise UserError(f"a policy adapts to 1 task, not {len(target)}")
        worlds = TaskWorlds(policy, target)
    elif isinstance(target, str):
        raise UserError(f"adaptation needs a task or an environment: robotmeta.wrap('{target}') makes one of a name")
    else:
        check_interface(policy, target)
        worlds = OneWorld(target)
    belief = adapted_belief(policy, worlds, episodes, streams(seed, "adaptation")[0])

    def mean_return(known: Belief, *, remember: bool) -> float:
        fresh = streams(seed, "trials")[0]
        rollout, _ = experience(
            worlds, policy.learner, known, evaluation_episodes, fresh, explore=False, remember=remember
        )
        if bool(rollout.diverged.all()):
            raise SimulationDiverged(f"the simulation broke in all {evaluation_episodes} evaluation episodes")
        return rollout.mean_return()

    before = mean_return(policy.begin(1, streams(seed, "adaptation")[0]), remember=False)
    adapted = dataclasses.replace(policy, belief=belief)
    return Adapted(adapted, episodes, before, mean_return(belief, remember=True), inferred(policy, belief))


def inferred(policy: Policy, belief: Belief) -> dict[str, Estimate] | None:
    """What a belief about one task says of each parameter, surest first; None for learners that do not say."""
    posterior = policy.learner.infer(belief)
    if posterior is None:
        return None
    (estimates,) = policy.family.encoding.decode(posterior.mean, posterior.log_std.exp())
    return dict(sorted(estimates.items(), key=lambda item: -item[1].known))


class Worlds(Protocol):
    """Gives out environments of the same tasks with room for some episodes side by side."""

    num_tasks: int

    def room_for(self, episodes: int) -> BatchEnv:
        """An environment with at most that many episodes; a smaller one is run several times."""
        ...


class TaskWorlds:
    """Simulated worlds of some tasks, as the policy knows them."""

    def __init__(self, policy: Policy, tasks: Tasks, *, threads: int | None = None) -> None:
        if tasks.names != policy.family.space.names:
            raise UserError(
                f"these tasks are not of the policy's family '{policy.family.name}', whose parameters are "
                f"{', '.join(policy.family.space.names)}; theirs are {', '.join(tasks.names)}"
            )
        self.num_tasks = len(tasks)
        self._policy, self._tasks, self._threads = policy, tasks, threads
        self._envs: dict[int, TaskBatchEnv] = {}

    def room_for(self, episodes: int) -> TaskBatchEnv:
        if episodes not in self._envs:
            self._envs[episodes] = TaskBatchEnv(
                self._policy.family,
                self.num_tasks,
                episodes,
                simulator=self._policy.config.simulator,
                threads=self._threads,
                oracle=self._policy.config.hyperparameters.oracle,
            )
            self._envs[episodes].load(self._tasks)
        return self._envs[episodes]


class OneWorld:
    """One environment of somebody else's, or one real robot: its episodes follow one another."""

    num_tasks = 1

    def __init__(self, env: BatchEnv) -> None:
        self._env = env

    def room_for(self, episodes: int) -> BatchEnv:
        return self._env


def experience(
    worlds: Worlds,
    learner: MetaLearner,
    belief: Belief,
    episodes: int,
    generator: torch.Generator,
    *,
    explore: bool = True,
    remember: bool = True,
) -> tuple[Rollout, Belief]:
    """Collects that many episodes of each task from one belief, side by side where there is room."""
    env = worlds.room_for(episodes)
    parts, acted = [], belief
    for _ in range(-(-episodes // env.num_episodes)):
        part, acted = collect(env, learner, belief, generator, explore=explore, remember=remember)
        parts.append(part)
    return (parts[0] if len(parts) == 1 else joined(parts)), acted


def adapted_belief(policy: Policy, worlds: Worlds, episodes: int, generator: torch.Generator) -> Belief:
    """The belief after some adaptation episodes of each task, spent as the learner wants them."""
    belief = policy.begin(worlds.num_tasks, generator)
    for count in policy.learner.schedule(episodes):
        rollout, belief = experience(worlds, policy.learner, belief, count, generator)
        belief = policy.learner.adapt(belief, rollout)
    return belief


def check_interface(policy: Policy, env: BatchEnv) -> None:
    """Raises UserError where an environment's observations or actions do not fit the policy's, number by number."""
    family = policy.family
    if policy.config.hyperparameters.oracle:
        raise UserError(
            "this policy is an oracle: it observes the task's parameters, which only its own family provides"
        )
    for what, has, needs, names in (
        ("observations", env.observation_size, family.observation_size, family.observations),
        ("actions", env.action_size, family.action_size, family.actions),
    ):
        if has != needs:
            listed = ", ".join(f"{name} [{unit}]" for name, unit in names)
            raise UserError(
                f"the environment has {has} {what}, a policy of family '{family.name}' needs these {needs}: {listed}"
            )
