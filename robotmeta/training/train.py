"""Meta-training: the loop on one screen."""

from __future__ import annotations

import dataclasses
import json
import re
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from robotmeta.config import RunConfig, hyperparameters
from robotmeta.envs import TaskBatchEnv, TaskFamily, make
from robotmeta.envs.simulators import check_simulator
from robotmeta.errors import UserError
from robotmeta.experience.rollout import Trial, collect
from robotmeta.files import locked, reading, write_text
from robotmeta.metalearners import DEFAULT, MetaLearner
from robotmeta.policy import Policy, new_policy, versions
from robotmeta.seeding import streams
from robotmeta.threads import one_torch_thread
from robotmeta.training.checkpoint import checkpoints, load, load_training, save_checkpoint
from robotmeta.training.logs import MetricsLog, Progress

CONFIG = "config.json"


@dataclass(frozen=True)
class Run:
    """A finished or interrupted meta-training run.

    Attributes:
        folder: Where it lives.
        policy: The policy after the last meta-update.
        interrupted: Whether it was stopped before its last iteration.
    """

    folder: Path
    policy: Policy
    interrupted: bool


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
        iterations: Meta-updates.
        seed: Fixes everything on the CPU.
        out: Run folder; ``runs/FAMILY-LEARNER-SEED`` by default.
        hyper: Hyper-parameters that differ from the learner's defaults.
        preset: A named configuration to start from.
        device: ``auto`` (a GPU where there is one), ``cpu`` or ``cuda``: where policy and updates run.
        simulator: Physics backend.
        threads: Physics threads; results do not depend on it.
        checkpoint_every: Iterations between checkpoints.
        progress: Show progress.

    Raises:
        UserError: For an unknown name, a value that cannot be, a folder that already holds a run or in which another
            process is training, or one that cannot be written.
    """
    family = make(family) if isinstance(family, str) else family
    chosen = hyperparameters(learner, hyper or {}, preset=preset, family=family)
    check_simulator(family, simulator)
    config = RunConfig(family.name, learner, chosen, iterations, seed, simulator)
    # A family of one's own may be called robots/hopper.py:family.
    called = re.sub(r"[^\w.-]+", "-", family.name).strip(".-")
    folder = Path(out) if out is not None else Path("runs") / f"{called}-{learner}-{seed}"
    if (folder / CONFIG).exists():
        raise UserError(f"{folder} already holds a run; continue it with --resume {folder}, or choose another --out")
    _check_spacing(checkpoint_every)
    policy = new_policy(config, resolve_device(device), family)
    with locked(folder):
        _write_config(config, folder)
        return _train(policy, folder, threads, checkpoint_every, progress)


def resume(
    folder: str | Path,
    *,
    family: TaskFamily | None = None,
    iterations: int | None = None,
    device: str = "auto",
    threads: int | None = None,
    checkpoint_every: int = 50,
    progress: bool = True,
) -> Run:
    """Continues a run from its last checkpoint, on the CPU bit-identically to one that was never interrupted.

    Args:
        folder: The run folder.
        family: The run's family where it is not a registered one.
        iterations: Meta-updates in all; None for as many as were asked for last.
        device: ``auto``, ``cpu`` or ``cuda``.
        threads: Physics threads; results do not depend on it.
        checkpoint_every: Iterations between checkpoints.
        progress: Show progress.

    Raises:
        UserError: Where there is no run, its last checkpoint is damaged or of another run, more meta-updates were made
            already, or another process is training in it.
    """
    folder = Path(folder)
    if not (folder / CONFIG).exists():
        raise UserError(f"no run at {folder}: it has no {CONFIG}")
    config, _ = read_config(folder)
    if iterations is not None:
        config = dataclasses.replace(config, iterations=iterations)
    _check_spacing(checkpoint_every)
    with locked(folder):
        policy = _last(folder, config, resolve_device(device), family)
        if config.iterations < policy.iteration:
            raise UserError(f"{folder} has made {policy.iteration} iterations already, more than {config.iterations}")
        if iterations is not None:
            _write_config(config, folder)
        return _train(dataclasses.replace(policy, config=config), folder, threads, checkpoint_every, progress)


def _last(folder: Path, config: RunConfig, device: torch.device, family: TaskFamily | None) -> Policy:
    """The policy of a run's last checkpoint, with its optimizer; a new one where there is none yet."""
    kept = checkpoints(folder)
    if not kept:  # stopped before its first checkpoint: start over
        return new_policy(config, device, family)
    try:
        policy = load(folder, device=device, family=family)
        load_training(folder, policy)
    except UserError as error:
        if len(kept) < 2 or not _intact(kept[-2], family):
            raise
        raise UserError(f"{error}; to go on from {kept[-2]}, remove {kept[-1]}") from None
    if dataclasses.replace(policy.config, iterations=config.iterations) != config:
        raise UserError(f"{kept[-1]} is not of the run that {folder / CONFIG} describes")
    return policy


def _intact(checkpoint: Path, family: TaskFamily | None) -> bool:
    try:
        load(checkpoint, family=family)
    except UserError:
        return False
    return True


def read_config(folder: Path) -> tuple[RunConfig, dict[str, str]]:
    """What a run is, and the versions of what began it.

    Raises:
        UserError: Where its description cannot be read or is damaged.
    """
    file = folder / CONFIG
    with reading(file):
        text = file.read_text(encoding="utf-8", errors="replace")
    try:
        saved = json.loads(text)
        if not isinstance(saved, dict):
            raise UserError("not the configuration of a run")
        found = saved.pop("versions", {})
        return RunConfig.from_json(saved), found if isinstance(found, dict) else {}
    except (json.JSONDecodeError, UserError) as error:
        raise UserError(f"{file} is damaged: {error}") from None


def _check_spacing(checkpoint_every: int) -> None:
    if checkpoint_every < 1:
        raise UserError(f"there is at least 1 iteration between checkpoints, not {checkpoint_every}")


def _write_config(config: RunConfig, folder: Path) -> None:
    write_text(folder / CONFIG, json.dumps({**config.to_json(), "versions": versions()}, indent=2) + "\n")


def _train(policy: Policy, folder: Path, threads: int | None, checkpoint_every: int, progress: bool) -> Run:
    # for each iteration:
    #     tasks   ~ p(T)                                   a meta-batch from the family
    #     rollout = collect(tasks, belief)                 experience of every task at once
    #     belief  = adapt(belief, rollout)                 inner loop, after each rollout but the last
    #     update(rollouts)                                 outer loop
    config, learner, iterations = policy.config, policy.learner, policy.config.iterations
    env = training_env(policy, threads)
    steps = policy.env_steps
    log = MetricsLog(folder, start=policy.iteration)
    with one_torch_thread(), stop_signal() as stopped, log, Progress(iterations, progress) as shown:
        for iteration in range(policy.iteration, iterations):
            began = time.perf_counter()
            generator, rng = streams(config.seed, "iteration", iteration)
            env.load(policy.family.sample(env.num_tasks, rng))
            trial = collect_trial(env, learner, generator)
            collected = time.perf_counter()
            metrics = learner.update(trial, generator)
            steps += trial.steps
            policy = dataclasses.replace(policy, iteration=iteration + 1, env_steps=steps)
            line = log.write(policy, trial, metrics, began, collected)
            shown.advance(line)
            if stopped.is_set() or policy.iteration % checkpoint_every == 0 or policy.iteration == iterations:
                save_checkpoint(policy, folder)
            if stopped.is_set():
                break
    return Run(folder, policy, interrupted=policy.iteration < iterations)


def collect_trial(env: TaskBatchEnv, learner: MetaLearner, generator: torch.Generator) -> Trial:
    """Rollouts of every task from beliefs after 0, 1, ... adaptation steps."""
    belief = learner.begin(env.num_tasks, generator)
    rollouts = []
    for remaining in reversed(range(learner.config.adaptation_steps + 1)):
        rollout, belief = collect(env, learner, belief, generator)
        rollouts.append(rollout)
        if remaining:
            belief = learner.adapt(belief, rollout)
    return Trial(rollouts, env.family.encoding.encode(env.tasks).to(learner.device))


def training_env(policy: Policy, threads: int | None = None) -> TaskBatchEnv:
    """The worlds a learner is meta-trained in."""
    hyper = policy.config.hyperparameters
    return TaskBatchEnv(
        policy.family,
        hyper.meta_batch,
        hyper.episodes,
        simulator=policy.config.simulator,
        threads=threads,
        oracle=hyper.oracle,
    )


def resolve_device(device: str) -> torch.device:
    """``auto`` is a GPU where there is one.

    Raises:
        UserError: For ``cuda`` without a GPU, or a device torch does not know.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        resolved = torch.device(device)
    except RuntimeError:
        resolved = None
    if resolved is None or resolved.type not in ("cpu", "cuda"):
        raise UserError(f"no device '{device}'; there are: auto, cpu, cuda")
    if resolved.type == "cuda" and not torch.cuda.is_available():
        raise UserError("no CUDA device here; use --device cpu, or auto")
    if resolved.type == "cuda" and (resolved.index or 0) >= torch.cuda.device_count():
        raise UserError(f"no device '{device}'; the last one is cuda:{torch.cuda.device_count() - 1}")
    return resolved


@contextmanager
def stop_signal() -> Iterator[threading.Event]:
    """An event that Ctrl-C sets, so that the iteration is finished and saved; a second Ctrl-C stops at once."""
    stopped = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return

    def stop(number: int, frame: object) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        stopped.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
