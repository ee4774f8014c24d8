"""``robotmeta view``: mistakes are one line before anything opens, and Ctrl-C ends it."""

from __future__ import annotations

import importlib.util
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from robotmeta.cli.main import main
from robotmeta.policy_file import save_policy
from tests.robots import point_policy


@pytest.fixture(autouse=True)
def without_a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is a screen")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pretrained:nothing"], "no pretrained policy 'nothing'"),
        (["pretrained:grasp", "--task", "frictoin=1"], "no parameter 'frictoin' in family 'grasp'; nearest: friction"),
        (["pretrained:grasp", "--split", "train"], "no split 'train'"),
        (["pretrained:grasp", "--split", "ood", "--task", "mass=0.2"], "--split is for a task that is drawn"),
        (["pretrained:grasp", "--window"], "a window needs a screen"),
        (["pretrained:grasp", "--window", "--browser"], "give --window or --browser, not both"),
        (["pretrained:grasp", "--robot-forward", "x"], "--robot-forward is for --robot"),
        (["pretrained:grasp", "--episodes", "-1"], "episodes must be at least 0, not -1"),
        (["pretrained:grasp", "--seed", "-1"], "seed must be at least 0, not -1"),
    ],
)
def test_a_mistake_is_one_line(arguments, said, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["view", *arguments])
    error = capsys.readouterr().err
    assert stopped.value.code == 2
    assert said in error
    assert error.count("\n") == 1


def test_the_browser_without_viser_names_the_line_that_installs_it(capsys, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit):
        main(["view", "pretrained:grasp", "--browser"])
    assert "pip install 'robotmeta[view]'" in capsys.readouterr().err


def test_a_port_that_is_in_use_is_refused(capsys):
    pytest.importorskip("viser", reason="needs the extra view")
    with socket.socket() as used:
        used.bind(("localhost", 0))
        used.listen()
        with pytest.raises(SystemExit) as stopped:
            main(["view", "pretrained:grasp", "--browser", "--port", str(used.getsockname()[1])])
    assert stopped.value.code == 2
    assert "cannot be used" in capsys.readouterr().err


def test_ctrl_c_ends_it_with_status_0(tmp_path: Path) -> None:
    pytest.importorskip("viser", reason="needs the extra view")
    save_policy(point_policy(), tmp_path / "point.safetensors")
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "robotmeta", "view", "point.safetensors", "--browser", "--port", str(port)]
    options = {"cwd": tmp_path, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **options) as started:
        assert started.stdout is not None
        first = started.stdout.readline()
        started.send_signal(signal.SIGINT)
        said, error = started.communicate(timeout=60)
    assert first == f"In the browser: http://localhost:{port} (Ctrl-C ends)\n"
    assert (started.returncode, said, error) == (0, "", "")
