"""TaskBatchEnv: a meta-batch of tasks, each with several episodes side by side."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from robotmeta.envs.changes import check_changes
from robotmeta.envs.devices import reads_at_once
from robotmeta.envs.disturber import Disturber
from robotmeta.envs.family import Columns, Observation, State, TaskFamily, Transition, bounded
from robotmeta.envs.faults import FaultLog, find_faults
from robotmeta.envs.remembering import advanced, followed, resumed
from robotmeta.envs.simulators import make_simulator
from robotmeta.envs.tasks import Tasks
from robotmeta.envs.validation import call, check_functions
from robotmeta.errors import SimulationDiverged, TrainingDiverged
from robotmeta.memory import check_memory
from robotmeta.ranks import ALONE, Rank

_WRONG_ACTIONS = "the policy's actions are not finite: its training or its adaptation diverged"


class Step(NamedTuple):
    """The result of one control step."""

    observation: Observation
    """float32 ``[task, episode, observation]``, or groups by name, ``[task, episode, *shape]``."""
    reward: Tensor
    """float32 ``[task, episode]``."""
    terminated: Tensor | None
    """bool ``[task, episode]``, episodes that ended in this step; None if none did."""
    diverged: Tensor | None
    """bool ``[task, episode]``, worlds whose simulation diverged in this step, or where a function of the family
    returned numbers that are not finite; None if there are none."""
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
    def end_episode(self) -> None: ...
    def success(self) -> Tensor | None: ...
    def distance(self) -> Tensor | None: ...
    def measures(self) -> Mapping[str, Tensor]: ...
    def privileged_state(self) -> Tensor: ...


def episode_bytes(family: TaskFamily) -> int:
    """Returns the memory that the experience of one episode takes at least."""
    groups = family.observation_groups or {}
    others = sum(math.prod(group.shape) * group.dtype.itemsize for group in groups.values() if not group.is_vector)
    numbers = family.observation_size + family.action_size + len(family.privileged_state) + 2  # reward and likelihood
    return family.horizon * (4 * numbers + others)


@dataclass
class _Episode:
    """What an environment remembers from one step of an episode to the next; bool and int ``[task, episode]``."""

    succeeded: Tensor
    """Number of control steps, up to now, for which the condition of a success has held."""
    broken: Tensor
    """Worlds that have diverged."""
    privileged: Tensor
    """Privileged state after the last step."""
    unsound: Tensor | None = None
    """Worlds whose episode starts with numbers that are not finite. They diverge in the first step."""
    first_distance: Tensor | None = None
    wrong_actions: Tensor | None = None
    """On a GPU, whether any action was not finite, a bool; None before the first step."""
    memory: State = field(default_factory=dict)
    """What the family remembers, see :class:`robotmeta.envs.episode_memory.EpisodeMemory`."""

    @classmethod
    def new(cls, worlds: tuple[int, int], device: torch.device) -> _Episode:
        zero = torch.zeros(worlds, dtype=torch.long, device=device)
        return cls(zero, zero.bool(), torch.zeros(*worlds, 0, device=device))


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
        rank: Which of several processes this one is. Each has ``num_tasks`` tasks of its own.

    Raises:
        UserError: For a simulator that cannot run the family, a function of the family that does not work, or more
            worlds than fit into memory.
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
        rank: Rank = ALONE,
    ) -> None:
        self.family = family
        self.rank = rank
        self.num_tasks = num_tasks
        self.all_tasks = num_tasks * rank.count
        self.num_episodes = num_episodes
        self.horizon = family.horizon
        self.action_size = family.action_size
        self.observation_size = family.observation_size + oracle * family.encoding.size
        worlds = f"{num_tasks} task{'s' * (num_tasks > 1)} with {num_episodes} episode{'s' * (num_episodes > 1)} each"
        check_memory(worlds, num_tasks * num_episodes * episode_bytes(family))
        self.simulator = make_simulator(family, num_tasks, num_episodes, kind=simulator, threads=threads)
        check_functions(family, self.simulator)
        self._oracle = oracle
        self._nothing = torch.zeros(num_tasks, num_episodes, 0, device=self.simulator.device)
        self._lasts = round(family.success_lasts / family.dt)
        self._faults = FaultLog(family, self.simulator.device)
        self._reads_at_once = reads_at_once(self.simulator.device)
        self._episode = _Episode.new((num_tasks, num_episodes), self.simulator.device)
        self._disturber = (
            None
            if family.disturbances is None
            else Disturber(family, num_tasks, num_episodes, rank, self.simulator.device)
        )
        self.load(family.space.nominal(self.all_tasks))

    def load(self, tasks: Tasks) -> None:
        """Gives the worlds their tasks. They take effect with the next reset; :meth:`change` is for a running episode.

        Args:
            tasks: ``num_tasks`` rows for each rank, those of all ranks.
        """
        self._check_count(tasks)
        self._all_columns = tasks.columns(self.simulator.device)
        self.tasks = tasks = tasks[self.rank.rows(len(tasks))]
        self._columns = tasks.columns(self.simulator.device)
        self.simulator.load(tasks)
        if self._oracle:
            row = self.family.encoding.encode(tasks).to(self.simulator.device)
            self._row = row.unsqueeze(1).expand(-1, self.num_episodes, -1)

    def change(self, tasks: Tasks) -> None:
        """Gives the worlds other tasks within an episode. Their state stays, delayed controls included.

        Rewards, observations and ends of episodes are those of the new tasks from the next step on.

        Args:
            tasks: As for :meth:`load`. They may differ in the parameters that the family names in ``changing``.

        Raises:
            UserError: For tasks that differ in another parameter.
        """
        self._check_count(tasks)
        now = tasks[self.rank.rows(len(tasks))]
        check_changes(self.family.changing, self.tasks, now, f"family '{self.family.name}'")
        self.load(tasks)
        self.simulator.refresh()

    def reset(self, generator: torch.Generator) -> Observation:
        """Starts an episode in every world.

        Args:
            generator: Draws the reset noise, on the CPU.

        Returns:
            Observations, float32 ``[task, episode, observation]``, or groups by name as in :class:`Step`.
        """
        self._faults.report(self.tasks)  # of an episode that nobody ended
        shape = (self.num_tasks, self.num_episodes)
        nominal = {n: v.expand(*shape, -1) for n, v in self.simulator.nominal.items()}
        start = self._for_all_ranks("reset", self.family.reset, nominal, generator)
        wrong = _any(*find_faults(self.family, {"reset": _joined(start, shape)}, self.tasks).values())
        if wrong is not None:
            start = {name: _where_finite(value, nominal.get(name)) for name, value in start.items()}
        self.simulator.reset(start)
        self._episode = now = _Episode.new(shape, self.simulator.device)
        if self.family.memory is not None:
            now.memory = self._for_all_ranks("memory.start", self.family.memory.start, self.simulator.state, generator)
        if self._disturber is not None:
            self._disturber.reset(generator)
        observation, now.privileged, distance = self._observation(), self._measure(), self.distance()
        unsound = _any(*find_faults(self.family, self._measured(observation), self.tasks).values(), wrong)
        if distance is not None and not bool(distance.isfinite().all()):
            unsound = _any(~distance.isfinite(), unsound)
        now.unsound, now.first_distance = unsound, distance
        if unsound is None:
            return observation
        now.privileged = _finite(now.privileged)
        now.first_distance = None if distance is None else _finite(distance)
        if isinstance(observation, Tensor):
            return _finite(observation)
        return {name: _finite(value) for name, value in observation.items()}

    def step(self, action: Tensor, active: Tensor | None = None, *, recorded: Tensor | None = None) -> Step:
        """Advances the active worlds by one control step.

        Args:
            action: ``[task, episode, action]``; clipped to [-1, 1].
            active: bool ``[task, episode]``; None for all. Results of the other worlds are meaningless.
            recorded: In a replay, the observation that was recorded after this step, which has what came from outside
                the simulation, such as a command; broadcasts to ``[task, episode, observation]``.

        Raises:
            SimulationDiverged: If every world has diverged. On a GPU, :meth:`end_episode` raises it.
            TrainingDiverged: If the actions are not finite. On a GPU, :meth:`end_episode` raises it.
        """
        self._check_actions(action, active)
        action = bounded(action)
        if self._disturber is not None:
            self._disturber.push(self.simulator, self._columns, active)
        now = self._episode
        before = {**{name: value.clone() for name, value in self.simulator.state.items()}, **now.memory}
        played = action
        if self.family.reference is not None:
            played = action + self._call("reference", before, self._columns).to(action)
        diverged, now.unsound = _any(now.unsound, self.simulator.step(played, active)), None
        transition = Transition(before, action, self.simulator.state, self._columns)
        if self.family.memory is not None:
            transition = self._remembered(transition, active, diverged)
        after = transition.after
        reward = self._call("reward", transition).float()
        shaping = None if self.family.shaping_reward is None else self._call("shaping_reward", transition).float()
        if recorded is not None:
            now.memory = followed(self.family, now.memory, self._all_worlds(recorded))
        observation, now.privileged = self._observation(), self._measure()
        results = {**self._measured(observation), "reward": reward, "shaping_reward": shaping}
        if diverged is not None:  # which explains results that are not finite
            active = ~diverged if active is None else active & ~diverged
        faults = self._faults.find(results, self.tasks, active)
        diverged = _any(*faults.values(), diverged)
        if diverged is not None:
            now.broken |= diverged
            if self._reads_at_once:
                self._check_worlds(faults)
        reward = reward.masked_fill(now.broken, 0.0)  # in later steps too, in which policies still act in these worlds
        if self.family.success is not None and self._lasts:
            longer = (now.succeeded + 1) * self._call("success", after, self._columns)
            now.succeeded = longer if active is None else torch.where(active, longer, now.succeeded)
        return Step(observation, reward, self._call("terminated", after, self._columns), diverged, shaping)

    def end_episode(self) -> None:
        """Reports what a GPU could not report during an episode without a stop. On the CPU there is nothing.

        Raises:
            SimulationDiverged: If every world has diverged.
            TrainingDiverged: If actions were not finite.
            UserError: If results are wrong, because the simulator had no room for all contacts.
        """
        if not self._reads_at_once:
            wrong = self._episode.wrong_actions
            if wrong is not None and bool(wrong):
                raise TrainingDiverged(_WRONG_ACTIONS)
            self._check_worlds(self._faults.report(self.tasks))
        self.simulator.end_episode()

    def success(self) -> Tensor | None:
        """Whether each episode is a success if it ends now, bool ``[task, episode]``; None if undefined."""
        if self.family.success is None:
            return None
        if self._lasts:
            return self._episode.succeeded >= self._lasts
        return self._call("success", self.state, self._columns)

    def measures(self) -> Mapping[str, Tensor]:
        """The family's measures of each episode if it ends now, by name, float32 ``[task, episode]``."""
        return {
            measure.name: call(self.family, measure.name, measure.of, self.state, self._columns).float()
            for measure in self.family.measures
        }

    @property
    def state(self) -> State:
        """What the functions of the family see: the state of the simulator, and what the family remembers."""
        memory = self._episode.memory
        return {**self.simulator.state, **memory} if memory else self.simulator.state

    def distance(self) -> Tensor | None:
        """Distance of each episode from its goal, m ``[task, episode]``; None if undefined.

        For a world that diverged, it is the distance at the start of the episode. It may be not finite if the family's
        function returns such numbers.
        """
        if self.family.distance is None:
            return None
        now = self._call("distance", self.state, self._columns).float()
        first, broken = self._episode.first_distance, self._episode.broken
        self._faults.find({"distance": now}, self.tasks, ~broken)
        return now if first is None else torch.where(broken, first, now)

    def progress(self) -> Tensor | None:
        """What each episode has achieved if it ends now, as the family's curriculum measures it, ``[task, episode]``.

        It is 0 for a world that diverged. None if the curriculum has no measure of its own.
        """
        curriculum = self.family.curriculum
        if curriculum is None or curriculum.progress is None:
            return None
        achieved = call(self.family, "progress", curriculum.progress, self.state, self._columns).float()
        return achieved.nan_to_num(0.0).masked_fill(self._episode.broken, 0.0)

    def privileged_state(self) -> Tensor:
        """Quantities that no sensor of the robot measures, float32 ``[task, episode, privileged_state]``."""
        return self._episode.privileged

    def snapshot(self) -> Mapping[str, Any]:
        """The state of the worlds and of their episodes, as a copy."""
        disturbed = None if self._disturber is None else self._disturber.now
        episode = {"episode": self._episode, "disturbed": disturbed}
        return {"simulator": self.simulator.snapshot(), **copy.deepcopy(episode)}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Continues from a snapshot of an environment with the same family, tasks and number of worlds."""
        self.simulator.restore(snapshot["simulator"])
        self._episode = copy.deepcopy(snapshot["episode"])
        if self._disturber is not None:
            self._disturber.now = copy.deepcopy(snapshot["disturbed"])

    def start(
        self, full_state: Tensor, coordinates: State | None = None, *, recorded: Tensor | None = None
    ) -> Observation:
        """Starts an episode in every world from given states, instead of those that the family's ``reset`` draws.

        There is no chance in such an episode: of the disturbances, only the delay of the sensors acts.

        Args:
            full_state: States of the simulator; broadcasts to ``[task, episode, number]``.
            coordinates: Values that replace those in ``full_state``; see ``Simulator.set_full_state``.
            recorded: The observation in these states, if the family remembers more than the physics; broadcasts to
                ``[task, episode, observation]``.

        Returns:
            Observations, as :meth:`reset` does.

        Raises:
            UserError: For a family that needs a recorded observation without one, or that cannot use it.
        """
        self.simulator.set_full_state(full_state, coordinates)
        if self._disturber is not None:
            self._disturber.reset(None)
        self._episode = now = _Episode.new((self.num_tasks, self.num_episodes), self.simulator.device)
        seen = None if recorded is None else self._all_worlds(recorded)
        now.memory = resumed(self.family, self.simulator.state, seen, self._columns)
        observation, now.privileged = self._observation(), self._measure()
        now.first_distance = self.distance()
        return observation

    def render(self, width: int = 480, height: int = 360, task: int = 0, episode: int = 0) -> np.ndarray:
        """Draws one world, uint8 ``[height, width, 3]``."""
        return self.simulator.render(width, height, task, episode)

    def _check_count(self, tasks: Tasks) -> None:
        if len(tasks) != self.all_tasks:
            raise ValueError(f"this environment holds {self.all_tasks} tasks, not {len(tasks)}")

    def _check_actions(self, action: Tensor, active: Tensor | None) -> None:
        if self._reads_at_once:
            if not math.isfinite(float((action if active is None else action[active]).sum())):
                raise TrainingDiverged(_WRONG_ACTIONS)
            return
        wrong = ~action.isfinite().all(dim=-1)
        wrong = (wrong if active is None else wrong & active).any()
        before = self._episode.wrong_actions
        self._episode.wrong_actions = wrong if before is None else wrong | before

    def _check_worlds(self, faults: Iterable[str]) -> None:
        if bool(self._episode.broken.all()):
            raise SimulationDiverged(self._why(faults))

    def _for_all_ranks(
        self,
        what: str,
        draw: Callable[[State, torch.Generator, Columns], State],
        state: State,
        generator: torch.Generator,
    ) -> State:
        """What the family draws at a reset. It is drawn for the tasks of all ranks, so that their number is no matter.

        Args:
            what: Name of the function.
            draw: ``(state, generator, task) -> drawn``.
            state: States of this rank. Worlds of other ranks get copies, and what is drawn for them is thrown away.
            generator: Draws.
        """
        ranks = self.rank.count
        if ranks > 1:
            state = {name: value.repeat(ranks, *[1] * (value.ndim - 1)) for name, value in state.items()}
        drawn = call(self.family, what, draw, state, generator, self._all_columns)
        if ranks > 1:
            drawn = {name: self.rank.of(value) if len(value) > 1 else value for name, value in drawn.items()}
        return drawn

    def _remembered(self, step: Transition, active: Tensor | None, diverged: Tensor | None) -> Transition:
        """The step with what the family remembers after it. Worlds that ended or diverged remember what they did."""
        running = active
        if diverged is not None:
            running = ~diverged if active is None else active & ~diverged
        self._episode.memory = advanced(self.family, step, running)
        return replace(step, after={**step.after, **self._episode.memory})

    def _all_worlds(self, recorded: Tensor) -> Tensor:
        return recorded.to(self.simulator.device).expand(self.num_tasks, self.num_episodes, -1)

    def _observation(self) -> Observation:
        observation = self._call("observe", self.state, self._columns)
        if isinstance(observation, Tensor):
            observation = observation.float()
            if self._disturber is not None:
                observation = self._disturber.seen(observation, self._columns)
            return torch.cat([observation, self._row], dim=-1) if self._oracle else observation
        groups = self.family.observation_groups or {}
        named = {name: observation[name].to(group.dtype) for name, group in groups.items()}
        return {**named, "task": self._row} if self._oracle else named

    def _call(self, function: str, *arguments: Any) -> Any:
        return call(self.family, function, getattr(self.family, function), *arguments)

    def _measure(self) -> Tensor:
        if self.family.observe_privileged_state is None:
            return self._nothing
        return self._call("observe_privileged_state", self.state, self._columns).float()

    def _measured(self, observation: Observation) -> dict[str, Tensor | None]:
        """What the functions that observe the state returned, by the name of each."""
        groups = {"": observation} if isinstance(observation, Tensor) else observation
        named = {f"observe of {name}" if name else "observe": value for name, value in groups.items()}
        return {**named, "observe_privileged_state": self._episode.privileged}

    def _why(self, faults: Iterable[str]) -> str:
        """Why no world is left."""
        names = " and ".join(faults)
        if names:
            return f"family '{self.family.name}': {names} is not finite, and no world is left"
        return (
            f"the simulation of every world of family '{self.family.name}' diverged: "
            "its parameters or the actions are too extreme for the physics"
        )


def _joined(state: State, shape: tuple[int, int]) -> Tensor:
    """All values of a state as one tensor, ``[task, episode, value]``."""
    return torch.cat([value.expand(*shape, *value.shape[2:]).flatten(2) for value in state.values()], dim=-1)


def _where_finite(value: Tensor, otherwise: Tensor | None) -> Tensor:
    """A value, and where it is not finite another, or zero."""
    return torch.where(value.isfinite(), value, 0.0 if otherwise is None else otherwise)


def _any(*masks: Tensor | None) -> Tensor | None:
    """Worlds in any of the masks; None if there is no mask."""
    given = [mask for mask in masks if mask is not None]
    return torch.stack(given).any(dim=0) if given else None


def _finite(values: Tensor) -> Tensor:
    """Zeros where a value is not finite, so that a policy can read it."""
    return values.nan_to_num(0.0, 0.0, 0.0)
