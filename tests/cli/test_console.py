"""Names reach the terminal as they are, whatever rich could read into them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from rich.table import Table

import robotmeta as rm
from robotmeta.cli import main
from robotmeta.console import plain_console
from robotmeta.errors import printable
from robotmeta.evaluation.evaluation import Curve

NAMES = ("robots/x.py:dog", "a[b].py:smile", "[red]a[/red]/x.py:dog", "x.py:dog")


@pytest.mark.parametrize("name", [*NAMES, ":smile:", "[bold]", "a [link=x]b[/link]"])
def test_a_console_prints_names_as_they_are(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(f"{name}: head", title=f"{name}: title")
    table.add_row(f"{name}: cell")
    for console in (plain_console(), plain_console(stderr=True)):
        console.print(table, f"{name}: text")
    for printed in capsys.readouterr():
        assert [f"{name}: {where}" in printed for where in ("head", "title", "cell", "text")] == [True] * 4


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("a\x07\x9b", r"a\x07\x9b"),
        ("\u202ecba", r"\u202ecba"),
        ("\udc80", r"\udc80"),
        ("é 漢 🤖", "é 漢 🤖"),
    ],
)
def test_characters_that_a_terminal_acts_on_are_escaped(
    name: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    table = Table(f"{name}: head", title=f"{name}: title")
    table.add_row(f"{name}: cell")
    plain_console().print(table, f"{name}: text")
    printed = capsys.readouterr().out
    assert [f"{shown}: {where}" in printed for where in ("head", "title", "cell", "text")] == [True] * 4
    assert printable(f"{name}\n") == rf"{shown}\n"


@pytest.mark.parametrize("name", NAMES)
def test_a_family_of_ones_own_is_described_under_its_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, _, function = name.rpartition(":")
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(f"import robotmeta\n{function} = lambda: robotmeta.make('point-navigation')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    main(["families", name])
    assert f"{name}: " in capsys.readouterr().out


def test_the_title_of_an_evaluation_is_plain_on_any_console(capsys: pytest.CaptureFixture[str]) -> None:
    name = "x.py:dog: [red]a[/red]"
    family = rm.make("point-navigation")
    curve = Curve(np.zeros((2, 3)))
    evaluation = rm.Evaluation(
        family=name,
        learner="promp",
        split="test",
        tasks=family.tasks("test", 3),
        episodes=[0, 1],
        returns={"adapted": curve},
        success={},
        distance={},
        env_steps=0,
        seed=0,
    )
    Console(width=200).print(evaluation.table())
    assert name in capsys.readouterr().out
