"""Reading and writing files: in full or not at all, never through what is no file, and with errors of one line."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from safetensors import SafetensorError

from robotmeta.errors import UserError

_PARTIAL = ".partial-"
_LONGEST_SUFFIX = 16  # of a partial file, whose writer chooses the format by it


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


def plain_name(name: str) -> str:
    """A name without the characters that a file or a folder cannot have."""
    return re.sub(r"[^\w.-]+", "-", name).strip(".-")


# -- reading -----------------------------------------------------------------------------------------------------------


def open_file(file: Path, *, links: bool = True) -> BufferedReader:
    """Opens a file to read it. It never waits for the other end of a pipe.

    Args:
        file: The file.
        links: Whether it may be a link.

    Raises:
        OSError: If it cannot be read, or is a folder, a pipe or a device.
    """
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if links else os.O_NOFOLLOW))
    return os.fdopen(_regular(descriptor), "rb")


def _regular(descriptor: int) -> int:
    """A descriptor of a file, or OSError for anything else."""
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    raise OSError(errno.EINVAL, "it is a pipe or a device, not a file")


def read_file(file: Path, *, links: bool = True) -> bytes:
    """Reads a file whole.

    Args:
        file: The file.
        links: Whether it may be a link.

    Raises:
        UserError: If it cannot be read, or is a folder, a pipe or a device.
    """
    with reading(file), open_file(file, links=links) as opened:
        return opened.read()


# -- writing -----------------------------------------------------------------------------------------------------------


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
def replaced(file: Path, *, through: bool = True) -> Iterator[Path]:
    """Gives a partial file to write, which replaces ``file`` at the end. After an error the partial file is removed.

    The partial file has a name that nobody can predict, and the permissions that the user's files usually have.

    Args:
        file: The file.
        through: Whether a link is followed, so that its target is replaced, and a device or a pipe, such as
            ``/dev/stdout``, gets the content at the end. If not, the link or the pipe is replaced by a file.

    Raises:
        UserError: If it cannot be written. An existing file is left intact.
    """
    check_target(file)
    with writing(file), contextlib.ExitStack() as cleared:
        if through and file.exists() and not file.is_file():
            partial = Path(cleared.enter_context(tempfile.TemporaryDirectory())) / file.name
            yield partial
            with partial.open("rb") as written, file.open("wb") as device:
                shutil.copyfileobj(written, device)
            return
        file = Path(os.path.realpath(file)) if through else file
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = _unpredictable(file.parent, file.suffix if len(file.suffix) <= _LONGEST_SUFFIX else "")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        os.close(descriptor)
        cleared.callback(_remove, partial)
        yield partial
        partial.chmod(mode)  # safetensors creates files that only their owner can read
        partial.replace(file)


@contextlib.contextmanager
def replaced_folder(folder: Path) -> Iterator[Path]:
    """Gives a partial folder to fill with files, which replaces ``folder`` at the end. After an error it is removed.

    Partial folders that a killed process left beside it are removed too, so only one process may write there.

    Raises:
        UserError: If it cannot be written. An existing folder is left intact.
    """
    with writing(folder), contextlib.ExitStack() as cleared:
        folder.parent.mkdir(parents=True, exist_ok=True)
        for stale in folder.parent.glob(f"{_PARTIAL}*"):
            shutil.rmtree(stale, ignore_errors=True)  # leaves links as they are
        partial = _unpredictable(folder.parent)
        partial.mkdir()
        cleared.callback(shutil.rmtree, partial, ignore_errors=True)
        usual = stat.S_IMODE(partial.stat().st_mode) & 0o666
        yield partial
        for file in partial.iterdir():
            file.chmod(usual)
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
        if folder.exists():
            shutil.rmtree(folder)
        partial.replace(folder)


def _unpredictable(folder: Path, suffix: str = "") -> Path:
    return folder / f"{_PARTIAL}{secrets.token_hex(8)}{suffix}"


def _remove(file: Path) -> None:
    with contextlib.suppress(OSError):
        file.unlink()


def write_text(file: Path, text: str, *, through: bool = True) -> None:
    """Writes a text file in full or not at all, see :func:`replaced`.

    Raises:
        UserError: If it cannot be written.
    """
    with replaced(file, through=through) as partial:
        partial.write_text(text, encoding="utf-8")


def open_lock(file: Path) -> BinaryIO:
    """Opens the file of a lock, which is made if it does not exist. What it contains is left as it is.

    Raises:
        OSError: If it cannot be opened, or is a link, a pipe or a device.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    return os.fdopen(_regular(descriptor), "r+b")
