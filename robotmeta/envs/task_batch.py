"""TaskBatchEnv: a meta-batch of tasks, each with several episodes running side by side."""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from robotmeta.envs.family import Observation, TaskFamily, Transition, bounded
from robotmeta.envs.simulators import make_simulator
from robotmeta.envs.tasks import Tasks
from robotmeta.envs.validation import check_functions
from robotmeta.errors import SimulationDiverged


class Step(NamedTuple):
    """What one control step returns; leading axes ``[task, episode]``."""

    observation: Observation
    """float32 ``[task, episode, observation]``, or groups by name, ``[task, episode, *shape]``."""
    reward: Tensor
    """float32 ``[task, episode]``."""
    terminated: Tensor | None
    """bool ``[task, episode]``, episodes that ended here for good; None where none did."""
    diverged: Tensor | None
    """bool ``[task, episode]``, worlds whose simulation broke in this step; None where none did."""
    shaping_reward: Tensor | None = None
    """Added to the reward in meta-training, float32 ``[task, episode]``; None where the family has none."""


class BatchEnv(Protocol):
    """What :func:`robotmeta.experience.rollout.collect` needs; Gymnasium environments offer it through an adapter."""

    num_tasks: int
    num_episodes: int
    horizon: int
    observation_size: int
    action_size: int

    def reset(self, generator: torch.Generator) -> Observation: ...
    def step(self, action: Tensor, active: Tensor | None = None) -> Step: ...
    def success(self) -> Tensor | None: ...
    def distance(self) -> Tensor | None: ...
    def privileged_state(self) -> Tensor: ...


class TaskBatchEnv:
    """``[task, episode]`` worlds of one family, stepped together.

    Args:
        family: What the worlds are.
        num_tasks: Tasks in a batch.
        num_episodes: Episodes of each task that run side by side.
        simulator: ``"auto"``, or a name of :data:`robotmeta.envs.simulators.SIMULATORS`.
        threads: Physics threads; None for the cores this process may use. Results do not depend on it.
        oracle: Append the encoded task to the observation.

    Raises:
        UserError: For a simulator that cannot run the family, or a function of the family that does not work.
    """

    def __init__(
        self,
        family: TaskFamily,
        num_tasks: int,
        num_episodes: int,
        *,
        simulator: str = "auto",
        threads: int | None = None,
        oracle: bool = False,
    ) -> None:
        self.family = family
        self.num_tasks = num_tasks
        self.num_episodes = num_episodes
        self.horizon = family.horizon
        self.action_size = family.action_size
        self.observation_size = family.observation_size + oracle * family.encoding.size
        self.simulator = make_simulator(family, num_tasks, num_episodes, kind=simulator, threads=threads)
        check_functions(family, self.simulator)
        self._oracle = oracle
        self._nothing = torch.zeros(num_tasks, num_episodes, 0, device=self.simulator.device)
        self._lasts = round(family.success_lasts / family.dt)
        # Control steps in a row, up to now, in which it was as a success wants it.
        self._succeeded = torch.zeros(num_tasks, num_episodes, dtype=torch.long, device=self.simulator.device)
        self._broken = torch.zeros(num_tasks, num_episodes, dtype=torch.bool, device=self.simulator.device)
        self._first_distance: Tensor | None = None
        self.load(family.space.nominal(num_tasks))

    def load(self, tasks: Tasks) -> None:
        """Gives the worlds their tasks; takes effect with the next reset.

        Args:
            tasks: ``num_tasks`` rows.
        """
        if len(tasks) != self.num_tasks:
            raise ValueError(f"this environment holds {self.num_tasks} tasks, not {len(tasks)}")
        self.tasks = tasks
        self._columns = tasks.columns(self.simulator.device)
        self.simulator.load(tasks)
        if self._oracle:
            row = self.family.encoding.encode(tasks).to(self.simulator.device)
            self._row = row.unsqueeze(1).expand(-1, self.num_episodes, -1)

    def reset(self, generator: torch.Generator) -> Observation:
        """Starts an episode in every world; returns the observation, as in :class:`Step`."""
        shape = (self.num_tasks, self.num_episodes)
        nominal = {n: v.expand(*shape, -1) for n, v in self.simulator.nominal.items()}
        self.simulator.reset(self.family.reset(nominal, generator, self._columns))
        self._succeeded.zero_()
        self._broken.zero_()
        self._first_distance = self.distance()
        return self._observation()

    def step(self, action: Tensor, active: Tensor | None = None) -> Step:
        """Advances the active worlds by one control step.

        Args:
            action: ``[task, episode, action]``; clipped to [-1, 1].
            active: bool ``[task, episode]``; None for all. What is returned for the others is meaningless.

        Raises:
            SimulationDiverged: When no active world is left with a finite state, or the actions are not finite.
        """
        if not math.isfinite(float((action if active is None else action[active]).sum())):
            raise SimulationDiverged("the policy's actions are not finite numbers: its training diverged")
        action = bounded(action)
        before = {name: value.clone() for name, value in self.simulator.state.items()}
        diverged = self.simulator.step(action, active)
        if diverged is not None and bool(diverged.all()):
            raise SimulationDiverged(
                f"the simulation of every world of family '{self.family.name}' diverged: "
                "its parameters or the actions are outside what the physics can bear"
            )
        after = self.simulator.state
        transition = Transition(before, action, after, self._columns)
        reward = self.family.reward(transition).float()
        shaping = None if self.family.shaping_reward is None else self.family.shaping_reward(transition).float()
        if diverged is not None:
            reward = reward.masked_fill(diverged, 0.0)
            self._broken |= diverged
        if self.family.success is not None and self._lasts:
            longer = (self._succeeded + 1) * self.family.success(after, self._columns)
            self._succeeded = longer if active is None else torch.where(active, longer, self._succeeded)
        return Step(self._observation(), reward, self.family.terminated(after, self._columns), diverged, shaping)

    def success(self) -> Tensor | None:
        """Bool ``[task, episode]``: whether each episode, ended now, is a success; None where undefined."""
        if self.family.success is None:
            return None
        if self._lasts:
            return self._succeeded >= self._lasts
        return self.family.success(self.simulator.state, self._columns)

    def distance(self) -> Tensor | None:
        """How far from its goal each episode, ended now, is, m ``[task, episode]``; None where undefined.

        Of a world that broke, which may be anywhere, it is where the episode started.
        """
        if self.family.distance is None:
            return None
        now = self.family.distance(self.simulator.state, self._columns).float()
        return now if self._first_distance is None else torch.where(self._broken, self._first_distance, now)

    def privileged_state(self) -> Tensor:
        """Quantities that no sensor measures, now, float32 ``[task, episode, privileged_state]``."""
        if self.family.observe_privileged_state is None:
            return self._nothing
        return self.family.observe_privileged_state(self.simulator.state, self._columns).float()

    def render(self, width: int = 480, height: int = 360, task: int = 0, episode: int = 0) -> np.ndarray:
        """A picture of one world, uint8 ``[height, width, 3]``."""
        return self.simulator.render(width, height, task, episode)

    def _observation(self) -> Observation:
        observation = self.family.observe(self.simulator.state, self._columns)
        if isinstance(observation, Tensor):
            observation = observation.float()
            return torch.cat([observation, self._row], dim=-1) if self._oracle else observation
        groups = self.family.observation_groups or {}
        named = {name: observation[name].to(group.dtype) for name, group in groups.items()}
        return {**named, "task": self._row} if self._oracle else named
