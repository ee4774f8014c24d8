"""Several processes that train one policy: they equal one process, and end together."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robotmeta.metalearners import LEARNERS
from tests import ranks
from tests.ranks import Failed, together

_CASES = [
    pytest.param(learner, count, marks=() if (learner, count) == ("task-inference", 2) else pytest.mark.slow)
    for learner in LEARNERS
    for count in (2, 4)
]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, Any]]:
    """What one process learns, and its folder."""

    @cache
    def of(learner: str) -> dict[str, Any]:
        folder = tmp_path_factory.mktemp("alone") / "run"
        return {**ranks.trained(learner, folder), "folder": folder}

    return of


def assert_close(one: dict[str, Any], other: dict[str, Any], tolerance: float = 1e-5) -> None:
    assert (one["steps"], one["iteration"]) == (other["steps"], other["iteration"])
    for name, value in one["weights"].items():
        np.testing.assert_allclose(value, other["weights"][name], atol=tolerance, rtol=tolerance, err_msg=name)


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert_close(one, other, tolerance=0.0)


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(("learner", "count"), _CASES)
def test_ranks_learn_what_one_process_learns(
    learner: str, count: int, tmp_path: Path, alone: Callable[[str], dict[str, Any]]
) -> None:
    one, (first, *others) = alone(learner), together(count, ranks.trained, learner, tmp_path / "run")
    assert_close(first, one)
    for other in others:
        assert_same(other, first)
    for line, expected in zip(lines(tmp_path / "run"), lines(one["folder"]), strict=True):
        assert (line["env_steps"], line["diverged"]) == (expected["env_steps"], expected["diverged"])
        for name in ("return_pre", "return_post", "distance_post", "std"):
            assert line[name] == pytest.approx(expected[name], rel=1e-4, abs=1e-4), name


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.slow
def test_a_run_of_two_ranks_resumes_with_any_number_of_them(
    count: int, tmp_path: Path, alone: Callable[[str], dict[str, Any]]
) -> None:
    together(2, ranks.trained, "task-inference", tmp_path / "run", iterations=2)
    found, *_ = together(count, ranks.resumed, tmp_path / "run", iterations=3)
    assert_close(found, alone("task-inference"))
    if count == 2:
        uninterrupted, _ = together(2, ranks.trained, "task-inference", tmp_path / "whole")
        assert_same(found, uninterrupted)


@pytest.mark.slow
def test_ranks_update_after_the_same_parts_of_episodes(tmp_path: Path) -> None:
    options: dict[str, Any] = {"hyper": ranks.hyper("task-inference") | {"unroll_length": 7, "informed": 0.5}}
    one = ranks.trained("task-inference", tmp_path / "one", **options)
    first, second = together(2, ranks.trained, "task-inference", tmp_path / "two", **options)
    assert_close(first, one)
    assert_same(second, first)


@pytest.mark.slow
def test_ranks_have_the_levels_of_one_process(tmp_path: Path) -> None:
    one = ranks.in_curriculum(tmp_path / "one")
    assert max(one) > 0
    assert together(2, ranks.in_curriculum, tmp_path / "two") == [one, one]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("work", "said"),
    [
        (ranks.seeded_by_rank, "UserError: ranks differ in seed: 0 on rank 0, 1 on rank 1"),
        (ranks.another_version, "UserError: ranks differ in versions.mujoco: "),
        (ranks.draw_more, "UserError: family 'point-navigation' cannot be trained by several ranks: "),
    ],
)
def test_ranks_that_differ_are_refused(work: Callable[..., Any], said: str, tmp_path: Path) -> None:
    for found in together(2, work, tmp_path / "run"):
        assert isinstance(found, Failed)
        assert str(found).startswith(said)
    assert not list(tmp_path.glob("run/checkpoints/*"))


def test_ranks_that_cannot_share_the_meta_batch_are_refused(tmp_path: Path) -> None:
    for found in together(3, ranks.trained, "promp", tmp_path / "run"):
        assert str(found) == (
            "UserError: 3 ranks cannot share a meta_batch of 4 tasks evenly; numbers of ranks that can: 1, 2, 4"
        )
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_signal_to_one_rank_stops_all_after_the_same_iteration(
    tmp_path: Path, alone: Callable[[str], dict[str, Any]]
) -> None:
    stopped = together(2, ranks.changed_on_rank_1, tmp_path / "run", "task-inference", ranks.terminate, iteration=2)
    assert [(found["iteration"], found["signal"]) for found in stopped] == [(2, signal.SIGTERM)] * 2
    found, _ = together(2, ranks.resumed, tmp_path / "run", iterations=3)
    assert_close(found, alone("task-inference"))


@pytest.mark.slow
def test_a_divergence_on_one_rank_ends_all(tmp_path: Path) -> None:
    found = together(2, ranks.changed_on_rank_1, tmp_path / "run", "promp", ranks.diverge, iteration=2)
    assert found[0].args == found[1].args
    assert str(found[0]).startswith("SimulationDiverged: rank 1: the simulation of every world")
    assert len(lines(tmp_path / "run")) == 1


@pytest.mark.slow
def test_a_rank_that_dies_ends_the_others(tmp_path: Path) -> None:
    first, second = together(2, ranks.changed_on_rank_1, tmp_path / "run", "promp", ranks.die, iteration=2)
    assert str(first).startswith("RankLost: rank 0 lost another one")
    assert str(second) == "it was killed"
