"""The measurements of speed run; what they measure is not tested."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from robotmeta.bench.bench import bench_families, run_bench
from robotmeta.bench.updates import LEARNERS
from robotmeta.cli.shared import write_json
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
def test_families_that_were_measured_are_kept_when_it_is_stopped(tmp_path: Path) -> None:
    file, names = tmp_path / "speed.json", ["cheetah-direction", "reach", "push"]

    def keep(figures: dict[str, Any]) -> None:
        write_json(file, figures)
        if len(figures["steps_per_second"]) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench_families(names, worlds=40, repeats=1, console=Console(), on_family=keep)
    kept = json.loads(file.read_text())
    assert list(kept["steps_per_second"]) == names[:2]
    assert kept["worlds"] == 40


@pytest.mark.slow
def test_a_family_is_measured_with_its_iterations(monkeypatch: pytest.MonkeyPatch) -> None:
    small = {learner: {"meta_batch": 2, "episodes": 1} for learner in LEARNERS}
    monkeypatch.setattr("robotmeta.bench.updates.LEARNERS", small)
    figures = run_bench("hopper-dynamics", worlds=40, repeats=1, console=Console())
    assert figures["share_of_physics"]["bare physics in C, open loop"] == 1.0
    assert {name.split(":")[0] for name in figures["seconds"]} == set(LEARNERS)
