"""Writing files so that a kill, a full disk or a missing permission loses nothing and is told in one line."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from safetensors import SafetensorError

from robotmeta.errors import UserError


@contextlib.contextmanager
def writing(target: Path) -> Iterator[None]:
    """Turns a failed write (no permission, full disk) into one clear line."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"cannot write {target}: {reason}") from None


@contextlib.contextmanager
def replaced(file: Path) -> Iterator[Path]:
    """A partial file beside ``file`` that takes its place at the end, and is gone after an error.

    Raises:
        UserError: Where it cannot be written; what was there before is intact.
    """
    with writing(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(f".{file.stem}-{os.getpid()}{file.suffix}")
        try:
            partial.touch()  # a folder that cannot be written shows before the work is done
            mode = partial.stat().st_mode
            yield partial
            partial.chmod(mode)  # safetensors makes files that nobody else may read
            partial.replace(file)
        finally:
            with contextlib.suppress(OSError):
                partial.unlink()


def write_text(file: Path, text: str) -> None:
    """Writes a text file in full or not at all.

    Raises:
        UserError: Where it cannot be written.
    """
    with replaced(file) as partial:
        partial.write_text(text)
