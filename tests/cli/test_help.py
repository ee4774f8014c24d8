"""Help: what somebody reads first."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

Help = Callable[[list[str]], str]
COMMANDS = [
    *("demo", "families", "learners", "policies", "train", "sweep", "compare", "adapt", "fit", "evaluate"),
    *("specialist", "record", "view", "report", "export", "bench", "doctor"),
]


def test_all_commands_are_listed_with_a_line_each(help_of: Help, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    text = help_of(["--help"])
    listed = re.findall(r"^\W+ (\w+)  +\S", text, re.MULTILINE)
    assert listed == COMMANDS
    assert len(text.splitlines()) < 2 * len(COMMANDS)
    assert "robotmeta COMMAND --help" in text


def test_lines_are_as_long_as_the_terminal_allows(help_of: Help, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    text = help_of(["adapt", "--help"])
    assert re.search(r"--fit, --no-fit .* replaying them in simulation[.] Fine-tuning then takes place", text)
    assert re.search(r"or of a file [(]--log[)]. Nothing else runs", help_of(["fit", "--help"]))
