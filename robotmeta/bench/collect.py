"""``robotmeta bench``: how fast collection and meta-updates are here, as ratios measured in one run."""

from __future__ import annotations

import importlib
import importlib.util
import os
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from robotmeta.config import RunConfig, hyperparameters
from robotmeta.console import plain_console
from robotmeta.envs.family import MujocoWorld
from robotmeta.envs.models import quiet_mujoco
from robotmeta.envs.simulators.mujoco_cpu import MujocoSimulator
from robotmeta.errors import UserError
from robotmeta.experience.rollout import Trial, collect
from robotmeta.metalearners.promp import ProMP, ProMPConfig
from robotmeta.policy import Policy, new_policy
from robotmeta.seeding import streams
from robotmeta.threads import available_cores, one_torch_thread, torch_threads
from robotmeta.training.train import collect_trial, training_env
from robotmeta.versions import versions

_PEER = "HalfCheetah-v5"  # the peers' environment with the same physics as the cheetah families
_ENVPOOL_PEER = "HalfCheetah-v4"
_PEER_STEPS = 100
_ASYNC_WORKERS = 16

Timed = Callable[[], float]
"""Does some work and returns its rate, or its seconds."""


def run_bench(
    family: str, *, worlds: int = 800, threads: int | None = None, repeats: int = 3, console: Console
) -> dict[str, Any]:
    """Measures and prints; returns the figures.

    Args:
        family: Task family to collect from; the peers run half-cheetah, so only its families compare with them.
        worlds: Worlds side by side.
        threads: Physics threads.
        repeats: Repetitions, interleaved so that a drift of the machine touches all alike.
        console: Where to print.
    """
    episodes = _episodes(worlds)
    threads = threads or available_cores()
    policy = _policy(family, "promp", {"meta_batch": 40, "episodes": episodes})
    collection = _measure(
        {
            "bare physics in C, open loop": _open_loop(policy, threads),
            "collect() with the policy": _collect(policy, threads),
            **(_peers(policy, threads) if family.startswith("cheetah") else {}),
        },
        repeats,
        "collection",
    )
    updates = _measure(_updates(family, threads), repeats, "meta-updates")
    return _show(console, family, worlds, threads, collection, updates)


def bench_families(
    names: Sequence[str], *, worlds: int = 400, threads: int | None = None, repeats: int = 3, console: Console
) -> dict[str, Any]:
    """Measures and prints how fast each family is collected from, beside its bare physics; returns the figures.

    Args:
        names: Families; those without MuJoCo physics are left out.
        worlds: Worlds side by side, a multiple of 40.
        threads: Physics threads.
        repeats: Repetitions, interleaved.
        console: Where to print.
    """
    episodes = _episodes(worlds)
    threads = threads or available_cores()
    table = Table("family", "bare physics, steps/s", "collect(), steps/s", "ratio", title=f"{worlds} worlds")
    figures = {}
    for name in names:
        policy = _policy(name, "promp", {"meta_batch": 40, "episodes": episodes})
        if not isinstance(policy.family.world, MujocoWorld):
            continue
        rates = _measure(
            {"bare physics": _open_loop(policy, threads), "collect()": _collect(policy, threads)}, repeats, name
        )
        bare, ours = rates.values()
        table.add_row(name, f"{bare:,.0f}", f"{ours:,.0f}", f"{ours / bare:.2f}")
        figures[name] = {**rates, "ratio": ours / bare}
    console.print(table)
    return {**_conditions(worlds, threads), "steps_per_second": figures}


def _episodes(worlds: int) -> int:
    if worlds < 40 or worlds % 40:
        raise UserError(f"worlds must be a multiple of 40, which is the number of tasks, not {worlds}")
    return worlds // 40


def _measure(timed: dict[str, Timed], repeats: int, what: str) -> dict[str, float]:
    results: dict[str, list[float]] = {name: [] for name in timed}
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=plain_console(stderr=True)) as shown:
        for repeat in shown.track(range(repeats + 1), description=what):
            for name, work in timed.items():
                figure = work()
                if repeat:  # the first repetition warms up caches and threads
                    results[name].append(figure)
    return {name: statistics.median(figures) for name, figures in results.items()}


# -- control steps a second --------------------------------------------------------------------------------------------


def _policy(family: str, learner: str, hyper: dict[str, Any]) -> Policy:
    return new_policy(RunConfig(family, learner, hyperparameters(learner, hyper)))


def _collect(policy: Policy, threads: int) -> Timed:
    env = training_env(policy, threads)

    def timed() -> float:
        generator, _ = streams(0, "bench")
        began = time.perf_counter()
        rollout, _ = collect(env, policy.learner, policy.learner.begin(env.num_tasks), generator)
        return rollout.steps / (time.perf_counter() - began)

    return timed


def _open_loop(policy: Policy, threads: int) -> Timed:
    """The physics alone: the whole horizon in one C call, random controls, no observations."""
    env = training_env(policy, threads)
    if not isinstance(env.simulator, MujocoSimulator):
        raise UserError(f"bench compares with MuJoCo's bare physics; family '{policy.family.name}' has none")
    simulator = env.simulator

    def timed() -> float:
        generator, _ = streams(0, "bench")
        env.reset(generator)
        controls = 2.0 * torch.rand(env.num_tasks, env.num_episodes, env.horizon, env.action_size) - 1.0
        began = time.perf_counter()
        simulator.open_loop(controls)
        return env.num_tasks * env.num_episodes * env.horizon / (time.perf_counter() - began)

    return timed


def _peers(policy: Policy, threads: int) -> dict[str, Timed]:
    peers = {f"Gymnasium AsyncVectorEnv({_ASYNC_WORKERS}), same policy": _gymnasium(policy)}
    if importlib.util.find_spec("envpool") is not None:
        peers["EnvPool, same policy"] = _envpool(policy, threads)
    return peers


def _gymnasium(policy: Policy) -> Timed:
    import gymnasium

    def timed() -> float:
        with quiet_mujoco():  # the workers inherit it
            envs = gymnasium.make_vec(_PEER, num_envs=_ASYNC_WORKERS, vectorization_mode="async")
        try:
            return _closed_loop(policy, envs.reset()[0], lambda action: envs.step(action)[0])
        finally:
            envs.close()

    return timed


def _envpool(policy: Policy, threads: int) -> Timed:
    envpool = importlib.import_module("envpool")  # an extra, so type checkers may not see it

    worlds = policy.config.hyperparameters.meta_batch * policy.config.hyperparameters.episodes
    envs = envpool.make_gymnasium(_ENVPOOL_PEER, num_envs=worlds, num_threads=threads)

    def timed() -> float:
        return _closed_loop(policy, envs.reset()[0], lambda action: envs.step(action)[0])

    return timed


@torch.no_grad()
def _closed_loop(policy: Policy, observation: np.ndarray, step: Callable[[np.ndarray], np.ndarray]) -> float:
    """Steps a second of somebody else's vector environment with our policy network in the loop."""
    learner = policy.learner
    assert isinstance(learner, ProMP)
    parameters = learner.begin(1)
    with one_torch_thread():
        began = time.perf_counter()
        for _ in range(_PEER_STEPS):
            seen = torch.as_tensor(observation, dtype=torch.float32).unsqueeze(0)
            distribution = learner.policy(parameters, learner.normalizer(seen))
            action = distribution.sample(torch.randn_like(distribution.mean)).clamp(-1.0, 1.0)
            observation = step(action[0].double().numpy())
        return _PEER_STEPS * len(observation) / (time.perf_counter() - began)


# -- meta-updates ------------------------------------------------------------------------------------------------------


def _updates(family: str, threads: int) -> dict[str, Timed]:
    """Seconds of collection and update of an iteration, ProMP as published (40 x 20 episodes) and RL2 at its defaults.

    ProMP runs all its epochs, as the loop it is compared with does: nothing stops them early.
    """
    figures: dict[str, Timed] = {}
    for learner, hyper in (("promp", {**ProMPConfig.presets["paper"], "max_kl": 1e9}), ("rl2", {})):
        policy = _policy(family, learner, hyper)
        iteration = _Iteration(policy, threads)
        figures[f"{learner}: collect"] = iteration.collect
        figures[f"{learner}: meta-update"] = iteration.update
        if learner == "promp":
            figures["promp: meta-update, Python loop over tasks"] = iteration.looped
    return figures


class _Iteration:
    """One meta-training iteration taken apart."""

    def __init__(self, policy: Policy, threads: int) -> None:
        self._policy = policy
        self._env = training_env(policy, threads)

    def collect(self) -> float:
        generator, _ = streams(0, "bench")
        began = time.perf_counter()
        self._trial = collect_trial(self._env, self._policy.learner, generator)
        return time.perf_counter() - began

    def update(self) -> float:
        generator, _ = streams(0, "bench")
        with one_torch_thread():
            began = time.perf_counter()
            self._policy.learner.update(self._trial, generator)
            return time.perf_counter() - began

    def looped(self) -> float:
        """One task at a time, at the better number of threads."""
        learner = self._policy.learner
        assert isinstance(learner, ProMP)
        seconds = []
        for count in {1, available_cores()}:
            with torch_threads(count):
                began = time.perf_counter()
                loop_over_tasks(learner, self._trial)
                seconds.append(time.perf_counter() - began)
        return min(seconds)


def loop_over_tasks(learner: ProMP, trial: Trial) -> None:
    """The gradients of an update of ProMP with one task at a time, as it is usually written; for comparison."""
    before, after = (learner.samples(rollout) for rollout in trial.rollouts)
    for _ in range(learner.config.epochs):
        for task in range(len(after.mask)):
            row = slice(task, task + 1)
            learner.losses([before.tasks(row)], after.tasks(row))["loss"].backward()


# -- results -----------------------------------------------------------------------------------------------------------


def _show(
    console: Console, family: str, worlds: int, threads: int, collection: dict[str, float], updates: dict[str, float]
) -> dict[str, Any]:
    ours = collection["collect() with the policy"]
    table = Table(
        "control steps a second",
        "steps/s",
        "collect() is x times",
        title=f"{family}, {worlds} worlds, {threads} threads",
    )
    for name, rate in collection.items():
        table.add_row(name, f"{rate:,.0f}", f"{ours / rate:.2f}")
    console.print(table)
    seconds = Table("one iteration", "seconds", "share")
    for learner in ("promp", "rl2"):
        whole = updates[f"{learner}: collect"] + updates[f"{learner}: meta-update"]
        for name, value in updates.items():
            if name.startswith(learner):
                share = "" if "loop" in name else f"{value / whole:.0%}"
                seconds.add_row(name, f"{value:.2f}", share)
    console.print(seconds)
    speedup = updates["promp: meta-update, Python loop over tasks"] / updates["promp: meta-update"]
    console.print(f"ProMP's meta-update is {speedup:.1f} times as fast as a Python loop over its tasks.")
    return {
        "family": family,
        **_conditions(worlds, threads),
        "steps_per_second": collection,
        "ratio_of_collect": {name: ours / rate for name, rate in collection.items()},
        "seconds": updates,
        "loop_over_batched_update": speedup,
    }


def _conditions(worlds: int, threads: int) -> dict[str, Any]:
    """What the figures depend on, for the reader of the JSON file."""
    return {
        "worlds": worlds,
        "threads": threads,
        "cores": available_cores(),
        "load_average": os.getloadavg()[0],
        "versions": versions(),
    }
