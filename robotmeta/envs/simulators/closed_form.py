"""Physics by a formula. There is no integration error, so results can be derived by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robotmeta.envs.family import ClosedFormWorld, State, TaskFamily
from robotmeta.envs.faults import find_faults
from robotmeta.envs.state_space import StateSpace
from robotmeta.envs.tasks import Tasks


class ClosedFormSimulator:
    """Advances a :class:`ClosedFormWorld` in torch (float64).

    Args:
        family: A family whose world is a :class:`ClosedFormWorld`.
        num_tasks: Number of tasks.
        num_episodes: Worlds of each task.
        threads: Not used; torch has threads of its own.
    """

    def __init__(self, family: TaskFamily, num_tasks: int, num_episodes: int, *, threads: int | None = None) -> None:
        assert isinstance(family.world, ClosedFormWorld)
        self.device = torch.device("cpu")
        self._family, self._world = family, family.world
        self._shape = (num_tasks, num_episodes)
        self.load(family.space.nominal(num_tasks))
        self._state: dict[str, Tensor] = {}
        self._trace: list[dict[str, Tensor]] = []

    def load(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._columns = tasks.columns(self.device)

    def refresh(self) -> None:
        """There is nothing that follows from the state."""

    @property
    def nominal(self) -> State:
        return {
            name: torch.tensor(value, dtype=torch.float64, device=self.device).expand(self._shape[0], 1, len(value))
            for name, value in self._world.initial.items()
        }

    @property
    def state(self) -> State:
        return self._state

    def reset(self, state: State) -> None:
        self._state = {name: value.expand(*self._shape, -1).clone() for name, value in state.items()}
        self._trace = [self._state]

    def step(self, action: Tensor, active: Tensor | None) -> Tensor | None:
        after = self._world.dynamics(self._state, action.double(), self._columns)
        if active is not None:
            after = {name: torch.where(active.unsqueeze(-1), value, self._state[name]) for name, value in after.items()}
        self._state = dict(after)
        self._trace.append(self._state)
        faults = find_faults(self._family, {"dynamics": torch.cat(list(after.values()), dim=-1)}, self._tasks, active)
        return faults.get("dynamics")

    def end_episode(self) -> None:
        """There is nothing to report: the CPU reports at once."""

    def snapshot(self) -> Mapping[str, Any]:
        return {"state": dict(self._state), "trace": list(self._trace)}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        self._state, self._trace = dict(snapshot["state"]), list(snapshot["trace"])

    @property
    def coordinates(self) -> State:
        return self._state

    @property
    def full_state(self) -> Tensor:
        return torch.cat(list(self._state.values()), dim=-1)

    def set_full_state(self, full_state: Tensor, coordinates: State | None = None) -> None:
        sizes = [len(value) for value in self._world.initial.values()]
        state = dict(zip(self._world.initial, full_state.split(sizes, dim=-1), strict=True))
        self.reset({**state, **(coordinates or {})})

    @property
    def state_space(self) -> StateSpace:
        return StateSpace({name: len(value) for name, value in self._world.initial.items()})

    def render(self, width: int, height: int, task: int = 0, episode: int = 0) -> np.ndarray:
        trace = [{name: value[task, episode].cpu().numpy() for name, value in state.items()} for state in self._trace]
        row = next(iter(self._tasks[task : task + 1]))
        image = self._world.draw(trace, row, min(width, height))
        canvas = np.full((height, width, 3), 255, dtype=np.uint8)
        top, left = (height - image.shape[0]) // 2, (width - image.shape[1]) // 2
        canvas[top : top + image.shape[0], left : left + image.shape[1]] = image
        return canvas
