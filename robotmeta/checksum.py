"""A file's SHA-256 inside the file itself: as the last value of a JSON object, computed with zeros in its place."""

from __future__ import annotations

import hashlib
import re
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

FIELD = "sha256"
"""Key of the checksum."""
UNSEALED = "0" * 64
"""Value of the checksum before :func:`seal` computes it."""

_SEAL = re.compile(rb'"sha256\\?": ?\\?"([0-9a-f]{64})')  # with backslashes where the JSON is a string inside JSON
_CHUNK = 1 << 20


def seal(file: Path, head: int = -1) -> None:
    """Puts the checksum of a file in the place of :data:`UNSEALED`.

    Args:
        file: The file.
        head: Number of bytes at its start that contain the place; -1 for the whole file.
    """
    with file.open("r+b") as opened:
        digest, place = _digest(opened, head)
        assert place is not None
        opened.seek(place)
        opened.write(digest.encode())


def intact(opened: BinaryIO, head: int = -1) -> bool | None:
    """Whether a file has the checksum that it contains; None if it contains none.

    Args:
        opened: The file.
        head: Number of bytes at its start that contain the checksum; -1 for the whole file.
    """
    digest, place = _digest(opened, head)
    if place is None:
        return None
    opened.seek(place)
    return opened.read(len(digest)) == digest.encode()


def _digest(opened: BinaryIO, head: int) -> tuple[str, int | None]:
    """The checksum that a file should have, and where it is, counted in bytes; None for a file without one."""
    opened.seek(0)
    start = opened.read(head)
    found = [match.span(1) for match in _SEAL.finditer(start)]
    if not found:
        return "", None
    first, last = found[-1]
    digest = hashlib.sha256(start[:first] + UNSEALED.encode() + start[last:])
    while chunk := opened.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest(), first


def digest_of(opened: BufferedReader) -> str:
    """The SHA-256 of a whole file, in hexadecimal digits."""
    return hashlib.file_digest(opened, "sha256").hexdigest()
