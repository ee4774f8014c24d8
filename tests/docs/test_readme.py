"""The README: its Python examples run with smaller numbers, its links exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.pages import ROOT, blocks

README = ROOT / "README.md"
_SMALLER = {"iterations=100": "iterations=1", "tasks=40": "tasks=2", "episodes=3": "episodes=1"}


@pytest.mark.slow
@pytest.mark.parametrize("number", range(2))
def test_example_runs(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = blocks(README, "python")[number]
    for full, small in _SMALLER.items():
        code = code.replace(full, small)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, f"README example {number}", "exec"), {})


def test_every_file_the_readme_names_exists() -> None:
    named = re.findall(r"\]\(([\w./-]+)\)", README.read_text())
    assert named
    for file in named:
        assert (README.parent / file).exists(), file


def test_the_readme_fits_on_a_few_screens() -> None:
    assert len(README.read_text().splitlines()) <= 180
