"""Mixed-up arguments of public functions are told in one line, before anything runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

import robotmeta
from robotmeta.argument_types import check_arguments
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.errors import UserError
from robotmeta.policy import Policy, new_policy

rm: Any = robotmeta  # whatever types arguments have


@check_arguments
def example(
    count: int,
    share: float = 0.0,
    *,
    name: str | Path | None = None,
    flag: bool = False,
    several: Sequence[int] = (),
    by_name: Mapping[str, float] | None = None,
    call: Callable[[int], None] | None = None,
    kind: Literal["a", "b"] = "a",
    **options: Any,
) -> str:
    """Returns what it got."""
    return f"{count} {share} {options}"


def test_arguments_that_fit_go_through() -> None:
    loose: Any = example
    assert loose(np.int64(3), 1, name=Path("a"), flag=np.bool_(True), call=print, more="x") == "3 1 {'more': 'x'}"
    assert loose(3, np.float32(0.5), several=np.arange(3), by_name={"a": 1.0}, kind="b") == "3 0.5 {}"
    assert loose.__doc__ == "Returns what it got."


def test_numpy_scalars_become_numbers_that_json_takes() -> None:
    @check_arguments
    def given(count: int, share: float, flag: bool) -> list[Any]:
        return [count, share, flag]

    loose: Any = given
    assert json.dumps(loose(np.int64(3), share=np.float32(0.5), flag=np.bool_(True))) == "[3, 0.5, true]"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"count": 1.0}, "count must be a whole number, not 1.0"),
        ({"count": True}, "count must be a whole number, not True"),
        ({"count": 1, "share": "0.5"}, "share must be a number, not '0.5'"),
        ({"count": 1, "name": 3}, "name must be a string, a path or None, not 3"),
        ({"count": 1, "name": ""}, "name is empty: give a file or a folder"),
        ({"count": 1, "name": " "}, "name is empty: give a file or a folder"),
        ({"count": 1, "flag": 1}, "flag must be True or False, not 1"),
        ({"count": 1, "several": "12"}, "several must be a sequence, not '12'"),
        ({"count": 1, "by_name": [1]}, "by_name must be a mapping or None, not an object of type list"),
        ({"count": 1, "call": 1}, "call must be a function or None, not 1"),
        ({"count": 1, "kind": "c"}, "kind must be 'a' or 'b', not 'c'"),
    ],
)
def test_others_are_refused(arguments: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError) as refused:
        example(**arguments)
    assert str(refused.value) == line


def test_a_missing_argument_is_python_s_own_error() -> None:
    with pytest.raises(TypeError, match=r"example\(\) missing a required argument: 'count'"):
        example()  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda task, policy: rm.adapt("runs/x", task), "policy must be a Policy (robotmeta.load(...) returns one)"),
        (lambda task, policy: rm.evaluate(Path("runs/x")), "policy must be a Policy (robotmeta.load(...) returns one)"),
        (lambda task, policy: rm.evaluate(policy, tasks=1.0), "tasks must be a whole number, Tasks or Changes (family"),
        (lambda task, policy: rm.evaluate(policy, seed=None), "seed must be a whole number, not None"),
        (lambda task, policy: rm.evaluate(policy, threads=0), "threads must be at least 1, not 0"),
        (lambda task, policy: rm.adapt(policy, task, episodes="3"), "episodes must be a whole number, not '3'"),
        (lambda task, policy: rm.record(policy, out=3), "out must be a string or a path, not 3"),
        (lambda task, policy: rm.fit("grasp", task), "source must be a Policy or a TaskFamily (robotmeta.load(...)"),
        (lambda task, policy: rm.fine_tune(policy, budget=1.5), "budget must be a string or a whole number, not 1.5"),
        (lambda task, policy: rm.make(len), "name must be a string, not an object of type builtin_function_or_method"),
        (lambda task, policy: rm.make(None), "name must be a string, not None"),
        (lambda task, policy: rm.load(policy), "source must be a string or a path, not an object of type Policy"),
        (lambda task, policy: rm.save_policy("a", policy), "policy must be a Policy (robotmeta.load(...) returns one)"),
        (lambda task, policy: rm.export(policy, policy), "file must be a string or a path, not an object of type Pol"),
        (
            lambda task, policy: rm.meta_train("point-navigation", iterations=1, out=""),
            "out is empty: give a file or a",
        ),
        (lambda task, policy: rm.load(""), "source is empty: give a file or a folder"),
        (lambda task, policy: rm.meta_train(3), "family must be a string or a TaskFamily (robotmeta.make(...)"),
        (lambda task, policy: rm.meta_train("point-navigation", device=0), "device must be a string, not 0"),
    ],
)
def test_public_functions_say_what_they_take(call: Callable[..., Any], line: str, mixed_up: tuple[Any, Any]) -> None:
    with pytest.raises(UserError) as refused:
        call(*mixed_up)
    assert str(refused.value).startswith(line)


@pytest.fixture(scope="module")
def mixed_up() -> tuple[robotmeta.Tasks, Policy]:
    family = rm.make("point-navigation")
    config = RunConfig(family.name, "promp", hyperparameters("promp", {}, family=family), 1, 0, "auto")
    return family.task(), new_policy(config)
