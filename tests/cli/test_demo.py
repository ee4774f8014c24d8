"""``robotmeta demo``."""

from __future__ import annotations

import ctypes.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


def test_a_run_that_is_no_demo_is_left_alone(run: Path, refused: Callable[[list[str]], str]) -> None:
    before = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    assert "holds a run of another configuration" in refused(["demo", "--out", str(run), "--iterations", "3"])
    assert {file: file.read_bytes() for file in run.rglob("*") if file.is_file()} == before


@pytest.mark.slow
def test_without_a_gl_library_only_the_video_is_missing(run: Path, tmp_path: Path) -> None:
    """OSMesa stands for any library that was asked for and is not there."""
    if ctypes.util.find_library("OSMesa"):
        pytest.skip("OSMesa is installed here, so it cannot stand for a missing library")
    environment = {**os.environ, "MUJOCO_GL": "osmesa", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "robotmeta.cli"]
    demo = subprocess.run(
        [*command, "demo", "--iterations", "1", "--out", str(tmp_path / "demo")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert demo.returncode == 0, demo.stderr
    assert "No video: pictures need a GL library" in demo.stdout
    assert "apt-get install" in demo.stdout
    assert (tmp_path / "demo" / "report.html").exists()
