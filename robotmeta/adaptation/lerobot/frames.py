"""The frames of a LeRobot dataset: numbers by column, without a gap."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from robotmeta.adaptation.lerobot import layout
from robotmeta.errors import UserError, reason
from robotmeta.files import read_file
from robotmeta.memory import check_memory

_SAME = 0.5  # of the time between two frames, by which it may differ


def _files(folder: Path, where: str) -> list[Path]:
    files = sorted((folder / where).glob("chunk-*/file-*.parquet"))
    if not files:
        raise UserError(f"{folder} has no {where}/chunk-*/file-*.parquet")
    return files


def frames_of(folder: Path, columns: set[str], widths: Mapping[str, int]) -> dict[str, np.ndarray]:
    """Numbers of all frames by column, ``[frame, entry]``, in the order of the episodes."""
    needed = columns | {layout.EPISODE, layout.FRAME, layout.TIME}
    tables = [(file, _table(file, needed | {layout.REWARD})) for file in _files(folder, layout.DATA)]
    names = [name for name in (*sorted(needed), layout.REWARD) if all(name in t.column_names for _, t in tables)]
    missing = sorted(needed.difference(names))
    if missing:
        raise UserError(f"{folder} is damaged: its frames have no column {', '.join(missing)}")
    found = {
        name: np.concatenate([_numbers(file, table, name, widths.get(name, 1)) for file, table in tables])
        for name in names
    }
    order = np.lexsort((found[layout.FRAME][:, 0], found[layout.EPISODE][:, 0]))
    return {name: values[order] for name, values in found.items()}


def _table(file: Path, columns: set[str]) -> Any:
    """Those of some columns that a file has."""
    import pyarrow

    parquet = layout.parquet()
    content = read_file(file)
    try:
        with parquet.ParquetFile(pyarrow.BufferReader(content), page_checksum_verification=True) as opened:
            names = [name for name in opened.schema_arrow.names if name in columns]
            check_memory(str(file), opened.metadata.num_rows * len(names))
            return opened.read(columns=names, use_threads=False)
    except (OSError, ValueError, MemoryError, pyarrow.ArrowException) as error:
        raise UserError(f"{file} is damaged: {reason(error)}") from None


def _numbers(file: Path, table: Any, name: str, width: int) -> np.ndarray:
    """A column, ``[frame, entry]``."""
    import pyarrow
    import pyarrow.compute

    column = table.column(name).combine_chunks()
    try:
        if pyarrow.types.is_nested(column.type):
            sizes = pyarrow.compute.call_function("list_value_length", [column]).to_numpy(zero_copy_only=False)
            if not bool((sizes == width).all()):
                raise ValueError(f"not every {name} has {width} entries")
            column = column.flatten()
        numbers = column.to_numpy(zero_copy_only=False)
        kind = np.int64 if name in (layout.EPISODE, layout.FRAME) else np.float32
        with np.errstate(over="ignore", invalid="raise"):  # what is too large for a float32 is not finite
            return numbers.astype(kind).reshape(-1, width)
    except (ValueError, TypeError, FloatingPointError, pyarrow.ArrowException) as error:
        raise UserError(f"{file} is damaged: {reason(error)}") from None


def check_gaps(folder: Path, info: Mapping[str, Any], frames: Mapping[str, np.ndarray]) -> None:
    """Raises UserError where an episode or a frame is missing."""
    episodes, numbers, times = (frames[name][:, 0] for name in (layout.EPISODE, layout.FRAME, layout.TIME))
    count = len(np.unique(episodes))
    if count != info["total_episodes"]:
        raise UserError(f"{folder} has {count} of the {info['total_episodes']} episodes that {layout.INFO} counts")
    for episode, gap in _gaps(episodes, numbers, times, 1.0 / info["fps"]):
        raise UserError(f"{folder}: episode {episode} has a gap: {gap}; cut the episode there, or leave it out")


def _gaps(episodes: np.ndarray, numbers: np.ndarray, times: np.ndarray, dt: float) -> Iterator[tuple[int, str]]:
    """Episodes with what is missing in them."""
    first = np.append(True, episodes[1:] != episodes[:-1])
    expected = np.append(-1, numbers[:-1]) + 1
    expected[first] = 0
    for row in np.flatnonzero(numbers != expected)[:1]:
        after = "it begins with" if first[row] else f"frame {numbers[row - 1]} is followed by"
        yield int(episodes[row]), f"{after} frame {numbers[row]}, where {expected[row]} is due"
    elapsed = np.append(dt, times[1:] - times[:-1])
    elapsed[first] = dt
    for row in np.flatnonzero(~(np.abs(elapsed - dt) <= _SAME * dt))[:1]:
        yield int(episodes[row]), f"frame {numbers[row]} is {elapsed[row]:.3g} s after the one before, not {dt:.3g} s"


def phases_of(folder: Path, numbers: np.ndarray, lengths: np.ndarray) -> np.ndarray | None:
    """What each episode was for, if that is known. Raises UserError if frames of an episode are missing."""
    rows: dict[int, tuple[int, str | None]] = {}
    for file in _files(folder, layout.EPISODES):
        table = _table(file, {layout.EPISODE, "length", "phase"}).to_pydict()
        phases = table.get("phase") or [None] * len(table[layout.EPISODE])
        rows |= dict(zip(table[layout.EPISODE], zip(table["length"], phases, strict=True), strict=True))
    for number, length in zip(numbers.tolist(), lengths.tolist(), strict=True):
        told = rows.get(number, (0, None))[0]
        if told != length:
            raise UserError(f"{folder}: episode {number} has {length} frames, and {told} by {layout.EPISODES}")
    phases = [rows[number][1] for number in numbers.tolist()]
    return None if None in phases else np.array(phases, str)
