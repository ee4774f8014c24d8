"""Speed of the GPU simulator by number of worlds, and of learning with it. Part of ``gpu_check.py``."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch

import robotmeta as rm
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.errors import UserError
from robotmeta.metalearners import DEFAULT
from robotmeta.metalearners.trials import Trials
from robotmeta.policy import Policy, new_policy
from robotmeta.seeding import streams
from robotmeta.threads import one_torch_thread
from robotmeta.training.logs import read_metrics
from robotmeta.training.run_folder import RunFolder
from robotmeta.training.train import training_env

FAMILIES = ("cheetah-direction", "ant-crippled", "quadruped", "quadruped-terrain", "grasp")
_TASKS = 256  # whose models are built on the CPU; they share the worlds
_STEPS = 50  # of the physics alone
_TARGETS = (260.0, 400.0)  # returns in cheetah-direction
_SMOOTHED = 5  # iterations averaged before a target counts as reached

Row = dict[str, Any]


def speeds(device: torch.device, simulator: str, worlds: int, family: str) -> Row:
    """Control steps per second of the physics, with the policy in the loop, and with learning."""
    row: Row = {"family": family, "simulator": simulator, "worlds": worlds}
    env = rm.TaskBatchEnv(rm.make(family), min(_TASKS, worlds), max(1, worlds // _TASKS), simulator=simulator)
    env.reset(torch.Generator().manual_seed(0))
    action = torch.zeros(env.num_tasks, env.num_episodes, env.action_size, device=env.simulator.device)
    row["physics"] = _rate(worlds * _STEPS, lambda: _stepped(env, action), device)
    policy, trial = _policy(family, simulator, worlds, device), None
    trials, (generator, rng) = Trials(training_env(policy), policy.learner), streams(0, "gpu")

    def collected() -> None:
        nonlocal trial
        trial = trials.next(partial(policy.family.sample, rng=rng), generator)

    def updated() -> None:
        assert trial is not None
        policy.learner.update(trial, generator)

    with one_torch_thread():
        row["with the policy"] = _rate(worlds * policy.family.horizon, collected, device)
        update = worlds * policy.family.horizon / _rate(worlds * policy.family.horizon, updated, device)
    whole = worlds * policy.family.horizon / row["with the policy"] + update
    row["with learning"], row["update"] = worlds * policy.family.horizon / whole, update / whole
    if device.type == "cuda":
        row["memory_mb"] = torch.cuda.max_memory_allocated() / 2**20
    return row


def _policy(family: str, simulator: str, worlds: int, device: torch.device) -> Policy:
    """An untrained policy of the default learner that trains in that many worlds."""
    found = rm.make(family)
    episodes = hyperparameters(DEFAULT, {}, family=found).adaptation_steps + 1
    chosen = hyperparameters(DEFAULT, {"meta_batch": max(1, worlds // episodes)}, family=found)
    return new_policy(RunConfig(family, DEFAULT, chosen, simulator=simulator), device, family=found)


def _stepped(env: rm.TaskBatchEnv, action: torch.Tensor) -> None:
    for _ in range(_STEPS):
        env.step(action)


def _rate(steps: int, timed: Callable[[], None], device: torch.device) -> float:
    """Steps per second of the second call. The first one compiles kernels and captures graphs."""
    seconds = 0.0
    for _ in range(2):
        began = time.perf_counter()
        timed()
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds = time.perf_counter() - began
    return steps / seconds


def by_worlds(device: torch.device, counts: tuple[int, ...], ends: float) -> Iterator[Row]:
    """Speeds of each family and number of worlds, and on the CPU, until a time of ``time.monotonic`` is reached."""
    for family in FAMILIES:
        yield _tried(torch.device("cpu"), "mujoco", counts[0], family)
        for worlds in counts:
            if time.monotonic() > ends:
                return
            yield _tried(device, "mujoco-warp", worlds, family)


def _tried(device: torch.device, simulator: str, worlds: int, family: str) -> Row:
    try:
        return speeds(device, simulator, worlds, family)
    except (UserError, RuntimeError, MemoryError) as error:  # such as too many worlds for the memory
        return {"family": family, "simulator": simulator, "worlds": worlds, "error": str(error)[:200]}


def _run(family: rm.TaskFamily, device: torch.device, worlds: int, iterations: int, out: Path) -> rm.Run:
    """A training with the GPU simulator, in that many worlds."""
    episodes = hyperparameters(DEFAULT, {}, family=family).adaptation_steps + 1
    return rm.meta_train(
        family,
        iterations=iterations,
        out=out,
        continue_=True,
        hyper={"meta_batch": max(1, worlds // episodes)},
        device=device.type,
        simulator="mujoco-warp",
        progress=False,
    )


def time_to_targets(device: torch.device, worlds: int, iterations: int) -> Row:
    """Seconds and control steps until a policy of cheetah-direction reaches each target, after starting the process."""
    with tempfile.TemporaryDirectory() as folder:
        run = _run(rm.make("cheetah-direction"), device, worlds, iterations, Path(folder) / "run")
        lines = read_metrics(RunFolder(run.folder).metrics)
    found: Row = {"worlds": worlds, "iterations": iterations, "last": lines[-1]["return_post"]}
    for target in _TARGETS:
        for place in range(_SMOOTHED, len(lines) + 1):
            recent = lines[place - _SMOOTHED : place]
            if sum(line["return_post"] for line in recent) / _SMOOTHED >= target:
                reached = recent[-1]
                found[f"{target:g}"] = {"seconds": reached["seconds"], "env_steps": reached["env_steps"]}
                break
    return found


def trained(family: str, device: torch.device, worlds: int, iterations: int, out: Path) -> Row:
    """A policy trained with the GPU simulator, saved in a run folder, and evaluated on held-out and OOD tasks."""
    found, began = rm.make(family), time.perf_counter()
    run = _run(found, device, worlds, iterations, out)
    seconds = time.perf_counter() - began
    results = {
        split: rm.evaluate(run.policy, split=split, tasks=40, simulator="mujoco").to_json()
        for split in found.splits
        if split != "robots"
    }
    return {"family": family, "worlds": worlds, "seconds": seconds, "env_steps": run.policy.env_steps, **results}


def out_folder() -> Path:
    """Where runs go: the folder that ``OUT`` names, or the current one."""
    return Path(os.environ.get("OUT", "runs")) / "gpu"
