"""The committed result files, which the tables and figures are made from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from cells import Result
from learning import BENCHMARKS, LONGER, RESULTS, shipped


def loaded(name: str) -> Any:
    """The content of ``results/NAME.json``."""
    return json.loads((RESULTS / f"{name}.json").read_text())


@cache
def runs() -> tuple[Result, ...]:
    """The results of all finished runs of ``learning.py``, in the order of their definitions."""
    return tuple(loaded(name) for name in BENCHMARKS if (RESULTS / f"{name}.json").exists())


def longer_run(family: str) -> Result | None:
    """The longer run of a family that has two."""
    return next((run for run in runs() if family in LONGER and run["name"] == shipped(family)), None)


def first_runs() -> dict[tuple[str, str], Result]:
    """The first run of each family and learner."""
    found: dict[tuple[str, str], Result] = {}
    for run in runs():
        found.setdefault((run["config"]["family"], run["config"]["learner"]), run)
    return found


def seeds(family: str, learner: str = "task-inference") -> list[Result]:
    """The runs of a family by a learner, one for each seed, without a longer run."""
    found = (run for run in runs() if (run["config"]["family"], run["config"]["learner"]) == (family, learner))
    return [run for run in found if run is not longer_run(family)]


def repeated(first: Result) -> list[Result]:
    """A run and those that differ from it in the seed alone."""
    return [run for run in runs() if _alike(run["config"], first["config"])]


def _alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two configurations differ in the seed alone. A setting that is missing is newer than the run."""
    if any(one[name] != other[name] for name in ("family", "learner", "iterations")):
        return False
    earlier = {"staggered": False, "normalize_rewards": False}
    settings, others = (earlier | config["hyperparameters"] for config in (one, other))
    return all(settings[name] == others[name] for name in settings.keys() & others.keys())
