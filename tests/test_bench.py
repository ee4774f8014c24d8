"""The measurements of speed run; what they measure is not tested."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from rich.console import Console

from robotmeta.bench.bench import bench_families, run_bench
from robotmeta.bench.updates import LEARNERS
from robotmeta.config import hyperparameters


@pytest.mark.parametrize("learner", LEARNERS)
def test_the_hyper_parameters_of_measured_updates_are_valid(learner: str) -> None:
    hyperparameters(learner, LEARNERS[learner])


def test_the_hyper_parameters_of_the_check_of_a_gpu_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
    check = importlib.import_module("gpu_check")
    for learner, hyper in check._LEARNERS.items():
        check._config(learner, hyper)


@pytest.mark.slow
def test_families_are_measured_beside_their_physics() -> None:
    figures = bench_families(["point-navigation", "cheetah-direction"], worlds=40, repeats=1, console=Console())
    (measured,) = figures["steps_per_second"].values()  # the point has no physics to compare with
    assert set(measured) == {"bare physics", "collect()", "training", "ratio", "training_ratio"}
    assert all(value > 0.0 for value in measured.values())


@pytest.mark.slow
def test_a_family_is_measured_with_its_iterations(monkeypatch: pytest.MonkeyPatch) -> None:
    small = {learner: {"meta_batch": 2, "episodes": 1} for learner in LEARNERS}
    monkeypatch.setattr("robotmeta.bench.updates.LEARNERS", small)
    figures = run_bench("hopper-dynamics", worlds=40, repeats=1, console=Console())
    assert figures["share_of_physics"]["bare physics in C, open loop"] == 1.0
    assert {name.split(":")[0] for name in figures["seconds"]} == set(LEARNERS)
