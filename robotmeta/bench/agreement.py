"""How far two simulators are apart after one control step from the same states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robotmeta.envs import Observation, TaskBatchEnv, TaskFamily, Tasks
from robotmeta.envs.simulators import cpu_simulator
from robotmeta.experience.observations import flatten

_EPISODES = 5
_SETTLING = 20  # control steps of random actions before the compared one, in which robots land and come into motion


@dataclass(frozen=True)
class Agreement:
    """Differences after one control step, each relative to the size of the number plus one.

    Attributes:
        states: Number of states.
        differences: The largest difference of each state, ascending, by quantity.
        termination: Share of the states in which both agree that the episode goes on, or that it ends.
        diverged: Number of states from which the other simulator diverged. They are not in the differences.
    """

    states: int
    differences: dict[str, Tensor]
    termination: float
    diverged: int

    def within(self, tolerance: float) -> float:
        """Returns the share of states in which all positions differ by at most a tolerance."""
        return float((self.differences["qpos"] <= tolerance).double().mean())

    def to_json(self) -> dict[str, Any]:
        """Returns the median and the largest difference of each quantity."""
        found = {
            name: {"median": float(value[len(value) // 2]), "largest": float(value[-1])}
            for name, value in self.differences.items()
        }
        counts = {"states": self.states, "diverged": self.diverged, "termination": self.termination}
        return {**counts, "differences": found}


def agreement(family: TaskFamily, simulator: str, *, states: int = 100, seed: int = 0) -> Agreement:
    """Compares a simulator with the one on the CPU.

    The states are those of random rollouts in held-out tasks, and in OOD tasks if there are any. In episodes that have
    ended, nothing is compared.

    Args:
        family: A family that both can run.
        simulator: Name of the other simulator.
        states: Number of worlds, a multiple of 10.
        seed: Seed of actions and initial states.

    Raises:
        UserError: If the simulator cannot run the family.
    """
    tasks = _tasks(family, states // _EPISODES)
    one, other = (
        TaskBatchEnv(family, len(tasks), _EPISODES, simulator=kind) for kind in (cpu_simulator(family), simulator)
    )
    for env in (one, other):
        env.load(tasks)
    generator = torch.Generator().manual_seed(seed)
    running = _settle(one, generator)
    if not bool(running.any()):
        raise ValueError(f"all random episodes of family '{family.name}' end within {_SETTLING} control steps")
    there = other.simulator.device
    full_state = one.simulator.full_state
    one.start(full_state)  # so that lagging fields are those of the same state
    other.start(full_state.to(there, torch.float32))
    action = _random_action(one, generator)
    first, second = one.step(action, running), other.step(action.to(there), running.to(there))
    other.end_episode()
    states, failed = int(running.sum()), torch.zeros_like(running)
    if second.diverged is not None:
        failed = second.diverged.cpu() & running
    running = running & ~failed
    quantities: dict[str, tuple[Tensor, Tensor]] = {
        "observation": (_vector(first.observation), _vector(second.observation)),
        "reward": (first.reward.unsqueeze(-1), second.reward.unsqueeze(-1)),
    }
    coordinates = other.simulator.coordinates
    quantities |= {name: (value, coordinates[name]) for name, value in one.simulator.coordinates.items()}
    ends = [torch.zeros_like(running) if s.terminated is None else s.terminated.cpu() for s in (first, second)]
    return Agreement(
        states,
        {name: _difference(a[running], b.cpu()[running]) for name, (a, b) in quantities.items()},
        float((ends[0] == ends[1])[running].float().mean()),
        int(failed.sum()),
    )


def _tasks(family: TaskFamily, count: int) -> Tasks:
    if "ood" not in family.splits:
        return family.tasks("test", count)
    parts = (family.tasks("test", count - count // 2), family.tasks("ood", count // 2))
    return Tasks(parts[0].names, np.concatenate([part.values for part in parts]))


def _settle(env: TaskBatchEnv, generator: torch.Generator) -> Tensor:
    """Takes random actions. Returns the worlds whose episodes still run, bool ``[task, episode]``."""
    env.reset(generator)
    running = torch.ones(env.num_tasks, env.num_episodes, dtype=torch.bool)
    for _ in range(min(_SETTLING, env.horizon - 1)):
        step = env.step(_random_action(env, generator), running)
        for ended in (step.terminated, step.diverged):
            if ended is not None:
                running = running & ~ended
        if not bool(running.any()):
            break
    return running


def _random_action(env: TaskBatchEnv, generator: torch.Generator) -> Tensor:
    return 2.0 * torch.rand(env.num_tasks, env.num_episodes, env.action_size, generator=generator) - 1.0


def _vector(observation: Observation) -> Tensor:
    return flatten(observation).double()


def _difference(one: Tensor, other: Tensor) -> Tensor:
    """The largest difference of each state, ascending."""
    return ((one.double() - other.double()).abs() / (1.0 + one.double().abs())).amax(dim=-1).sort().values
