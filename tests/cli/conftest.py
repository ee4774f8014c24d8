"""A small run to work on, and the one line of a command that is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import robotmeta as rm
from robotmeta.cli import main


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, which no test changes."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    tiny = {"meta_batch": 4, "episodes": 2}
    rm.meta_train("point-navigation", "promp", iterations=2, out=folder, hyper=tiny, progress=False)
    return folder


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    """A copy of the run, for tests that change it."""
    return shutil.copytree(run, tmp_path / "copy")


@pytest.fixture
def help_of(capsys: pytest.CaptureFixture[str]) -> Callable[[list[str]], str]:
    """What a command line prints that asks for help."""

    def text(arguments: list[str]) -> str:
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert not stopped.value.code
        return capsys.readouterr().out

    return text


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[[list[str]], str]:
    """Runs a command that must be refused with status 2; returns its one line."""

    def line(arguments: list[str]) -> str:
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 2
        lines = capsys.readouterr().err.strip().splitlines()
        assert len(lines) == 1, lines
        return lines[0]

    return line
