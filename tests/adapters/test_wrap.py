"""Environments that are made, refused and closed, and how long their episodes and control steps are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.wrappers import Autoreset, NormalizeObservation, TimeLimit

import robotmeta as rm
from robotmeta.errors import EnvironmentFailed, EnvironmentWarning, UserError
from tests.robots import Robot, point_policy, raising

pytestmark = pytest.mark.filterwarnings("ignore:only the number of observations and actions:UserWarning")

# -- construction and closing ------------------------------------------------------------------------------------------


def test_a_constructor_that_raises_is_a_failure_and_one_that_needs_arguments_a_mistake() -> None:
    def broken() -> Robot:
        raise OSError("no port")

    def needy(port: int) -> Robot:
        raise NotImplementedError

    with pytest.raises(EnvironmentFailed, match="failed in the construction of 'broken': OSError: no port"):
        rm.wrap(broken)
    target: Any = needy
    with pytest.raises(UserError, match="environment 'needy' does not start: TypeError"):
        rm.wrap(target)


@pytest.mark.parametrize("action", [spaces.Discrete(3), spaces.Box(-np.inf, np.inf, (2,))])
def test_an_environment_that_wrap_made_and_refuses_is_closed(action: spaces.Space[Any]) -> None:
    made = Robot()
    made.action_space = action
    with pytest.raises(UserError, match="policies act with bounded real numbers"):
        rm.wrap(lambda: made, horizon=5)
    assert made.closed == 1
    with pytest.raises(UserError):
        rm.wrap(made, horizon=5)
    assert made.closed == 1, "somebody else's object stays open"


def test_an_environment_that_wrap_made_is_closed_when_its_world_is_gone() -> None:
    made, given = Robot(), Robot()
    for target in (lambda: made, given):
        world = rm.wrap(target, horizon=5)
        rm.adapt(point_policy(), world, episodes=1)
        del world
    assert (made.closed, given.closed) == (1, 0)


def test_closing_twice_closes_once() -> None:
    robot = Robot()
    with rm.wrap(lambda: robot, horizon=5) as world:
        world.close()
    assert robot.closed == 1


def test_a_close_that_fails_is_one_line_and_does_not_hide_an_earlier_failure() -> None:
    class Stuck(Robot):
        def close(self) -> None:
            raise RuntimeError("brake")

    def run(robot: Robot) -> None:
        with rm.wrap(robot, horizon=5) as world:
            rm.adapt(point_policy(), world, episodes=1)

    with pytest.raises(EnvironmentFailed, match="the environment failed in close: RuntimeError: brake"):
        run(Stuck())
    with pytest.raises(EnvironmentFailed, match="ValueError: first"), pytest.warns(UserWarning, match="brake"):
        run(Stuck(at=2, step=raising(ValueError("first"))))


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("import sys\nsys.exit(0)", "SystemExit: 0"),
        ("import argparse\nargparse.ArgumentParser().parse_args(['a'])", "2"),
    ],
)
def test_a_script_that_ends_itself_is_one_line(text: str, cause: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"{text}\ndef make(): ...\n")
    for load in (rm.wrap, rm.make):
        with pytest.raises(UserError, match=f"cannot import module .*script.py.*: .*{cause}$"):
            load(f"{script}:make")


def test_a_file_alone_is_told_what_it_offers(tmp_path: Path) -> None:
    file = tmp_path / "robot_with_factory.py"
    file.write_text("def make(): ...\n")
    with pytest.raises(UserError, match=r"say which function makes the environment, .*FACTORY; there are: make"):
        rm.wrap(str(file))


# -- what is refused before anything moves -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (spaces.Discrete(4), "bounded real numbers, the environment's actions are Discrete"),
        (spaces.MultiDiscrete([2, 3]), "bounded real numbers, the environment's actions are MultiDiscrete"),
        (spaces.Tuple([spaces.Box(-1, 1, (2,))]), "bounded real numbers, the environment's actions are Tuple"),
        (spaces.Box(-1, 1, (2,), np.int8), "bounded real numbers"),
        (spaces.Box(-np.inf, np.inf, (2,)), "have no bounds"),
        (spaces.Box(-3.4e38, 3.4e38, (2,)), "have no bounds"),
        (spaces.Box(np.array([-1.0, -1e30], np.float32), np.array([1.0, 1e30], np.float32)), "have no bounds"),
        (spaces.Dict({"left": spaces.Discrete(2)}), "bounded real numbers"),
    ],
)
def test_actions_without_bounds_are_one_line(space: spaces.Space[Any], message: str) -> None:
    robot = Robot()
    robot.action_space = space
    with pytest.raises(UserError, match=message) as caught:
        rm.wrap(robot, horizon=5)
    assert "\n" not in str(caught.value)


def test_an_environment_without_spaces_is_one_line() -> None:
    class Bare(gymnasium.Env[Any, Any]):
        pass

    for env in (Bare(), gymnasium.Wrapper(Bare())):
        with pytest.raises(UserError, match="the environment's actions are None"):
            rm.wrap(env, horizon=5)


def test_properties_that_cannot_be_read_yet_do_not_matter() -> None:
    class Early(Robot):
        @property
        def dt(self) -> float:
            raise RuntimeError("not connected")

        @property
        def observation_names(self) -> list[str]:
            raise RuntimeError("not connected")

    assert rm.wrap(Early(), horizon=5).control_step is None


def test_several_environments_at_once_are_one_line() -> None:
    several: Any = gymnasium.make_vec("Pendulum-v1", num_envs=2)
    with pytest.raises(UserError, match="a vector environment runs several at once"):
        rm.wrap(several)
    family = rm.make("point-navigation")
    with pytest.raises(UserError, match="one task and one episode, not 2 tasks and 3 episodes"):
        rm.adapt(point_policy(), rm.TaskBatchEnv(family, 2, 3))


# -- time --------------------------------------------------------------------------------------------------------------


def test_the_time_limit_is_found_in_any_wrapper() -> None:
    assert rm.wrap(TimeLimit(Robot(), 250)).horizon == 250
    assert rm.wrap(Autoreset(TimeLimit(TimeLimit(Robot(), 250), 40))).horizon == 40
    assert rm.wrap(gymnasium.make("Pendulum-v1", max_episode_steps=30)).horizon == 30
    assert rm.wrap(TimeLimit(Robot(), 250), horizon=9).horizon == 9
    with pytest.raises(UserError, match="no time limit of its own: give a horizon"):
        rm.wrap(Robot())


class Timed(Robot):
    """A robot that tells its control step in one of several ways."""

    def __init__(self, how: str, seconds: float) -> None:
        super().__init__()
        if how == "attribute":
            self.dt = seconds
        elif how == "metadata":
            self.metadata = {"dt": seconds}
        elif how == "frames":
            self.metadata = {"render_fps": round(1.0 / seconds)}
        else:
            self.frame_skip, self.model = 5, type("Model", (), {"opt": type("Option", (), {"timestep": seconds / 5})})()


@pytest.mark.parametrize("how", ["attribute", "metadata", "frames", "model"])
def test_another_control_step_is_a_warning_with_both_numbers(how: str) -> None:
    policy = point_policy()
    assert policy.family.dt == 0.1
    rm.adapt(policy, rm.wrap(Timed(how, 0.1), horizon=2), episodes=1)
    for seconds, often in ((0.02, "more"), (0.5, "less")):
        expected = f"control step is {seconds:g} s .*, the policy's is 0.1 s: it acts {often} often"
        with pytest.warns(EnvironmentWarning, match=expected):
            rm.adapt(policy, rm.wrap(Timed(how, seconds), horizon=2), episodes=1)


@pytest.mark.parametrize("how", ["attribute", "metadata"])
def test_a_control_step_that_cannot_be_read_is_a_warning(how: str) -> None:
    wrong: list[Any] = ["0.5", -0.5, 0.0, np.array([0.5, 0.5])]
    for seconds in wrong:
        with pytest.warns(EnvironmentWarning, match="the environment's dt is .*, not a number of seconds"):
            rm.adapt(point_policy(), rm.wrap(Timed(how, seconds), horizon=2), episodes=1)


@pytest.mark.parametrize("seconds", [np.float32(0.5), np.array([0.5]), torch.tensor(0.5)])
def test_a_control_step_in_an_array_is_read(seconds: Any) -> None:
    step = rm.wrap(Timed("attribute", seconds), horizon=2).control_step
    assert step is not None
    assert step.seconds == 0.5


@pytest.mark.parametrize("name", ["cheetah-direction", "hopper-dynamics", "humanoid-direction", "panda-grasp"])
def test_a_rounded_frame_rate_is_the_control_step_it_was_rounded_from(name: str) -> None:
    family = rm.make(name)
    robot = Timed("frames", family.dt)
    step = rm.wrap(robot, horizon=2).control_step
    assert step is not None
    assert abs(step.seconds - family.dt) <= step.tolerance * family.dt


def test_a_wrapper_that_changes_units_is_a_warning() -> None:
    with pytest.warns(EnvironmentWarning, match="wrapped in NormalizeObservation, which changes the units"):
        rm.adapt(point_policy(), rm.wrap(NormalizeObservation(Robot()), horizon=2), episodes=1)


@pytest.mark.parametrize(("seconds", "said"), [(0.02, "repeat its action 5 times"), (0.5, r"0.5 s \(dt\)$")])
def test_a_fit_refuses_another_control_step_before_the_robot_moves(seconds: float, said: str) -> None:
    policy, robot = point_policy(), rm.wrap(Timed("attribute", seconds), horizon=20)
    with pytest.raises(UserError, match=f"control steps of 0.1 s.*{said}"):
        rm.adapt(policy, robot, fit=True)
    with pytest.raises(UserError, match=f"control steps of 0.1 s.*{said}"):
        rm.fit(policy, robot)
    assert robot.steps == 0
