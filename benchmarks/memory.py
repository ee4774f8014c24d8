"""Measures how the memory of a training grows.

    python benchmarks/memory.py NAME -- train FAMILY [OPTIONS]      writes benchmarks/results/memory-NAME.json

Everything after ``--`` is a ``robotmeta`` command. It runs in a process of its own, whose resident memory is read from
/proc each ten seconds. Growth is from the mean of the second tenth of the time to that of the last tenth: the first
iterations allocate what all others use. The file is renewed each ten minutes.
"""

from __future__ import annotations

import json
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from robotmeta.versions import versions

_RESULTS = Path(__file__).parent / "results"
_INTERVAL = 10.0  # seconds
_WRITTEN = 60  # samples from one writing to the next
_KIB = 1024.0


def resident_mib(pid: int) -> float:
    """The memory that a process holds in RAM, MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / _KIB


def growth(samples: Sequence[float]) -> float | None:
    """Share by which the memory grew; None for fewer samples than tenths."""
    tenth = len(samples) // 10
    if tenth == 0:
        return None
    return statistics.mean(samples[-tenth:]) / statistics.mean(samples[tenth : 2 * tenth]) - 1.0


def write(name: str, command: Sequence[str], samples: Sequence[float]) -> None:
    """Writes the result file."""
    result = {
        "command": shlex.join(["python", "benchmarks/memory.py", name, "--", *command]),
        "minutes": len(samples) * _INTERVAL / 60.0,
        "growth": growth(samples),
        "interval_seconds": _INTERVAL,
        "mib": [round(sample, 1) for sample in samples],
        "versions": versions(),
    }
    (_RESULTS / f"memory-{name}.json").write_text(json.dumps(result, indent=2) + "\n")


def main(name: str, command: Sequence[str]) -> int:
    """Runs the command, and returns its exit status."""
    process = subprocess.Popen([sys.executable, "-m", "robotmeta", *command])
    samples: list[float] = []
    start = time.monotonic()
    while process.poll() is None:
        time.sleep(max(0.0, start + (len(samples) + 1) * _INTERVAL - time.monotonic()))
        if process.poll() is None:
            samples.append(resident_mib(process.pid))
        if samples and len(samples) % _WRITTEN == 0:
            write(name, command, samples)
    if samples:
        write(name, command, samples)
    return process.returncode


if __name__ == "__main__":
    if len(sys.argv) < 4 or sys.argv[2] != "--":
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[3:]))
