"""Simulators by name: which can run what, and what is imported for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from robotmeta.envs import TaskBatchEnv, make
from robotmeta.envs.family import ClosedFormWorld
from robotmeta.envs.simulators import SIMULATORS, Backend, check_simulator
from robotmeta.envs.simulators.closed_form import ClosedFormSimulator
from robotmeta.envs.simulators.mujoco_cpu import MujocoSimulator
from robotmeta.errors import UserError


def no_package(name: str) -> None:
    """As ``importlib.util.find_spec`` where nothing is installed."""


@pytest.mark.parametrize(
    ("family", "name", "simulator"),
    [("cheetah-direction", "mujoco", MujocoSimulator), ("point-navigation", "closed-form", ClosedFormSimulator)],
)
def test_auto_is_a_simulator_that_can_run_the_family(family: str, name: str, simulator: type) -> None:
    for asked in ("auto", name):
        assert check_simulator(make(family), asked) == name
        assert isinstance(TaskBatchEnv(make(family), 1, 2, simulator=asked).simulator, simulator)


def test_an_unknown_simulator_is_answered_with_those_there_are() -> None:
    with pytest.raises(
        UserError, match=r"no simulator 'mujocco'; nearest: mujoco, mujoco-warp \(also auto, closed-form\)"
    ):
        TaskBatchEnv(make("cheetah-direction"), 1, 1, simulator="mujocco")


def test_a_simulator_that_cannot_run_a_family_is_answered_with_those_that_can() -> None:
    with pytest.raises(UserError, match="family 'point-navigation' runs on: closed-form, not on mujoco"):
        check_simulator(make("point-navigation"), "mujoco")


def test_a_new_simulator_is_a_line_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SIMULATORS, "another", Backend("closed_form:ClosedFormSimulator", ClosedFormWorld))
    family = make("point-navigation")
    assert check_simulator(family, "auto") == "closed-form", "the first that can run it"
    assert isinstance(TaskBatchEnv(family, 1, 1, simulator="another").simulator, ClosedFormSimulator)
    with pytest.raises(UserError, match="runs on: closed-form, another, not on mujoco"):
        check_simulator(family, "mujoco")


def test_a_simulator_that_is_not_installed_is_answered_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", no_package)
    with pytest.raises(UserError, match=r"^simulator mujoco-warp needs MuJoCo Warp: pip install 'robotmeta\[gpu\]'$"):
        TaskBatchEnv(make("cheetah-direction"), 1, 1, simulator="mujoco-warp")
    assert check_simulator(make("cheetah-direction"), "auto") == "mujoco"


@pytest.mark.slow
def test_listing_simulators_imports_none_of_them() -> None:
    program = (
        "import sys; from robotmeta.envs.simulators import SIMULATORS\n"
        "print([m for m in sys.modules if m.startswith('robotmeta.envs.simulators.') and 'protocol' not in m])\n"
        "print('mujoco.batch' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert out.split("\n")[:2] == ["[]", "False"]
