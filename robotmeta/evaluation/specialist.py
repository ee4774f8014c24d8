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

from robotmeta.envs import Tasks
from robotmeta.errors import UserError
from robotmeta.evaluation.schedule import Evaluated, Schedule
from robotmeta.evaluation.single_task import measured
from robotmeta.files import read_file, write_text
from robotmeta.json_values import check_types, json_text, parse_object
from robotmeta.metalearners import MetaLearner
from robotmeta.metalearners.trials import Trials
from robotmeta.metalearners.updates import Updates
from robotmeta.policy import Policy
from robotmeta.policy_file import load_policy, save_policy
from robotmeta.seeding import streams
from robotmeta.threads import one_torch_thread
from robotmeta.training.boards import TensorBoard
from robotmeta.training.checkpoint import load_to_resume
from robotmeta.training.logs import MetricsLog
from robotmeta.training.outcomes import outcomes_of
from robotmeta.training.run_folder import RunFolder
from robotmeta.training.train import training_env

_HISTORY = "evaluations.json"


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
        trials = Trials(training_env(policy, threads), policy.learner, run.trials())
        with MetricsLog(run, policy.iteration, [TensorBoard(run, policy.env_steps)]) as log:
            while not schedule.ended(history):
                began = time.perf_counter()
                for _ in range(schedule.evaluate_every):
                    policy = _updated(policy, task, trials, log)
                reached = _score(policy, task, schedule, threads)
                seconds = (history[-1].seconds if history else 0.0) + time.perf_counter() - began
                history.append(Evaluated(policy.iteration, policy.env_steps, seconds, reached))
                if reached > score:
                    score = reached
                    save_policy(policy, best_file)
                if schedule.drops_after(history) > schedule.drops_after(history[:-1]):
                    _divide_step_size(policy.learner, schedule.divisor)
                _save_history(folder, history)
                run.save(policy, trials.state())
                on_evaluation(history[-1])
    best = load_policy(best_file, family=policy.family)
    flat = schedule.drops_after(history) > schedule.drops
    return Specialist(best, score, history[-1].env_steps, history[-1].seconds, flat)


def _score(policy: Policy, task: Tasks, schedule: Schedule, threads: int | None) -> float:
    """Mean return of an evaluation, always from the same initial states."""
    return measured(policy, task, schedule.episodes, purpose="specialist", threads=threads).mean_return()


def _started(policy: Policy, run: RunFolder, best_file: Path) -> Policy:
    """The policy of the newest checkpoint, or the one to start from, which is the best one so far."""
    if run.checkpoints():
        return load_to_resume(run, policy.config, policy.learner.device, policy.family)
    policy = dataclasses.replace(policy, iteration=0, env_steps=0, belief=None)
    run.write_config(policy.config, policy.family)
    save_policy(policy, best_file)
    return policy


def _updated(policy: Policy, task: Tasks, trials: Trials, log: MetricsLog) -> Policy:
    """The policy after one update, which is logged."""
    began = time.perf_counter()
    generator, _ = streams(policy.config.seed, "iteration", policy.iteration)
    updates = Updates(policy.learner, generator)
    for part in trials.parts(task.repeat, generator):
        updates(part)
    trial = trials.whole
    policy.check_finite()
    policy = dataclasses.replace(policy, iteration=policy.iteration + 1, env_steps=policy.env_steps + trial.steps)
    log.write(policy, outcomes_of(trial), updates.metrics(), began, updates.seconds)
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
