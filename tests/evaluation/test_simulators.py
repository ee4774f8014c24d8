"""A policy can be used on another simulator than the one it was trained on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import robotmeta as rm
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.policy import new_policy


def use(policy: rm.Policy, how: str, folder: Path, **options: Any) -> object:
    task, out = policy.family.task(), folder / "video.gif"
    uses: dict[str, Callable[[], object]] = {
        "evaluate": lambda: rm.evaluate(policy, tasks=2, episodes=1, **options),
        "adapt": lambda: rm.adapt(policy, task, episodes=1, evaluation_episodes=1, **options),
        "record": lambda: rm.record(policy, task, episodes=1, out=out, width=64, height=48, **options),
    }
    return uses[how]()


def trained_on(simulator: str) -> rm.Policy:
    family = dataclasses.replace(rm.make("point-navigation"), horizon=4)
    config = RunConfig(family.name, "rl2", hyperparameters("rl2", {"hidden_size": 8}), simulator=simulator)
    return new_policy(config, family=family)


@pytest.mark.parametrize("how", ["evaluate", "adapt", "record"])
def test_the_simulator_of_the_run_is_used_unless_another_is_named(how: str, tmp_path: Path) -> None:
    policy = trained_on("mujoco")  # which cannot run this family
    with pytest.raises(rm.UserError, match="runs on: closed-form"):
        use(policy, how, tmp_path)
    use(policy, how, tmp_path, simulator="closed-form")


@pytest.mark.parametrize("how", ["evaluate", "adapt", "record"])
def test_a_simulator_that_does_not_exist_or_fit_is_an_error(how: str, tmp_path: Path) -> None:
    policy = trained_on("auto")
    with pytest.raises(rm.UserError, match="no simulator 'mujocu'; nearest: mujoco"):
        use(policy, how, tmp_path, simulator="mujocu")
    with pytest.raises(rm.UserError, match="runs on: closed-form, not on mujoco"):
        use(policy, how, tmp_path, simulator="mujoco")
    assert not list(tmp_path.iterdir())


def test_an_environment_has_a_simulator_of_its_own() -> None:
    config = RunConfig("cheetah-direction", "rl2", hyperparameters("rl2", {}))
    with pytest.raises(rm.UserError, match="simulator must be None for an environment"):
        rm.adapt(new_policy(config), rm.wrap("HalfCheetah-v5", horizon=5), episodes=1, simulator="mujoco")
