"""Meta-training: the outer loop."""

from __future__ import annotations

import dataclasses
import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from robotmeta.config import RunConfig, hyperparameters
from robotmeta.devices import resolve_device
from robotmeta.envs import TaskBatchEnv, TaskFamily, make
from robotmeta.envs.registry import recorded_family, trust_flags
from robotmeta.envs.simulators import check_simulator
from robotmeta.envs.task_batch import episode_bytes
from robotmeta.envs.validation import check_family
from robotmeta.errors import TrainingDiverged, UserError
from robotmeta.interrupts import stop_signal
from robotmeta.memory import check_memory
from robotmeta.metalearners import DEFAULT
from robotmeta.metalearners.trials import Trials
from robotmeta.policy import Policy, new_policy
from robotmeta.seeding import streams
from robotmeta.threads import one_torch_thread
from robotmeta.training.checkpoint import load_to_resume
from robotmeta.training.logs import MetricsLog, Progress
from robotmeta.training.run_folder import RunFolder


@dataclass(frozen=True)
class Run:
    """A finished or interrupted meta-training run.

    Attributes:
        folder: The run folder.
        policy: The policy after the last meta-update.
        signal: Number of the signal that stopped it before its last iteration; None if it was not stopped.
    """

    folder: Path
    policy: Policy
    signal: int | None = None

    @property
    def interrupted(self) -> bool:
        """Whether it was stopped before its last iteration."""
        return self.signal is not None


def meta_train(
    family: str | TaskFamily,
    learner: str = DEFAULT,
    *,
    iterations: int = 300,
    seed: int = 0,
    out: str | Path | None = None,
    hyper: Mapping[str, Any] | None = None,
    preset: str | None = None,
    device: str = "auto",
    simulator: str = "auto",
    threads: int | None = None,
    checkpoint_every: int = 50,
    progress: bool = True,
) -> Run:
    """Meta-trains a policy over a task family.

    Args:
        family: A family, or a name that :func:`robotmeta.make` finds one by.
        learner: Name of the meta-learner.
        iterations: Number of meta-updates.
        seed: Determines all results on the CPU.
        out: The run folder; ``runs/FAMILY-LEARNER-SEED`` by default.
        hyper: Hyper-parameters that differ from the learner's defaults.
        preset: Named set of hyper-parameters to start from.
        device: ``auto`` (a GPU if there is one), ``cpu`` or ``cuda``: where policy and updates run.
        simulator: Physics backend.
        threads: Number of physics threads. Results do not depend on it.
        checkpoint_every: Iterations from one checkpoint to the next.
        progress: Whether to show progress.

    Raises:
        UserError: For an unknown name, an invalid value, or a folder that already contains a run, is in use by another
            process, or cannot be written.
    """
    if isinstance(family, str):
        family = make(family)
    else:
        check_family(family)
    chosen = hyperparameters(learner, hyper or {}, preset=preset, family=family)
    check_simulator(family, simulator)
    config = RunConfig(family.name, learner, chosen, iterations, seed, simulator)
    folder = RunFolder.default(config) if out is None else RunFolder(Path(out))
    if folder.exists():
        resuming = shlex.join(["--resume", str(folder.path), *trust_flags(config.family)])
        raise UserError(f"{folder.path} already holds a run; continue it with {resuming}, or choose another --out")
    _check_checkpoint_every(checkpoint_every)
    policy = new_policy(config, resolve_device(device), family)
    _check_rollouts(policy)
    with folder.locked():
        folder.write_config(config)
        return _train(policy, folder, threads, checkpoint_every, progress)


def resume(
    folder: str | Path,
    *,
    family: str | TaskFamily | None = None,
    trust: bool = False,
    iterations: int | None = None,
    device: str = "auto",
    threads: int | None = None,
    checkpoint_every: int = 50,
    progress: bool = True,
) -> Run:
    """Continues a run from its newest checkpoint. On the CPU the result is bit-identical to an uninterrupted run.

    Args:
        folder: The run folder.
        family: The run's family, or its name, if that is not an installed one.
        trust: Whether to import and call the function that the run's files name as its family.
        iterations: Total number of meta-updates; None keeps the number in the run's configuration.
        device: ``auto``, ``cpu`` or ``cuda``.
        threads: Number of physics threads. Results do not depend on it.
        checkpoint_every: Iterations from one checkpoint to the next.
        progress: Whether to show progress.

    Raises:
        UserError: If there is no run, its newest checkpoint is damaged or belongs to another run, its files name a
            function as its family without ``family`` or ``trust``, it has already made more iterations, or another
            process is training in the folder.
    """
    run = RunFolder(Path(folder))
    if not run.exists():
        raise UserError(f"no run at {folder}: it has no {run.config.name}")
    config, _ = run.read_config()
    if iterations is not None:
        config = dataclasses.replace(config, iterations=iterations)
    _check_checkpoint_every(checkpoint_every)
    found = recorded_family(config.family, run.config, family, trust=trust)
    with run.locked():
        policy = load_to_resume(run, config, resolve_device(device), found)
        if config.iterations < policy.iteration:
            made = f"the number that {folder} has made already"
            raise UserError(f"iterations must be at least {policy.iteration}, {made}, not {config.iterations}")
        _check_rollouts(policy)
        if iterations is not None:
            run.write_config(config)
        return _train(dataclasses.replace(policy, config=config), run, threads, checkpoint_every, progress)


def _check_checkpoint_every(checkpoint_every: int) -> None:
    if checkpoint_every < 1:
        raise UserError(f"checkpoint_every must be at least 1, not {checkpoint_every}")


def _check_rollouts(policy: Policy) -> None:
    """Raises UserError if the experience of one iteration does not fit into memory."""
    hyper = policy.config.hyperparameters
    rollouts, worlds = hyper.rollouts, hyper.tasks * hyper.episodes
    check_memory(
        f"a meta-update from {rollouts} rollouts of {worlds} episodes",
        rollouts * worlds * episode_bytes(policy.family),
    )


def _train(policy: Policy, folder: RunFolder, threads: int | None, checkpoint_every: int, progress: bool) -> Run:
    # for each iteration:
    #     tasks   ~ p(T)                                   a meta-batch from the family
    #     rollout = collect(tasks, belief)                 experience of all tasks at once
    #     belief  = adapt(belief, rollout)                 inner loop, after each rollout but the last
    #     update(rollouts)                                 outer loop
    # Staggered trials go on in the next iteration.
    config, learner, iterations = policy.config, policy.learner, policy.config.iterations
    trials = Trials(training_env(policy, threads), learner, folder.trials())
    steps = policy.env_steps
    log = MetricsLog(folder, start=policy.iteration)
    with one_torch_thread(), stop_signal() as stopped, log, Progress(iterations, progress) as shown:
        for iteration in range(policy.iteration, iterations):
            began = time.perf_counter()
            generator, rng = streams(config.seed, "iteration", iteration)
            trial = trials.next(partial(policy.family.sample, rng=rng), generator)
            collected = time.perf_counter()
            metrics = learner.update(trial, generator)
            steps += trial.steps
            _check_weights(policy, folder, iteration)
            policy = dataclasses.replace(policy, iteration=iteration + 1, env_steps=steps)
            line = log.write(policy, trial, metrics, began, collected)
            shown.advance(line)
            if stopped or policy.iteration % checkpoint_every == 0 or policy.iteration == iterations:
                folder.save(policy, trials.state())
            if stopped:
                break
    return Run(folder.path, policy, stopped.number if policy.iteration < iterations else None)


def _check_weights(policy: Policy, folder: RunFolder, iteration: int) -> None:
    """Raises TrainingDiverged if an update has made weights that are not finite."""
    try:
        policy.check_finite()
    except TrainingDiverged as error:
        saved = f"the checkpoint of iteration {folder.iteration} is intact" if folder.iteration else "nothing is saved"
        raise TrainingDiverged(f"{error} in iteration {iteration + 1}; {saved}; smaller step sizes may help") from None


def training_env(policy: Policy, threads: int | None = None) -> TaskBatchEnv:
    """The worlds of one rollout of a meta-update, ``tasks`` tasks with ``episodes`` episodes each."""
    hyper = policy.config.hyperparameters
    return TaskBatchEnv(
        policy.family,
        hyper.tasks,
        hyper.episodes,
        simulator=policy.config.simulator,
        threads=threads,
        oracle=hyper.oracle,
    )
