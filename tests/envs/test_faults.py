"""Functions of a family that return numbers which are not finite."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor

import robotmeta as rm
from robotmeta.envs import TaskBatchEnv, TaskFamily
from robotmeta.envs.family import MujocoWorld
from robotmeta.errors import RobotmetaWarning, SimulationDiverged, TrainingDiverged, UserError
from robotmeta.json_values import json_text
from robotmeta.policies import DiagonalGaussian
from robotmeta.training.run_folder import RunFolder
from tests.learning import HYPER, short

FUNCTIONS = ("reward", "shaping_reward", "observe", "observe_privileged_state", "distance")


def spoilt(function: str, bad: float = math.nan, *, everywhere: bool = False, at: float = 0.15) -> TaskFamily:
    """Point navigation in which one function is not finite where the point has gone to the right.

    Args:
        function: Its name.
        bad: What it returns there.
        at: From where, m.
        everywhere: Whether it does so everywhere but at the start, where functions are checked.
    """
    family = short(terminated=lambda state, task: torch.zeros_like(state["position"][..., 0], dtype=torch.bool))

    def where(state: Any) -> Tensor:
        x = state["position"][..., 0]
        return x != 0.0 if everywhere else x > at

    def changed(original: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def function(first: Any, *rest: Any) -> Tensor:
            value = original(first, *rest)
            mask = where(first.after if hasattr(first, "after") else first)
            return torch.where(mask.unsqueeze(-1) if value.ndim > 2 else mask, bad, value)

        return function

    def x_position(state: Any, task: Any) -> Tensor:
        return state["position"][..., :1]

    originals: dict[str, Callable[..., Tensor]] = {
        "reward": family.reward,
        "shaping_reward": family.reward,
        "observe": family.observe,
        "observe_privileged_state": x_position,
        "distance": lambda state, task: state["position"].norm(dim=-1),
    }
    named: dict[str, Any] = {"privileged_state": (("x", "m"),)} if function == "observe_privileged_state" else {}
    return short(terminated=family.terminated, **{function: changed(originals[function])}, **named)


class _Right:
    """Goes to the right in episode 0, and to the left in the others."""

    device = torch.device("cpu")

    def act(self, belief: Any, policy_input: Any, generator: Any = None) -> Any:
        mean = torch.zeros_like(policy_input.action)
        mean[..., 0] = -1.0
        mean[:, 0, 0] = 1.0
        return DiagonalGaussian(mean, torch.full_like(mean[0, 0], -5.0)), belief


def episodes(family: TaskFamily) -> rm.Rollout:
    rollout, _ = rm.collect(TaskBatchEnv(family, 2, 3), _Right(), {}, torch.Generator().manual_seed(0), explore=False)
    return rollout


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_world_whose_function_is_not_finite_has_diverged_from_that_step_on(function: str, bad: float) -> None:
    with pytest.warns(RobotmetaWarning, match=rf"family 'point-navigation': {function} is not finite.*goal_x=0 goal_y"):
        rollout = episodes(spoilt(function, bad))
    assert rollout.diverged.tolist() == [[True, False, False]] * 2
    kept = 12.0 if function == "distance" else 1.0  # which is measured at the end of an episode; 0.1 m a step
    assert rollout.mask.sum(dim=-1).tolist() == [[kept, 12.0, 12.0]] * 2
    for value in (rollout.observations, rollout.last_observations, rollout.rewards, rollout.privileged_states):
        assert bool(torch.as_tensor(value).isfinite().all())


def test_a_function_is_named_once() -> None:
    family = spoilt("reward")
    with pytest.warns(RobotmetaWarning):
        episodes(family)
    episodes(family)  # a second warning would be an error


@pytest.mark.parametrize("function", FUNCTIONS[:4])
def test_a_function_that_is_finite_nowhere_stops_with_its_name(function: str) -> None:
    with pytest.warns(RobotmetaWarning), pytest.raises(SimulationDiverged, match=rf"{function} is not finite"):
        episodes(spoilt(function, everywhere=True))


def test_a_reset_that_is_not_finite_costs_its_episode_alone() -> None:
    def reset(nominal: Any, generator: torch.Generator, task: Any) -> Any:
        start = nominal["position"].clone().expand(len(nominal["position"]), nominal["position"].shape[1], 2).clone()
        if generator.initial_seed() == 5:  # not in the check of the functions
            start[0, 1] = math.nan
        return {"position": start}

    env = TaskBatchEnv(short(reset=reset), 2, 3)
    with pytest.warns(RobotmetaWarning, match="reset is not finite"):
        rollout, _ = rm.collect(env, _Right(), {}, torch.Generator().manual_seed(5), explore=False)
    assert rollout.diverged.tolist() == [[False, True, False], [False, False, False]]
    assert rollout.mask[0, 1].sum() == 0.0
    assert bool(rollout.observations.isfinite().all())  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.slow
@pytest.mark.parametrize("learner", rm.LEARNERS)
@pytest.mark.filterwarnings("ignore::robotmeta.errors.RobotmetaWarning")
def test_training_goes_on_without_the_worlds_that_diverged(learner: str, tmp_path: Path) -> None:
    for function in ("reward", "observe"):
        run = rm.meta_train(
            spoilt(function, at=0.25),
            learner,
            iterations=3,
            hyper=HYPER[learner],
            out=tmp_path / function,
            progress=False,
        )
        assert all(bool(value.isfinite().all()) for value in run.policy.learner.state_dict().values())
        lines = [json.loads(line) for line in RunFolder(run.folder).metrics.read_text().splitlines()]
        assert sum(line["diverged"] for line in lines) > 0
        assert all(math.isfinite(line["return_post"]) for line in lines)


@pytest.mark.parametrize("learner", rm.LEARNERS)
def test_weights_that_are_not_finite_are_never_saved(learner: str, tmp_path: Path) -> None:
    # Such rewards are finite, but their sum and its square are not.
    family = short(reward=lambda step: 3e38 * step.after["position"][..., 0].sign())
    with pytest.raises(TrainingDiverged):
        rm.meta_train(
            family, learner, iterations=9, hyper=HYPER[learner], out=tmp_path, progress=False, checkpoint_every=1
        )
    for checkpoint in RunFolder(tmp_path).checkpoints():
        policy = rm.load(checkpoint)
        assert all(bool(value.isfinite().all()) for value in policy.learner.state_dict().values())


def test_a_policy_that_is_not_finite_is_not_written(tmp_path: Path) -> None:
    run = rm.meta_train(short(), "maml", iterations=1, hyper=HYPER["maml"], out=tmp_path / "run", progress=False)
    with torch.no_grad():
        next(iter(run.policy.learner.parameters())).fill_(math.nan)
    with pytest.raises(TrainingDiverged):
        rm.save_policy(run.policy, tmp_path / "policy.safetensors")
    assert not (tmp_path / "policy.safetensors").exists()


@pytest.mark.filterwarnings("ignore::robotmeta.errors.RobotmetaWarning")
def test_evaluation_leaves_out_and_names_tasks_whose_numbers_are_not_finite(tmp_path: Path) -> None:
    def reward(step: Any) -> Tensor:
        far = (step.task["goal_x"] > 0.2) & (step.after["position"].norm(dim=-1) >= 0.0)
        started = step.after["position"].abs().sum(dim=-1) > 0.0
        return torch.where(far & started, math.nan, -step.after["position"].norm(dim=-1))

    family = short(reward=reward)
    run = rm.meta_train(family, "rl2", iterations=1, hyper=HYPER["rl2"], out=tmp_path / "run", progress=False)
    result = rm.evaluate(run.policy, tasks=20, episodes=1, controls=("zero_shot",))
    left_out = np.flatnonzero(family.tasks("test", 20).values[:, 0] > 0.2).tolist()
    assert left_out
    assert list(result.diverged) == left_out
    assert str(left_out[0]) in result.verdict()
    json.loads(json_text(result.to_json()), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_numbers_that_are_not_finite_are_null_in_json() -> None:
    assert json.loads(json_text({"a": [math.nan, 1.0, (math.inf,)]})) == {"a": [None, 1.0, [None]]}


def test_a_function_that_raises_in_an_episode_is_one_line_with_its_place() -> None:
    def reward(step: Any) -> Tensor:
        if float(step.after["position"].max()) > 0.15:
            raise IndexError("index 7 is out of range")
        return step.after["position"][..., 0]

    with pytest.raises(UserError) as error:
        episodes(short(reward=reward))
    line = reward.__code__.co_firstlineno + 2
    assert str(error.value) == (
        f"family 'point-navigation': reward raises IndexError: index 7 is out of range (test_faults.py, line {line})"
    )


@pytest.mark.parametrize("function", ["control", "drive"])
def test_controls_that_are_not_finite_end_the_episode_and_are_named(function: str) -> None:
    family = rm.make("cheetah-direction")
    world = cast(MujocoWorld, family.world)

    def spoil(action: Tensor) -> Tensor:
        return torch.where(action[..., :1] > 0.9, math.nan, action)

    def drive(state: Any, action: Tensor, task: Any) -> Any:
        return {"ctrl": spoil(action)}

    changed = {"control": spoil} if function == "control" else {"drive": drive}
    family = dataclasses.replace(family, horizon=5, world=dataclasses.replace(world, **changed))
    with pytest.warns(RobotmetaWarning, match=f"{function} is not finite"):
        rollout = episodes(family)
    assert rollout.diverged.tolist() == [[True, False, False]] * 2


# -- on a GPU, where nothing is read until an episode has ended --------------------------------------------------------


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the CPU behave as a GPU does."""
    for module in ("envs.faults", "envs.task_batch", "experience.rollout"):
        monkeypatch.setattr(f"robotmeta.{module}.reads_at_once", lambda device: False)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_is_read_late_gives_the_same_episodes(function: str, request: pytest.FixtureRequest) -> None:
    with pytest.warns(RobotmetaWarning, match=f"{function} is not finite"):
        expected = episodes(spoilt(function))
    request.getfixturevalue("late")
    env = TaskBatchEnv(spoilt(function), 2, 3)

    def collected() -> rm.Rollout:
        rollout, _ = rm.collect(env, _Right(), {}, torch.Generator().manual_seed(0), explore=False)
        env.reset(torch.Generator())  # a distance is measured after the end
        return rollout

    with pytest.warns(RobotmetaWarning, match=rf"family 'point-navigation': {function} is not finite.*goal_x=0 goal_y"):
        found = collected()
    for name in ("mask", "rewards", "diverged", "terminated", "last_observations"):
        assert torch.equal(getattr(found, name), getattr(expected, name)), name
    if function == "distance":
        assert found.distance is not None
        assert expected.distance is not None
        torch.testing.assert_close(found.distance, expected.distance, equal_nan=True)


def test_worlds_that_all_diverged_are_named_at_the_end(late: None) -> None:
    with pytest.warns(RobotmetaWarning), pytest.raises(SimulationDiverged, match="reward is not finite, and no world"):
        episodes(spoilt("reward", everywhere=True))


@pytest.mark.filterwarnings("ignore::robotmeta.errors.RobotmetaWarning")
def test_actions_that_are_not_finite_are_named_at_the_end(late: None) -> None:
    env = TaskBatchEnv(short(), 2, 3)
    env.reset(torch.Generator().manual_seed(0))
    action = torch.zeros(2, 3, env.action_size)
    action[1, 1] = math.nan
    active = torch.ones(2, 3, dtype=torch.bool)
    active[1, 1] = False
    env.step(action, active)
    env.end_episode()
    env.step(action)
    with pytest.raises(TrainingDiverged):
        env.end_episode()
