"""Safetensors files with a JSON manifest and a checksum in their header."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from robotmeta.checksum import FIELD, UNSEALED, intact, seal
from robotmeta.errors import UserError
from robotmeta.files import open_file, reading
from robotmeta.schema import current_tensor

_METADATA = "robotmeta"
_LONGEST_HEADER = 100_000_000  # bytes; safetensors refuses longer ones
_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}

Outline = Mapping[str, tuple[torch.dtype | None, tuple[int, ...]]]
"""Type and shape of each tensor by name."""


class Header(NamedTuple):
    """What a file says before its tensors."""

    manifest: str
    """The manifest as JSON."""
    outline: Outline
    """Its tensors, by the names of the current schema."""
    sealed: bool
    """Whether it has a checksum, which is right."""


def outline_of(tensors: Mapping[str, Tensor]) -> Outline:
    """Types and shapes of tensors."""
    return {name: (value.dtype, tuple(value.shape)) for name, value in tensors.items()}


def write_tensors(tensors: Mapping[str, Tensor], manifest: Mapping[str, Any], file: Path) -> None:
    """Writes tensors and a manifest to a file, in place, and seals it."""
    on_cpu = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    save_file(on_cpu, file, metadata={_METADATA: json.dumps({**manifest, FIELD: UNSEALED})})
    with file.open("rb") as opened:
        head = _head(opened)
    seal(file, head)


def read_header(file: Path) -> Header:
    """Reads what a file says about its tensors, and none of them.

    Raises:
        UserError: If it cannot be read, is a pickle or something else, has no manifest, or another checksum than it
            says.
    """
    with reading(file), open_file(file) as opened:
        start = opened.read(9)
        # The first eight bytes of a safetensors file may be any; the header follows.
        if start[8:] != b"{" and (start[:1] == b"\x80" or start[:4] == b"PK\x03\x04"):
            raise UserError(
                f"{file} is a pickle, which can run code when it is opened; only safetensors files are loaded"
            )
        opened.seek(0)
        right = intact(opened, _head(opened))
    if right is False:
        raise UserError(f"{file} is damaged: its content does not have the checksum that it was written with")
    try:
        with safe_open(file, framework="pt") as tensors:
            text = (tensors.metadata() or {}).get(_METADATA)
            slices = {current_tensor(name): tensors.get_slice(name) for name in tensors.keys()}  # noqa: SIM118
            outline = {n: (_DTYPES.get(s.get_dtype()), tuple(s.get_shape())) for n, s in slices.items()}
    except (SafetensorError, OSError) as error:
        raise UserError(f"{file} is truncated or not a policy file: {str(error).partition(chr(10))[0]}") from None
    if text is None:
        raise UserError(f"{file} contains tensors but no manifest: it was not written by robotmeta")
    return Header(text, outline, bool(right))


def read_tensors(file: Path) -> dict[str, Tensor]:
    """The tensors of a file, by the names of the current schema."""
    with reading(file), safe_open(file, framework="pt") as opened:
        return {current_tensor(name): opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118


def _head(opened: BinaryIO) -> int:
    """Number of bytes before the tensors: a file starts with the length of its header."""
    return 8 + min(int.from_bytes(opened.read(8), "little"), _LONGEST_HEADER)
