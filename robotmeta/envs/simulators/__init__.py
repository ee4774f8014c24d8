"""Simulators: one protocol, one physics backend per file. A new one is a new file and a line in SIMULATORS.

A simulator advances ``[task, episode]`` worlds of one family. It knows nothing of observations or rewards.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass

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
    """

    place: str
    runs: type[MujocoWorld] | type[ClosedFormWorld]

    def build(self, family: TaskFamily, num_tasks: int, num_episodes: int, threads: int | None) -> Simulator:
        """Builds the simulator."""
        module, _, name = self.place.partition(":")
        kind = getattr(importlib.import_module(f"{__name__}.{module}"), name)
        return kind(family, num_tasks, num_episodes, threads=threads)


SIMULATORS = {
    "mujoco": Backend("mujoco_cpu:MujocoSimulator", MujocoWorld),
    "closed-form": Backend("closed_form:ClosedFormSimulator", ClosedFormWorld),
}
"""Simulators by name. ``"auto"`` is the first that can run a family's world."""


def check_simulator(family: TaskFamily, kind: str) -> str:
    """Returns the name of the simulator to use.

    Args:
        family: The family to run.
        kind: A name in :data:`SIMULATORS`, or ``"auto"``.

    Raises:
        UserError: For a simulator that does not exist, or that cannot run the family's world.
    """
    able = [name for name, backend in SIMULATORS.items() if isinstance(family.world, backend.runs)]
    if kind not in ("auto", *SIMULATORS):
        raise unknown("simulator", kind, ("auto", *SIMULATORS))
    if kind not in ("auto", *able):
        raise UserError(f"family '{family.name}' runs on: {', '.join(able)}, not on {kind}")
    return able[0] if kind == "auto" else kind


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
    return SIMULATORS[check_simulator(family, kind)].build(family, num_tasks, num_episodes, threads)
