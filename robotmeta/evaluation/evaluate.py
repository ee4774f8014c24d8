"""Measuring a policy and its controls on held-out tasks, after 0..K adaptation episodes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from robotmeta.adaptation.stages import check_stages
from robotmeta.adaptation.worlds import TaskWorlds, adapted_belief, collect_episodes
from robotmeta.argument_types import check_arguments
from robotmeta.envs import Tasks, checks
from robotmeta.envs.changes import Changes
from robotmeta.envs.task_batch import episode_bytes
from robotmeta.errors import UserError
from robotmeta.evaluation.changing import evaluate_changes
from robotmeta.evaluation.evaluation import CONTROLS, Evaluation
from robotmeta.evaluation.intervals import Curve
from robotmeta.evaluation.measured import Finished, curves, diverged_tasks, inferred
from robotmeta.evaluation.measures import Measures
from robotmeta.evaluation.references import References
from robotmeta.evaluation.stages import StageResults, StageSettings, measure_stages
from robotmeta.evaluation.subjects import Subject, check_controls, subjects_of
from robotmeta.experience.rollout import Belief, Rollout
from robotmeta.memory import check_memory
from robotmeta.policy import Policy
from robotmeta.seeding import streams

_CURVES = ("adapted", *CONTROLS)


@check_arguments
def evaluate(
    policy: Policy,
    *,
    split: str = "test",
    tasks: int | Tasks | Changes = 40,
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
    fine_tune: str | int | None = None,
    fine_tune_out: str | Path | None = None,
    on_task: Callable[[int, int], None] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Measures the return in each task after 0..K adaptation episodes, for a policy and its controls.

    Adaptation episodes explore. The measured episodes act by the mean of the policy unless ``explore`` is set. All
    policies have the same tasks and initial states.

    In the split ``changing``, the task changes in the middle of the measured episode, after K adaptation episodes in
    the task before the change. The result has the time to recover; see :mod:`robotmeta.evaluation.changing`.

    Args:
        policy: A meta-trained policy.
        split: ``test`` (held-out), ``ood``, ``robots`` or ``changing``. The first three are ignored if tasks are given.
        tasks: Number of tasks of the split, or the tasks themselves. In the split ``changing``, tasks are those after
            the change; see :meth:`robotmeta.TaskFamily.changes`, whose result is taken, too.
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
        fine_tune: Budget of fine-tuning, such as ``"60s"`` or control steps; None for none. The stages after the last
            adaptation episode are then measured, too, task by task: fit and fine-tuning, fine-tuning without a fit, and
            fit and fine-tuning of the domain-randomized policy; see :func:`robotmeta.evaluation.stages.measure_stages`.
        fine_tune_out: A file that gets the result of each task of these stages. The same call goes on from there.
        on_task: For these stages, called with the number of finished tasks and of all.
        on_progress: Called with the number of finished episodes of each task, over all policies, and of all of them,
            without these stages.

    Raises:
        UserError: For an unknown split or control, fewer than one episode or task, tasks of another family, a simulator
            that cannot run them, or a policy that is not the control it is given as.
        SimulationDiverged: If the simulation of every task diverges.
    """
    if isinstance(episodes, int):  # one rollout of each task is kept for each number of adaptation episodes
        size = tasks if isinstance(tasks, int) else len(tasks)
        check_memory(f"{episodes} adaptation episodes", episodes * size * episode_bytes(policy.family))
    budgets = list(range(episodes + 1)) if isinstance(episodes, int) else np.asarray(episodes).tolist()
    whole = all(type(budget) is int for budget in budgets)
    if not whole or len(budgets) < 2 or budgets != sorted({0, *budgets}):
        raise UserError(f"episodes must be at least 1, or numbers that increase from 0, not {episodes}")
    check_controls(controls)
    if evaluation_episodes is None:
        evaluation_episodes = 1 if references is None else references.episodes
    simulator = policy.config.simulator if simulator is None else simulator
    measure = _Measure(budgets, checks.count("evaluation_episodes", evaluation_episodes), seed, explore)
    if references is not None:
        split, tasks = references.split, references.tasks
    trained = {"domain_randomized": domain_randomized, "oracle": oracle}
    subjects = subjects_of(policy, controls, {name: control for name, control in trained.items() if control}, seed)
    if split == "changing" or isinstance(tasks, Changes):
        if references is not None or fine_tune is not None:
            raise UserError("the changing split has neither specialists nor fine-tuning")
        changes = tasks if isinstance(tasks, Changes) else policy.family.changes(tasks)
        return evaluate_changes(
            policy,
            changes,
            subjects,
            episodes=budgets[-1],
            evaluation_episodes=measure.episodes,
            seed=seed,
            explore=explore,
            simulator=simulator,
            threads=threads,
            on_progress=on_progress,
        )
    given = isinstance(tasks, Tasks) and references is None
    chosen = tasks if isinstance(tasks, Tasks) else policy.family.tasks(split, tasks)
    if fine_tune is not None:
        check_stages(policy, fit=True, fine_tune=fine_tune)
    elif (fine_tune_out, on_task) != (None, None):
        raise UserError("fine_tune_out and on_task are for fine-tuning: give fine_tune too")
    measured: dict[str, list[Rollout]] = {}
    posterior = None
    finished = Finished(sum(map(measure.total, subjects.values())), on_progress)
    for name, subject in subjects.items():
        worlds = TaskWorlds(subject.policy, chosen, simulator=simulator, threads=threads)
        measured[name], belief = measure(subject, worlds, finished)
        if name == "adapted":
            posterior = policy.learner.infer(belief)

    diverged = diverged_tasks(itertools.chain.from_iterable(measured.values()), len(chosen), policy.family.name)
    stages = StageResults({}, {})
    if fine_tune is not None:
        settings = StageSettings(fine_tune, budgets[-1], measure.episodes, seed, simulator)
        out = None if fine_tune_out is None else Path(fine_tune_out)
        stages = measure_stages(policy, domain_randomized, chosen, settings, out=out, on_task=on_task)
        for values in stages.returns.values():
            diverged |= np.isnan(values)
    return Evaluation(
        family=policy.family.name,
        learner=policy.config.learner,
        split="given" if given else split,
        tasks=chosen[~diverged],
        episodes=budgets,
        returns=curves(measured, _CURVES, lambda rollout: rollout.returns, ~diverged)
        | _of_references(references and references.returns, trained, ~diverged, len(budgets))
        | _of_stages(stages.returns, ~diverged, len(budgets)),
        success=curves(measured, _CURVES, lambda rollout: rollout.success, ~diverged, binary=measure.episodes == 1)
        | _of_references(references and references.success, trained, ~diverged, len(budgets))
        | _of_stages(stages.success, ~diverged, len(budgets)),
        distance=curves(measured, _CURVES, lambda rollout: rollout.distance, ~diverged),
        env_steps=policy.env_steps,
        seed=seed,
        inferred=inferred(policy, chosen, posterior, ~diverged),
        diverged=tuple(np.flatnonzero(diverged).tolist()),
        distinct=None if references is None else references.distinct[~diverged],
        measures=Measures.of(policy.family, measured, ~diverged),
    )


class _Measure(NamedTuple):
    """How every subject is measured."""

    budgets: Sequence[int]
    episodes: int
    seed: int
    explore: bool

    def total(self, subject: Subject) -> int:
        """Episodes of each task that a subject runs."""
        return sum(budget + self.episodes for budget in (self.budgets if subject.adapts else self.budgets[:1]))

    def __call__(self, subject: Subject, worlds: TaskWorlds, finished: Finished) -> tuple[list[Rollout], Belief]:
        """Episodes of each task after each number of adaptation episodes, and the belief after the last number."""
        policy, rollouts = subject.policy, []
        belief = policy.begin(worlds.num_tasks)
        for budget in self.budgets:
            if budget and not subject.adapts:
                rollouts.append(rollouts[0])
                continue
            belief = adapted_belief(policy, worlds, budget, self.seed, finished)
            fresh, _ = streams(self.seed, "trials")
            rollout, _ = collect_episodes(
                worlds, policy.learner, belief, self.episodes, fresh, explore=self.explore, remember=subject.remembers
            )
            rollouts.append(rollout)
            finished(rollout)
        return rollouts, belief


def _of_references(
    values: Mapping[str, np.ndarray] | None, trained: Mapping[str, Policy | None], kept: np.ndarray, budgets: int
) -> dict[str, Curve]:
    """Curves of the references, which do not adapt; a control that was trained for the policy has its own curve."""
    return {
        name: Curve(np.tile(row[kept], (budgets, 1)))
        for name, row in (values or {}).items()
        if trained.get(name) is None
    }


def _of_stages(values: Mapping[str, np.ndarray], kept: np.ndarray, budgets: int) -> dict[str, Curve]:
    """Curves of the stages, which were measured after the last adaptation episode alone."""

    def curve(row: np.ndarray) -> Curve:
        return Curve(np.vstack([np.full((budgets - 1, kept.sum()), np.nan), row[kept]]))

    return {name: curve(row) for name, row in values.items()}
