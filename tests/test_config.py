"""Configurations: hyper-parameters are checked by name, type and range."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robotmeta.config import RunConfig, hyperparameters
from robotmeta.errors import UserError
from robotmeta.training.train import meta_train


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("inner_step", 1, 1.0),
        ("inner_step", np.float32(0.5), 0.5),
        ("inner_step", np.int64(2), 2.0),
        ("epochs", np.int64(3), 3),
        ("hidden", [8, np.int32(16)], (8, 16)),
        ("hidden", (), ()),
        ("oracle", np.bool_(True), True),
    ],
)
def test_a_value_becomes_the_type_of_its_hyperparameter(name: str, given: Any, expected: Any) -> None:
    found = getattr(hyperparameters("promp", {name: given}), name)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seed": 2**63}, "seed must be below 2"),
        ({"seed": True}, "seed must be a whole number, not True"),
        ({"iterations": 1.5}, r"iterations must be a whole number, not 1\.5"),
    ],
)
def test_whole_numbers_that_no_file_can_hold_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        RunConfig("point-navigation", "rl2", hyperparameters("rl2", {}), **changes)


def test_a_hyperparameter_that_no_file_can_hold_is_refused_before_training(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="bptt must be below 2"):
        meta_train("point-navigation", iterations=1, hyper={"meta_batch": 2, "bptt": 2**63}, out=tmp_path / "run")
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_numbers_of_numpy_become_whole_numbers() -> None:
    given: Any = np.int64(3)
    config = RunConfig("point-navigation", "rl2", hyperparameters("rl2", {}), given, given)
    assert (type(config.iterations), type(config.seed)) == (int, int)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("inner_step", "0.1", "inner_step must be a number, not '0.1'"),
        ("inner_step", True, "inner_step must be a number, not True"),
        ("epochs", True, "epochs must be a whole number, not True"),
        ("epochs", 2.0, "epochs must be a whole number, not 2.0"),
        ("epochs", None, "epochs must be a whole number, not None"),
        ("oracle", 1, "oracle must be True or False, not 1"),
        ("surrogate", 3, "surrogate must be a string, not 3"),
        ("hidden", 64, "hidden must be a tuple of whole numbers, not 64"),
        ("hidden", "64", "hidden must be a tuple of whole numbers, not '64'"),
        ("hidden", [64, 1.5], r"hidden must be a tuple of whole numbers, not \[64, 1.5\]"),
        ("inner_stp", 1.0, "no hyper-parameter 'inner_stp' in learner 'promp'; nearest: inner_step"),
        ("inner_step", float("nan"), "inner_step must be a finite number, not nan"),
        ("inner_step", 1e308, r"inner_step must be at most 1e\+06, not 1e\+308"),
        ("hidden", (8, 0), "each of hidden must be at least 1, not 0"),
    ],
)
def test_a_value_that_cannot_be_is_named_with_what_is_wanted(name: str, given: Any, message: str) -> None:
    with pytest.raises(UserError, match=f"^{message}"):
        hyperparameters("promp", {name: given})


def test_a_way_of_conditioning_that_does_not_exist_is_named_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"^no conditioning 'modulated'; nearest: modulate"):
        hyperparameters("domain-randomization", {"conditioning": "modulated"})


def test_an_oracle_from_before_conditioning_was_recorded_concatenates() -> None:
    learner = "domain-randomization"
    written = RunConfig("point-navigation", learner, hyperparameters(learner, {})).to_json()
    del written["hyperparameters"]["conditioning"]
    read = RunConfig.from_json(written).hyperparameters
    assert read == hyperparameters(learner, {"conditioning": "concatenate"})
    assert read != hyperparameters(learner, {})


def test_a_configuration_survives_json() -> None:
    config = RunConfig("point-navigation", "promp", hyperparameters("promp", {"hidden": (8,), "oracle": True}))
    assert RunConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
