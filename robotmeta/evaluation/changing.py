"""Measuring how a policy follows a task that changes in the middle of an episode.

After K adaptation episodes in the task before the change, one episode is measured in which the task changes, as a
robot gets a load or steps on ice. Rapid motor adaptation is tested in this way (Kumar et al. 2021, arXiv:2107.04034).
The time to recover is that until the measure, the reward or what the family names as its performance, is back at 90 %
of its steady level. The steady level is what the same policy reaches in the last second of an episode in the task after
the change, if it has adapted to that task from the start.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from robotmeta.adaptation.worlds import TaskWorlds, adapted_belief, collect_episodes
from robotmeta.envs import BatchEnv, TaskFamily
from robotmeta.envs.changes import Changes, check_changes
from robotmeta.envs.changing_env import ChangingEnv
from robotmeta.evaluation.evaluation import CONTROLS, Evaluation
from robotmeta.evaluation.measured import Finished, curves, diverged_tasks, inferred
from robotmeta.evaluation.measures import Measures
from robotmeta.evaluation.recovery import SOON, STEADY, Recovered, Recovery, seconds_to_recover
from robotmeta.evaluation.subjects import Subject
from robotmeta.experience.rollout import Belief, Rollout
from robotmeta.policy import Policy
from robotmeta.seeding import streams


def evaluate_changes(
    policy: Policy,
    changes: Changes,
    subjects: Mapping[str, Subject],
    *,
    episodes: int,
    evaluation_episodes: int,
    seed: int,
    explore: bool,
    simulator: str,
    threads: int | None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Measures policies in tasks that change within an episode; the arguments are those of ``evaluate``.

    Args:
        policy: The meta-trained policy.
        changes: The tasks before and after the change.
        subjects: What is measured, by the name of its curve: the policy and its controls.
        episodes: K, adaptation episodes in the task before the change.
        evaluation_episodes: Episodes of each task that are measured.
        seed: Determines initial states and exploration.
        explore: Whether to measure with sampled actions.
        simulator: Physics backend.
        threads: Number of physics threads.
        on_progress: Called with the number of finished episodes of each task and of all of them.

    Raises:
        UserError: For tasks of another family, or that differ in a parameter that cannot change within an episode.
        SimulationDiverged: If the simulation of every task diverges.
    """
    family = policy.family
    check_changes(family.changing, changes.before, changes.after, f"family '{family.name}'")
    total = sum(2 * (episodes * subject.adapts + evaluation_episodes) for subject in subjects.values())
    finished = Finished(total, on_progress)
    measure = _Measure(changes, episodes, evaluation_episodes, seed, explore, simulator, threads, finished)
    changed, steady, posterior = {}, {}, None
    for name, subject in subjects.items():
        changed[name], belief = measure(subject, changing=True)
        steady[name], _ = measure(subject, changing=False)
        if name == "adapted" and policy.learner.infer(policy.begin(len(changes))) is not None:
            posterior = policy.learner.infer(policy.learner.adapt(belief, changed[name]))
    diverged = diverged_tasks(itertools.chain(changed.values(), steady.values()), len(changes), family.name)
    measured = {name: [rollout] for name, rollout in {**changed, "unchanged": steady["adapted"]}.items()}
    names, kept = ("adapted", *CONTROLS, "unchanged"), ~diverged
    levels = {name: _level(family, rollout) for name, rollout in steady.items()}
    levels["unchanged"] = levels["adapted"]
    return Evaluation(
        family=family.name,
        learner=policy.config.learner,
        split="changing",
        tasks=changes.after[kept],
        episodes=[episodes],
        returns=curves(measured, names, lambda rollout: rollout.returns, kept),
        success=curves(measured, names, lambda rollout: rollout.success, kept, binary=evaluation_episodes == 1),
        distance=curves(measured, names, lambda rollout: rollout.distance, kept),
        env_steps=policy.env_steps,
        seed=seed,
        inferred=inferred(policy, changes.after, posterior, kept),
        diverged=tuple(np.flatnonzero(diverged).tolist()),
        measures=Measures.of(family, measured, kept),
        recovery=Recovery(
            family.performance or "reward",
            changes[kept].parameters,
            changes.step,
            family.dt,
            {
                name: _recovered(family, rollout, levels[name], changes.step)[kept]
                for name, (rollout,) in measured.items()
                if name != "from_scratch"
            },
        ),
    )


class _Measure(NamedTuple):
    """How every subject is measured."""

    changes: Changes
    episodes: int
    evaluation_episodes: int
    seed: int
    explore: bool
    simulator: str
    threads: int | None
    finished: Finished

    def __call__(self, subject: Subject, *, changing: bool) -> tuple[Rollout, Belief]:
        """Episodes in which the task changes, or is that after the change from the first adaptation episode on.

        Returns:
            The episodes, and the belief after acting in them.
        """
        policy, tasks = subject.policy, self.changes.before if changing else self.changes.after
        worlds = TaskWorlds(policy, tasks, simulator=self.simulator, threads=self.threads)
        belief = policy.begin(len(tasks))
        if subject.adapts:
            belief = adapted_belief(policy, worlds, self.episodes, self.seed, self.finished)
        generator, _ = streams(self.seed, "trials")
        rollout, belief = collect_episodes(
            _ChangingWorlds(worlds, self.changes) if changing else worlds,
            policy.learner,
            belief,
            self.evaluation_episodes,
            generator,
            explore=self.explore,
            remember=subject.remembers,
        )
        self.finished(rollout)
        return rollout, belief


class _ChangingWorlds:
    """Worlds whose tasks change within each episode."""

    def __init__(self, worlds: TaskWorlds, changes: Changes) -> None:
        self.num_tasks = worlds.num_tasks
        self._worlds, self._changes = worlds, changes

    def env(self, episodes: int) -> BatchEnv:
        return ChangingEnv(self._worlds.env(episodes), self._changes)


def _series(family: TaskFamily, rollout: Rollout) -> np.ndarray:
    """The measure at each control step, ``[task, episode, time]``; 0 after the end of an episode."""
    if family.performance is None:
        return rollout.rewards.double().cpu().numpy()
    column = [name for name, _ in family.privileged_state].index(family.performance)
    return (rollout.privileged_states[:, :, 1:, column] * rollout.mask).double().cpu().numpy()


def _level(family: TaskFamily, steady: Rollout) -> np.ndarray:
    """The steady level of each episode, ``[task, episode]``; NaN where it ended early."""
    last = max(1, round(STEADY / family.dt))
    ran = steady.mask[:, :, -1].cpu().numpy() > 0
    return np.where(ran, _series(family, steady)[..., -last:].mean(axis=-1), np.nan)


def _recovered(family: TaskFamily, rollout: Rollout, level: np.ndarray, step: int) -> Recovered:
    series = _series(family, rollout)
    running = np.where(rollout.mask.cpu().numpy() > 0, series, np.nan)  # an episode that has ended does not recover
    seconds, lowered = seconds_to_recover(running[..., step:], level, family.dt)
    return Recovered(
        seconds.mean(axis=1),
        lowered.mean(axis=1),
        (seconds <= SOON).mean(axis=1),
        np.where(np.isnan(level).any(axis=1), np.nan, level.mean(axis=1)),
        series.mean(axis=1),
    )
