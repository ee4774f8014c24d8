"""Meta-updates after whole episodes and after parts of them: ``python benchmarks/unrolls.py``.

Trains the default learner on three families with three seeds in both ways, for the same number of control steps, and
writes ``benchmarks/results/unrolls.json``: returns on the training tasks by control steps, and the speed of both, from
iterations of the two in turn. A run that is finished is not made again.
"""

from __future__ import annotations

import itertools
import json
import statistics
import time
from functools import partial
from pathlib import Path
from typing import Any

import torch
from learning import RESULTS, WHOLE

import robotmeta as rm
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.metalearners import DEFAULT
from robotmeta.metalearners.trials import Trials
from robotmeta.metalearners.updates import Updates
from robotmeta.policy import new_policy
from robotmeta.seeding import streams
from robotmeta.threads import one_torch_thread
from robotmeta.training.logs import read_metrics
from robotmeta.training.run_folder import RunFolder
from robotmeta.training.train import training_env
from robotmeta.versions import versions

FAMILIES = {"cheetah-dynamics": 21, "ant-crippled": 21, "quadruped": 20}
"""Iterations by family: as many as make 0.4M control steps or a little more."""
WAYS: dict[str, dict[str, Any]] = {"whole episodes": WHOLE, "50 steps": {}}
SEEDS = (0, 1, 2)
AT = (200_000, 400_000)
"""Control steps at which the return is read."""
_TURNS = 5
FILE = RESULTS / "unrolls.json"


def trained(family: str, way: str, seed: int) -> list[float]:
    """The mean return over the 0.1M control steps before each of :data:`AT`."""
    folder = Path("runs") / "unrolls" / f"{family}-{way.replace(' ', '-')}-{seed}"
    if RunFolder(folder).exists():
        rm.resume(folder)
    else:
        rm.meta_train(family, iterations=FAMILIES[family], seed=seed, out=folder, hyper=WAYS[way])
    lines = read_metrics(RunFolder(folder).metrics)
    return [
        statistics.fmean(line["return_post"] for line in lines if at - 100_000 < line["env_steps"] <= at) for at in AT
    ]


def speeds(family: str) -> dict[str, float]:
    """Control steps a second of whole iterations in each way: medians over some of both in turn."""
    iterations = {}
    for way, hyper in WAYS.items():
        made = rm.make(family)
        config = RunConfig(family, DEFAULT, hyperparameters(DEFAULT, hyper, family=made))
        policy = new_policy(config, torch.device("cpu"), made)
        iterations[way] = policy, Trials(training_env(policy), policy.learner)
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    for turn, (way, (policy, trials)) in itertools.product(range(_TURNS), iterations.items()):
        generator, rng = streams(0, "unrolls", turn)
        with one_torch_thread():
            began, updates = time.perf_counter(), Updates(policy.learner, generator)
            for part in trials.parts(partial(policy.family.sample, rng=rng), generator):
                updates(part)
            rates[way].append(trials.whole.steps / (time.perf_counter() - began))
    return {way: statistics.median(rate[1:]) for way, rate in rates.items()}  # the first one also loads things


def main() -> None:
    """Trains, measures and writes."""
    rows = []
    for family in FAMILIES:
        rate = speeds(family)
        for way in WAYS:
            returns = [trained(family, way, seed) for seed in SEEDS]
            rows.append({"family": family, "way": way, "returns": returns, "steps_per_second": rate[way]})
            FILE.write_text(
                json.dumps({"at": AT, "seeds": SEEDS, "rows": rows, "versions": versions()}, indent=1) + "\n"
            )


if __name__ == "__main__":
    main()
