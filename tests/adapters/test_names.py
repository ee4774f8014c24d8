"""Observations and actions are matched by name where an environment names them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dm_env
import gymnasium
import numpy as np
import pytest
import torch
from dm_env import specs
from gymnasium import spaces

import robotmeta as rm
from robotmeta.errors import EnvironmentWarning, UserError
from tests.robots import Robot, arrays, point_policy

LINE = spaces.Box(-np.inf, np.inf, (), np.float32)
PAIR = spaces.Box(-np.inf, np.inf, (2,), np.float32)


class Named(Robot):
    """A robot whose observations are a dict: a number for x, and so on."""

    def __init__(self, x: str = "x", y: str = "y", **others: float) -> None:
        super().__init__()
        self.x, self.y, self.others = x, y, others
        self.observation_space = spaces.Dict({name: LINE for name in (x, y, *others)})
        self.metadata = {"action_names": ["dx", "dy"]}

    def seen(self) -> Any:
        return {**self.others, self.y: self.place[1], self.x: self.place[0]}


class Swapped(Robot):
    """A robot that declares that y comes before x, and dy before dx."""

    def __init__(self, observations: Any = ("y", "x"), actions: Any = ("dy", "dx")) -> None:
        super().__init__()
        self.observation_names, self.metadata = observations, {"action_names": actions}

    def seen(self) -> Any:
        return self.place[::-1].copy()

    def step(self, action: np.ndarray) -> Any:
        return super().step(np.asarray(action)[::-1])


def returns(robot: gymnasium.Env[Any, Any], **names: Any) -> list[float]:
    world = rm.wrap(robot, horizon=20, **names)
    return [e.total_return for e in rm.adapt(point_policy(), world, episodes=2).history]


@pytest.fixture(scope="module")
def in_order() -> list[float]:
    """Returns where observations and actions are in the policy's order."""
    return returns(Swapped2())


class Swapped2(Robot):
    """The plain robot, with names in the policy's order."""

    metadata = {"observation_names": ["x", "y"], "action_names": ["dx", "dy"]}  # noqa: RUF012


@pytest.mark.parametrize(
    "robot",
    [
        Named(),
        Named(force=3.0),
        Swapped(),
        gymnasium.wrappers.TimeLimit(Swapped(), 20),
    ],
)
@pytest.mark.filterwarnings("ignore:observations that the policy does not need. force:UserWarning")
def test_any_order_of_named_observations_and_actions_earns_the_same(robot: Any, in_order: list[float]) -> None:
    assert returns(robot) == pytest.approx(in_order, abs=1e-6)
    assert len(set(in_order)) == 2


def test_keys_of_a_dict_are_renamed_whatever_their_order(in_order: list[float]) -> None:
    robot = Named("zeta", "alpha")  # Gymnasium sorts them: alpha, zeta
    assert returns(robot, names={"zeta": "x", "alpha": "y"}) == pytest.approx(in_order)
    with pytest.raises(UserError) as caught:
        returns(Named("zeta", "y"))
    assert str(caught.value) == (
        "the environment does not fit a policy of family 'point-navigation': observations it lacks: x, observations "
        "of its own: zeta; where only a name differs, give --map THEIRS=OURS, in Python names={theirs: ours}"
    )


def test_everything_that_does_not_fit_is_in_one_error() -> None:
    with pytest.raises(UserError, match=r"lacks: x, observations of its own: z; actions it lacks: dy, .* own: grip"):
        returns(Swapped(("y", "z"), ("dx", "grip")))


def test_an_observation_that_the_policy_does_not_need_is_told_and_an_action_more_is_refused() -> None:
    with pytest.warns(EnvironmentWarning, match="does not need: force, tilt"):
        returns(Named(force=1.0, tilt=2.0))

    class Gripper(Named):
        def __init__(self) -> None:
            super().__init__()
            self.action_space = spaces.Box(-1.0, 1.0, (3,))
            self.metadata = {"action_names": ["dx", "dy", "grip"]}

    with pytest.raises(UserError, match="actions it lacks: none, actions of its own: grip"):
        returns(Gripper())


class Vectors(Robot):
    """A robot that observes vectors, one of which the policy needs, and acts by a dict."""

    def __init__(self, place: str = "place") -> None:
        super().__init__()
        self.key = place
        self.observation_space = spaces.Dict({place: PAIR, "a_force": PAIR})
        one = spaces.Box(np.array([-1.0], np.float32), np.array([1.0], np.float32))
        self.action_space = spaces.Dict({"dx": one, "dy": one})

    def seen(self) -> Any:
        return {self.key: self.place.copy(), "a_force": np.full(2, 9.0)}

    def step(self, action: Any) -> Any:
        return super().step(np.concatenate([action["dx"], action["dy"]]))


@pytest.mark.filterwarnings("ignore:observations that the policy does not need. a_force:UserWarning")
@pytest.mark.parametrize(
    "names", [{"place": "x,y"}, {"place": ["x", "y"]}, {"place[0]": "x", "observation:place[1]": "y"}]
)
def test_the_numbers_of_a_vector_are_named_by_a_list(names: Any, in_order: list[float]) -> None:
    assert returns(Vectors(), names=names) == pytest.approx(in_order, abs=1e-6)


def test_vectors_whose_order_says_nothing_are_refused_until_they_are_named() -> None:
    with pytest.raises(UserError, match=r"lacks: x, y, observations of its own: a_force\[0\.\.1\], place\[0\.\.1\];"):
        returns(Vectors())


def test_a_picture_in_the_observation_is_named_once() -> None:
    class Seeing(Named):
        def __init__(self) -> None:
            super().__init__()
            picture = spaces.Box(0, 255, (60, 80), np.uint8)
            self.observation_space = spaces.Dict({"x": LINE, "y": LINE, "picture": picture})

        def seen(self) -> Any:
            return {**super().seen(), "picture": np.zeros((60, 80), np.uint8)}

    with pytest.warns(EnvironmentWarning, match=r"does not need: picture\[0\.\.4799\]$"):
        returns(Seeing())
    with pytest.raises(UserError, match=r"no name 'pictures' .* nearest: picture \(also x, y, dx, dy\)$"):
        returns(Seeing(), names={"pictures": "z"})


def test_brackets_and_underscores_spell_the_same_name() -> None:
    class Numbered(Robot):
        metadata = {"action_names": ["d[0]", "d[1]"]}  # noqa: RUF012

    world = rm.wrap(Numbered(), horizon=2, names={"d": "move"})
    assert world.action_names is not None
    assert world.action_names.entries == ("move[0]", "move[1]")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"zz": "x"}, "no name 'zz' in the observation or actions of the environment"),
        ({"action:x": "y"}, "no name 'x' in the actions of the environment"),
        ({"x": "a,b"}, "'x' is 1 number, which needs as many names, not 'a,b'"),
        ({"x": ""}, "'x' is 1 number, which needs as many names"),
        ({"x": "y"}, "the name 'y' occurs 2 times"),
        ({"x": 3}, "'x' must be given a name or a list of names, not 3"),
        ({3: "x"}, "names must be {theirs: ours}, not"),
        (["x"], "names must be {theirs: ours}, not"),
    ],
)
def test_a_mapping_that_does_not_fit_is_one_line(names: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        returns(Named(), names=names)


@pytest.mark.parametrize("declared", [["x"], "xy", ["x", "x"], [1, 2], 7, ["a[0]", "a_0"]])
def test_declared_names_that_name_nothing_are_one_line(declared: Any) -> None:
    with pytest.raises(UserError, match="observation_names"):
        rm.wrap(Swapped(observations=declared), horizon=5)


class DmPoint(dm_env.Environment):
    """The point as an environment of dm_env, whose observations have keys."""

    def __init__(self, *keys: str) -> None:
        self._keys, self._place = keys, np.array([1.0, 2.0])

    def reset(self) -> dm_env.TimeStep:
        return dm_env.restart(self._seen())

    def step(self, action: np.ndarray) -> dm_env.TimeStep:
        return dm_env.transition(0.0, self._seen())

    def observation_spec(self) -> Any:
        return {key: specs.Array((), np.float64) for key in self._keys}

    def action_spec(self) -> Any:
        return specs.BoundedArray((2,), np.float64, -1.0, 1.0)

    def _seen(self) -> Any:
        return {key: self._place["xy".index(key[-1])] for key in self._keys}


@pytest.mark.filterwarnings("ignore:only the number of actions:UserWarning")
def test_keys_of_dm_env_are_names_if_they_are_the_policys_and_else_an_order(tmp_path: Path) -> None:
    def first(env: dm_env.Environment) -> list[float]:
        file = tmp_path / "episodes.npz"
        rm.adapt(point_policy(), rm.wrap(env, horizon=1), episodes=1, episodes_out=file)
        return arrays(file)["observations"][0].tolist()

    assert first(DmPoint("y", "x")) == [1.0, 2.0]
    with pytest.warns(EnvironmentWarning, match="only the number of observations and actions"):
        assert first(DmPoint("the_y", "the_x")) == [2.0, 1.0]


def test_where_only_numbers_can_be_compared_it_is_said_once() -> None:
    with pytest.warns(EnvironmentWarning, match="only the number of observations and actions could be checked") as told:
        rm.adapt(point_policy(), rm.wrap(Robot(), horizon=2), episodes=2)
    assert len(told) == 1


def test_a_familys_own_environment_is_matched_by_name() -> None:
    from robotmeta.adapters.gymnasium_out import FamilyEnv

    rm.adapt(point_policy(), rm.wrap(FamilyEnv("point-navigation"), horizon=3), episodes=1)  # without a warning


class Keyed(gymnasium.ObservationWrapper[Any, Any, Any]):
    """Gives the observations of an environment with names keys in another order."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        self.observation_space = spaces.Dict({"y": LINE, "x": LINE, "a": LINE})

    def observation(self, observation: Any) -> Any:
        return {"y": observation[0], "x": observation[1], "a": 0.0}


@pytest.mark.filterwarnings("ignore:observations that the policy does not need. a:UserWarning")
def test_the_keys_of_a_wrapper_go_before_the_names_inside_it(in_order: list[float]) -> None:
    assert returns(Keyed(Swapped())) == pytest.approx(in_order, abs=1e-6)


def test_names_inside_a_wrapper_that_changes_observations_are_a_warning() -> None:
    noisy = gymnasium.wrappers.TransformObservation(Swapped(), lambda seen: seen + 0.01, None)
    with pytest.warns(EnvironmentWarning, match="names of observations are those inside of TransformObservation"):
        returns(noisy)
    noisy.observation_names = ["x", "y"]  # pyright: ignore[reportAttributeAccessIssue]
    returns(noisy)


def test_the_observations_of_a_dict_are_read_by_key_and_not_by_place() -> None:
    world = rm.wrap(Named("b", "a"), horizon=2)
    robot: Any = world.env
    world.reset(torch.Generator())
    world.step(torch.tensor([[[1.0, -1.0]]]))
    seen = world.step(torch.tensor([[[1.0, -1.0]]])).observation.flatten().tolist()
    assert seen == pytest.approx([robot.place[1], robot.place[0]])
