"""Writing files in full or not at all, and reporting failed reads and writes in one line."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from robotmeta.errors import UserError

_PARTIAL = ".partial-"


@contextlib.contextmanager
def writing(target: Path) -> Iterator[None]:
    """Turns a failed write (no permission, full disk) into a one-line UserError."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        raise UserError(f"cannot write {target}: {_reason(error)}") from None


@contextlib.contextmanager
def reading(file: Path) -> Iterator[None]:
    """Turns a failed read (no permission, a folder) into a one-line UserError."""
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot read {file}: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def check_target(file: Path) -> None:
    """Checks before the work starts that a file can be written, as far as this can be known.

    Raises:
        UserError: If it is a folder, or if a path above it is not a folder.
    """
    with writing(file):
        if file.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        above = next(folder for folder in file.absolute().parents if folder.exists())
        if not above.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, f"{above} is not a folder")


@contextlib.contextmanager
def replaced(file: Path) -> Iterator[Path]:
    """Gives a partial file to write, which replaces ``file`` at the end. After an error the partial file is removed.

    If ``file`` is a link, its target is replaced. If it is a device or a pipe, such as ``/dev/stdout``, the content is
    copied to it at the end.

    Raises:
        UserError: If it cannot be written. An existing file is left intact.
    """
    check_target(file)
    with writing(file), contextlib.ExitStack() as cleared:
        if file.exists() and not file.is_file():
            partial = Path(cleared.enter_context(tempfile.TemporaryDirectory())) / file.name
            yield partial
            with partial.open("rb") as written, file.open("wb") as device:
                shutil.copyfileobj(written, device)
            return
        file = file.resolve()
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(f".{file.stem}-{os.getpid()}{file.suffix}")
        cleared.callback(_remove, partial)
        partial.touch()  # fails before the work is done if the folder is not writable
        mode = partial.stat().st_mode
        yield partial
        partial.chmod(mode)  # safetensors creates files that only their owner can read
        partial.replace(file)


@contextlib.contextmanager
def replaced_folder(folder: Path) -> Iterator[Path]:
    """Gives a partial folder to fill, which replaces ``folder`` at the end. After an error it is removed.

    Partial folders that a killed process left beside it are removed too, so only one process may write there.

    Raises:
        UserError: If it cannot be written. An existing folder is left intact.
    """
    with writing(folder), contextlib.ExitStack() as cleared:
        folder.parent.mkdir(parents=True, exist_ok=True)
        for stale in folder.parent.glob(f"{_PARTIAL}*"):
            shutil.rmtree(stale, ignore_errors=True)
        partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=_PARTIAL))
        cleared.callback(shutil.rmtree, partial, ignore_errors=True)
        yield partial
        for file in partial.iterdir():
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
        partial.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        partial.replace(folder)


def _remove(file: Path) -> None:
    with contextlib.suppress(OSError):
        file.unlink()


def json_text(data: Any, *, indent: int | None = None) -> str:
    """Valid JSON, in which numbers that are not finite are null."""
    return json.dumps(_finite(data), indent=indent, allow_nan=False) + "\n"


def _finite(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {name: _finite(value) for name, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data


def write_text(file: Path, text: str) -> None:
    """Writes a text file in full or not at all.

    Raises:
        UserError: If it cannot be written.
    """
    with replaced(file) as partial:
        partial.write_text(text)
