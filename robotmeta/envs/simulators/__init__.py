"""Simulators: one protocol, one physics backend per file. A new one is a new file and a line in SIMULATORS.

A simulator advances ``[task, episode]`` worlds of one family. It knows nothing of observations or rewards.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import torch

from robotmeta.envs import checks
from robotmeta.envs.family import ClosedFormWorld, MujocoWorld, TaskFamily
from robotmeta.envs.simulators.protocol import Simulator
from robotmeta.errors import UserError, unknown


@dataclass(frozen=True)
class Backend:
    """A simulator that families can ask for.

    Attributes:
        place: ``"module:class"`` in this folder. The module is imported when the simulator is first built. The class
            takes ``(family, num_tasks, num_episodes, threads=None)``.
        runs: The kind of world that it can run.
        check: ``"module:function"`` in this folder, ``(family) -> None``. It raises a UserError if the simulator is not
            installed, or cannot run this family. "" if there is nothing to check.
        on_gpu: Whether it is made for a GPU.
    """

    place: str
    runs: type[MujocoWorld] | type[ClosedFormWorld]
    check: str = ""
    on_gpu: bool = False

    def build(self, family: TaskFamily, num_tasks: int, num_episodes: int, threads: int | None) -> Simulator:
        """Builds the simulator."""
        return _imported(self.place)(family, num_tasks, num_episodes, threads=threads)

    def refusal(self, family: TaskFamily) -> UserError | None:
        """Returns why it cannot run a family here; None if it can."""
        try:
            if self.check:
                _imported(self.check)(family)
        except UserError as error:
            return error
        return None


def _imported(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)


SIMULATORS = {
    "mujoco": Backend("mujoco_cpu:MujocoSimulator", MujocoWorld),
    "closed-form": Backend("closed_form:ClosedFormSimulator", ClosedFormWorld),
    "mujoco-warp": Backend("mujoco_warp:WarpSimulator", MujocoWorld, check="warp_check:check_warp", on_gpu=True),
}
"""Simulators by name. ``"auto"`` is one for a GPU if there is a GPU and it can run the family, else the first that can
run the family's world."""


def cpu_simulator(family: TaskFamily) -> str:
    """Returns the name of the simulator that runs a family on the CPU."""
    return next(name for name in _able(family) if not SIMULATORS[name].on_gpu)


def _able(family: TaskFamily) -> list[str]:
    return [name for name, backend in SIMULATORS.items() if isinstance(family.world, backend.runs)]


def check_simulator(family: TaskFamily, kind: str) -> str:
    """Returns the name of the simulator to use.

    Args:
        family: The family to run.
        kind: A name in :data:`SIMULATORS`, or ``"auto"``.

    Raises:
        UserError: For a simulator that does not exist, that is not installed, or that cannot run the family.
    """
    able = _able(family)
    if kind not in ("auto", *SIMULATORS):
        raise unknown("simulator", kind, ("auto", *SIMULATORS))
    if kind not in ("auto", *able):
        raise UserError(f"family '{family.name}' runs on: {', '.join(able)}, not on {kind}")
    if kind == "auto":
        return _chosen(family, able)
    refusal = SIMULATORS[kind].refusal(family)
    if refusal is not None:
        raise refusal
    return kind


def _chosen(family: TaskFamily, able: list[str]) -> str:
    """The simulator for ``"auto"``, of those that can run the family's world."""
    on_gpu = [name for name in able if SIMULATORS[name].on_gpu]
    if on_gpu and torch.cuda.is_available() and SIMULATORS[on_gpu[0]].refusal(family) is None:
        return on_gpu[0]
    return cpu_simulator(family)


def make_simulator(
    family: TaskFamily, num_tasks: int, num_episodes: int, *, kind: str = "auto", threads: int | None = None
) -> Simulator:
    """Builds a simulator of ``[num_tasks, num_episodes]`` worlds.

    Args:
        family: What the worlds are.
        num_tasks: Tasks, each with physics of its own.
        num_episodes: Worlds of each task.
        kind: A name in :data:`SIMULATORS`, or ``"auto"``.
        threads: Physics threads on the CPU; None for the cores that this process may use.

    Raises:
        UserError: As :func:`check_simulator`.
    """
    if threads is not None:
        threads = checks.count("threads", threads)
    return SIMULATORS[check_simulator(family, kind)].build(family, num_tasks, num_episodes, threads)
