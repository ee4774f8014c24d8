"""The pages under docs: their Python examples run with smaller numbers, and their links exist."""

from __future__ import annotations

import dataclasses
import re
import shutil
import sys
import tomllib
import warnings
from pathlib import Path

import pytest

import robotmeta as rm
from robotmeta.envs import from_mjcf, scale, servo
from robotmeta.envs.imports import imported
from tests.pages import DOCS, EXAMPLES, PAGES, blocks, run
from tests.real_robots import Clock

OWN_ROBOT = DOCS / "bring-your-own-robot.md"
ON_A_ROBOT = DOCS / "on-a-robot.md"
FIT = DOCS / "fit.md"
VENDOR = DOCS / "vendor-robots.md"
OWN_LEARNER = DOCS / "learners" / "your-own.md"
_SMALLER = {"iterations=60": "iterations=1", "tasks=40": "tasks=2", "episodes=3": "episodes=1", '"60s"': "500"}
_SMALLER_ON = {
    DOCS / "index.md": {"tasks=40": "tasks=2", "episodes=3": "episodes=1"},
    DOCS / "get-started.md": {
        "iterations=100": "iterations=1",
        "tasks=40": "tasks=2",
        "episodes=3": "episodes=1",
        "=[evaluation])": "=[evaluation], shown=1)",
    },
    DOCS / "concepts.md": {"episodes=3": "episodes=1"},
    DOCS / "terrain.md": {},
    DOCS / "real-world.md": {},
    DOCS / "commands.md": {},
}
"""Pages whose examples run one after another, and what is smaller in the test."""


@pytest.mark.parametrize(
    ("page", "file"),
    [
        (OWN_ROBOT, "crawler.py"),
        (OWN_LEARNER, "own_learner.py"),
        (ON_A_ROBOT, "onnx_loop.py"),
        (ON_A_ROBOT, "real_robot.py"),
        (VENDOR, "adapt_go2.py"),
    ],
)
def test_the_page_shows_the_file_that_is_there(page: Path, file: str) -> None:
    assert (EXAMPLES / file).read_text() in blocks(page, "python")


@pytest.mark.slow
def test_a_robot_of_ones_own_is_trained_adapted_evaluated_and_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(EXAMPLES, tmp_path, dirs_exist_ok=True)
    robot = tmp_path / "crawler.py"
    robot.write_text(robot.read_text().replace("horizon=100", "horizon=10"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    code = "\n".join(blocks(OWN_ROBOT, "python")[1:])
    run(code, OWN_ROBOT.name, _SMALLER)
    for file in ("crawler.png", "backward.safetensors", "crawler.mp4"):
        assert (tmp_path / file).stat().st_size > 1000


def test_the_example_of_a_real_robot_runs_in_an_adaptation() -> None:
    file = EXAMPLES / "real_robot.py"
    robot = imported(str(file), str(file)).make()
    clock = Clock()
    robot._clock, robot._sleep = clock, clock.sleep
    policy = rm.load("pretrained:cheetah-direction")
    with rm.wrap(robot) as world:
        adapted = rm.adapt(policy, world, episodes=1)
    assert adapted.history[0].length == policy.family.horizon
    assert adapted.history[0].total_return > 100.0  # the inferred direction is that of the reward


def test_a_file_around_a_urdf_gives_it_a_floor(tmp_path: Path) -> None:
    (scene,) = blocks(OWN_ROBOT, "xml")
    shutil.copy(EXAMPLES / "arm.urdf", tmp_path)
    (tmp_path / "scene.xml").write_text(scene)
    family = from_mjcf(
        tmp_path / "scene.xml",
        {"arm_upper.mass": scale(0.5, 2.0)},
        lambda step: step.after["qvel"][..., 0],
        actuators={"arm_*": servo(kp=40.0)},
    )
    assert [name for name, _ in family.actions] == ["arm_shoulder", "arm_elbow", "arm_wrist"]


def test_the_entry_point_on_the_page_makes_a_family_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (text,) = blocks(OWN_ROBOT, "toml")
    ((group, names),) = tomllib.loads(text)["project"]["entry-points"].items()
    installed = tmp_path / "my_robots-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: my-robots\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text(f"[{group}]\ncrawler = {names['crawler']}\n")
    shutil.copytree(EXAMPLES, tmp_path / "my_robots")
    monkeypatch.syspath_prepend(tmp_path)
    assert rm.make("crawler").name == "crawler"


def test_a_log_that_is_written_as_the_page_says_is_fitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = blocks(FIT, "python")
    run(code, FIT.name, {})
    (value,) = re.findall(r"value=([\d.]+)", capsys.readouterr().out)
    assert float(value) == pytest.approx(0.3, abs=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("page", _SMALLER_ON, ids=lambda page: page.stem)
def test_the_examples_of_a_page_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run("\n".join(blocks(page, "python")), page.name, _SMALLER_ON[page])


def test_no_page_has_examples_that_no_test_runs() -> None:
    tested = {*_SMALLER_ON, OWN_ROBOT, ON_A_ROBOT, FIT, VENDOR, OWN_LEARNER}
    assert {page for page in PAGES if blocks(page, "python")} <= tested


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_file_a_page_names_exists(page: Path) -> None:
    for file in re.findall(r"\]\(([\w./-]+)\)", page.read_text()):
        assert (page.parent / file).exists(), file


@pytest.mark.slow
def test_the_fit_to_another_simulators_cheetah_lowers_the_error() -> None:
    robot = rm.wrap(f"{EXAMPLES}/dm_control_cheetah.py:make", horizon=20)
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
