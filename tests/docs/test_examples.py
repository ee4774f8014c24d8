"""The examples and the notebooks: each is short, is in the table, and runs, with smaller numbers."""

from __future__ import annotations

import json
import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import pytest

import robotmeta as rm
from robotmeta.envs.imports import imported
from robotmeta.metalearners import LEARNERS
from tests.pages import EXAMPLES, NOTEBOOKS, run
from tests.robots import point_policy
from tests.vendor_robots import Vendor

_PROGRAMS = sorted(EXAMPLES.glob("*.py"))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What an example writes, imports and registers is gone after the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    known = dict(LEARNERS)
    yield
    LEARNERS.clear()
    LEARNERS.update(known)


def ran(name: str, *arguments: str, monkeypatch: pytest.MonkeyPatch, **smaller: Any) -> None:
    """Runs the ``main`` of an example, with other values of its constants."""
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    loaded = runpy.run_path(str(EXAMPLES / name))
    for constant, value in smaller.items():
        assert constant in loaded, constant
        loaded["main"].__globals__[constant] = value
    loaded["main"]()


@pytest.mark.parametrize("file", _PROGRAMS, ids=lambda file: file.stem)
def test_an_example_is_short_and_in_the_table(file: Path) -> None:
    assert len(file.read_text().splitlines()) < 60
    assert f"]({file.name})" in (EXAMPLES / "README.md").read_text()


def test_every_file_in_the_table_exists() -> None:
    for name in re.findall(r"\]\(([\w./-]+)(?:#[\w-]+)?\)", (EXAMPLES / "README.md").read_text()):
        assert (EXAMPLES / name).exists(), name


@pytest.mark.slow
def test_a_vendors_robot_is_adapted_to(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    Path("robot.xml").write_text(Vendor().xml())
    ran("adapt_go2.py", "robot.xml", monkeypatch=monkeypatch, EPISODES=1, EVALUATION_EPISODES=1)
    before, after = map(int, re.findall(r"return (-?\d+) .*, (-?\d+) adapted", capsys.readouterr().out)[0])
    assert after > before
    assert rm.load("adapted.safetensors").belief is not None
    assert Path("robot.png").stat().st_size > 1000


@pytest.mark.slow
def test_recorded_episodes_are_fitted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    robot = gymnasium.make("robotmeta/PointNavigation-v0", task={"goal_x": 0.3, "goal_y": -0.2})
    with rm.wrap(robot, horizon=25) as world:
        rm.adapt(point_policy(init_std=1.0), world, episodes=1, episodes_out="episodes.npz")
    ran("fit_log.py", "point-navigation", "episodes.npz", "--known", "goal_y=-0.2", monkeypatch=monkeypatch)
    printed = capsys.readouterr().out
    assert "goal_x: 0.3, 90 % interval" in printed
    assert "the family explains the episodes" in printed


@pytest.mark.slow
def test_a_learner_of_ones_own_is_trained_saved_and_adapts(capsys: pytest.CaptureFixture[str]) -> None:
    code = (EXAMPLES / "own_learner.py").read_text().replace('__name__ == "__main__"', "True")
    run(
        code,
        "own_learner.py",
        {"iterations=100": "iterations=1", "tasks=40": "tasks=2", "episodes=3": "episodes=1", ": 24": ": 2"},
    )
    assert "adaptation" in capsys.readouterr().out
    loaded = rm.load("runs/best-place")
    adapted = rm.adapt(loaded, loaded.family.task(direction="backward"), episodes=1, evaluation_episodes=0)
    assert adapted.policy.belief is not None
    assert float(adapted.policy.belief["highest"]) > -1e9


@pytest.mark.slow
def test_stable_baselines_trains_on_an_id(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("stable_baselines3", reason="needs the extra 'bench'")
    ran("stable_baselines.py", monkeypatch=monkeypatch, STEPS=64, EPISODES=1)
    assert len(re.findall(r"return -?\d+", capsys.readouterr().out)) == 3


@pytest.mark.slow
def test_the_loop_on_a_robot_adapts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    ran("onnx_loop.py", monkeypatch=monkeypatch, WAIT=False)
    returns = [int(value) for value in re.findall(r"return (-?\d+)", capsys.readouterr().out)]
    assert len(returns) == 2
    assert returns[1] > 200  # the direction is not told, and running the wrong way has a negative return


@pytest.mark.slow
def test_the_program_for_several_processes_runs_in_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran("ranks.py", monkeypatch=monkeypatch, ITERATIONS=1, META_BATCH=2, TASKS=1)
    assert "adapt" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["crawler.py:family", "real_robot.py:make", "dm_control_cheetah.py:make"])
def test_what_a_command_uses_is_there(name: str) -> None:
    file, _, function = name.partition(":")
    made = getattr(imported(str(EXAMPLES / file), name), function)()
    assert isinstance(made, rm.TaskFamily | gymnasium.Env)


# -- notebooks ---------------------------------------------------------------------------------------------------------


_BRIEF = "episodes=1, evaluation_episodes=1)"
_SHORTER = {
    "adaptation": {
        'rm.make("cheetah-direction")': 'dataclasses.replace(rm.make("cheetah-direction"), horizon=10)',
        "import os\n": "import dataclasses, os\n",
        "rm.adapt(policy, task, episodes=3)": f"rm.adapt(policy, task, {_BRIEF}",
    },
    "your-robot": {
        "horizon=100": "horizon=10",
        "rm.adapt(run.policy, task, episodes=3)": f"rm.adapt(run.policy, task, {_BRIEF}",
    },
}
"""What takes less time in the test."""


def notebook(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text())


@pytest.mark.parametrize("file", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda file: file.stem)
def test_a_notebook_is_whole_small_and_has_its_outputs(file: Path) -> None:
    assert file.stat().st_size < 1_000_000
    content = notebook(file)
    assert (content["nbformat"], content["metadata"]["kernelspec"]["name"]) == (4, "python3")
    ids = [cell["id"] for cell in content["cells"]]
    assert len(set(ids)) == len(ids)
    code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error"]
    shown = {kind for output in outputs for kind in output.get("data", {})}
    assert "image/png" in shown
    assert any("video/mp4" in str(output.get("data", {}).get("text/html", "")) for output in outputs)


@pytest.mark.slow
@pytest.mark.parametrize("file", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda file: file.stem)
def test_the_cells_of_a_notebook_run(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("IPython", reason="needs robotmeta[notebooks]")
    monkeypatch.setenv("ITERATIONS", "1")
    monkeypatch.setenv("TASKS", "2")
    shorter = _SHORTER[file.stem]
    cells = ["".join(cell["source"]) for cell in notebook(file)["cells"] if cell["cell_type"] == "code"]
    run("\n".join(cells), file.name, shorter)
    assert list(Path().glob("*.mp4"))
