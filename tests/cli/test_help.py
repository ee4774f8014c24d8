"""Help: what somebody reads first."""

from __future__ import annotations

import re

import pytest

from robotmeta.cli import main

COMMANDS = [
    *("demo", "families", "learners", "policies", "train", "sweep", "compare", "adapt", "fit", "evaluate"),
    *("specialist", "record", "view", "report", "export", "bench", "doctor"),
]


def _help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert not stopped.value.code
    return capsys.readouterr().out


def test_all_commands_are_listed_with_a_line_each(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    text = _help(["--help"], capsys)
    listed = re.findall(r"^\W+ (\w+)  +\S", text, re.MULTILINE)
    assert listed == COMMANDS
    assert len(text.splitlines()) < 2 * len(COMMANDS)
    assert "robotmeta COMMAND --help" in text


def test_lines_are_as_long_as_the_terminal_allows(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    text = _help(["adapt", "--help"], capsys)
    assert re.search(r"--fit, --no-fit .* replaying them in simulation[.] Fine-tuning then takes place", text)
    assert re.search(r"or of a file [(]--log[)]. Nothing else runs", _help(["fit", "--help"], capsys))
