"""Tables of what ``robotmeta bench``, ``peers.py`` and ``gpu_check.py`` measured."""

from __future__ import annotations

from typing import Any

from cells import markdown
from result_files import loaded


def half_cheetah() -> str:
    """Control steps a second on the half-cheetah."""
    bench = loaded("bench")
    share, ratio, found = bench["share_of_physics"], bench["ratio_of_collect"], bench["steps_per_second"]
    rows = [(name, f"{found[name]:,.0f}", f"{share[name]:.2f}", f"{ratio[name]:.2f} x") for name in found]
    return markdown(("control steps a second", "steps/s", "share of bare physics", "collect() is"), rows)


def iterations() -> str:
    """Seconds of an iteration by learner."""
    seconds, rows = loaded("bench")["seconds"], []
    for learner in dict.fromkeys(name.split(":")[0] for name in seconds):
        collect, update = seconds[f"{learner}: collect"], seconds[f"{learner}: meta-update"]
        loop = seconds.get(f"{learner}: meta-update, Python loop over tasks")
        share = f"{update / (collect + update):.0%}"
        rows.append([learner, f"{collect:.2f}", f"{update:.2f}", share, "" if loop is None else f"{loop:.2f}"])
    columns = ("one iteration, seconds", "collect", "meta-update", "share of the update", "as a loop over tasks")
    return markdown(columns, rows)


def families() -> str:
    """Control steps a second by family."""
    rows = [
        (name, f"{found['bare physics']:,.0f}", f"{found['collect()']:,.0f}", f"{found['ratio']:.2f}")
        for name, found in loaded("bench-families")["steps_per_second"].items()
    ]
    return markdown(("family", "bare physics, steps/s", "collect(), steps/s", "ratio"), rows)


def peers() -> str:
    """When each library reached the return, or what it had reached at its limit."""
    result = loaded("peers")
    rows = [[name, *(_end(run["end"], result["target"]) for run in runs)] for name, runs in result["runs"].items()]
    return markdown(("library", *(f"seed {run['seed']}" for run in next(iter(result["runs"].values())))), rows)


def _end(end: tuple[float, int, float], target: float) -> str:
    seconds, steps, mean = end
    reached = "" if mean >= target else f"{mean:.0f} at "
    return f"{reached}{seconds:.0f} s, {steps / 1e3:.0f}k steps"


def gpu() -> str:
    """Seconds of collection and update on the CPU and on the GPU by learner."""
    columns = (
        "learner",
        "control steps",
        "collect on the CPU, s",
        "with the policy on the GPU, s",
        "update on the CPU, s",
        "on the GPU, s",
        "apart",
    )
    return markdown(columns, (_on_gpu(name, found) for name, found in loaded("gpu")["updates"].items()))


def _on_gpu(name: str, found: dict[str, Any]) -> list[str]:
    seconds = [f"{found[part]:.2f}" for part in ("cpu_collect", "device_collect", "cpu_update", "device_update")]
    faster = f"{seconds[3]} ({found['cpu_update'] / found['device_update']:.1f} x)"
    return [name, f"{found['control_steps']:,}", *seconds[:3], faster, f"{found['apart']:.1e}"]
