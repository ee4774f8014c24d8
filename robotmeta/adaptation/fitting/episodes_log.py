"""Reading of a file of episodes, which may be damaged, or made by hand."""

from __future__ import annotations

import lzma
import math
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from robotmeta.adaptation.episodes import FORMAT
from robotmeta.errors import UserError, reason
from robotmeta.files import open_file, reading
from robotmeta.memory import check_memory


class _Layout(NamedTuple):
    axes: int
    kinds: str  # of dtypes
    rows: str = ""  # what it has one of, for each entry: "step" or "episode"


_NUMBER, _WHOLE, _TEXT = "fiu", "iu", "U"
_WORDS = {_NUMBER: "numbers", _WHOLE: "whole numbers", _TEXT: "text"}
_NEEDED = {
    "format": _Layout(0, _WHOLE),
    "family": _Layout(0, _TEXT),
    "dt": _Layout(0, _NUMBER),
    "observation_names": _Layout(1, _TEXT),
    "action_names": _Layout(1, _TEXT),
    "lengths": _Layout(1, _WHOLE),
    "observations": _Layout(2, _NUMBER, "step"),
    "applied_actions": _Layout(2, _NUMBER, "step"),
    "last_observations": _Layout(2, _NUMBER, "episode"),
}
_OPTIONAL = {"rewards": _Layout(1, _NUMBER, "step"), "phases": _Layout(1, _TEXT, "episode")}
_LAYOUTS = {**_NEEDED, **_OPTIONAL}
_DAMAGE = (
    *(OSError, ValueError, EOFError, KeyError, TypeError, SyntaxError, MemoryError, OverflowError, RuntimeError),
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, struct.error, tokenize.TokenError),
)


def read_episodes(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file of episodes that a fit needs. Their numbers of rows and columns fit together.

    Numbers are float32, and ``lengths`` int64. No pickle is loaded: an array of Python objects is refused.

    Returns:
        The arrays of :class:`robotmeta.adaptation.episodes.EpisodesFile`; ``rewards`` and ``phases`` if the file has
        them.

    Raises:
        UserError: For a file that cannot be read, is damaged, needs more memory than there is, or has another layout.
    """
    try:
        with reading(path), open_file(path) as opened, zipfile.ZipFile(opened) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
            found = [name for name in _LAYOUTS if f"{name}.npy" in sizes]
            check_memory(str(path), sum(sizes[f"{name}.npy"] for name in found))
            arrays = {name: _array(archive, name, path) for name in found}
    except UserError:
        raise
    except _DAMAGE as error:
        raise UserError(f"{path} is not a file of episodes (.npz), or is damaged: {reason(error)}") from None
    missing = [name for name in _NEEDED if name not in arrays]
    if missing:
        raise UserError(f"{path} has no array '{missing[0]}'; a file of episodes has {', '.join(_NEEDED)}")
    if arrays["format"] != FORMAT:
        raise UserError(f"{path} has layout {arrays['format']}, which this version cannot read; it reads {FORMAT}")
    _check_sizes(path, arrays)
    return {name: _converted(name, values) for name, values in arrays.items()}


def _array(archive: zipfile.ZipFile, name: str, path: Path) -> np.ndarray:
    """An array, whose type and size are checked before it is read."""
    member, layout = f"{name}.npy", _LAYOUTS[name]
    with archive.open(member) as opened:
        version = np.lib.format.read_magic(opened)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"array '{name}' has version {version} of the format .npy")
        first = version == (1, 0)
        read_header = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(opened)
        if dtype.kind not in layout.kinds:
            holds = "Python objects, which are never loaded" if dtype.hasobject else f"{dtype}"
            raise UserError(f"{path}: array '{name}' must hold {_WORDS[layout.kinds]}, not {holds}")
        if len(shape) != layout.axes:
            raise UserError(f"{path}: array '{name}' must have {layout.axes} axes, not {len(shape)}")
        if math.prod(shape) * dtype.itemsize != archive.getinfo(member).file_size - opened.tell():
            raise ValueError(f"array '{name}' does not have the size that it states, {shape}")
    with archive.open(member) as opened:
        return np.lib.format.read_array(opened, allow_pickle=False)


def _check_sizes(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Raises UserError if the arrays do not fit together."""
    lengths = [int(length) for length in arrays["lengths"]]
    if any(length < 0 for length in lengths):
        raise UserError(f"{path}: lengths must be numbers of steps, not {min(lengths)}")
    rows = {"step": sum(lengths), "episode": len(lengths)}
    for name, values in arrays.items():
        what = _LAYOUTS[name].rows
        if what and len(values) != rows[what]:
            of = f"the sum of lengths is {rows[what]}" if what == "step" else f"there are {rows[what]} lengths"
            raise UserError(f"{path}: array '{name}' has {len(values)} rows, but {of}")
    for name, signals in (
        ("observations", "observation_names"),
        ("last_observations", "observation_names"),
        ("applied_actions", "action_names"),
    ):
        columns, count = arrays[name].shape[1], len(arrays[signals])
        if columns != count:
            raise UserError(f"{path}: array '{name}' has {columns} columns, but there are {count} {signals}")
    longest = rows["episode"] * max(lengths, default=0)
    check_memory(str(path), 4 * longest * sum(len(arrays[f"{what}_names"]) for what in ("observation", "action")))


def _converted(name: str, values: np.ndarray) -> np.ndarray:
    if _LAYOUTS[name].kinds == _TEXT:
        return values
    with np.errstate(over="ignore"):  # what is too large for a float32 is not finite
        return values.astype(np.float32 if _LAYOUTS[name].rows else np.float64 if name == "dt" else np.int64)
