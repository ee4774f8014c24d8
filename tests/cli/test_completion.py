"""Completion: scripts for bash, zsh and fish, which know commands, options and the names that exist."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from robotmeta.cli import main
from robotmeta.metalearners import LEARNERS

_BASH = """
source "$1"; shift
COMP_WORDS=(robotmeta "$@"); COMP_CWORD=$#; COMPREPLY=()
$(complete -p robotmeta | sed 's/.*-F \\([^ ]*\\).*/\\1/')
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("completion") / "robotmeta"
    with pytest.raises(SystemExit) as stopped:
        main(["--tyro-write-completion", "bash", str(file)])
    assert not stopped.value.code
    return file


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ev"], {"evaluate"}),
        (["doc"], {"doctor"}),
        (["evaluate", "--sp"], {"--split", "--specialists"}),
        (["evaluate", "runs/demo", "--split", "o"], {"ood"}),
        (["evaluate", "--family", "cheetah-d"], {"cheetah-direction", "cheetah-dynamics"}),
        (["train", "point-navigation", "--learner", ""], set(LEARNERS)),
        (["record", "--qui"], {"--quiet"}),
    ],
)
def test_bash_completes_commands_options_and_names(words: list[str], expected: set[str], script: Path) -> None:
    done = subprocess.run(["bash", "-c", _BASH, "bash", script, *words], capture_output=True, text=True, check=True)
    assert set(done.stdout.split("\n")) - {""} == expected


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_a_script_with_the_same_names(shell: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--tyro-write-completion", shell, str(tmp_path / "script")])
    assert not stopped.value.code
    written = (tmp_path / "script").read_text()
    assert all(f"'{name}'" in written for name in ("evaluate", "--split", "cheetah-direction", *LEARNERS))


def test_mistakes_are_one_line(tmp_path: Path, refused: Callable[[list[str]], str]) -> None:
    assert "no shell 'ksh'; nearest: " in refused(["--tyro-write-completion", "ksh", "file"])
    assert "--tyro-write-completion SHELL FILE" in refused(["--tyro-write-completion", "bash"])
    missing = tmp_path / "nowhere" / "robotmeta"
    assert "No such file or directory" in refused(["--tyro-write-completion", "bash", str(missing)])
