"""TaskBatchEnv: a meta-batch of tasks, each with several episodes side by side."""

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
    """The result of one control step."""

    observation: Observation
    """float32 ``[task, episode, observation]``, or groups by name, ``[task, episode, *shape]``."""
    reward: Tensor
    """float32 ``[task, episode]``."""
    terminated: Tensor | None
    """bool ``[task, episode]``, episodes that ended in this step; None if none did."""
    diverged: Tensor | None
    """bool ``[task, episode]``, worlds whose simulation diverged in this step; None if none did."""
    shaping_reward: Tensor | None = None
    """float32 ``[task, episode]``, added to the reward in meta-training; None if the family has none."""
    truncated: Tensor | None = None
    """bool ``[task, episode]``, which of ``terminated`` are cut off by the environment itself, not by what happened."""
    applied: Tensor | None = None
    """The actions that were applied, ``[task, episode, action]``, where limits change more than clipping to [-1, 1]."""
    stopped: str | None = None
    """Why no further step may be made; None where one may."""


class BatchEnv(Protocol):
    """What :func:`robotmeta.experience.rollout.collect` needs of an environment.

    :class:`robotmeta.adapters.world.GymnasiumWorld` offers it for environments of Gymnasium and dm_env.
    """

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
    """``[task, episode]`` worlds of one family, stepped together. They start with nominal tasks.

    All tensors that it returns are on the device of its simulator.

    Args:
        family: The family.
        num_tasks: Number of tasks.
        num_episodes: Episodes of each task that run side by side.
        simulator: ``"auto"``, or a name in :data:`robotmeta.envs.simulators.SIMULATORS`.
        threads: Physics threads; None for the cores that this process may use. Results do not depend on it.
        oracle: Whether to append the encoded task to the observation.

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
        # Number of control steps, up to now, for which the condition of a success has held.
        self._succeeded = torch.zeros(num_tasks, num_episodes, dtype=torch.long, device=self.simulator.device)
        self._broken = torch.zeros(num_tasks, num_episodes, dtype=torch.bool, device=self.simulator.device)
        self._first_distance: Tensor | None = None
        self.load(family.space.nominal(num_tasks))

    def load(self, tasks: Tasks) -> None:
        """Gives the worlds their tasks. They take effect with the next reset.

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
        """Starts an episode in every world.

        Args:
            generator: Draws the reset noise, on the CPU.

        Returns:
            Observations, float32 ``[task, episode, observation]``, or groups by name as in :class:`Step`.
        """
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
            active: bool ``[task, episode]``; None for all. Results of the other worlds are meaningless.

        Raises:
            SimulationDiverged: If every world diverged, or the actions are not finite.
        """
        if not math.isfinite(float((action if active is None else action[active]).sum())):
            raise SimulationDiverged("the policy's actions are not finite numbers: its training diverged")
        action = bounded(action)
        before = {name: value.clone() for name, value in self.simulator.state.items()}
        diverged = self.simulator.step(action, active)
        if diverged is not None and bool(diverged.all()):
            raise SimulationDiverged(
                f"the simulation of every world of family '{self.family.name}' diverged: "
                "its parameters or the actions are too extreme for the physics"
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
        """Whether each episode is a success if it ends now, bool ``[task, episode]``; None if undefined."""
        if self.family.success is None:
            return None
        if self._lasts:
            return self._succeeded >= self._lasts
        return self.family.success(self.simulator.state, self._columns)

    def distance(self) -> Tensor | None:
        """Distance of each episode from its goal, m ``[task, episode]``; None if undefined.

        For a world that diverged, it is the distance at the start of the episode.
        """
        if self.family.distance is None:
            return None
        now = self.family.distance(self.simulator.state, self._columns).float()
        return now if self._first_distance is None else torch.where(self._broken, self._first_distance, now)

    def privileged_state(self) -> Tensor:
        """Quantities that no sensor of the robot measures, float32 ``[task, episode, privileged_state]``."""
        if self.family.observe_privileged_state is None:
            return self._nothing
        return self.family.observe_privileged_state(self.simulator.state, self._columns).float()

    def render(self, width: int = 480, height: int = 360, task: int = 0, episode: int = 0) -> np.ndarray:
        """Draws one world, uint8 ``[height, width, 3]``."""
        return self.simulator.render(width, height, task, episode)

    def _observation(self) -> Observation:
        observation = self.family.observe(self.simulator.state, self._columns)
        if isinstance(observation, Tensor):
            observation = observation.float()
            return torch.cat([observation, self._row], dim=-1) if self._oracle else observation
        groups = self.family.observation_groups or {}
        named = {name: observation[name].to(group.dtype) for name, group in groups.items()}
        return {**named, "task": self._row} if self._oracle else named
