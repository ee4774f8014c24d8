"""What every physics backend offers. A simulator knows nothing of observations or rewards."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from robotmeta.envs.family import State
from robotmeta.envs.tasks import Tasks


class Simulator(Protocol):
    """What every physics backend offers."""

    device: torch.device

    def load(self, tasks: Tasks) -> None:
        """Gives each task's worlds its physics. The number of tasks is fixed."""
        ...

    @property
    def nominal(self) -> State:
        """Initial state of each task before reset noise, ``[task, 1, ...]``."""
        ...

    @property
    def state(self) -> State:
        """Current state, ``[task, episode, ...]``. Live: the next step changes it in place."""
        ...

    def reset(self, state: State) -> None:
        """Puts every world into the given state."""
        ...

    def step(self, action: Tensor, active: Tensor | None) -> Tensor | None:
        """Advances one control step.

        Args:
            action: ``[task, episode, action]`` in [-1, 1].
            active: bool ``[task, episode]``, worlds to advance; None for all.

        Returns:
            bool ``[task, episode]`` of the worlds that diverged in this step, or None where none did.
        """
        ...

    def render(self, width: int, height: int, task: int = 0, episode: int = 0) -> np.ndarray:
        """A picture of one world, uint8 ``[height, width, 3]``."""
        ...
