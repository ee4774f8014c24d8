"""The interface of every physics backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from robotmeta.envs.family import State
from robotmeta.envs.state_space import StateSpace
from robotmeta.envs.tasks import Tasks


class Simulator(Protocol):
    """``[task, episode]`` worlds of one family.

    Attributes:
        device: Where states live, and where actions are expected.
    """

    device: torch.device

    def load(self, tasks: Tasks) -> None:
        """Gives the worlds of each task its physics. The number of tasks is fixed, and the state stays."""
        ...

    def refresh(self) -> None:
        """Brings up to date what follows from state and physics, after one of them was changed within an episode."""
        ...

    @property
    def nominal(self) -> State:
        """Initial state of each task, before reset noise, ``[task, 1, ...]``."""
        ...

    @property
    def state(self) -> State:
        """Current state, ``[task, episode, ...]``. The next step may change it in place."""
        ...

    def reset(self, state: State) -> None:
        """Sets the state of every world. Values broadcast to ``[task, episode, ...]``."""
        ...

    def step(self, action: Tensor, active: Tensor | None) -> Tensor | None:
        """Advances one control step.

        Args:
            action: ``[task, episode, action]`` in [-1, 1].
            active: bool ``[task, episode]``, worlds to advance; None for all.

        Returns:
            bool ``[task, episode]``, the active worlds that diverged in this step; None if none did. On a GPU it is
            not None.
        """
        ...

    def end_episode(self) -> None:
        """Reports what a GPU could not report during an episode without a stop. A reset does it too.

        Raises:
            UserError: If results are wrong, because the simulator had no room for all contacts.
        """
        ...

    def snapshot(self) -> Mapping[str, Any]:
        """Everything that the next step depends on besides the tasks, as a copy."""
        ...

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Continues from a snapshot of a simulator with the same family, tasks and number of worlds."""
        ...

    @property
    def coordinates(self) -> State:
        """The part of the state that a state estimator may change, ``[task, episode, ...]``, as a live view."""
        ...

    @property
    def full_state(self) -> Tensor:
        """Everything that the next step depends on besides the tasks, as numbers, a copy ``[task, episode, number]``.

        That is the coordinates, and such things as delayed controls and the time.
        """
        ...

    def set_full_state(self, full_state: Tensor, coordinates: State | None = None) -> None:
        """Continues from given states, which may come from worlds with other tasks.

        Args:
            full_state: Broadcasts to ``[task, episode, number]``.
            coordinates: Values that replace those in ``full_state``; each broadcasts to ``[task, episode, ...]``.
        """
        ...

    @property
    def state_space(self) -> StateSpace:
        """Which numbers the coordinates are."""
        ...

    def render(self, width: int, height: int, task: int = 0, episode: int = 0) -> np.ndarray:
        """Draws one world, uint8 ``[height, width, 3]``."""
        ...
