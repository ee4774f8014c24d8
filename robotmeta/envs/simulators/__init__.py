"""Simulators: one protocol, one file a physics backend.

A simulator advances ``[task, episode]`` worlds of one family. It knows nothing of observations or rewards.
"""

from __future__ import annotations

from robotmeta.envs.family import ClosedFormWorld, TaskFamily
from robotmeta.envs.simulators.protocol import Simulator
from robotmeta.errors import UserError, unknown

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
