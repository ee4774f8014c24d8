"""A specialist: a policy that learns in one task until its curve is flat. It bounds what adaptation can reach.

The learner's own update is used in worlds of that one task. When the curve is flat, the step size is divided, and when
that has been done a few times, the training ends: the last per cent come with small steps.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from robotmeta.adaptation.worlds import TaskWorlds, adapted_belief, collect_episodes
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.envs import TaskBatchEnv, TaskFamily, Tasks
from robotmeta.errors import UserError
from robotmeta.evaluation.flatness import Flat
from robotmeta.experience.rollout import Rollout
from robotmeta.files import read_file, write_text
from robotmeta.json_values import check_types, json_text, parse_object
from robotmeta.metalearners import CONTROL, MetaLearner
from robotmeta.policy import Policy, new_policy
from robotmeta.policy_file import load_policy, save_policy
from robotmeta.seeding import streams
from robotmeta.threads import one_torch_thread
from robotmeta.training.checkpoint import load_to_resume
from robotmeta.training.logs import MetricsLog
from robotmeta.training.run_folder import RunFolder
from robotmeta.training.train import collect_trial, training_env

ADAPTATION_EPISODES = 3
"""Adaptation episodes before a policy that adapts is measured."""

_INIT_STD = 0.6  # where the family states none; in a single task, little exploration ends in a worse gait
_HISTORY = "evaluations.json"


@dataclass(frozen=True)
class Schedule:
    """How long a specialist trains, and how it is evaluated meanwhile."""

    worlds: int = 32
    """Episodes of one update."""
    evaluate_every: int = 5
    """Updates from one evaluation to the next."""
    episodes: int = 20
    """Episodes of an evaluation. They act by the mean of the policy."""
    flat: Flat = dataclasses.field(default_factory=Flat)
    """When the curve of the evaluations is flat."""
    drops: int = 2
    """How often the step size is divided when the curve is flat, before the training ends."""
    divisor: float = 3.0
    """What the step size is divided by."""
    max_steps: int = 3_000_000
    """Control steps after which the training ends, flat or not."""

    def __post_init__(self) -> None:
        if self.episodes < 2:
            raise UserError(f"episodes must be at least 2, not {self.episodes}: one does not say how they scatter")
        for name in ("worlds", "evaluate_every", "max_steps"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} must be at least 1, not {getattr(self, name)}")

    def drops_after(self, history: Sequence[Evaluated]) -> int:
        """How often the curve of some evaluations has been flat."""
        return self.flat.times([evaluated.mean_return for evaluated in history])

    def ended(self, history: Sequence[Evaluated]) -> bool:
        """Whether a training ends after these evaluations."""
        if not history:
            return False
        return self.drops_after(history) > self.drops or history[-1].env_steps >= self.max_steps


@dataclass(frozen=True)
class Specialist:
    """A policy that was trained on one task.

    Attributes:
        policy: The policy at its best evaluation.
        score: Mean return of that evaluation.
        steps: Control steps of the training.
        seconds: How long it took.
        flat: Whether the curve was flat at the end; if not, it ended at the limit of steps.
    """

    policy: Policy
    score: float
    steps: int
    seconds: float
    flat: bool


class Evaluated(NamedTuple):
    """One evaluation during the training."""

    iteration: int
    env_steps: int
    seconds: float
    mean_return: float


def untrained(family: TaskFamily, *, seed: int = 0, worlds: int = 32, simulator: str = "auto") -> Policy:
    """A policy without memory and with random weights. Its updates have ``worlds`` episodes of one task."""
    std = _INIT_STD if family.init_std is None else family.init_std
    chosen = hyperparameters(CONTROL, {"meta_batch": 1, "episodes": worlds, "init_std": std}, family=family)
    return new_policy(RunConfig(family.name, CONTROL, chosen, seed=seed, simulator=simulator), family=family)


def with_episodes(policy: Policy, worlds: int) -> Policy:
    """A meta-trained policy whose next updates have about ``worlds`` episodes instead of those of many tasks.

    Its optimizers start anew.
    """
    hyper = policy.config.hyperparameters
    each = hyper.episodes * (hyper.adaptation_steps + 1)
    fewer = dataclasses.replace(hyper, meta_batch=max(1, round(worlds / each)))
    config = dataclasses.replace(policy.config, hyperparameters=fewer)
    fresh = new_policy(config, policy.learner.device, policy.family)
    fresh.learner.load_state_dict(policy.learner.state_dict())
    return fresh


def specialize(
    policy: Policy,
    task: Tasks,
    folder: Path,
    schedule: Schedule,
    *,
    threads: int | None = None,
    on_evaluation: Callable[[Evaluated], None] = lambda evaluated: None,
) -> Specialist:
    """Trains a policy on one task until its curve is flat, or continues where an interrupted training stopped.

    On the CPU the result depends neither on interruptions nor on the number of threads.

    Args:
        policy: The policy to start from, meta-trained or :func:`untrained`.
        task: One task of its family.
        folder: Its run folder: log, checkpoints, evaluations, and the best policy so far.
        schedule: How long it trains, and how it is evaluated meanwhile.
        threads: Number of physics threads.
        on_evaluation: Called after each evaluation.

    Raises:
        UserError: If the folder cannot be used or belongs to another training.
        TrainingDiverged: If weights are not finite.
    """
    # until the curve has been flat `drops + 1` times:
    #     some updates, each from rollouts in worlds of the task       the learner's own
    #     R = mean return of evaluation episodes                       the best policy is kept
    #     if the curve of R is flat: step size /= divisor
    run, best_file = RunFolder(folder), folder / "best.safetensors"
    with run.locked(), one_torch_thread():
        policy = _started(policy, run, best_file)
        history = _history(folder, policy.iteration)
        best = load_policy(best_file, family=policy.family)
        score = _score(best, task, schedule, threads)
        env = training_env(policy, threads)
        env.load(task.repeat(env.num_tasks))
        with MetricsLog(run, start=policy.iteration) as log:
            while not schedule.ended(history):
                began = time.perf_counter()
                for _ in range(schedule.evaluate_every):
                    policy = _updated(policy, env, log)
                reached = _score(policy, task, schedule, threads)
                seconds = (history[-1].seconds if history else 0.0) + time.perf_counter() - began
                history.append(Evaluated(policy.iteration, policy.env_steps, seconds, reached))
                if reached > score:
                    score = reached
                    save_policy(policy, best_file)
                if schedule.drops_after(history) > schedule.drops_after(history[:-1]):
                    _divide_step_size(policy.learner, schedule.divisor)
                _save_history(folder, history)
                run.save(policy)
                on_evaluation(history[-1])
    best = load_policy(best_file, family=policy.family)
    flat = schedule.drops_after(history) > schedule.drops
    return Specialist(best, score, history[-1].env_steps, history[-1].seconds, flat)


def measured(
    policy: Policy,
    task: Tasks,
    episodes: int,
    *,
    seed: int = 0,
    purpose: str = "trials",
    adaptation_episodes: int = ADAPTATION_EPISODES,
    threads: int | None = None,
) -> Rollout:
    """Episodes of one task that act by the mean of the policy, after adaptation episodes if it adapts.

    Args:
        policy: The policy.
        task: The task.
        episodes: Number of episodes.
        seed: Determines initial states and exploration.
        purpose: What the episodes are for: other purposes have other initial states.
        adaptation_episodes: Adaptation episodes before them.
        threads: Number of physics threads.
    """
    worlds = TaskWorlds(policy, task, threads=threads)
    belief = policy.begin(1)
    if policy.learner.adapts and adaptation_episodes:
        belief = adapted_belief(policy, worlds, adaptation_episodes, seed)
    generator, _ = streams(seed, purpose)
    return collect_episodes(worlds, policy.learner, belief, episodes, generator, explore=False)[0]


def _score(policy: Policy, task: Tasks, schedule: Schedule, threads: int | None) -> float:
    """Mean return of an evaluation, always from the same initial states."""
    return measured(policy, task, schedule.episodes, purpose="specialist", threads=threads).mean_return()


def _started(policy: Policy, run: RunFolder, best_file: Path) -> Policy:
    """The policy of the newest checkpoint, or the one to start from, which is the best one so far."""
    if run.checkpoints():
        return load_to_resume(run, policy.config, policy.learner.device, policy.family)
    policy = dataclasses.replace(policy, iteration=0, env_steps=0, belief=None)
    run.write_config(policy.config)
    save_policy(policy, best_file)
    return policy


def _updated(policy: Policy, env: TaskBatchEnv, log: MetricsLog) -> Policy:
    """The policy after one update, which is logged."""
    began = time.perf_counter()
    generator, _ = streams(policy.config.seed, "iteration", policy.iteration)
    trial = collect_trial(env, policy.learner, generator)
    collected = time.perf_counter()
    metrics = policy.learner.update(trial, generator)
    policy.check_finite()
    policy = dataclasses.replace(policy, iteration=policy.iteration + 1, env_steps=policy.env_steps + trial.steps)
    log.write(policy, trial, metrics, began, collected)
    return policy


def _divide_step_size(learner: MetaLearner, divisor: float) -> None:
    for optimizer in learner.optimizers():
        for group in optimizer.param_groups:
            group["lr"] /= divisor


def _history(folder: Path, iteration: int) -> list[Evaluated]:
    """The evaluations until an iteration."""
    file = folder / _HISTORY
    if not iteration:
        return []
    try:
        data = parse_object(read_file(file))
        check_types(data, {"evaluations": [(int, int, float, float)]})
    except ValueError as error:
        raise UserError(f"{file} is damaged: {error}; remove {folder} to train this specialist again") from None
    return [found for row in data["evaluations"] if (found := Evaluated(*row)).iteration <= iteration]


def _save_history(folder: Path, history: Sequence[Evaluated]) -> None:
    write_text(folder / _HISTORY, json_text({"evaluations": history}), through=False)
