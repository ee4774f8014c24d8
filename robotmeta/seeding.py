"""Random streams. Each is a function of the run's seed and a place, so resuming needs no generator state."""

from __future__ import annotations

import zlib

import numpy as np
import torch

from robotmeta.errors import UserError


def streams(seed: int, purpose: str, index: int = 0) -> tuple[torch.Generator, np.random.Generator]:
    """A torch and a NumPy generator for one purpose, such as iteration 12 of the training of run 0.

    Args:
        seed: The seed of the run, non-negative.
        purpose: What the numbers are for; different purposes never share numbers.
        index: Which time, such as the iteration.

    Raises:
        UserError: For a negative seed.
    """
    if seed < 0:
        raise UserError(f"seed must be at least 0, not {seed}")
    sequence = np.random.SeedSequence([seed, zlib.crc32(purpose.encode()), index])
    for_torch, for_numpy = sequence.spawn(2)
    generator = torch.Generator().manual_seed(int(for_torch.generate_state(1, np.uint64)[0]) & (2**63 - 1))
    return generator, np.random.default_rng(for_numpy)
