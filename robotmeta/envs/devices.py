"""Constants of a family's functions on the device of their arguments."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor


def per_device(value: Tensor) -> Callable[[torch.device], Tensor]:
    """Returns a function that gives a tensor on a device. It copies the tensor to each device once.

    A function that runs at every step reads its constants this way. A constant on the CPU would be copied at each step.

    Example:
        >>> home = per_device(torch.zeros(7))
        >>> state["qpos"] - home(state["qpos"].device)
    """
    return functools.cache(value.to)


def reads_at_once(device: torch.device) -> bool:
    """Whether a number on a device can be read at once.

    On a GPU it can be read only after all kernels before it have run, and no kernel starts meanwhile. What happens at
    every step of an episode must not read there.
    """
    return device.type != "cuda"
