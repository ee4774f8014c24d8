"""The exit status of commands in processes of their own, and what those print."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from robotmeta.cli import main


def _run(*arguments: str, stdout: int) -> tuple[int, str]:
    command = [sys.executable, "-m", "robotmeta.cli", *arguments]
    done = subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False)
    return done.returncode, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["families", "point-navigation"], ["--help"]])
def test_output_that_nobody_reads_ends_the_command_quietly(arguments: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        assert _run(*arguments, stdout=write) == (1, "")
    finally:
        os.close(write)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full disk to write to")
@pytest.mark.parametrize("arguments", [["families", "point-navigation"], ["--help"]])
def test_output_that_does_not_fit_on_the_disk_is_one_line(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        status, said = _run(*arguments, stdout=full.fileno())
    assert (status, said) == (2, "robotmeta: cannot write the output: No space left on device\n")


def test_ctrl_c_is_status_130(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "interrupted.py").write_text("def family():\n    raise KeyboardInterrupt\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(SystemExit) as stopped:
        main(["families", "interrupted.py:family"])
    assert stopped.value.code == 130
    assert capsys.readouterr().err == "robotmeta: stopped\n"


def test_the_installed_command_is_main() -> None:
    project = Path(__file__).parents[2] / "pyproject.toml"
    script = tomllib.loads(project.read_text())["project"]["scripts"]["robotmeta"]
    assert EntryPoint("robotmeta", script, "console_scripts").load() is main


def test_help_does_not_import_what_is_slow() -> None:
    code = (
        "import sys\n"
        "from robotmeta.cli import main\n"
        "try:\n"
        "    main(['--help'])\n"
        "finally:\n"
        "    assert not {'torch', 'mujoco', 'scipy', 'matplotlib'} & sys.modules.keys()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "learners" in done.stdout
