"""Devices: where policies and updates run."""

from __future__ import annotations

import torch

from robotmeta.errors import UserError
from robotmeta.ranks import on_this_machine


def resolve_device(device: str) -> torch.device:
    """The device of that name. ``auto`` is a GPU if there is one, else the CPU. Each rank has a GPU of its own.

    Raises:
        UserError: For ``cuda`` without a GPU, more ranks than GPUs, or a device other than ``auto``, ``cpu`` and
            ``cuda``.
    """
    here = on_this_machine()
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and here.count > 1 and torch.cuda.is_available():
        if here.count > torch.cuda.device_count():
            raise UserError(
                f"this machine has fewer GPUs ({torch.cuda.device_count()}) than ranks ({here.count}), and each needs "
                "one of its own; start fewer, or use --device cpu"
            )
        return torch.device("cuda", here.index)
    try:
        resolved = torch.device(device)
    except RuntimeError:
        resolved = None
    if resolved is None or resolved.type not in ("cpu", "cuda"):
        raise UserError(f"no device '{device}'; there are: auto, cpu, cuda")
    if resolved.type == "cuda" and not torch.cuda.is_available():
        raise UserError("no CUDA device here; use --device cpu, or auto")
    if resolved.type == "cuda" and (resolved.index or 0) >= torch.cuda.device_count():
        raise UserError(f"no device '{device}'; the last one is cuda:{torch.cuda.device_count() - 1}")
    return resolved
