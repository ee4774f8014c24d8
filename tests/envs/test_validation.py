"""Mistakes in a family are refused in one line that names the argument, when the family is made or first used."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import pytest
import torch

import robotmeta as rm
from robotmeta.envs import FAMILIES, Parameter, ParameterSpace, Source, TaskBatchEnv, TaskFamily, make
from robotmeta.envs.distributions import Choice, LogUniform, Power, Ring, Uniform, Union
from robotmeta.envs.edits import Field, SpecEdit
from robotmeta.envs.family import ClosedFormWorld, MujocoWorld, Transition
from robotmeta.envs.parameters import Proportional
from robotmeta.envs.validation import check_family
from robotmeta.errors import RobotmetaWarning, UserError

PENDULUM = """
<mujoco>
<worldbody><body name="arm"><joint name="hinge" axis="0 1 0"/><geom size="0.1" pos="0 0 -0.3"/></body></worldbody>
<actuator><motor joint="hinge" ctrlrange="-1 1"/></actuator></mujoco>
"""
NAN = float("nan")


def pendulum() -> mujoco.MjSpec:
    return mujoco.MjSpec.from_string(PENDULUM)


def mass(**changes: Any) -> Parameter:
    given = {"train": Uniform(0.5, 2.0), "nominal": 1.0, "bounds": (0.1, 10.0), "edits": (Field("body_mass"),)}
    return Parameter("mass", "multiplier of the arm's mass", **{**given, **changes})


def by_hand(**changes: Any) -> TaskFamily:
    """A family written without :func:`from_mjcf`."""
    given: dict[str, Any] = {
        "name": "my-arm",
        "summary": "An arm swings up.",
        "source": Source("this test"),
        "space": ParameterSpace((mass(),)),
        "world": MujocoWorld(pendulum, frame_skip=5),
        "observations": (("angle", "rad"), ("speed", "rad/s")),
        "actions": (("torque", "N m"),),
        "horizon": 10,
        "dt": 0.01,
        "reset": lambda nominal, generator, task: nominal,
        "observe": lambda state, task: torch.cat([state["qpos"], state["qvel"]], dim=-1),
        "reward": lambda step: step.after["qpos"][..., 0],
    }
    return TaskFamily(**{**given, **changes})


def refused(make_it: Callable[[], object]) -> str:
    with pytest.raises(UserError) as error:
        make_it()
    assert "\n" not in str(error.value)
    return str(error.value)


# -- distributions and parameters --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make_it", "message"),
    [
        (lambda: Uniform(2.0, 1.0), "the range of Uniform (2, 1) must be in ascending order"),
        (lambda: Uniform(0.0, NAN), "the range of Uniform must be a finite number, not nan"),
        (lambda: Uniform(0.0, np.inf), "the range of Uniform must be a finite number, not inf"),
        (lambda: LogUniform(0.0, 1.0), "low of LogUniform must be positive, not 0"),
        (lambda: LogUniform(2.0, 1.0), "the range of LogUniform (2, 1) must be in ascending order"),
        (lambda: Choice(()), "values of Choice must be a tuple of at least one number, not ()"),
        (lambda: Choice((1.0, NAN)), "a value of Choice must be a finite number, not nan"),
        (lambda: Choice(("a", "b")), "a value of Choice must be a finite number, not 'a'"),  # pyright: ignore[reportArgumentType]
        (lambda: Union(()), "intervals of Union must be a tuple of at least one (low, high), not ()"),
        (lambda: Union(((0.0, 0.0),)), "the length of an interval of Union must be positive, not 0"),
        (lambda: Power(1.0, Uniform(0.0, 1.0)), "base of Power must be above 1, not 1"),
        (lambda: Ring(-1.0, 1.0), "inner of Ring must be at least 0, not -1"),
        (lambda: mass(nominal="1"), "mass: nominal must be a finite number, not '1'"),
        (lambda: mass(nominal=None), "mass: nominal must be a finite number, not None"),
        (lambda: mass(nominal=NAN), "mass: nominal must be a finite number, not nan"),
        (lambda: mass(nominal=True), "mass: nominal must be a finite number, not True"),
        (lambda: mass(nominal=np.bool_(True)), "mass: nominal must be a finite number, not True"),
        (lambda: mass(nominal=torch.tensor(1.0)), "mass: nominal must be a finite number, not tensor(1.)"),
        (lambda: mass(nominal=0.0), "mass: nominal 0 is outside the physical range, 0.1 to 10"),
        (lambda: mass(bounds=(10.0, 0.1)), "mass: bounds (10, 0.1) must be in ascending order"),
        (lambda: mass(bounds=(0.1,)), "mass: bounds must be two numbers, (low, high), not (0.1,)"),
        (lambda: mass(bounds=3.0), "mass: bounds must be two numbers, (low, high), not 3.0"),
        (lambda: mass(bounds=(0.1, NAN)), "mass: bounds must be a number, not nan"),
        (lambda: mass(train=Uniform(0.5, 20.0)), "mass: train 0.5 to 20, is outside the physical range, 0.1 to 10"),
        (lambda: mass(ood=Choice((0.01,))), "mass: ood 0.01 is outside the physical range, 0.1 to 10"),
        (
            lambda: mass(train=(0.5, 2.0)),
            "mass: train must be a distribution, such as Uniform(0.0, 1.0), not (0.5, 2.0)",
        ),
        (lambda: mass(train=Choice((1.0, 2.0)), labels={1.0: 1, 2.0: 2}), "mass: a label must be a string, not 1"),
        (lambda: mass(edits=Field("body_mass")), "mass: edits must be a tuple of Field, ModelEdit or SpecEdit"),
        (lambda: dataclasses.replace(mass(), name=""), "a parameter cannot be called ''"),
        (lambda: dataclasses.replace(mass(), name="robot"), "a parameter cannot be called 'robot'"),
        (lambda: ParameterSpace(()), "a parameter space must be a tuple of at least one Parameter, not ()"),
        (lambda: ParameterSpace((mass(), mass())), "parameters: the name 'mass' occurs 2 times"),
        (lambda: ParameterSpace(("mass",)), "a parameter space holds Parameters, not 'mass'"),  # pyright: ignore[reportArgumentType]
        (
            lambda: ParameterSpace(
                (dataclasses.replace(mass(train=Proportional(Uniform(0.5, 2.0), (mass(),))), name="length"),)
            ),
            "length: train multiplies mass, which must come before it",
        ),
    ],
)
def test_a_parameter_that_cannot_be_is_refused(make_it: Callable[[], object], message: str) -> None:
    assert message in refused(make_it)


def test_numpy_numbers_are_numbers_and_give_the_same_digest() -> None:
    numpy = mass(nominal=np.float32(1.0), bounds=(np.float64(0.1), np.int64(10)))
    assert type(numpy.nominal) is float
    assert ParameterSpace((numpy,)).digest == ParameterSpace((mass(bounds=(0.1, 10)),)).digest
    family = by_hand(horizon=np.int32(7), dt=np.float32(0.5), init_std=np.float64(0.3), success_lasts=np.int64(0))
    assert (family.horizon, family.dt, family.init_std) == (7, 0.5, 0.3)
    assert type(family.horizon) is int
    assert by_hand(world=MujocoWorld(pendulum, frame_skip=np.int64(5))) is not None  # pyright: ignore[reportArgumentType]


def test_a_physical_range_may_be_unbounded() -> None:
    assert mass(bounds=(0.0, np.inf)).check(1e30) == 1e30


# -- numbers and names of a family -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": ""}, "the name of a family must be a string, not ''"),
        ({"source": "this test"}, "source must be a Source, not 'this test'"),
        ({"space": (mass(),)}, "space must be a ParameterSpace, not (Parameter("),
        ({"world": pendulum}, "world must be a MujocoWorld or a ClosedFormWorld, not <function pendulum"),
        ({"horizon": 0}, "horizon must be at least 1, not 0"),
        ({"horizon": -1}, "horizon must be at least 1, not -1"),
        ({"horizon": 1.5}, "horizon must be a whole number, not 1.5"),
        ({"horizon": NAN}, "horizon must be a whole number, not nan"),
        ({"horizon": True}, "horizon must be a whole number, not True"),
        ({"horizon": "10"}, "horizon must be a whole number, not '10'"),
        ({"dt": 0.0}, "dt must be positive, not 0"),
        ({"dt": np.inf}, "dt must be a finite number, not inf"),
        ({"dt": None}, "dt must be a finite number, not None"),
        ({"init_std": 0.0}, "init_std must be positive, not 0"),
        ({"informed": 1.5}, "informed must be between 0 and 1, not 1.5"),
        ({"init_std": "0.3"}, "init_std must be a finite number, not '0.3'"),
        ({"success_lasts": -0.5}, "success_lasts must be at least 0, not -0.5"),
        ({"observations": ()}, "observations must name at least 1"),
        ({"observations": ("angle", "speed")}, "observations must be a tuple of (name, unit), such as"),
        ({"observations": (("angle", "rad"), ("speed",))}, "observations must be a tuple of (name, unit), such as"),
        ({"observations": [("angle", "rad"), ("speed", "rad/s")]}, "observations must be a tuple of (name, unit)"),
        ({"observations": (("angle", "rad"), ("angle", "rad/s"))}, "observations: the name 'angle' occurs 2 times"),
        ({"actions": (("torque", 1.0),)}, "actions must be a tuple of (name, unit), such as"),
        ({"actions": ()}, "actions must name at least 1"),
        ({"reward": None}, "reward must be a function, not None"),
        ({"terminated": True}, "terminated must be a function, not True"),
        ({"distance": 3.0}, "distance must be a function, not 3.0"),
        ({"robots": {"old": {"weight": 2.0}}}, "robots: no parameter 'weight' in robot 'old'; there are: mass"),
        ({"robots": {"old": {"mass": 20.0}}}, "robots: mass=20 is outside its physical range [0.1, 10]"),
        ({"robots": {"old": {"mass": "heavy"}}}, "robots: mass=heavy: 'heavy' is not a number"),
        (
            {"privileged_state": (("force", "N"),)},
            "observe_privileged_state and privileged_state must be given together",
        ),
        (
            {"observe_privileged_state": lambda state, task: state["qvel"]},
            "observe_privileged_state and privileged_state must be given together",
        ),
    ],
)
def test_a_family_with_a_wrong_argument_is_refused_when_it_is_made(changes: dict[str, Any], message: str) -> None:
    error = refused(lambda: by_hand(**changes))
    assert message in error
    assert error.startswith("family 'my-arm': ") or "name" in changes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frame_skip": 0}, "frame_skip must be at least 1, not 0"),
        ({"frame_skip": 2.5}, "frame_skip must be a whole number, not 2.5"),
        ({"frame_skip": 5, "fields": ("sensrdata",)}, "no field of MjData 'sensrdata'; nearest: sensordata"),
    ],
)
def test_a_world_with_a_wrong_argument_is_refused_when_it_is_made(changes: dict[str, Any], message: str) -> None:
    assert message in refused(lambda: MujocoWorld(pendulum, **changes))


# -- functions ---------------------------------------------------------------------------------------------------------


def fail(*arguments: Any) -> Any:
    raise KeyError("no\nsuch thing")


def no_spec() -> mujoco.MjSpec:
    raise FileNotFoundError("no arm.xml")


FUNCTIONS = [
    ({"reward": fail}, "reward raises KeyError: 'no\\nsuch thing'"),
    ({"reward": lambda step: 1.0}, "reward returns a float, not a tensor"),
    ({"reward": lambda step: step.task["mass"]}, "reward returns the shape [2, 1]; 2 tasks of 3 episodes need [2, 3]"),
    ({"reward": lambda step: step.after["qpos"][..., 0] / 0.0}, "reward is not finite at the start of an episode"),
    ({"reward": lambda step: step.after["qpos"][..., 0] > 0.0}, "reward returns torch.bool, not numbers"),
    (
        {"reward": lambda step: step.after["qpos"].sub_(1.0)[..., 0]},
        "reward changes its argument qpos in place; write x = x - 1, not x -= 1",
    ),
    (
        {
            "observe": lambda state, task: torch.cat(
                [state["qpos"], state["qvel"] + task["mass"].mul_(2.0)[..., None]], -1
            )
        },
        "observe changes its argument mass in place",
    ),
    ({"shaping_reward": lambda step: step.action}, "shaping_reward returns the shape [2, 3, 1]"),
    ({"reference": lambda state, task: state["qpos"][..., 0]}, "reference returns the shape [2, 3]"),
    ({"observe": lambda state, task: state["qpos"]}, "observe returns the shape [2, 3, 1]"),
    ({"observe": lambda state, task: state["qacc"]}, "observe raises KeyError: 'qacc'"),
    (
        {"reward": lambda step: torch.complex(step.after["qpos"], step.after["qpos"])[..., 0]},
        "complex128, not real num",
    ),
    ({"observe": lambda s, t: torch.cat([s["qpos"], s["qvel"] * 1j], dim=-1)}, "observe returns torch.complex128"),
    ({"reset": lambda n, g, t: {**n, "qpos": n["qpos"] * 1j}}, "reset of qpos returns torch.complex128, not real"),
    ({"observe": lambda state, task: None}, "observe returns a NoneType, not a tensor"),
    ({"terminated": lambda state, task: state["qpos"][..., 0]}, "terminated returns torch.float64, not bool"),
    ({"success": lambda state, task: None}, "success returns a NoneType, not a tensor"),
    ({"distance": lambda state, task: state["qpos"]}, "distance returns the shape [2, 3, 1]"),
    (
        {"privileged_state": (("force", "N"),), "observe_privileged_state": lambda s, t: s["qpos"].repeat(1, 1, 2)},
        "observe_privileged_state returns the shape [2, 3, 2]",
    ),
    ({"reset": lambda n, g, t: {"qpos": n["qpos"]}}, "reset of qvel returns a NoneType, not a tensor"),
    ({"reset": lambda n, g, t: {**n, "qpos": n["qpos"][:1]}}, "reset of qpos returns the shape [1, 3, 1]"),
    ({"reset": lambda n, g, t: {**n, "speed": n["qvel"]}}, "reset raises KeyError: 'speed'"),
    ({"reset": lambda n, g, t: n["qpos"]}, "reset returns a Tensor, not a mapping"),
    ({"actions": (("torque", "N m"), ("force", "N"))}, "a control step raises RuntimeError"),
    ({"world": MujocoWorld(pendulum, frame_skip=5, control=fail)}, "a control step raises KeyError"),
]


@pytest.mark.parametrize(("changes", "message"), FUNCTIONS)
def test_a_function_that_does_not_work_is_refused_before_the_first_episode(
    changes: dict[str, Any], message: str
) -> None:
    family = by_hand(**changes)
    for use in (lambda: TaskBatchEnv(family, 4, 1), lambda: check_family(family)):
        error = refused(use)
        assert error.startswith("family 'my-arm': ")
        assert message in error


def squeezed(name: str) -> Any:
    """A function that drops every axis of size 1, which only shows where there is one task or one episode."""
    return {
        "reward": lambda step: step.after["qpos"].squeeze(),
        "success": lambda state, task: state["qpos"].squeeze() < 1.0,
        "terminated": lambda state, task: state["qpos"].squeeze() > 1.0,
        "distance": lambda state, task: state["qpos"].squeeze(),
        "observe": lambda state, task: torch.stack([state["qpos"].squeeze(), state["qvel"].squeeze()], dim=-1),
        "reset": lambda nominal, generator, task: {**nominal, "qpos": nominal["qpos"].squeeze().unsqueeze(-1)},
    }[name]


@pytest.mark.parametrize("name", ["reward", "success", "terminated", "distance", "observe", "reset"])
def test_a_function_is_tried_with_one_task_and_with_one_episode(name: str) -> None:
    assert "of 1 episode need" in refused(lambda: check_family(by_hand(**{name: squeezed(name)})))


def test_a_function_may_not_drop_the_axis_of_tasks_alone() -> None:
    def reward(step: Transition) -> torch.Tensor:
        return step.after["qpos"].squeeze(0)[..., 0]

    message = "reward returns the shape [3]; 1 task of 3 episodes needs [1, 3]"
    assert message in refused(lambda: check_family(by_hand(reward=reward)))


@pytest.mark.parametrize("name", ["point-navigation", "cheetah-terrain", "fetch-push", "grasp", "quadruped"])
def test_checking_leaves_no_trace_in_the_worlds(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    family, played = make(name), []
    for checked in (True, False):
        if not checked:
            monkeypatch.setattr("robotmeta.envs.task_batch.check_functions", lambda *arguments: None)
        env = TaskBatchEnv(family, 2, 2, threads=1)
        start = env.reset(torch.Generator().manual_seed(0))
        steps = [env.step(torch.full((2, 2, family.action_size), 0.3)) for _ in range(3)]
        played.append([start, *(step.observation for step in steps), *(step.reward for step in steps)])
    assert all(torch.equal(one, other) for one, other in zip(*played, strict=True))


def test_a_formula_that_fails_is_refused_before_the_first_episode() -> None:
    family = make("point-navigation")
    assert isinstance(family.world, ClosedFormWorld)
    broken = dataclasses.replace(family, world=dataclasses.replace(family.world, dynamics=fail))
    assert "family 'point-navigation': a control step raises KeyError" in refused(lambda: TaskBatchEnv(broken, 1, 1))


# -- families by name --------------------------------------------------------------------------------------------------

FILE = """
import mujoco
from robotmeta.envs import Parameter, ParameterSpace, Source, TaskFamily
from robotmeta.envs.edits import Field, SpecEdit
from robotmeta.envs.family import MujocoWorld
from robotmeta.envs.distributions import Uniform

def spec():
    return mujoco.MjSpec.from_string('''{PENDULUM}''')

def family(horizon=10, reward=lambda step: step.after["qpos"][..., 0], edit=Field("body_mass")):
    mass = Parameter("mass", "of the arm", train=Uniform(0.5, 2.0), nominal=1.0, bounds=(0.1, 10.0), edits=(edit,))
    return TaskFamily(
        name="arm", summary="", source=Source(""), space=ParameterSpace((mass,)), world=MujocoWorld(spec, frame_skip=5),
        observations=(("angle", "rad"),), actions=(("torque", "N m"),), horizon=horizon, dt=0.01,
        reset=lambda nominal, generator, task: nominal, observe=lambda state, task: state["qpos"], reward=reward,
    )

def no_horizon():
    return family(horizon=0)

def no_reward():
    return family(reward=lambda step: step.after["height"])

def grow(spec, mass):
    if mass > 1.0:
        spec.body("arm").add_joint(name="second")

def another_layout():
    return family(edit=SpecEdit(grow))
"""


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("no_horizon", "family '{name}' cannot be made: family 'arm': horizon must be at least 1, not 0"),
        ("no_reward", "family '{name}': reward raises KeyError: 'height'"),
        ("another_layout", "family '{name}': mass=2 changes the layout of the state: nq is 2 and not 1"),
    ],
)
def test_a_family_in_a_file_is_checked_when_it_is_loaded(
    function: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "arm_of_this_test.py").write_text(FILE.replace("{PENDULUM}", PENDULUM))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    name = f"arm_of_this_test.py:{function}"
    assert rm.make("arm_of_this_test.py:family").horizon == 10
    assert message.format(name=name) in refused(lambda: rm.make(name))


@pytest.fixture
def torch_as_before() -> Iterator[None]:
    """Leaves other tests alone if a setting is not put back."""
    yield
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    torch.set_grad_enabled(True)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("torch.set_default_dtype(torch.float64)", "default dtype torch.float64; it is torch.float32 again"),
        ("torch.set_default_device('meta')", "default device meta; it is cpu again"),
        ("torch.set_grad_enabled(False)", "gradients False; it is True again"),
    ],
)
@pytest.mark.parametrize("place", ["file", "function"])
@pytest.mark.usefixtures("torch_as_before")
def test_settings_of_torch_are_those_from_before_a_users_code(place: str, line: str, said: str, tmp_path: Path) -> None:
    text = {
        "file": f"{line}\ndef family():\n    return make('point-navigation')\n",
        "function": f"def family():\n    {line}\n    return make('point-navigation')\n",
    }[place]
    (tmp_path / "mine.py").write_text("import torch\nfrom robotmeta.envs import make\n" + text)
    with pytest.warns(RobotmetaWarning, match=said):
        make(f"{tmp_path / 'mine.py'}:family")
    assert (torch.get_default_dtype(), torch.ones(1).device.type) == (torch.float32, "cpu")
    assert torch.is_grad_enabled()


def test_a_family_is_checked_once_under_any_name() -> None:
    builds = []

    def counted() -> mujoco.MjSpec:
        builds.append(1)
        return pendulum()

    family = by_hand(world=MujocoWorld(counted, frame_skip=5))
    check_family(family)
    before = len(builds)
    check_family(dataclasses.replace(family, name="another-name"))
    assert len(builds) == before
    denser = SpecEdit(lambda spec, value: setattr(spec.geoms[0], "density", 1000.0 * value))
    check_family(dataclasses.replace(family, space=ParameterSpace((mass(edits=(denser,)),))))
    assert len(builds) > before


@pytest.mark.parametrize("name", FAMILIES)
def test_the_families_of_this_package_pass(name: str) -> None:
    TaskBatchEnv(make(name), 1, 1, threads=1)


def test_a_family_leaves_something_to_infer() -> None:
    assert "told must leave a parameter that networks infer" in refused(lambda: by_hand(told=("mass",)))


def test_rows_of_robots_are_python_numbers() -> None:
    (row,) = by_hand(robots={"small": {"mass": np.float32(0.5)}}).robots.values()
    assert [type(value) for value in row.values()] == [float]


def test_ood_values_that_training_has_too_are_warned_of() -> None:
    family = by_hand(space=ParameterSpace((mass(ood=Uniform(1.0, 4.0)),)))
    with pytest.warns(rm.ModelWarning, match=r"ood of mass, U\(1, 4\), overlaps with train, U\(0.5, 2\): .* in both"):
        check_family(family)
