"""Files, so that a kill, a full disk or a missing permission loses nothing and is told in one line."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from safetensors import SafetensorError

from robotmeta.errors import UserError

_LOCK = ".lock"


@contextlib.contextmanager
def writing(target: Path) -> Iterator[None]:
    """Turns a failed write (no permission, full disk) into one clear line."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        raise UserError(f"cannot write {target}: {_reason(error)}") from None


@contextlib.contextmanager
def reading(file: Path) -> Iterator[None]:
    """Turns a failed read (no permission, a folder) into one clear line."""
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot read {file}: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def check_target(file: Path) -> None:
    """Finds out before the work is done that a file cannot be written, as far as that can be told.

    Raises:
        UserError: Where it is a folder, or something above it is none.
    """
    with writing(file):
        if file.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        above = next(folder for folder in file.absolute().parents if folder.exists())
        if not above.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, f"{above} is not a folder")


@contextlib.contextmanager
def replaced(file: Path) -> Iterator[Path]:
    """A partial file beside ``file`` that takes its place at the end, and is gone after an error.

    A link stays a link to what is replaced. Devices and pipes, such as ``/dev/stdout``, stay what they are and are
    written to at the end.

    Raises:
        UserError: Where it cannot be written; what was there before is intact.
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
        partial.touch()  # a folder that cannot be written shows before the work is done
        mode = partial.stat().st_mode
        yield partial
        partial.chmod(mode)  # safetensors makes files that nobody else may read
        partial.replace(file)


def _remove(file: Path) -> None:
    with contextlib.suppress(OSError):
        file.unlink()


def write_text(file: Path, text: str) -> None:
    """Writes a text file in full or not at all.

    Raises:
        UserError: Where it cannot be written.
    """
    with replaced(file) as partial:
        partial.write_text(text)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps other processes from writing to a run; a killed process leaves no lock behind.

    Raises:
        UserError: Where another process holds it, or the folder cannot be written.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / _LOCK).open("w")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"another process is training in {folder}") from None
        except OSError:  # a file system without locks
            pass
        yield
