"""The pages of the documentation, and the blocks of code on them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
EXAMPLES = ROOT / "examples"
NOTEBOOKS = ROOT / "notebooks"
PAGES = sorted(DOCS.rglob("*.md"))


def blocks(page: Path, language: str) -> list[str]:
    """The blocks of code in a language, such as ``python`` or ``sh``."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def run(code: str, name: str, smaller: dict[str, str]) -> None:
    """Runs code, with some text replaced so that it takes less time; that text must be there."""
    for full, small in smaller.items():
        assert full in code, full
        code = code.replace(full, small)
    exec(compile(code, name, "exec"), {})
