"""Boards: Weights & Biases gets what TensorBoard gets, and a run that is resumed goes on in the same run there."""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import robotmeta as rm
from robotmeta.errors import UserError
from robotmeta.training.logs import read_metrics
from robotmeta.training.run_folder import RunFolder

INSTALLED = importlib.util.find_spec("wandb") is not None
_STAND_IN = """
import json, os, pathlib

class Run:
    def __init__(self, options):
        self.file = pathlib.Path(options["dir"]) / "stand-in.jsonl"
        self.write({"begins": {name: options[name] for name in ("project", "id", "name", "resume")}})

    def write(self, line):
        with self.file.open("a") as file:
            file.write(json.dumps(line) + "\\n")

    def log(self, scalars, step):
        self.write({"step": step, "scalars": scalars})

    def finish(self):
        self.write({"ends": True})

def init(**options):
    if os.environ.get("WANDB_MODE") != "offline":
        raise RuntimeError("no API key configured")
    return Run(options)
"""
_HYPER = {"meta_batch": 4, "episodes": 2}


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A small wandb that writes what it gets into the run folder."""
    if INSTALLED:
        pytest.skip("wandb is installed")
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "wandb.py").write_text(_STAND_IN)
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    monkeypatch.setenv("WANDB_MODE", "offline")
    yield
    sys.modules.pop("wandb", None)


def train(folder: Path, project: str) -> rm.Run:
    options = {"iterations": 2, "out": folder, "hyper": _HYPER, "progress": False}
    return rm.meta_train("point-navigation", "promp", wandb=project, **options)


@pytest.mark.slow
@pytest.mark.usefixtures("stand_in")
def test_weights_and_biases_gets_the_numbers_of_tensorboard(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = tmp_path / "run"
    train(folder, "robots")
    time.sleep(1.0)  # TensorBoard reads files in the order of their names, which have the second they were begun in
    rm.resume(folder, iterations=3, wandb="robots", progress=False)
    lines = [json.loads(line) for line in (folder / "stand-in.jsonl").read_text().splitlines()]
    first, second = (line["begins"] for line in lines if "begins" in line)
    assert first == second
    assert (first["project"], first["name"], first["resume"]) == ("robots", "run", "allow")
    assert sum("ends" in line for line in lines) == 2
    logged = {line["step"]: line["scalars"] for line in lines if "step" in line}
    assert list(logged) == [0, 1, 2]
    events = EventAccumulator(str(folder))
    events.Reload()
    tags = events.Tags()["scalars"]
    assert set(tags) == set(logged[0])
    for name in tags:
        assert [event.value for event in events.Scalars(name)] == pytest.approx(
            [scalars[name] for scalars in logged.values()], rel=1e-5
        )
    assert [line["return_post"] for line in read_metrics(RunFolder(folder).metrics)] == [
        scalars["return_post"] for scalars in logged.values()
    ]


@pytest.mark.usefixtures("stand_in")
def test_what_wandb_refuses_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_MODE")
    with pytest.raises(UserError, match="wandb refuses project robots: RuntimeError: no API key configured; WANDB_MO"):
        train(tmp_path / "run", "robots")


@pytest.mark.skipif(not INSTALLED, reason="wandb is not installed")
def test_the_real_wandb_works_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    train(tmp_path / "run", "robots")
    assert list((tmp_path / "run" / "wandb").glob("offline-run-*"))


@pytest.mark.skipif(INSTALLED, reason="wandb is installed")
@pytest.mark.parametrize("leftover", [False, True])
def test_without_wandb_nothing_is_trained(leftover: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if leftover:  # the folder that an earlier run wrote is no package
        (tmp_path / "wandb").mkdir()
        monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UserError, match=r"--wandb needs wandb; install it with: pip install 'robotmeta\[wandb\]'"):
        train(tmp_path / "run", "robots")
    assert not (tmp_path / "run").exists()
