"""Measuring a policy and its controls on held-out tasks, after 0..K adaptation episodes."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from robotmeta.adaptation.worlds import TaskWorlds, adapted_belief, collect_episodes
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.envs import TaskFamily, Tasks, checks
from robotmeta.envs.task_batch import episode_bytes
from robotmeta.errors import SimulationDiverged, UserError, unknown
from robotmeta.evaluation.evaluation import CONTROLS, Evaluation
from robotmeta.evaluation.intervals import Curve
from robotmeta.evaluation.references import References
from robotmeta.experience.rollout import Belief, Rollout
from robotmeta.manifest import interface
from robotmeta.memory import check_memory
from robotmeta.metalearners import CONTROL, FROM_SCRATCH
from robotmeta.policies import DiagonalGaussian
from robotmeta.policy import Policy, new_policy
from robotmeta.seeding import streams


class Subject(NamedTuple):
    """A policy that is measured, and how."""

    policy: Policy
    adapts: bool = True
    """Whether it gets adaptation episodes. If not, it is measured once."""
    remembers: bool = True
    """Whether its belief changes within the measured episode."""


def evaluate(
    policy: Policy,
    *,
    split: str = "test",
    tasks: int | Tasks = 40,
    episodes: int | Sequence[int] = 3,
    seed: int = 0,
    explore: bool = False,
    controls: Sequence[str] = ("zero_shot", "from_scratch"),
    domain_randomized: Policy | None = None,
    oracle: Policy | None = None,
    references: References | None = None,
    evaluation_episodes: int | None = None,
    simulator: str | None = None,
    threads: int | None = None,
) -> Evaluation:
    """Measures the return in each task after 0..K adaptation episodes, for a policy and its controls.

    Adaptation episodes explore. The measured episodes act by the mean of the policy unless ``explore`` is set. All
    policies have the same tasks and initial states.

    Args:
        policy: A meta-trained policy.
        split: ``test`` (held-out), ``ood`` or ``robots``. Ignored if tasks are given.
        tasks: Number of tasks of the split, or the tasks themselves.
        episodes: K, or the numbers of adaptation episodes to measure after, increasing from 0.
        seed: Determines initial states and exploration.
        explore: Whether to measure with sampled actions, as most published results do.
        controls: ``zero_shot`` (the belief is reset at every step to the one before any adaptation) and
            ``from_scratch`` (a policy with random weights, fine-tuned by policy gradient on the same number of
            episodes).
        domain_randomized: A policy that was trained on the family and does not adapt.
        oracle: A policy that does not adapt and observes the task's parameters.
        references: What specialists and random policies reach, from
            :func:`robotmeta.evaluation.references.load_references`. Their tasks are evaluated, whatever ``split`` and
            ``tasks`` are, and the result has the share of the specialist.
        evaluation_episodes: Episodes of each task that are measured after each number of adaptation episodes; None for
            one, or for as many as the references have.
        simulator: Physics backend of all policies; None for that of the policy's run.
        threads: Number of physics threads.

    Raises:
        UserError: For an unknown split or control, fewer than one episode or task, tasks of another family, a simulator
            that cannot run them, or a policy that is not the control it is given as.
        SimulationDiverged: If the simulation of every task diverges.
    """
    if isinstance(episodes, int):  # one rollout of each task is kept for each number of adaptation episodes
        size = len(tasks) if isinstance(tasks, Tasks) else tasks
        check_memory(f"{episodes} adaptation episodes", episodes * size * episode_bytes(policy.family))
    budgets = list(range(episodes + 1)) if isinstance(episodes, int) else list(episodes)
    if len(budgets) < 2 or budgets != sorted({0, *budgets}):
        raise UserError(f"episodes must be at least 1, or numbers that increase from 0, not {episodes}")
    check_controls(controls)
    if evaluation_episodes is None:
        evaluation_episodes = 1 if references is None else references.episodes
    measure = _Measure(budgets, checks.count("evaluation_episodes", evaluation_episodes), seed, explore)
    if references is not None:
        split, tasks = references.split, references.tasks
    trained = {"domain_randomized": domain_randomized, "oracle": oracle}
    subjects = _subjects(policy, controls, {name: control for name, control in trained.items() if control}, seed)
    given = isinstance(tasks, Tasks) and references is None
    chosen = tasks if isinstance(tasks, Tasks) else policy.family.tasks(split, tasks)
    simulator = policy.config.simulator if simulator is None else simulator
    measured: dict[str, list[Rollout]] = {}
    posterior = None
    for name, subject in subjects.items():
        worlds = TaskWorlds(subject.policy, chosen, simulator=simulator, threads=threads)
        measured[name], belief = measure(subject, worlds)
        if name == "adapted":
            posterior = policy.learner.infer(belief)

    # A diverged episode has no return to compare, so its task is left out of all curves.
    diverged = np.zeros(len(chosen), dtype=bool)
    for rollout in itertools.chain.from_iterable(measured.values()):
        diverged |= rollout.diverged.any(dim=1).cpu().numpy()
    if diverged.all():
        raise SimulationDiverged(f"the simulation of every task of family '{policy.family.name}' diverged")
    return Evaluation(
        family=policy.family.name,
        learner=policy.config.learner,
        split="given" if given else split,
        tasks=chosen[~diverged],
        episodes=budgets,
        returns=_curves(measured, lambda rollout: rollout.returns, ~diverged)
        | _of_references(references and references.returns, trained, ~diverged, len(budgets)),
        success=_curves(measured, lambda rollout: rollout.success, ~diverged, binary=measure.episodes == 1)
        | _of_references(references and references.success, trained, ~diverged, len(budgets)),
        distance=_curves(measured, lambda rollout: rollout.distance, ~diverged),
        env_steps=policy.env_steps,
        seed=seed,
        inferred=_inferred(policy, chosen, posterior, ~diverged),
        diverged=tuple(np.flatnonzero(diverged).tolist()),
        distinct=None if references is None else references.distinct[~diverged],
    )


def _inferred(policy: Policy, tasks: Tasks, posterior: DiagonalGaussian | None, kept: np.ndarray) -> dict[str, float]:
    """Share of each parameter's variance over the tasks that the estimates explain; empty without estimates."""
    if posterior is None:
        return {}
    return policy.family.encoding.explained(tasks[kept], posterior.mean[torch.from_numpy(kept)])


def _subjects(policy: Policy, controls: Sequence[str], trained: Mapping[str, Policy], seed: int) -> dict[str, Subject]:
    """What is measured, by the name of its curve: the policy, its controls, and controls that were trained."""
    subjects = {"adapted": Subject(policy)}
    if "zero_shot" in controls:
        unadapted = dataclasses.replace(policy, belief=None)
        subjects["zero_shot"] = Subject(unadapted, adapts=False, remembers=False)
    if "from_scratch" in controls:
        subjects["from_scratch"] = Subject(scratch(policy, seed))
    for name, control in trained.items():
        check_control(name, control, policy.family)
        subjects[name] = Subject(control, adapts=False)
    return subjects


class _Measure(NamedTuple):
    """How every subject is measured."""

    budgets: Sequence[int]
    episodes: int
    seed: int
    explore: bool

    def __call__(self, subject: Subject, worlds: TaskWorlds) -> tuple[list[Rollout], Belief]:
        """Episodes of each task after each number of adaptation episodes, and the belief after the last number."""
        policy, rollouts = subject.policy, []
        belief = policy.begin(worlds.num_tasks)
        for budget in self.budgets:
            if budget and not subject.adapts:
                rollouts.append(rollouts[0])
                continue
            belief = adapted_belief(policy, worlds, budget, self.seed)
            fresh, _ = streams(self.seed, "trials")
            rollout, _ = collect_episodes(
                worlds, policy.learner, belief, self.episodes, fresh, explore=self.explore, remember=subject.remembers
            )
            rollouts.append(rollout)
        return rollouts, belief


def _curves(
    measured: Mapping[str, Sequence[Rollout]],
    quantity: Callable[[Rollout], Tensor | None],
    kept: np.ndarray,
    *,
    binary: bool = False,
) -> dict[str, Curve | None]:
    """Curves of one quantity over the tasks that are kept; empty if the family does not define it."""

    def curve(rollouts: Sequence[Rollout]) -> Curve:
        values = (quantity(rollout) for rollout in rollouts)
        return Curve(np.stack([v.double().mean(dim=1).cpu().numpy()[kept] for v in values if v is not None]), binary)

    if quantity(measured["adapted"][0]) is None:
        return {}
    return {name: curve(measured[name]) if name in measured else None for name in ("adapted", *CONTROLS)}


def _of_references(
    values: Mapping[str, np.ndarray] | None, trained: Mapping[str, Policy | None], kept: np.ndarray, budgets: int
) -> dict[str, Curve]:
    """Curves of the references, which do not adapt; a control that was trained for the policy has its own curve."""
    return {
        name: Curve(np.tile(row[kept], (budgets, 1)))
        for name, row in (values or {}).items()
        if trained.get(name) is None
    }


def check_controls(names: Sequence[str]) -> None:
    """Raises UserError for a control that does not exist."""
    for name in names:
        if name not in CONTROLS:
            raise unknown("control", name, CONTROLS)


def scratch(policy: Policy, seed: int) -> Policy:
    """The from-scratch control: random weights, fine-tuned by policy gradient with the default step size."""
    chosen = hyperparameters(FROM_SCRATCH, {})
    config = RunConfig(policy.family.name, FROM_SCRATCH, chosen, seed=seed + 1, simulator=policy.config.simulator)
    return new_policy(config, policy.learner.device, policy.family)


def check_control(name: str, control: Policy, family: TaskFamily) -> None:
    """Raises UserError if a policy is not that control of a policy of the family."""
    if interface(control.family) != interface(family):
        raise UserError(
            f"the {name} control was trained on family '{control.family.name}', the policy on '{family.name}', "
            "or on another version of it"
        )
    observes_task, should_observe = control.config.hyperparameters.oracle, name == "oracle"
    if control.learner.adapts or observes_task != should_observe:
        observes = " and observes its task" if observes_task else ""
        wanted = f"--learner {CONTROL}" + " --oracle" * should_observe
        raise UserError(
            f"the {name} control is trained with {wanted}; this one learned with {control.config.learner}{observes}"
        )
