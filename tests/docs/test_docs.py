"""The pages under docs: their Python examples run with smaller numbers, and their links exist."""

from __future__ import annotations

import dataclasses
import importlib
import json
import re
import shutil
import sys
import warnings
from pathlib import Path

import pytest

import robotmeta as rm
from robotmeta.envs import from_mjcf, scale, servo
from robotmeta.envs.imports import imported
from tests.vendor_robots import Vendor

DOCS = Path(__file__).parents[2] / "docs"
OWN_ROBOT = DOCS / "bring-your-own-robot.md"
ON_A_ROBOT = DOCS / "on-a-robot.md"
FIT = DOCS / "fit.md"
VENDOR = DOCS / "vendor-robots.md"
_SMALLER = {"iterations=60": "iterations=1", "tasks=40": "tasks=2", "episodes=3": "episodes=1", '"60s"': "500"}


def _examples(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.DOTALL)


def test_the_page_shows_the_file_that_is_there() -> None:
    assert _examples(OWN_ROBOT)[0] == (DOCS / "examples" / "crawler.py").read_text()


@pytest.mark.slow
def test_a_robot_of_ones_own_is_trained_adapted_evaluated_and_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(DOCS / "examples", tmp_path, dirs_exist_ok=True)
    robot = tmp_path / "crawler.py"
    robot.write_text(robot.read_text().replace("horizon=100", "horizon=10"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    code = "\n".join(_examples(OWN_ROBOT)[1:])
    for full, small in _SMALLER.items():
        assert full in code
        code = code.replace(full, small)
    exec(compile(code, OWN_ROBOT.name, "exec"), {})
    for file in ("crawler.png", "backward.safetensors", "crawler.mp4"):
        assert (tmp_path / file).stat().st_size > 1000


@pytest.mark.slow
def test_a_vendors_robot_is_read_and_adapted_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "go2.xml").write_text(Vendor().xml())
    (code,) = _examples(VENDOR)
    code = code.replace("episodes=3", "episodes=1, evaluation_episodes=1")
    exec(compile(code, VENDOR.name, "exec"), {})
    assert (tmp_path / "go2.png").stat().st_size > 1000


def test_the_table_of_vendors_robots_matches_its_result_file(monkeypatch: pytest.MonkeyPatch) -> None:
    benchmarks = DOCS.parent / "benchmarks"
    monkeypatch.syspath_prepend(benchmarks)
    table = importlib.import_module("vendor_robots").table
    lines = json.loads((benchmarks / "results" / "vendor-robots.json").read_text())["robots"]
    assert table(lines) in VENDOR.read_text()


def test_the_example_of_a_real_robot_is_on_the_page_and_runs_in_an_adaptation() -> None:
    file = DOCS / "examples" / "real_robot.py"
    assert _examples(ON_A_ROBOT)[1] == file.read_text()
    assert len(file.read_text().splitlines()) <= 60
    robot = imported(str(file), str(file)).make()
    robot._sleep = lambda seconds: None
    policy = rm.load("pretrained:cheetah-direction")
    with rm.wrap(robot) as world:
        adapted = rm.adapt(policy, world, episodes=1)
    assert adapted.history[0].length == policy.family.horizon
    assert adapted.history[0].total_return > 100.0  # the inferred direction is that of the reward


def test_a_file_around_a_urdf_gives_it_a_floor(tmp_path: Path) -> None:
    (scene,) = re.findall(r"```xml\n(.*?)```", OWN_ROBOT.read_text(), flags=re.DOTALL)
    shutil.copy(DOCS / "examples" / "arm.urdf", tmp_path)
    (tmp_path / "scene.xml").write_text(scene)
    family = from_mjcf(
        tmp_path / "scene.xml",
        {"arm_upper.mass": scale(0.5, 2.0)},
        lambda step: step.after["qvel"][..., 0],
        actuators={"arm_*": servo(kp=40.0)},
    )
    assert [name for name, _ in family.actions] == ["arm_shoulder", "arm_elbow", "arm_wrist"]


@pytest.mark.slow
def test_an_exported_policy_drives_a_robot_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _ = _examples(ON_A_ROBOT)
    exec(compile(code, ON_A_ROBOT.name, "exec"), {})
    returns = [float(value) for value in re.findall(r"episode \d: (-?\d+)", capsys.readouterr().out)]
    assert len(returns) == 2
    assert min(returns) > 200.0  # running the wrong way has a negative return


def test_a_log_that_is_written_as_the_page_says_is_fitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = _examples(FIT)
    exec(compile(code, FIT.name, "exec"), {})
    (value,) = re.findall(r"value=([\d.]+)", capsys.readouterr().out)
    assert float(value) == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_every_file_a_page_names_exists(page: Path) -> None:
    for file in re.findall(r"\]\(([\w./-]+)\)", page.read_text()):
        assert (DOCS / file).exists(), file


@pytest.mark.slow
def test_the_fit_to_another_simulators_cheetah_lowers_the_error() -> None:
    robot = rm.wrap(f"{DOCS}/examples/dm_control_cheetah.py:make", horizon=20)
    policy = rm.load("pretrained:cheetah-dynamics")
    assert robot.observation_names is not None
    assert robot.observation_names.entries == tuple(name for name, _ in policy.family.observations)
    policy = dataclasses.replace(policy, family=policy.family.widened)  # one search instead of two
    known = {parameter.name: parameter.nominal for parameter in policy.family.space}
    for name in ("friction", "fthigh_highest", "hardness"):
        del known[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # such as one of names or of the control step
        adapted = rm.adapt(policy, robot, episodes=1, fit=True, known=known)
    assert adapted.fit is not None
    assert sum(adapted.fit.after.values()) < 0.8 * sum(adapted.fit.before.values())
