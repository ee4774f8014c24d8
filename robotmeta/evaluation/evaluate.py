"""Measuring a policy and its controls on held-out tasks, after 0..K adaptation episodes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from robotmeta.adaptation.worlds import TaskWorlds, adapted_belief, collect_episodes
from robotmeta.envs import Tasks, checks
from robotmeta.envs.task_batch import episode_bytes
from robotmeta.errors import SimulationDiverged, UserError
from robotmeta.evaluation.evaluation import CONTROLS, Evaluation
from robotmeta.evaluation.intervals import Curve
from robotmeta.evaluation.references import References
from robotmeta.evaluation.stages import StageResults, StageSettings, check_stages, measure_stages
from robotmeta.evaluation.subjects import Subject, check_controls, subjects_of
from robotmeta.experience.rollout import Belief, Rollout
from robotmeta.memory import check_memory
from robotmeta.policies import DiagonalGaussian
from robotmeta.policy import Policy
from robotmeta.seeding import streams


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
    fine_tune: str | int | None = None,
    fine_tune_out: str | Path | None = None,
    on_task: Callable[[int, int], None] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
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
    subjects = subjects_of(policy, controls, {name: control for name, control in trained.items() if control}, seed)
    given = isinstance(tasks, Tasks) and references is None
    chosen = tasks if isinstance(tasks, Tasks) else policy.family.tasks(split, tasks)
    simulator = policy.config.simulator if simulator is None else simulator
    if fine_tune is not None:
        check_stages(policy, fine_tune)
    elif (fine_tune_out, on_task) != (None, None):
        raise UserError("fine_tune_out and on_task are for fine-tuning: give fine_tune too")
    measured: dict[str, list[Rollout]] = {}
    posterior = None
    finished = _Finished(sum(map(measure.total, subjects.values())), on_progress)
    for name, subject in subjects.items():
        worlds = TaskWorlds(subject.policy, chosen, simulator=simulator, threads=threads)
        measured[name], belief = measure(subject, worlds, finished)
        if name == "adapted":
            posterior = policy.learner.infer(belief)

    # A diverged episode has no return to compare, so its task is left out of all curves.
    diverged = np.zeros(len(chosen), dtype=bool)
    for rollout in itertools.chain.from_iterable(measured.values()):
        diverged |= rollout.diverged.any(dim=1).cpu().numpy()
    if diverged.all():
        raise SimulationDiverged(f"the simulation of every task of family '{policy.family.name}' diverged")
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
        returns=_curves(measured, lambda rollout: rollout.returns, ~diverged)
        | _of_references(references and references.returns, trained, ~diverged, len(budgets))
        | _of_stages(stages.returns, ~diverged, len(budgets)),
        success=_curves(measured, lambda rollout: rollout.success, ~diverged, binary=measure.episodes == 1)
        | _of_references(references and references.success, trained, ~diverged, len(budgets))
        | _of_stages(stages.success, ~diverged, len(budgets)),
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


class _Measure(NamedTuple):
    """How every subject is measured."""

    budgets: Sequence[int]
    episodes: int
    seed: int
    explore: bool

    def total(self, subject: Subject) -> int:
        """Episodes of each task that a subject runs."""
        return sum(budget + self.episodes for budget in (self.budgets if subject.adapts else self.budgets[:1]))

    def __call__(self, subject: Subject, worlds: TaskWorlds, finished: _Finished) -> tuple[list[Rollout], Belief]:
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


class _Finished:
    """Counts finished episodes of each task, and says how many there are."""

    def __init__(self, total: int, on_progress: Callable[[int, int], None] | None) -> None:
        self._done, self._total, self._on_progress = 0, total, on_progress or (lambda done, total: None)
        self._on_progress(0, total)

    def __call__(self, rollout: Rollout) -> None:
        self._done += rollout.returns.shape[1]
        self._on_progress(self._done, self._total)


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


def _of_stages(values: Mapping[str, np.ndarray], kept: np.ndarray, budgets: int) -> dict[str, Curve]:
    """Curves of the stages, which were measured after the last adaptation episode alone."""

    def curve(row: np.ndarray) -> Curve:
        return Curve(np.vstack([np.full((budgets - 1, kept.sum()), np.nan), row[kept]]))

    return {name: curve(row) for name, row in values.items()}
