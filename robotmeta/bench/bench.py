"""``robotmeta bench``: the speed of collection and meta-updates on this machine, as ratios measured in one run."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from robotmeta.bench.collection import collection, physics, training
from robotmeta.bench.peers import peers
from robotmeta.bench.timing import medians
from robotmeta.bench.updates import LEARNERS, updates
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.envs import make
from robotmeta.envs.family import MujocoWorld
from robotmeta.errors import UserError
from robotmeta.metalearners import DEFAULT
from robotmeta.policy import Policy, new_policy
from robotmeta.threads import available_cores
from robotmeta.versions import versions

_TASKS = 40
_BARE = "bare physics in C, open loop"
_COLLECT = "collect() with the policy"
_TRAINING = f"whole training by {DEFAULT}"


def run_bench(
    family: str, *, worlds: int = 800, threads: int | None = None, repeats: int = 3, console: Console
) -> dict[str, Any]:
    """Measures collection and meta-updates, prints the figures and returns them.

    Args:
        family: Task family to collect from. Other vector environments are measured for the cheetah families only.
        worlds: Number of worlds, a multiple of 40.
        threads: Number of physics threads.
        repeats: Number of repetitions.
        console: Where to print.

    Raises:
        UserError: For another number of worlds, or a family without MuJoCo physics.
    """
    policy, threads = _policy(family, worlds), threads or available_cores()
    rates = medians(
        {
            _BARE: physics(policy, threads),
            _COLLECT: collection(policy, threads),
            f"collect() of {DEFAULT}, with its own worlds": collection(_default(family), threads),
            _TRAINING: training(_default(family), threads),
            **(peers(policy, threads) if family.startswith("cheetah") else {}),
        },
        repeats,
        "collection",
    )
    seconds = medians(updates(family, threads), repeats, "meta-updates")
    ratios = {name: rates[_COLLECT] / rate for name, rate in rates.items()}
    speedup = seconds["promp: meta-update, Python loop over tasks"] / seconds["promp: meta-update"]
    bare = rates[_BARE]
    table = Table("control steps per second", "steps/s", "share of bare physics", "collect() is x times")
    table.title = f"{family}, {worlds} worlds, {threads} threads"
    for name, rate in rates.items():
        table.add_row(name, f"{rate:,.0f}", f"{rate / bare:.2f}", f"{ratios[name]:.2f}")
    console.print(table, _iterations(seconds))
    console.print(f"ProMP's meta-update is {speedup:.1f} times as fast as a Python loop over its tasks.")
    return {
        "family": family,
        **_conditions(worlds, threads),
        "steps_per_second": rates,
        "ratio_of_collect": ratios,
        "share_of_physics": {name: rate / bare for name, rate in rates.items()},
        "seconds": seconds,
        "loop_over_batched_update": speedup,
    }


def bench_families(
    names: Sequence[str],
    *,
    worlds: int = 400,
    threads: int | None = None,
    repeats: int = 3,
    console: Console,
    on_family: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Measures collection and training of each family and its bare physics, prints the figures and returns them.

    Args:
        names: Families. Those without MuJoCo physics are left out.
        worlds: Number of worlds, a multiple of 40.
        threads: Number of physics threads.
        repeats: Number of repetitions.
        console: Where to print.
        on_family: Called after each family with the figures so far.

    Raises:
        UserError: For another number of worlds.
    """
    threads = threads or available_cores()
    conditions = _conditions(worlds, threads)
    columns = ("bare physics, steps/s", "collect(), steps/s", "ratio", "training, steps/s", "ratio")
    table = Table("family", *columns, title=f"{worlds} worlds; training by {DEFAULT} with its own worlds")
    figures = {}
    for name in names:
        policy = _policy(name, worlds)
        if not isinstance(policy.family.world, MujocoWorld):
            continue
        timed = {
            "bare physics": physics(policy, threads),
            "collect()": collection(policy, threads),
            "training": training(_default(name), threads),
        }
        rates = medians(timed, repeats, name)
        bare, ours, whole = rates.values()
        table.add_row(
            name, f"{bare:,.0f}", f"{ours:,.0f}", f"{ours / bare:.2f}", f"{whole:,.0f}", f"{whole / bare:.2f}"
        )
        figures[name] = {**rates, "ratio": ours / bare, "training_ratio": whole / bare}
        if on_family is not None:
            on_family({**conditions, "steps_per_second": figures})
    console.print(table)
    return {**conditions, "steps_per_second": figures}


def _policy(family: str, worlds: int) -> Policy:
    """A ProMP policy whose meta-batch fills that many worlds."""
    if worlds < _TASKS or worlds % _TASKS:
        raise UserError(f"worlds must be a multiple of {_TASKS}, not {worlds}: they are shared among {_TASKS} tasks")
    hyper = {"meta_batch": _TASKS, "episodes": worlds // _TASKS}
    return new_policy(RunConfig(family, "promp", hyperparameters("promp", hyper)))


def _default(family: str) -> Policy:
    """An untrained policy of the default learner, with its own hyper-parameters."""
    found = make(family)
    return new_policy(RunConfig(family, DEFAULT, hyperparameters(DEFAULT, {}, family=found)), family=found)


def _iterations(seconds: dict[str, float]) -> Table:
    """Seconds of the parts of an iteration, and their share of it."""
    table = Table("one iteration", "seconds", "share")
    for learner in LEARNERS:
        whole = seconds[f"{learner}: collect"] + seconds[f"{learner}: meta-update"]
        for name, value in seconds.items():
            if name.startswith(learner):
                share = "" if "loop" in name else f"{value / whole:.0%}"
                table.add_row(name, f"{value:.2f}", share)
    return table


def _conditions(worlds: int, threads: int) -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "worlds": worlds,
        "threads": threads,
        "cores": available_cores(),
        "load_average": os.getloadavg()[0],
        "versions": versions(),
    }
