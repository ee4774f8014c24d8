"""Tables of what ``fit.py``, ``fit_methods.py`` and ``telling_episodes.py`` measured."""

from __future__ import annotations

import math
from typing import Any

import fit_methods
import numpy as np
from cells import markdown
from result_files import loaded
from telling_episodes import changes, known_pairs

_CALIBRATION = (
    "grasp-ood",
    "grasp-ood-fresh",
    "quadruped-ood",
    "cheetah-dynamics-ood",
    "cheetah-dynamics-test",
    "walker-faults-ood",
)
_METHODS = ("cheetah-dynamics", "grasp", "quadruped")
_TELLING = ("grasp", "cheetah-dynamics")


def calibration() -> str:
    """Errors of fits and coverage of their intervals, a line for each result file."""
    columns = (
        "policy",
        "split",
        "given",
        "tasks",
        "known",
        "in the 90 % interval",
        "error of the fit",
        "error of the belief",
        "kinds right",
        "by the belief",
    )
    return markdown(columns, (_calibrated(loaded(f"fit-{name}")) for name in _CALIBRATION))


def _calibrated(result: dict[str, Any]) -> list[str]:
    found = result["summary"]
    shares = [f"{found[name]:.0%}" for name in ("coverage", "kinds_right", "belief_kinds_right")]
    return [
        result["family"],
        result["split"],
        "the robot" if result["known"] else "",
        _numbers([task["task"] for task in result["tasks"]]),
        f"{found['known']} of {found['parameters']}",
        shares[0],
        f"{found['median_error']:.2g}",
        f"{found['median_belief_error']:.2g}",
        *shares[1:],
    ]


def _numbers(tasks: list[int]) -> str:
    """The numbers of tasks that follow on one another."""
    return f"{tasks[0]} to {tasks[-1]}"


def methods() -> str:
    """The fit beside other methods on the first task: error, coverage and simulated steps."""
    results = {family: loaded(f"fit-methods-{family}") for family in _METHODS}
    found = [fit_methods.summary(result["tasks"][:1]) for result in results.values()]
    names = sorted(max(found, key=len), key=lambda name: "true states" in name)
    rows = [[name, *(_method(summary.get(name)) for summary in found)] for name in names]
    columns = (f"{family}, robot known" if result["known"] else family for family, result in results.items())
    return markdown(("method", *columns), rows)


def _method(found: dict[str, Any] | None) -> str:
    if found is None:
        return "not measured"
    covered = "no interval" if found["coverage"] is None else f"{found['coverage']:.0%}"
    return f"{found['median_error']:.2g}, {covered}, {found['median_env_steps'] / 1e6:.2f}M"


def telling() -> str:
    """Fits to the policy's own episodes, and to episodes that were chosen to tell more."""
    rows = []
    for name in _TELLING:
        result = loaded(f"telling-{name}")
        for task, log_width in zip(result["tasks"], changes(result["tasks"])["log_width"], strict=True):
            errors = np.array([[p["error"] for p in pair] for pair in known_pairs(task)]).mean(axis=0)
            policy = name if result["policy"].startswith("pretrained") else f"{name}, untrained"
            cells = (*(f"{error:.2g}" for error in errors), f"{math.exp(log_width):.2f}")
            rows.append([policy, str(task["task"]), *cells])
    columns = ("policy", "task", "mean error, own", "mean error, chosen", "width of the intervals, chosen : own")
    return markdown(columns, rows)
