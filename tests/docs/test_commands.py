"""Every ``robotmeta`` command on a page has options that exist, with values of their types."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from robotmeta.cli.main import command
from robotmeta.errors import UserError
from tests.pages import PAGES, ROOT, blocks

_OTHERS = ("README.md", "benchmarks/README.md", "CONTRIBUTING.md", "examples/README.md")
_ALL = [*(ROOT / name for name in _OTHERS), *PAGES]
_STARTS = re.compile(r"(?:^|\s)(?:robotmeta|-m robotmeta)\s+(.*)")


def _commands(page: Path) -> Iterator[list[str]]:
    """The arguments of each command in the blocks for a shell."""
    for block in blocks(page, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            without_comment = re.sub(r"(^|\s)#.*", "", line)
            for part in re.split(r"&&|\||\d?>", without_comment):  # and pipes, and files for the output
                if (found := _STARTS.search(part)) and not part.strip().startswith("pip "):
                    arguments = shlex.split(found[1])
                    if not arguments[0].startswith("--tyro-"):  # writes a file at once
                        yield arguments


@pytest.mark.parametrize("page", _ALL, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_on_a_page_can_be_typed(page: Path) -> None:
    for arguments in _commands(page):
        try:
            command(arguments)
        except UserError as error:
            pytest.fail(f"robotmeta {shlex.join(arguments)}: {error}")


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize("page", _ALL, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_for_a_shell_is_one(page: Path) -> None:
    script = "\n".join(blocks(page, "sh"))
    subprocess.run(["bash", "-n"], input=script, text=True, check=True, capture_output=True)


def test_commands_are_found_in_blocks_with_comments_and_continued_lines() -> None:
    found = list(_commands(ROOT / "docs" / "scale.md"))
    assert ["train", "quadruped", "--iterations", "300"] in found
    assert any(arguments[:2] == ["sweep", "cheetah-direction"] and "--iterations" in arguments for arguments in found)


def test_a_command_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UserError, match="--iterations"):
        command(["train", "quadruped", "--iteration", "3"])
