"""Families by name: in a file or a module of one's own, and in other packages that are installed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import robotmeta as rm
from robotmeta.cli import main
from robotmeta.envs import make
from robotmeta.errors import UserError

TINY = ["--meta-batch", "4", "--episodes", "1", "--hidden-size", "8"]
ROBOT = """
<mujoco><worldbody><body><joint name="hinge" axis="0 1 0"/><geom size="0.1" pos="0 0 0.3"/></body></worldbody>
<actuator><motor joint="hinge" ctrlrange="-1 1"/></actuator></mujoco>
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a robot and the function that makes its family, as the working folder."""
    (tmp_path / "robot.xml").write_text(ROBOT)
    (tmp_path / "robot_of_this_test.py").write_text(
        "from pathlib import Path\n"
        "from robotmeta.envs import TaskFamily, scale\n"
        "def family():\n"
        "    return TaskFamily.from_mjcf(\n"
        "        Path(__file__).with_name('robot.xml'), {'body.mass': scale(0.5, 2.0)}, _reward, horizon=5\n"
        "    )\n"
        "def _reward(step):\n"
        "    return -step.after['qpos'][..., 0].abs()\n"
        "def nothing():\n"
        "    return 3\n"
        "def failing():\n"
        "    raise RuntimeError('no\\nluck')\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    sys.modules.pop("robot_of_this_test", None)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["robot_of_this_test.py:family", "robot_of_this_test:family"])
def test_a_run_on_a_family_in_a_file_finds_it_again(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["train", name, "--iterations", "1", *TINY])
    (run,) = (folder / "runs").iterdir()
    main(["train", "--resume", str(run), "--iterations", "2", "--trust"])
    main(["evaluate", str(run), "--tasks", "2", "--episodes", "1", "--family", name])
    main(["adapt", str(run), "--task", "body_mass=1.5", "--episodes", "1", "--trust"])
    assert "body_mass = 1.5" in capsys.readouterr().out
    policy = rm.load(run, trust=True)
    assert policy.family.name == name
    assert policy.iteration == 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "robot_of_this_test.py",
            "say which function makes the family, robot_of_this_test.py:FUNCTION; there are: family",
        ),
        ("robot_of_this_test.py:famly", "no function 'famly' in robot_of_this_test.py; nearest: family"),
        ("robot_of_this_test:nothing", "family 'robot_of_this_test:nothing' is a int, not a TaskFamily"),
        ("robot_of_this_test.py:failing", "cannot be made: RuntimeError: no"),
        ("nowhere.py:family", "cannot import module 'nowhere.py' of 'nowhere.py:family': no file /"),
        ("nowhere:family", "ModuleNotFoundError: No module named 'nowhere'"),
    ],
)
def test_a_name_that_leads_to_no_family_is_one_clear_line(name: str, message: str, folder: Path) -> None:
    with pytest.raises(UserError) as refused:
        make(name)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["robot_beside.py:family", "robot_beside:family"])
def test_a_module_beside_a_robot_comes_before_an_installed_one_of_its_name(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "site").mkdir()
    (folder / "site" / "module_beside.py").write_text("speed = None\n")
    monkeypatch.syspath_prepend(folder / "site")
    (folder / "module_beside.py").write_text("speed = 'own'\n")
    (folder / "robot_beside.py").write_text(
        "from module_beside import speed\nfrom robot_of_this_test import family\nassert speed == 'own'\n"
    )
    try:
        assert make(name).name == name
    finally:
        for module in [m for m in sys.modules if m.endswith(("beside", "beside.py"))]:
            del sys.modules[module]


def install(site: Path, package: str, **families: str) -> None:
    """Makes a package with these families look installed, as pip would."""
    described = site / f"{package}-1.0.dist-info"
    described.mkdir(parents=True)
    (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = [f"{name} = {function}" for name, function in families.items()]
    (described / "entry_points.txt").write_text("\n".join(["[robotmeta.families]", *lines]) + "\n")


def test_families_of_other_packages_are_listed_and_one_that_breaks_hides_none(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(folder / "site", "my-robots", **{"my-hopper": "robot_of_this_test:family", "point-navigation": "nowhere:f"})
    install(folder / "site", "old-robots", **{"my-spider": "module_that_is_gone:family"})
    monkeypatch.syspath_prepend(folder / "site")
    monkeypatch.syspath_prepend(folder)
    assert make("point-navigation").observation_size == 2, "the families of this package keep their names"
    assert make("my-hopper").name == "my-hopper", "a run on it finds it again by the name it was asked for"

    main(["families", "--json", "families.json"])
    out = " ".join(capsys.readouterr().out.split())
    listed = json.loads((folder / "families.json").read_text())
    assert "my-hopper" in listed
    assert "cheetah-direction" in listed
    assert "my-spider" not in listed
    assert "(package my-robots)" in out.replace("│ ", "") or "my-robots" in out
    assert "family 'my-spider' of package old-robots cannot be made: ModuleNotFoundError" in out

    main(["train", "my-hopper", "--iterations", "1", *TINY])
    assert rm.load("runs/my-hopper-task-inference-0").family.name == "my-hopper"
    with pytest.raises(UserError, match="of package old-robots cannot be made"):
        make("my-spider")
