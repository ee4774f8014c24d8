"""``robotmeta doctor``: it tells what works from what does not, whatever is broken, and says what to install."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from robotmeta.doctor import examine
from robotmeta.doctor.findings import Diagnosis, Finding, Installed
from robotmeta.doctor.packages import needed_packages
from robotmeta.doctor.probes import PROBES, probed
from robotmeta.doctor.tested import TESTED

ROOT = Path(__file__).parents[2]


def diagnosed(tmp_path: Path, **environment: str) -> tuple[int, dict[str, Any], str]:
    """Status, JSON and text of ``robotmeta doctor`` in a process of its own."""
    command = [sys.executable, "-m", "robotmeta", "doctor", "--json", str(tmp_path / "doctor.json")]
    paths = [environment.pop("FIRST_PATH", ""), *sys.path]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **environment}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env, cwd=tmp_path)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads((tmp_path / "doctor.json").read_text()), done.stdout


def checks(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in found["checks"]}


@pytest.mark.slow
def test_what_is_needed_works_though_pictures_do_not(tmp_path: Path) -> None:
    status, found, printed = diagnosed(tmp_path, MUJOCO_GL="bogus")
    assert status == 0
    assert found["works"]
    assert "Everything that is needed works." in printed
    assert checks(found)["physics"]["values"]["steps_per_second"] > 100.0
    assert checks(found)["video"]["status"] == "works"
    assert checks(found).keys() >= {"Python", "robotmeta", "cores", "disk", "GPU"}
    assert found["packages"]["torch"]["tested"] == TESTED["torch"]
    pictures = checks(found)["pictures"]
    assert pictures["status"] == "fails"
    assert "MUJOCO_GL=bogus" in pictures["said"]
    assert "apt-get install libegl1" in pictures["fix"]
    assert f"For pictures: {pictures['fix']}" in printed


def test_an_encoder_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/nowhere")
    found = probed("video")
    assert (found.status, found.fix, found.needed) == ("fails", "unset IMAGEIO_FFMPEG_EXE", False)
    assert "/nowhere" in found.said


@pytest.mark.slow
def test_a_torch_that_cannot_be_imported_is_status_1(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "torch.py").write_text("raise OSError('libcudart.so: cannot open shared object file')\n")
    status, found, printed = diagnosed(tmp_path, FIRST_PATH=str(tmp_path / "broken"))
    assert status == 1
    assert found["lacking"] == ["physics"]
    assert "What is needed does not work: physics." in printed
    assert "libcudart.so" in checks(found)["physics"]["said"]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "ended with signal 11"),
        ("import time; time.sleep(60)", "no answer within"),
        ("print('no JSON')", "ended with status 0"),
    ],
)
def test_a_check_that_crashes_or_hangs_costs_itself_alone(
    code: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = json.dumps(Finding("video", "works", "ffmpeg 7").to_json())
    python = tmp_path / "python"
    python.write_text(f"#!{sys.executable}\nprint({answered!r}, flush=True)\n{code}\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with examine._Process(("video", "physics")) as process:
        time.sleep(0.2)
        video, physics = process.findings(time.perf_counter() + (1.0 if "sleep" in code else 20.0))
    assert video.status == "works"
    assert physics.status == "fails"
    assert said in physics.said
    assert physics.needed


def test_a_check_that_raises_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Finding:
        raise RuntimeError("no device\nat all")

    monkeypatch.setitem(PROBES, "GPU", broken)
    found = probed("GPU")
    assert (found.status, found.said, found.needed) == ("fails", "RuntimeError: no device", False)


def test_a_package_that_is_missing_or_too_old_is_lacking() -> None:
    packages = (
        Installed("torch", "2.13.0", ">=2.5", "2.13.0", True),
        Installed("mujoco", "3.3.0", "<4,>=3.17", "3.17.0", False),
        Installed("scipy", None, ">=1.15", None, False),
    )
    found = Diagnosis(packages, (Finding("GPU", "missing", "none"),))
    assert found.lacking == ["mujoco", "scipy"]
    assert found.fixes == {"packages": "pip install 'mujoco<4,>=3.17' 'scipy>=1.15'"}
    assert not found.to_json()["works"]


def test_packages_that_robotmeta_needs_are_those_of_its_metadata() -> None:
    try:
        needed = {Requirement(text).name for text in requires("robotmeta") or [] if "extra ==" not in text}
    except PackageNotFoundError:
        pytest.skip("robotmeta is not installed")
    found = needed_packages()
    assert {package.name for package in found} == needed - {"editables"}
    assert all(package.fits for package in found)


@pytest.mark.skipif(not (ROOT / "constraints.txt").exists(), reason="robotmeta is installed as a package")
def test_the_tested_versions_are_those_of_the_constraints() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    constraints = dict(line.split("==") for line in lines if "==" in line)
    assert {name: constraints.get(name) for name in TESTED} == TESTED
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {Requirement(text).name for text in project["dependencies"]}
    assert needed & constraints.keys() <= TESTED.keys()
