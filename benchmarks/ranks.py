"""Compares two ranks of one thread each with one process of two threads, which train the same policy.

    python benchmarks/ranks.py [FAMILY]      writes benchmarks/results/ranks.json

Both train in turns, several times. Imports and the first iterations are left out. A ratio above 1 means that two ranks
make more control steps per second. The median over the rounds is what counts, because a shared machine is noisy.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from robotmeta.threads import available_cores
from robotmeta.training.logs import read_metrics
from robotmeta.versions import versions

_RESULT = Path(__file__).parent / "results" / "ranks.json"
_ROUNDS = 5
_ITERATIONS = 10
_WARM_UP = 3  # iterations
_TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def steps_per_second(family: str, launcher: tuple[str, ...], threads: int) -> dict[str, float]:
    """Control steps per second of a training, and the seconds of an iteration in collection and in the update."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        options = ("--iterations", str(_ITERATIONS), "--threads", str(threads), "--out", str(run))
        command = [sys.executable, *launcher, "-m", "robotmeta", "train", family, *options]
        subprocess.run(command, check=True, capture_output=True)
        lines = read_metrics(run / "metrics.jsonl")[_WARM_UP - 1 :]
    steps, seconds = (lines[-1][name] - lines[0][name] for name in ("env_steps", "seconds"))
    means = {
        name: statistics.median(line[name] for line in lines[1:]) for name in ("collect_seconds", "update_seconds")
    }
    return {"steps_per_second": steps / seconds, **means}


def main(family: str = "cheetah-direction") -> None:
    """Measures, prints, and writes after each round."""
    one, two, ratios = [], [], []
    for _ in range(_ROUNDS):
        one.append(steps_per_second(family, (), 2))
        two.append(steps_per_second(family, _TORCHRUN, 1))
        ratios = [b["steps_per_second"] / a["steps_per_second"] for a, b in zip(one, two, strict=True)]
        result: dict[str, Any] = {
            "family": family,
            "cores": available_cores(),
            "load_average": os.getloadavg()[0],
            "versions": versions(),
            "one_process_two_threads": one,
            "two_ranks_one_thread": two,
            "ratios": ratios,
            "median_ratio": statistics.median(ratios),
        }
        _RESULT.write_text(json.dumps(result, indent=2) + "\n")
        print(f"one process {one[-1]['steps_per_second']:.0f}, two ranks {two[-1]['steps_per_second']:.0f}", flush=True)
    print(f"two ranks of one thread reach {statistics.median(ratios):.2f} of one process with two threads (median)")


if __name__ == "__main__":
    main(*sys.argv[1:])
