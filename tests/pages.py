"""The pages of the documentation, and the blocks of code on them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
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


def built_site(folder: Path) -> Path:
    """Builds the documentation site into a folder, with broken links as errors."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder
