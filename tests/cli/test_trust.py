"""What only a file names is neither imported nor called, unless the user says so."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import robotmeta as rm
from robotmeta.cli import main
from robotmeta.training.run_folder import RunFolder

Refused = Callable[[list[str]], str]

FAMILY = """
from pathlib import Path
import robotmeta
Path(__file__).with_name("executed").touch()
def family():
    return robotmeta.make("point-navigation")
"""
SHORT = ["--tasks", "2", "--episodes", "1"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working folder, which holds a family of the user's own in a folder with a blank in its name."""
    (tmp_path / "my robots").mkdir()
    (tmp_path / "my robots" / "point_of_trust.py").write_text(FAMILY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in [name for name in sys.modules if "point_of_trust" in name]:
        del sys.modules[name]


def executed(folder: Path) -> bool:
    return (folder / "my robots" / "executed").exists()


def naming(run: Path, copy: Path, family: str) -> Path:
    """A copy of a run whose files name another family."""
    policy = rm.load(run)
    policy = dataclasses.replace(policy, config=dataclasses.replace(policy.config, family=family))
    copy.mkdir()
    RunFolder(copy).write_config(policy.config, policy.family)
    RunFolder(copy).save(policy)
    return copy


@pytest.mark.parametrize("family", ["os:abort", "http.server:test", "my robots/point_of_trust.py:family"])
def test_no_command_runs_what_only_a_file_names(family: str, run: Path, folder: Path, refused: Refused) -> None:
    copy = naming(run, folder / "copy", family)
    for command in ("evaluate", "adapt", "record", "view", "export", "report", "train --resume"):
        line = refused([*command.split(), str(copy)])
        assert f"names the family '{family}', which is code; add --trust to run it, or give the family: " in line
        assert line.endswith(f"--family {shlex.quote(family)}")
    for use in (rm.load, rm.resume, rm.report):
        with pytest.raises(rm.UserError, match="which is code"):
            use(copy)
    assert not executed(folder)


def test_the_family_of_a_control_is_that_of_the_policy(run: Path, folder: Path, refused: Refused) -> None:
    copy = naming(run, folder / "copy", "os:abort")
    line = refused(["evaluate", str(run), *SHORT, "--domain-randomized", str(copy)])
    assert "control is trained with --learner domain-randomization" in line


def test_the_hints_of_a_command_can_be_pasted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, out = "my robots/point_of_trust.py:family", "a run; of 'mine'"
    main(["train", name, "--learner", "promp", "--meta-batch", "2", "--iterations", "1", "--out", out])
    hints = capsys.readouterr().out.partition("Next: ")[2].split("    ")
    assert len(hints) == 3
    for hint in hints:
        program, command, *arguments = shlex.split(hint)
        assert (program, arguments) == ("robotmeta", [out, "--trust"])
        if command == "evaluate":
            main([command, *arguments, *SHORT])
            assert "zero-shot" in capsys.readouterr().out


@pytest.mark.slow
def test_a_policy_is_used_from_another_folder_with_the_family_wherever_it_is_now(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder / "my robots")
    options = ["--learner", "promp", "--meta-batch", "2", "--out", "run"]
    main(["train", "point_of_trust.py:family", "--iterations", "1", *options])
    monkeypatch.chdir(folder)
    run, family = "my robots/run", ["--family", "my robots/point_of_trust.py:family"]
    main(["train", "--resume", run, "--iterations", "2", *family])
    main(["evaluate", run, *SHORT, *family])
    main(["adapt", run, "--episodes", "1", *family, "--out", "adapted.safetensors"])
    main(["evaluate", "adapted.safetensors", *SHORT, *family])
    capsys.readouterr()
    main(["report", run, *SHORT, "--shown", "0", *family])
    assert (folder / run / "report.html").exists()
    for given in (family[1], rm.make("point-navigation")):
        assert rm.load(run, family=given).iteration == 2
    assert rm.load("my robots/run", trust=False, family="point-navigation").family.name == "point-navigation"


@pytest.mark.parametrize("flags", [["--trust"], ["--family", "point-navigation"]])
def test_a_new_run_needs_no_consent(flags: list[str], refused: Refused) -> None:
    assert "are for --resume" in refused(["train", "point-navigation", *flags])


def test_a_name_that_is_no_code_and_not_installed_is_one_line(run: Path, tmp_path: Path, refused: Refused) -> None:
    line = refused(["evaluate", str(naming(run, tmp_path / "copy", "my-arm"))])
    assert "names the family 'my-arm', which is not installed; give the family: --family FILE.py:FUNCTION" in line


# -- the family is the one of the training -----------------------------------------------------------------------------


_POINT = rm.make("point-navigation")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"observations": _POINT.observations[::-1]}, "observation 1 is 'x [m]' in the file and 'y [m]' in the family"),
        (
            {"observations": (("x", "cm"), ("y", "m"))},
            "observation 1 is 'x [m]' in the file and 'x [cm]' in the family",
        ),
        ({"actions": _POINT.actions[::-1]}, "action 1 is '"),
        ({"dt": 0.02}, "the control step (dt) is 0.1 s in the file and 0.02 s in the family"),
        ({"horizon": 7}, "the horizon is 100 control steps in the file and 7 control steps in the family"),
        (
            {
                "privileged_state": (("y", "m"),),
                "observe_privileged_state": lambda state, task: state["position"][..., 1:],
            },
            "privileged state 1 is missing in the file and 'y [m]' in the family",
        ),
    ],
)
def test_a_family_that_differs_is_refused_with_the_first_difference(
    changes: dict[str, Any], said: str, run: Path
) -> None:
    with pytest.raises(rm.UserError) as refused:
        rm.load(run, family=dataclasses.replace(_POINT, **changes))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"unit": "cm"}, "the unit of parameter 'goal_x' is 'm' in the file and 'cm' in the family"),
        ({"nominal": 0.25}, "the range (nominal; training; OOD; bounds) of parameter 'goal_x' is '"),
        ({"name": "target_x"}, "parameter 1 is 'goal_x' in the file and 'target_x' in the family"),
    ],
)
def test_a_parameter_that_differs_is_named(changes: dict[str, Any], said: str, run: Path) -> None:
    first, *others = _POINT.space
    space = rm.ParameterSpace((dataclasses.replace(first, **changes), *others))
    with pytest.raises(rm.UserError) as refused:
        rm.load(run, family=dataclasses.replace(_POINT, space=space))
    assert said in str(refused.value)


def test_a_family_of_another_name_that_is_the_same_is_taken(run: Path) -> None:
    renamed = dataclasses.replace(_POINT, name="mine")
    assert rm.load(run, family=renamed).family.name == "mine"
    assert rm.resume(run, family=renamed, progress=False).policy.iteration == 2
