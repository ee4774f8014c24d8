"""Random numbers for initial states: drawn on the CPU, so that a seed gives the same states on every device."""

from __future__ import annotations

import torch
from torch import Tensor


def uniform_like(
    value: Tensor,
    generator: torch.Generator,
    low: float | Tensor = -1.0,
    high: float | Tensor = 1.0,
    *,
    scale: float = 1.0,
    dtype: torch.dtype = torch.float64,
) -> Tensor:
    """Draws ``scale * U(low, high)`` with the shape, device and dtype of another tensor.

    Args:
        value: Gives shape, device and dtype.
        generator: Generator on the CPU.
        low: Lower end of the range; a tensor is on the CPU and broadcasts with ``value``.
        high: Upper end, likewise.
        scale: Factor on the draw.
        dtype: Precision of the draw. A generator gives other numbers in another precision.
    """
    drawn = torch.rand(value.shape, generator=generator, dtype=dtype)
    return (scale * (low + (high - low) * drawn)).to(value)


def normal_like(
    value: Tensor, generator: torch.Generator, *, scale: float = 1.0, dtype: torch.dtype = torch.float64
) -> Tensor:
    """Draws ``scale * N(0, 1)``; the arguments are those of :func:`uniform_like`."""
    return (scale * torch.randn(value.shape, generator=generator, dtype=dtype)).to(value)
