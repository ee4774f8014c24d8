"""Meta-training: the outer loop."""

from __future__ import annotations

import contextlib
import dataclasses
import shlex
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from robotmeta.argument_types import check_arguments
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.devices import resolve_device
from robotmeta.distributed import agreed, joined, largest, of_first, rank
from robotmeta.envs import TaskBatchEnv, TaskFamily, make
from robotmeta.envs.registry import recorded_family, trust_flags
from robotmeta.envs.simulators import check_simulator
from robotmeta.envs.task_batch import episode_bytes
from robotmeta.envs.validation import check_family
from robotmeta.errors import TrainingDiverged, UserError
from robotmeta.experience.rollout import Trial
from robotmeta.interrupts import stop_signal
from robotmeta.memory import check_memory
from robotmeta.metalearners import DEFAULT
from robotmeta.metalearners.levels import Levels
from robotmeta.metalearners.trials import Trials
from robotmeta.metalearners.updates import Updates
from robotmeta.policy import Policy, new_policy
from robotmeta.ranks import restarts
from robotmeta.seeding import streams
from robotmeta.threads import one_torch_thread
from robotmeta.training.boards import boards, check_wandb
from robotmeta.training.checkpoint import load_to_resume
from robotmeta.training.logs import MetricsLog, Progress
from robotmeta.training.outcomes import outcomes_of
from robotmeta.training.run_folder import RunFolder
from robotmeta.training.together import check_alike, check_divides, check_draws, from_first


class _How(NamedTuple):
    """What does not change the result of a training."""

    threads: int | None
    checkpoint_every: int
    wandb: str | None
    progress: bool


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


@check_arguments
def meta_train(
    family: str | TaskFamily,
    learner: str = DEFAULT,
    *,
    iterations: int = 300,
    seed: int = 0,
    out: str | Path | None = None,
    continue_: bool = False,
    hyper: Mapping[str, Any] | None = None,
    preset: str | None = None,
    device: str = "auto",
    simulator: str = "auto",
    threads: int | None = None,
    checkpoint_every: int = 50,
    wandb: str | None = None,
    progress: bool = True,
) -> Run:
    """Meta-trains a policy over a task family.

    Processes that torchrun has started together train one policy. Each has some tasks of every meta-batch, and the
    first one logs and saves. They reach the weights of a single process, up to the rounding of sums.

    Args:
        family: A family, or a name that :func:`robotmeta.make` finds one by.
        learner: Name of the meta-learner.
        iterations: Number of iterations. Each collects episodes and makes one or several meta-updates from them.
        seed: Determines all results on the CPU.
        out: The run folder; ``runs/FAMILY-LEARNER-SEED`` by default.
        continue_: Whether to continue a run of this configuration that the folder holds. Processes that torchrun has
            started again always do.
        hyper: Hyper-parameters that differ from the learner's defaults.
        preset: Named set of hyper-parameters to start from.
        device: ``auto`` (a GPU if there is one), ``cpu`` or ``cuda``: where policy and updates run.
        simulator: Physics backend.
        threads: Number of physics threads. Results do not depend on it.
        checkpoint_every: Iterations from one checkpoint to the next.
        wandb: Project of Weights & Biases that gets the same numbers as TensorBoard; None for none.
        progress: Whether to show progress.

    Raises:
        UserError: For an unknown name, an invalid value, or a folder that already contains a run, is in use by another
            process, or cannot be written. Also if processes cannot share the meta-batch, or differ in what they train.
        RankLost: If another process ended, or does not answer.
    """
    with joined() as place, contextlib.ExitStack() as held:
        again = continue_ or largest(restarts()) > 0
        with agreed():
            if isinstance(family, str):
                family = make(family)
            else:
                check_family(family)
            chosen = hyperparameters(learner, hyper or {}, preset=preset, family=family)
            check_simulator(family, simulator)
            if chosen.changing > 0.0:
                family.changes(1)  # refuses a family whose tasks do not change
            config = RunConfig(family.name, learner, chosen, iterations, seed, simulator)
            folder = RunFolder.default(config) if out is None else RunFolder(Path(out))
            if place.first and folder.exists() and not again:
                resuming = shlex.join(["--resume", str(folder.path), *trust_flags(config.family)])
                raise UserError(
                    f"{folder.path} already holds a run; continue it with {resuming}, or choose another --out"
                )
            if place.first and not folder.exists() and (left := folder.left_alone()):
                raise UserError(
                    f"{folder.path} has {left.name} of a run without its {folder.config.name}; choose another --out"
                )
            _check_checkpoint_every(checkpoint_every)
            check_wandb(wandb)
            policy = new_policy(config, resolve_device(device), family)
            _check_rollouts(policy)
        check_alike(policy, device=policy.learner.device.type, checkpoint_every=checkpoint_every)
        with agreed():
            if place.first:
                held.enter_context(folder.locked())
                policy = _continued(policy, folder) if folder.exists() else policy
                folder.write_config(config, family)
        return _train(policy, folder, _How(threads, checkpoint_every, wandb, progress))


@check_arguments
def resume(
    folder: str | Path,
    *,
    family: str | TaskFamily | None = None,
    trust: bool = False,
    iterations: int | None = None,
    device: str = "auto",
    threads: int | None = None,
    checkpoint_every: int = 50,
    wandb: str | None = None,
    progress: bool = True,
) -> Run:
    """Continues a run from its newest checkpoint. On the CPU the result is bit-identical to an uninterrupted run.

    Args:
        folder: The run folder.
        family: The run's family, or its name, if that is not an installed one.
        trust: Whether to import and call the function that the run's files name as its family.
        iterations: Total number of iterations; None keeps the number in the run's configuration.
        device: ``auto``, ``cpu`` or ``cuda``.
        threads: Number of physics threads. Results do not depend on it.
        checkpoint_every: Iterations from one checkpoint to the next.
        wandb: Project of Weights & Biases that gets the same numbers as TensorBoard; None for none.
        progress: Whether to show progress.

    Raises:
        UserError: If there is no run, its newest checkpoint is damaged or belongs to another run, its files name a
            function as its family without ``family`` or ``trust``, it has already made more iterations, or another
            process is training in the folder.
    """
    run = RunFolder(Path(folder))
    with joined() as place, contextlib.ExitStack() as held:
        recorded = None
        with agreed():
            if place.first:
                if not run.exists():
                    raise UserError(f"no run at {folder}: it has no {run.config.name}")
                recorded, _ = run.read_config()
        config = of_first(recorded)
        assert config is not None
        if iterations is not None:
            config = dataclasses.replace(config, iterations=iterations)
        with agreed():
            _check_checkpoint_every(checkpoint_every)
            check_wandb(wandb)
            found = recorded_family(config.family, run.config, family, trust=trust)
            on = resolve_device(device)
            if place.first:
                held.enter_context(run.locked())
                policy = load_to_resume(run, config, on, found)
                _check_iterations(config, policy, run)
            else:
                policy = new_policy(config, on, found)
            _check_rollouts(policy)
        policy = dataclasses.replace(policy, config=config)
        check_alike(policy, device=on.type, checkpoint_every=checkpoint_every)
        with agreed():
            if place.first and iterations is not None:
                run.write_config(config, found)
        return _train(policy, run, _How(threads, checkpoint_every, wandb, progress))


def _continued(policy: Policy, folder: RunFolder) -> Policy:
    """The policy of a run that is to have the configuration of another policy.

    Raises:
        UserError: If the run has another one, or has made more iterations already.
    """
    wanted, (recorded, _) = policy.config, folder.read_config()
    if dataclasses.replace(recorded, iterations=wanted.iterations) != wanted:
        raise UserError(f"{folder.path} holds a run of another configuration; choose another --out")
    policy = load_to_resume(folder, wanted, policy.learner.device, policy.family)
    _check_iterations(wanted, policy, folder)
    return dataclasses.replace(policy, config=wanted)


def _check_iterations(config: RunConfig, policy: Policy, folder: RunFolder) -> None:
    if config.iterations < policy.iteration:
        made = f"the number that {folder.path} has made already"
        raise UserError(f"iterations must be at least {policy.iteration}, {made}, not {config.iterations}")


def _check_checkpoint_every(checkpoint_every: int) -> None:
    if checkpoint_every < 1:
        raise UserError(f"checkpoint_every must be at least 1, not {checkpoint_every}")


def _check_rollouts(policy: Policy) -> None:
    """Raises UserError if the experience of an iteration does not fit into memory, or ranks cannot share the tasks."""
    hyper = policy.config.hyperparameters
    check_divides(hyper)
    rollouts, worlds = hyper.rollouts, hyper.tasks // rank().count * hyper.episodes
    check_memory(
        f"a meta-update from {rollouts} rollouts of {worlds} episodes",
        rollouts * worlds * episode_bytes(policy.family),
    )


def _train(policy: Policy, folder: RunFolder, how: _How) -> Run:
    # for each iteration:
    #     tasks   ~ p(T)                                   a meta-batch from the family
    #     rollout = collect(tasks, belief)                 experience of all tasks at once
    #     belief  = adapt(belief, rollout)                 inner loop, after each rollout but the last
    #     update(rollouts)                                 outer loop
    # Staggered trials go on in the next iteration. Each of several ranks has some of the tasks.
    first = rank().first
    with agreed():
        saved = folder.trials() if first else {}
    policy, saved = from_first(policy, saved)
    config, learner, iterations = policy.config, policy.learner, policy.config.iterations
    with contextlib.ExitStack() as opened:
        with agreed():
            levels = _levels(policy, saved)
            trials = Trials(training_env(policy, how.threads), learner, saved, levels)
            log = opened.enter_context(_log(policy, folder, how.wandb)) if first else None
        opened.enter_context(one_torch_thread())
        shown = opened.enter_context(Progress(policy.iteration, iterations, how.progress and first))
        stopped = opened.enter_context(stop_signal(shown.stopping))
        number = 0
        for iteration in range(policy.iteration, iterations):
            began = time.perf_counter()
            generator, rng = streams(config.seed, "iteration", iteration)
            updates = Updates(learner, generator)
            parts = trials.parts(partial(policy.family.sample, rng=rng), generator, rng)
            while (part := _next(parts)) is not None:
                check_draws(config.family, generator)
                updates(part)
            metrics, outcomes = updates.metrics() | trials.metrics(), outcomes_of(trials.whole)
            policy = dataclasses.replace(policy, iteration=iteration + 1, env_steps=policy.env_steps + outcomes.steps)
            number = largest(stopped.number or 0)
            saves = number or policy.iteration % how.checkpoint_every == 0 or policy.iteration == iterations
            state = trials.state() if saves else {}
            with agreed():
                _check_weights(policy, folder)
                if log is not None:  # in the first rank
                    shown.advance(log.write(policy, outcomes, metrics, began, updates.seconds))
                if log is not None and saves:
                    folder.save(policy, state)
            if number:
                break
    return Run(folder.path, policy, number if policy.iteration < iterations else None)


def _next(parts: Iterator[Trial]) -> Trial | None:
    """The next part; None after the last one."""
    with agreed():
        return next(parts, None)


def _levels(policy: Policy, saved: Mapping[str, Any]) -> Levels | None:
    """Where each place of the meta-batch is in the family's curriculum; None if there is none or it is off."""
    curriculum, hyper = policy.family.curriculum, policy.config.hyperparameters
    if curriculum is None or not hyper.curriculum:
        return None
    family, seed = policy.family, policy.config.seed
    return Levels(curriculum, family.space, hyper.tasks, seed, saved.get("levels"), told=family.told)


def _log(policy: Policy, folder: RunFolder, wandb: str | None) -> MetricsLog:
    return MetricsLog(folder, policy.iteration, boards(folder, policy, wandb))


def _check_weights(policy: Policy, folder: RunFolder) -> None:
    """Raises TrainingDiverged if an update has made weights that are not finite."""
    try:
        policy.check_finite()
    except TrainingDiverged as error:
        saved = f"the checkpoint of iteration {folder.iteration} is intact" if folder.iteration else "nothing is saved"
        raise TrainingDiverged(
            f"{error} in iteration {policy.iteration}; {saved}; smaller step sizes may help"
        ) from None


def training_env(policy: Policy, threads: int | None = None) -> TaskBatchEnv:
    """This rank's worlds of one rollout of a meta-update: ``tasks`` tasks in all, with ``episodes`` episodes each."""
    hyper = policy.config.hyperparameters
    return TaskBatchEnv(
        policy.family,
        hyper.tasks // rank().count,
        hyper.episodes,
        simulator=policy.config.simulator,
        threads=threads,
        oracle=hyper.oracle,
        rank=rank(),
    )
