"""The README's Python examples run as they stand, only smaller."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"
_SMALLER = {"iterations=100": "iterations=1", "tasks=40": "tasks=2", "episodes=3": "episodes=1"}


def _examples() -> list[str]:
    return re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)


@pytest.mark.parametrize("number", range(2))
def test_example_runs(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = _examples()[number]
    for full, small in _SMALLER.items():
        code = code.replace(full, small)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, f"README example {number}", "exec"), {})


def test_every_file_the_readme_names_exists() -> None:
    named = re.findall(r"\]\(([\w./-]+)\)", README.read_text())
    assert named
    for file in named:
        assert (README.parent / file).exists(), file
