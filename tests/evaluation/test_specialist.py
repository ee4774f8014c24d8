"""Specialists: better than random, kept, and continued after an interruption as if there had been none."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from robotmeta.config import RunConfig, hyperparameters
from robotmeta.envs import TaskFamily, make
from robotmeta.errors import UserError
from robotmeta.evaluation.evaluate import evaluate
from robotmeta.evaluation.references import family_digest, load_references
from robotmeta.evaluation.schedule import Evaluated, Flat, Schedule
from robotmeta.evaluation.single_task import untrained, with_episodes
from robotmeta.evaluation.specialist import specialize
from robotmeta.evaluation.specialists import Place, Sweep
from robotmeta.policy import new_policy
from robotmeta.training.train import Run
from tests.learning import HYPER, same, short, weights

pytestmark = pytest.mark.slow

_SCHEDULE = Schedule(worlds=24, evaluate_every=1, episodes=4, flat=Flat(1, 0.05), drops=1, max_steps=2_000)
_FAMILY = short(12)


def sweep(folder: Path, family: TaskFamily = _FAMILY, **changes: Any) -> Sweep:
    return dataclasses.replace(Sweep(family, folder / "found.json", _SCHEDULE, threads=1), **changes)


def quiet(place: Place) -> None:
    pass


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the specialists of two held-out tasks, which no test changes."""
    folder = tmp_path_factory.mktemp("specialists")
    sweep(folder, command="robotmeta specialist point-navigation").run({"test": 2}, quiet)
    return folder / "found.json"


def test_a_specialist_beats_the_random_policy_in_its_task(found: Path) -> None:
    references = load_references(_FAMILY, "test", [found])
    assert references.distinct.all()
    assert (references.returns["specialist"] > references.returns["random"] + 0.5).all()
    assert references.tasks.digest == _FAMILY.tasks("test", 2).digest


def test_a_file_says_how_its_numbers_came_about(found: Path) -> None:
    content = json.loads(found.read_text())
    assert content["digest"] == family_digest(_FAMILY)
    assert content["schedule"]["max_steps"] == _SCHEDULE.max_steps
    assert {"command", "versions", "date", "seed", "meta_trained"} <= content.keys()
    (first, _) = content["splits"]["test"]
    assert first["task"] == next(iter(_FAMILY.tasks("test", 1)))
    assert first["from"]["scratch"].keys() >= {"return", "std", "episodes", "success", "env_steps", "seconds", "flat"}
    assert first["oracle"] is None


class Interrupted(Exception):
    """Stands for Ctrl-C after an evaluation."""


def test_what_is_done_is_kept_and_what_was_interrupted_continues_as_if_it_had_not_been(
    found: Path, tmp_path: Path
) -> None:
    seen: list[Place] = []

    def interrupt(place: Place) -> None:
        seen.append(place)
        if len(seen) % 2 == 0:
            raise Interrupted

    for _ in range(100):
        try:
            sweep(tmp_path).run({"test": 2}, interrupt)
            break
        except Interrupted:
            pass
    places = [(place.task, place.evaluated.iteration) for place in seen]
    assert len(seen) > 3
    assert len(places) == len(set(places))  # nothing was trained twice
    for name in ("specialist", "random"):
        one, other = (json.loads(f.read_text())["splits"]["test"] for f in (found, tmp_path / "found.json"))
        assert [row[name] for row in one] == [row[name] for row in other]


def test_a_kill_between_two_evaluations_changes_nothing(tmp_path: Path) -> None:
    task = _FAMILY.tasks("test", 1)
    whole = specialize(untrained(_FAMILY, worlds=24), task, tmp_path / "whole", _SCHEDULE, threads=1)

    def kill(evaluated: Evaluated) -> None:
        if evaluated.iteration >= 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        specialize(untrained(_FAMILY, worlds=24), task, tmp_path / "part", _SCHEDULE, threads=1, on_evaluation=kill)
    metrics = tmp_path / "part" / "metrics.jsonl"
    metrics.write_text(metrics.read_text() + '{"iteration": 3, "env')  # a line that was cut off
    part = specialize(untrained(_FAMILY, worlds=24), task, tmp_path / "part", _SCHEDULE, threads=1)
    assert (part.steps, part.score, part.flat) == (whole.steps, whole.score, whole.flat)
    assert same(dict(part.policy.learner.state_dict()), dict(whole.policy.learner.state_dict()))


def test_a_specialist_is_the_better_of_two_starts(trained: Run, tmp_path: Path) -> None:
    policy = trained.policy
    schedule = dataclasses.replace(_SCHEDULE, max_steps=300)
    content = sweep(tmp_path, policy.family, schedule=schedule, meta_trained=policy).run({"test": 1}, quiet)
    (row,) = content["splits"]["test"]
    assert row["from"].keys() == {"scratch", "meta"}
    assert row["specialist"]["return"] == row["from"][row["better"]]["return"]
    assert not row["from"]["meta"]["flat"]


def test_a_meta_trained_policy_goes_on_as_it_was_with_the_episodes_of_one_task(trained: Run) -> None:
    policy = trained.policy
    going_on = with_episodes(policy, 24)
    hyper = going_on.config.hyperparameters
    assert 12 <= hyper.meta_batch * hyper.episodes * (hyper.adaptation_steps + 1) <= 36
    assert same(dict(going_on.learner.state_dict()), weights(trained))


@pytest.mark.parametrize("learner", ["task-inference", "rl2"])
def test_a_meta_trained_policy_that_hardly_explores_any_more_does_so_again(learner: str) -> None:
    family = short()
    policy = new_policy(RunConfig(family.name, learner, hyperparameters(learner, HYPER[learner])), family=family)
    policy.learner.get_parameter("network.log_std").data = torch.tensor([math.log(0.01), math.log(0.5)])
    std = with_episodes(policy, 24).learner.get_parameter("network.log_std").exp()
    torch.testing.assert_close(std, torch.tensor([0.2, 0.5]))


def test_more_tasks_are_added_to_a_file_and_other_settings_are_refused(tmp_path: Path) -> None:
    brief = dataclasses.replace(_SCHEDULE, max_steps=1)
    small = sweep(tmp_path, schedule=brief)
    small.run({"test": 1}, quiet)
    first = small.run({"test": 2}, quiet)["splits"]["test"]
    assert len(first) == 2
    with pytest.raises(UserError, match=r"specialists of other settings \(seed 0, not 1\); choose another --out"):
        sweep(tmp_path, schedule=brief, seed=1).run({"test": 2}, quiet)


def test_equal_tasks_are_trained_once(tmp_path: Path) -> None:
    runs = dataclasses.replace(make("cheetah-direction"), horizon=3)
    first, second, third = runs.tasks("test", 3)
    assert first != second == third
    seen: list[Place] = []
    rows = sweep(tmp_path, runs, schedule=Schedule(worlds=2, max_steps=1)).run({"test": 3}, seen.append)
    assert {place.task for place in seen} == {0, 1}
    assert rows["splits"]["test"][1] == rows["splits"]["test"][2]


# -- what evaluations read ---------------------------------------------------------------------------------------------


def test_an_evaluation_is_on_the_tasks_of_the_specialists_and_on_as_many_episodes(found: Path) -> None:
    policy = untrained(_FAMILY)
    references = load_references(_FAMILY, "test", [found])
    result = evaluate(policy, episodes=1, controls=("zero_shot",), references=references)
    assert result.split == "test"
    assert np.array_equal(result.tasks.values, references.tasks.values)
    share = result.to_json()["share"]
    assert share["adapted"]["mean"] == pytest.approx([0.0, 0.0], abs=0.05)  # it is a random policy
    assert share["domain_randomized"] is None
    assert result.success["adapted"] is not None
    assert not result.success["adapted"].binary  # a mean of several episodes


def test_specialists_of_another_version_of_the_family_are_refused_with_the_command(found: Path) -> None:
    with pytest.raises(UserError, match=r"digest .*make them with: robotmeta specialist point-navigation$") as refused:
        load_references(short(21), "test", [found])
    assert "\n" not in str(refused.value)


def test_missing_specialists_are_one_line_with_the_command(found: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^no specialists of family 'point-navigation' .*robotmeta specialist point"):
        load_references(_FAMILY, "test", [tmp_path / "nothing.json"])
    with pytest.raises(UserError, match=r"no specialists on split 'ood', its splits are: test; .* --split ood$"):
        load_references(_FAMILY, "ood", [found])


@pytest.mark.parametrize("text", ["", "[]", '{"schema": 1}', '{"schema": 1, "splits": {"test": [{"task": 3}]}}'])
def test_a_damaged_file_is_one_line(text: str, tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    file.write_text(text)
    with pytest.raises(UserError, match="is not a file of specialists"):
        load_references(_FAMILY, "test", [file])
