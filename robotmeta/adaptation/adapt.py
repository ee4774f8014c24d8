"""Adaptation of a policy to one task or robot, from a few episodes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from robotmeta.adaptation.worlds import OneWorld, TaskWorlds, Worlds, adapted_belief, collect_episodes
from robotmeta.envs import BatchEnv, Estimate, Tasks
from robotmeta.errors import SimulationDiverged, UserError
from robotmeta.experience.rollout import Belief
from robotmeta.policy import Policy
from robotmeta.seeding import streams


@dataclass(frozen=True)
class Adapted:
    """The result of adaptation to one task.

    Attributes:
        policy: The adapted policy. It can be recorded, evaluated, exported and saved like any other.
        episodes: Number of adaptation episodes.
        return_before: Mean return of evaluation episodes without adaptation: the policy acts from its initial belief,
            which is reset at every step.
        return_after: Mean return of evaluation episodes after adaptation, from the same initial states.
        inferred: The adapted policy's estimate of each parameter of the task; None for learners that make none.
    """

    policy: Policy
    episodes: int
    return_before: float
    return_after: float
    inferred: dict[str, Estimate] | None = None


def adapt(
    policy: Policy,
    target: Tasks | BatchEnv,
    *,
    episodes: int = 3,
    seed: int = 0,
    evaluation_episodes: int = 10,
    simulator: str | None = None,
) -> Adapted:
    """Adapts a policy to one task or robot it has not been trained on.

    Args:
        policy: A meta-trained policy.
        target: One task of its family (``family.task(mass=1.4)``), or an environment with the same observations and
            actions (:func:`robotmeta.wrap`), with one task and one episode.
        episodes: Total number of adaptation episodes, at least 1.
        seed: Determines initial states and exploration.
        evaluation_episodes: Episodes that measure the return before and after adaptation, at least 1. The policy does
            not learn from them.
        simulator: Physics backend of the task; None for that of the policy's run.

    Raises:
        UserError: For fewer than one episode, more than one task, a task of another family, an environment with other
            observations or actions, or a simulator that cannot run the task.
        SimulationDiverged: If the simulation of every evaluation episode diverges.
    """
    if episodes < 1:
        raise UserError(f"episodes must be at least 1, not {episodes}")
    if evaluation_episodes < 1:
        raise UserError(f"evaluation_episodes must be at least 1, not {evaluation_episodes}")
    worlds = _worlds(policy, target, simulator)
    belief = adapted_belief(policy, worlds, episodes, seed)

    def mean_return(known: Belief, *, remember: bool) -> float:
        fresh, _ = streams(seed, "trials")
        rollout, _ = collect_episodes(
            worlds, policy.learner, known, evaluation_episodes, fresh, explore=False, remember=remember
        )
        if bool(rollout.diverged.all()):
            raise SimulationDiverged(f"the simulation of all {evaluation_episodes} evaluation episodes diverged")
        return rollout.mean_return()

    before = mean_return(adapted_belief(policy, worlds, 0, seed), remember=False)
    adapted = dataclasses.replace(policy, belief=belief)
    return Adapted(adapted, episodes, before, mean_return(belief, remember=True), policy.estimates(belief))


def _worlds(policy: Policy, target: Tasks | BatchEnv, simulator: str | None) -> Worlds:
    if isinstance(target, Tasks):
        if len(target) != 1:
            raise UserError(f"target must be 1 task, not {len(target)}")
        return TaskWorlds(policy, target, simulator=simulator)
    if isinstance(target, str):
        raise UserError(f"target must be a task or an environment: robotmeta.wrap('{target}') makes an environment")
    if simulator is not None:
        raise UserError("simulator must be None for an environment: an environment has its own")
    return OneWorld(policy, target)
