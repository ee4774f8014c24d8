"""What training costs: control steps per second and memory by worlds and threads, and what several machines give.

    python benchmarks/cost.py      writes benchmarks/results/cost.json, in three minutes on two cores

``python benchmarks/tables.py`` then renews the tables of docs/cost.md. The figures of several machines are computed,
see :func:`projected`; all others are measured. Each is measured in a process of its own, so that the memory of one does
not count for the next.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import partial
from math import ceil, log2
from pathlib import Path
from typing import Any

import torch

from robotmeta.config import RunConfig, hyperparameters
from robotmeta.distributed import joined, summed
from robotmeta.envs import make
from robotmeta.metalearners import DEFAULT
from robotmeta.metalearners.trials import Trials
from robotmeta.policy import new_policy
from robotmeta.ranks import launched
from robotmeta.seeding import streams
from robotmeta.threads import available_cores, one_torch_thread
from robotmeta.training.train import training_env
from robotmeta.versions import versions

RESULT = Path(__file__).parent / "results" / "cost.json"
_FAMILIES = ("cheetah-direction", "quadruped", "grasp")
_WORLDS = (96, 384)
_RANKS = (2, 4)
_ITERATIONS = 4  # the first one warms up
_REDUCTIONS = 200
MACHINES = (1, 10, 100, 1000)
_LATENCY, _BANDWIDTH = 50e-6, 1.25e9  # seconds a message, bytes/s: a network of 10 Gbit/s
MB = 2**20


# -- measured ----------------------------------------------------------------------------------------------------------


def iteration(family: str, worlds: int, threads: int) -> dict[str, Any]:
    """One iteration of the default learner: seconds of its parts, control steps, and memory of the process in bytes."""
    found, before = make(family), _memory()
    config: Any = hyperparameters(DEFAULT, {}, family=found)
    config = hyperparameters(DEFAULT, {"meta_batch": worlds // (config.adaptation_steps + 1)}, family=found)
    policy = new_policy(RunConfig(family, DEFAULT, config), family=found)
    trials, (generator, rng) = Trials(training_env(policy, threads), policy.learner), streams(0, "cost")
    collected, updated, steps = [], [], 0
    with one_torch_thread():
        for _ in range(_ITERATIONS):
            began = time.perf_counter()
            trial = trials.next(partial(found.sample, rng=rng), generator)
            between = time.perf_counter()
            policy.learner.update(trial, generator)
            collected.append(between - began)
            updated.append(time.perf_counter() - between)
            steps = trial.steps
    return {
        "family": family,
        "worlds": worlds,
        "threads": threads,
        "control_steps": steps,
        "collect_seconds": statistics.median(collected[1:]),
        "update_seconds": statistics.median(updated[1:]),
        "memory": _memory(),
        "memory_before": before,
        "parameters": sum(p.numel() for p in policy.learner.parameters()),
        "reductions": config.epochs * config.minibatches + config.estimator_epochs * config.estimator_minibatches,
        "numbers_drawn": found.horizon * worlds * len(found.actions),
    }


def _memory() -> int:
    """The most memory that the process has had, in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


def reduction(numbers: int) -> float:
    """Seconds of one all-reduce of that many numbers."""
    with joined(), one_torch_thread():
        values, seconds = [torch.zeros(numbers)], []
        for _ in range(_REDUCTIONS):
            began = time.perf_counter()
            summed(values)
            seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def draw() -> float:
    """Seconds to draw one random number."""
    with one_torch_thread():
        began = time.perf_counter()
        torch.randn(10_000_000)
        return (time.perf_counter() - began) / 10_000_000


def measured() -> dict[str, Any]:
    """Everything, each part in a process of its own."""
    cores, iterations = available_cores(), []
    for family in _FAMILIES:
        points = [(worlds, cores) for worlds in _WORLDS] + [(_WORLDS[0], n) for n in (1, 2, 4, 8, 16) if n < cores]
        for worlds, threads in points:
            iterations.append(_own_process([], "iteration", family, worlds, threads))
            print(_line(iterations[-1]), flush=True)
    numbers = max(point["parameters"] for point in iterations)
    reductions = []
    for ranks in _RANKS:
        launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)]
        reductions.append({"ranks": ranks, "numbers": numbers, "seconds": _own_process(launcher, "reduction", numbers)})
        print(reductions[-1], flush=True)
    return {
        "cores": cores,
        "load_average": os.getloadavg()[0],
        "date": time.strftime("%Y-%m-%d"),
        "versions": versions(),
        "iterations": iterations,
        "reductions": reductions,
        "draw_seconds": draw(),
    }


def _own_process(launcher: list[str], what: str, *arguments: str | int) -> Any:
    """What a function of this file returns in a new process."""
    command = [sys.executable, *launcher, __file__, what, *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def _line(point: Mapping[str, Any]) -> str:
    return "{family}, {worlds} worlds, {threads} threads: {:,.0f} steps/s, {:.0f} MB".format(
        speed(point), point["memory"] / MB, **point
    )


# -- computed ----------------------------------------------------------------------------------------------------------


def speed(point: Mapping[str, Any]) -> float:
    """Control steps per second of whole training."""
    return point["control_steps"] / (point["collect_seconds"] + point["update_seconds"])


def projected(point: Mapping[str, Any], draw_seconds: float, machines: int) -> dict[str, float]:
    """Seconds of an iteration if each of several machines has as many worlds as were measured on one.

    An all-reduce over N machines by recursive halving and doubling takes 2 log2(N) messages, and sends the gradient
    about twice (Thakur et al. 2005, section 4.3). Random numbers are drawn for all worlds on every machine.
    """
    size = 4 * point["parameters"]
    reduce = 0.0 if machines == 1 else 2 * ceil(log2(machines)) * _LATENCY + 2 * size / _BANDWIDTH
    parts = {
        "computing": point["collect_seconds"] + point["update_seconds"],
        "reducing": point["reductions"] * reduce,
        "drawing": (machines - 1) * point["numbers_drawn"] * draw_seconds,
    }
    return {**parts, "steps_per_second": machines * point["control_steps"] / sum(parts.values())}


def main(what: str = "", *arguments: str) -> None:
    """Measures everything, or one part of it for the process that asked."""
    if what == "iteration":
        family, worlds, threads = arguments
        print(json.dumps(iteration(family, int(worlds), int(threads))))
    elif what == "reduction":
        seconds = reduction(int(arguments[0]))
        if launched().first:
            print(json.dumps(seconds))
    else:
        RESULT.write_text(json.dumps(measured(), indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
