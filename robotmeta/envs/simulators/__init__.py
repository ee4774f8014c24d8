"""Simulators: one protocol, one file a physics backend.

A simulator advances ``[task, episode]`` worlds of one family. It knows nothing of observations or rewards.
"""

from __future__ import annotations

import os
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from robotmeta.envs.family import ClosedFormWorld, State, TaskFamily
from robotmeta.envs.parameters import Tasks
from robotmeta.errors import UserError, unknown


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


def available_cores() -> int:
    """Cores this process may use, which in a container are fewer than the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


SIMULATORS = ("auto", "mujoco", "closed-form")


def check_simulator(family: TaskFamily, kind: str) -> None:
    """Raises UserError for a simulator that does not exist, or that cannot run the family's world."""
    if kind not in SIMULATORS:
        raise unknown("simulator", kind, SIMULATORS)
    needed = "closed-form" if isinstance(family.world, ClosedFormWorld) else "mujoco"
    if kind not in ("auto", needed):
        raise UserError(f"family '{family.name}' runs on: {needed}, not on {kind}")


def make_simulator(
    family: TaskFamily, num_tasks: int, num_episodes: int, *, kind: str = "auto", threads: int | None = None
) -> Simulator:
    """Builds the simulator for a family; ``auto`` takes the one its world is written for."""
    from robotmeta.envs.simulators.closed_form import ClosedFormSimulator
    from robotmeta.envs.simulators.mujoco_cpu import MujocoSimulator

    check_simulator(family, kind)
    if isinstance(family.world, ClosedFormWorld):
        return ClosedFormSimulator(family, num_tasks, num_episodes)
    return MujocoSimulator(family, num_tasks, num_episodes, threads=threads)
