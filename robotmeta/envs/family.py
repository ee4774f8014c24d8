"""A task family: a parameter space, the world that it changes, and what a policy observes and maximizes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from functools import cached_property
from typing import Any

import mujoco
import numpy as np
import torch
from torch import Tensor

from robotmeta.envs import checks
from robotmeta.envs.changes import Changes, away_from_nominal
from robotmeta.envs.curriculum import Curriculum
from robotmeta.envs.disturbances import Disturbances
from robotmeta.envs.encoding import Encoding
from robotmeta.envs.episode_memory import EpisodeMemory, Measure
from robotmeta.envs.listing import Listing
from robotmeta.envs.parameters import Parameter, ParameterSpace
from robotmeta.envs.sensors import Sensor, check_sensors
from robotmeta.envs.state import Columns, State, Transition
from robotmeta.envs.tasks import Tasks
from robotmeta.errors import UserError, unknown

Observation = Tensor | Any
"""What a policy observes: a vector ``[task, episode, observation]``, or groups by name, each ``[task, episode, ...]``.

Type checkers take the mapping of groups for Any, so that code for vectors does not have to rule it out.
"""


@dataclass(frozen=True)
class ObservationGroup:
    """Shape and type of a group of observations, such as an image or the heights around a robot.

    Attributes:
        shape: Without the axes of tasks and episodes.
        dtype: Type of its numbers.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype = torch.float32

    def __post_init__(self) -> None:
        if not isinstance(self.shape, tuple):
            raise UserError(f"the shape of an observation group must be a tuple, such as (11, 11), not {self.shape!r}")
        sizes = (checks.count("each size in the shape of an observation group", size) for size in self.shape)
        object.__setattr__(self, "shape", tuple(sizes))

    @property
    def is_vector(self) -> bool:
        """Whether it is a vector of float32, as a policy without an encoder reads it."""
        return len(self.shape) == 1 and self.dtype == torch.float32


@dataclass(frozen=True)
class MujocoWorld:
    """Physics by MuJoCo.

    Attributes:
        spec: Builds the nominal model's ``MjSpec``.
        frame_skip: Physics substeps per control step.
        fields: ``MjData`` fields that the family reads, besides ``qpos`` and ``qvel``.
        camera: Name of a camera of the model for pictures; None for a free camera.
        lookat_body: Body that a free camera follows.
        control: ``(action) -> control``, both ``[..., action]``, if the actuators' range is not [-1, 1].
        drive: ``(state, action, task) -> fields``, if an action is more than controls. The fields of ``MjData``, such
            as ``ctrl``, ``mocap_pos`` or ``qpos``, each ``[task, episode, ...]``, are set before the substeps.
        keyframe: Keyframe of the model that is the nominal initial state, activations, controls, mocap poses and time
            included; None for the initial pose at rest.
        lagging: Whether derived fields may be those of the state before the last substep, as ``mj_step`` leaves them.
            By default they are brought up to date, which takes longer. Forces, such as those of touch sensors, are
            those of the last substep in both cases. A lagging world must not read fields that ``mj_step`` does not
            compute.
        double_precision: Whether the physics fails in single precision, such as where a light object rests on stiff
            contacts. Simulators with single precision refuse such a world.

    Raises:
        UserError: For a ``frame_skip`` that is not a whole number of at least 1, or a field that does not exist.
    """

    spec: Callable[[], mujoco.MjSpec]
    _: KW_ONLY
    frame_skip: int
    fields: tuple[str, ...] = ()
    camera: str | None = None
    lookat_body: str | None = None
    control: Callable[[Tensor], Tensor] | None = None
    drive: Callable[[State, Tensor, Columns], State] | None = None
    keyframe: str | None = None
    lagging: bool = False
    double_precision: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "frame_skip", checks.count("frame_skip", self.frame_skip))
        checks.names("fields", self.fields, 'such as ("sensordata", "xpos")')
        object.__setattr__(self, "fields", tuple(self.fields))
        for name in self.fields:
            if not hasattr(mujoco.MjData, name):
                raise unknown("field of MjData", name, [n for n in dir(mujoco.MjData) if not n.startswith("_")])

    def inputs(self, state: State, action: Tensor, task: Columns) -> State:
        """What an action sets in each world, by field of ``MjData``, each ``[task, episode, ...]``.

        Args:
            state: The fields of the worlds.
            action: ``[task, episode, action]``.
            task: Columns of the tasks.
        """
        if self.drive is not None:
            return self.drive(state, action, task)
        return {"ctrl": action if self.control is None else self.control(action)}


@dataclass(frozen=True)
class ClosedFormWorld:
    """Physics by a formula in torch, for probe tasks whose answers are known.

    Attributes:
        initial: Nominal state, each entry without task and episode axes.
        dynamics: ``(state, action, task) -> state``.
        draw: ``(trace, task, size) -> image``, uint8 ``[size, size, 3]``, of one world. ``trace`` holds the states so
            far, each entry a 1-D array, and ``task`` is the task row.
    """

    initial: Mapping[str, tuple[float, ...]]
    dynamics: Callable[[State, Tensor, Columns], State]
    draw: Callable[[Sequence[Mapping[str, np.ndarray]], Mapping[str, float], int], np.ndarray]


@dataclass(frozen=True)
class Source:
    """Where a family comes from, in plain sentences; "" where there is nothing to say.

    Attributes:
        citation: The paper or package the task comes from, or "our own", and the numbers of the simulation.
        reward: The reward, in words or as a formula, and when episodes end.
        differences: How the task differs from the original.
    """

    citation: str
    reward: str = ""
    differences: str = ""


class _FromMjcf:
    """Looks up :func:`robotmeta.envs.from_mjcf` when it is used, because that function is built on this module."""

    def __get__(self, family: TaskFamily | None, kind: type[TaskFamily]) -> Callable[..., TaskFamily]:
        return sys.modules["robotmeta.envs"].from_mjcf


_OPTIONAL_FUNCTIONS = ("shaping_reward", "success", "distance", "observe_privileged_state", "reference")


def _never(state: State, task: Columns) -> Tensor | None:
    return None


@dataclass(frozen=True)
class TaskFamily:
    """Robots and worlds that differ in named numbers, with the same observations and actions.

    The functions work on batches in torch, with leading axes ``[task, episode]``. They run at every control step, on
    the device of the state.

    Attributes:
        name: As in ``robotmeta families``.
        summary: One sentence that says what the robot does and what is hidden from the policy.
        source: Where the task comes from, and its reward in words.
        space: What varies.
        world: The physics.
        observations: Name and unit of each observation, in order. With groups, of the numbers in the vector groups.
        actions: Name and unit of each action, in order. Policies act in [-1, 1].
        horizon: Control steps per episode.
        dt: Seconds per control step.
        reset: ``(nominal state, generator, task) -> initial state``; it draws the reset noise.
        observe: ``(state, task) -> observation [task, episode, observation]``, or the groups by name.
        reward: ``(transition) -> [task, episode]``, the reward of one control step.
        shaping_reward: ``(transition) -> [task, episode]``, added to the reward in meta-training if the reward alone
            is too sparse. Policies observe the reward without it, and evaluations count the reward without it.
        terminated: ``(state, task) -> bool [task, episode]``, or None if no episode ends early.
        success: ``(state, task) -> bool [task, episode]``, whether an episode that ends now is a success.
        success_lasts: Seconds at the end of an episode for which ``success`` must hold; 0 for the last step alone.
        distance: ``(state, task) -> [task, episode]``, distance from the goal, m.
        robots: Named robots, each by the columns that differ from the nominal task.
        privileged_state: Name and unit of each quantity that simulation knows and no sensor of the robot measures, in
            order, such as the robot's velocity. Learners may infer it; policies never observe it.
        observe_privileged_state: ``(state, task) -> [task, episode, privileged_state]``.
        init_std: Initial standard deviation of exploration, in action units, for learners that train with PPO; None
            for the learner's default.
        informed: Share of the trials of meta-training in which a policy that infers the task is told it, for families
            in which nothing is known until the robot moves; None for the learner's default.
        observation_groups: Groups of observations by name, in order; None for one vector.
        interface: Tables of what one needs to connect another simulator or a robot by hand: the pose at which angles
            are zero, signs, frames and rewards.
        fit_only: Parameters that no task varies, such as the ranges of joints. A fit searches them too where those of
            ``space`` do not explain a robot; see :attr:`widened`.
        encoded: The parameters that networks know; None for those of ``space``.
        changing: Names of the parameters that may change within an episode, such as a payload. They change neither the
            layout of the state nor the initial pose.
        performance: Name of the privileged quantity that recovers after such a change, such as the robot's speed; None
            for the reward.
        sensors: What measures the observations, and how well. :func:`robotmeta.disturbed` uses it.
        disturbances: Disturbances that the tasks have columns for; None for ideal sensors and no pushes.
        curriculum: The column that is the difficulty of a task, and its levels in meta-training; None to draw tasks as
            ``space`` says.
        told: Names of the parameters that the policy is told, such as a command. Neither networks nor fits infer them.
        memory: What is remembered during an episode, besides the physics; None for nothing.
        measures: Further numbers of an episode. Evaluations show their means.
        reference: ``(state, task) -> [task, episode, action]``, a motion that is added to every action, such as a gait
            in time with a clock. The policy then learns what to change in it (Iscen et al. 2018, "Policies Modulating
            Trajectory Generators", arXiv:1910.02812). The state has what the episode remembers. None for no motion.

    Raises:
        UserError: For an argument of the wrong type or outside its range. The functions themselves are called first by
            :class:`robotmeta.envs.TaskBatchEnv`.
    """

    name: str
    summary: str
    source: Source
    space: ParameterSpace
    world: MujocoWorld | ClosedFormWorld
    observations: tuple[tuple[str, str], ...]
    actions: tuple[tuple[str, str], ...]
    horizon: int
    dt: float
    reset: Callable[[State, torch.Generator, Columns], State]
    observe: Callable[[State, Columns], Observation]
    reward: Callable[[Transition], Tensor]
    terminated: Callable[[State, Columns], Tensor | None] = _never
    shaping_reward: Callable[[Transition], Tensor] | None = None
    success: Callable[[State, Columns], Tensor] | None = None
    success_lasts: float = 0.0
    distance: Callable[[State, Columns], Tensor] | None = None
    robots: Mapping[str, Mapping[str, float]] = field(default_factory=dict, hash=False)
    privileged_state: tuple[tuple[str, str], ...] = ()
    observe_privileged_state: Callable[[State, Columns], Tensor] | None = None
    init_std: float | None = None
    informed: float | None = None
    observation_groups: Mapping[str, ObservationGroup] | None = field(default=None, hash=False)
    interface: tuple[Listing, ...] = field(default=(), hash=False)
    fit_only: tuple[Parameter, ...] = ()
    encoded: ParameterSpace | None = None
    changing: tuple[str, ...] = ()
    performance: str | None = None
    sensors: tuple[Sensor, ...] = ()
    disturbances: Disturbances | None = None
    curriculum: Curriculum | None = None
    told: tuple[str, ...] = ()
    memory: EpisodeMemory | None = None
    measures: tuple[Measure, ...] = ()
    reference: Callable[[State, Columns], Tensor] | None = None

    from_mjcf = _FromMjcf()
    """:func:`robotmeta.from_mjcf`."""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name or not self.name.isprintable():
            raise UserError(f"the name of a family must be a string, not {self.name!r}")
        where = f"family '{self.name}':"
        if not isinstance(self.summary, str):
            raise UserError(f"{where} summary must be a string, not {self.summary!r}")
        if not isinstance(self.source, Source):
            raise UserError(f"{where} source must be a Source, not {self.source!r}")
        if not isinstance(self.space, ParameterSpace):
            raise UserError(f"{where} space must be a ParameterSpace, not {self.space!r}")
        if not isinstance(self.world, MujocoWorld | ClosedFormWorld):
            raise UserError(f"{where} world must be a MujocoWorld or a ClosedFormWorld, not {self.world!r}")
        for what in ("observations", "actions", "privileged_state"):
            optional = what == "privileged_state" or (what == "observations" and self.observation_groups is not None)
            checks.signals(f"{where} {what}", getattr(self, what), at_least=int(not optional))
        for what in ("reset", "observe", "reward", "terminated", *_OPTIONAL_FUNCTIONS):
            function = getattr(self, what)
            if not callable(function) and not (function is None and what in _OPTIONAL_FUNCTIONS):
                raise UserError(f"{where} {what} must be a function, not {function!r}")
        if (self.observe_privileged_state is None) != (not self.privileged_state):
            raise UserError(f"{where} observe_privileged_state and privileged_state must be given together")
        if self.observation_groups is not None:
            named = sum(group.shape[0] for group in self.observation_groups.values() if group.is_vector)
            if named != self.observation_size:
                raise UserError(f"{where} observations must name the {named} numbers of the groups that are vectors")
            if "task" in self.observation_groups:
                raise UserError(f"{where} observation_groups: the name 'task' is for what an oracle observes")
        if not isinstance(self.fit_only, tuple) or not all(isinstance(p, Parameter) for p in self.fit_only):
            raise UserError(f"{where} fit_only must be a tuple of Parameters, not {self.fit_only!r}")
        checks.unique(f"{where} space and fit_only", [p.name for p in (*self.space, *self.fit_only)])
        check_sensors(self.sensors, [name for name, _ in self.observations], where)
        self._check_changing(where)
        self._check_curriculum(where)
        self._check_episodes(where)
        self._check_numbers(where)

    def _check_episodes(self, where: str) -> None:
        checks.names(f"{where} told", self.told, 'such as ("command_x", "command_y")')
        object.__setattr__(self, "told", tuple(self.told))
        for name in self.told:
            if name not in self.space.names:
                raise unknown("parameter", name, self.space.names, where=f"told of family '{self.name}'")
        if set(self.told) == set(self.space.names):
            raise UserError(f"{where} told must leave a parameter that networks infer; it names all of them")
        if not isinstance(self.memory, EpisodeMemory | None):
            raise UserError(f"{where} memory must be an EpisodeMemory, not {self.memory!r}")
        if not isinstance(self.measures, tuple) or not all(isinstance(m, Measure) for m in self.measures):
            raise UserError(f"{where} measures must be a tuple of Measures, not {self.measures!r}")
        checks.unique(f"{where} measures", [measure.name for measure in self.measures])

    def _check_changing(self, where: str) -> None:
        checks.names(f"{where} changing", self.changing, 'such as ("payload", "friction")')
        object.__setattr__(self, "changing", tuple(self.changing))
        checks.unique(f"{where} changing", self.changing)
        for name in self.changing:
            if name not in self.space.names:
                raise unknown("parameter", name, self.space.names, where=f"changing of family '{self.name}'")
        known = [name for name, _ in self.privileged_state]
        if self.performance is not None and self.performance not in known:
            raise unknown("privileged quantity", str(self.performance), known, where=f"performance of '{self.name}'")

    def _check_curriculum(self, where: str) -> None:
        if self.curriculum is None:
            return
        if not isinstance(self.curriculum, Curriculum):
            raise UserError(f"{where} curriculum must be a Curriculum, not {self.curriculum!r}")
        self.curriculum.check(self.space, self.changing, self.success is not None, where)

    def _check_numbers(self, where: str) -> None:
        """Checks numbers, and turns NumPy scalars into Python numbers."""
        object.__setattr__(self, "horizon", checks.count(f"{where} horizon", self.horizon))
        object.__setattr__(self, "dt", checks.positive(f"{where} dt", self.dt))
        object.__setattr__(self, "success_lasts", checks.not_negative(f"{where} success_lasts", self.success_lasts))
        if self.init_std is not None:
            object.__setattr__(self, "init_std", checks.positive(f"{where} init_std", self.init_std))
        if self.informed is not None:
            object.__setattr__(self, "informed", checks.share(f"{where} informed", self.informed))
        if not isinstance(self.robots, Mapping):
            raise UserError(f"{where} robots must be a mapping of names to parameters, not {self.robots!r}")
        robots: dict[str, dict[str, float]] = {}
        for name, row in self.robots.items():
            if not isinstance(name, str) or not isinstance(row, Mapping):
                raise UserError(f"{where} robots: {name!r}: {row!r} must be a name and its parameters by name")
            try:
                read = next(iter(self.space.row(row, where=f"robot '{name}'")))
            except UserError as error:
                raise UserError(f"{where} robots: {error}") from None
            robots[name] = {column: read[column] for column in row}
        plain = all(type(value) is float for row in self.robots.values() for value in row.values())
        if not plain:  # the same mapping tells that a family is checked already
            object.__setattr__(self, "robots", robots)

    @property
    def observation_size(self) -> int:
        return len(self.observations)

    @property
    def action_size(self) -> int:
        return len(self.actions)

    @cached_property
    def inferred(self) -> ParameterSpace:
        """The parameters that networks know and infer: all but those that the policy is told."""
        space = self.encoded or self.space
        return ParameterSpace(tuple(p for p in space if p.name not in self.told)) if self.told else space

    @cached_property
    def encoding(self) -> Encoding:
        """Encodes tasks for networks."""
        return Encoding(self.inferred)

    @cached_property
    def widened(self) -> TaskFamily:
        """The family whose tasks have the parameters of ``fit_only`` too. Networks do not know of these."""
        if not self.fit_only:
            return self
        space = ParameterSpace((*self.space.parameters, *self.fit_only))
        return replace(self, space=space, fit_only=(), encoded=self.encoded or self.space)

    def of_tasks(self, tasks: Tasks) -> TaskFamily:
        """The family itself, or the widened one if the tasks have its parameters."""
        return self.widened if tasks.names == self.widened.space.names else self

    def sample(self, count: int, rng: np.random.Generator) -> Tasks:
        """Draws meta-training tasks."""
        return self.space.sample(count, rng)

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the meta-test splits: ``"test"``, and ``"ood"`` and ``"robots"`` if the family has them."""
        return ("test", *(["ood"] if self.space.has_ood else []), *(["robots"] if self.robots else []))

    def tasks(self, split: str = "test", count: int = 40) -> Tasks:
        """Returns the first ``count`` tasks of a meta-test split.

        Args:
            split: ``"test"`` (held-out tasks), ``"ood"`` (out-of-distribution tasks) or ``"robots"`` (named robots).
                The first two are frozen.
            count: Number of tasks. There are at most as many robots as have a name.

        Raises:
            UserError: For a split that the family does not have.
        """
        if split in ("ood", "robots") and split not in self.splits:
            raise UserError(f"family '{self.name}' has no {split} split; there is: {', '.join(self.splits)}")
        if split == "changing":
            raise UserError("the split changing holds pairs of tasks, for evaluate: TaskFamily.changes returns them")
        if split not in self.splits:
            raise unknown("split", split, [*self.splits, *(["changing"] if self.changing else [])])
        if split == "robots":
            if count < 1:
                raise UserError(f"a split holds at least 1 task, not {count}")
            return Tasks(self.space.names, np.concatenate([self.robot(name).values for name in self.robots]))[:count]
        return self.space.split(split, count)

    def changes(self, tasks: int | Tasks = 40, *, step: int | None = None) -> Changes:
        """Returns tasks that change within an episode, in one parameter of :attr:`changing` each.

        The parameters take turns. Each is nominal before the change, and has the value of the task after it.

        Args:
            tasks: The tasks after the change, or how many of the frozen split ``"test"``.
            step: Control step of the change; None for the middle of an episode.

        Raises:
            UserError: If no parameter changes within an episode, or for a step outside the episode.
        """
        if not self.changing:
            raise UserError(
                f"family '{self.name}' has no changing split: none of its parameters changes within an episode"
            )
        step = self.horizon // 2 if step is None else checks.count("the step of a change", step)
        if not 1 <= step < self.horizon:
            raise UserError(f"the step of a change must be from 1 to {self.horizon - 1}, not {step}")
        after = tasks if isinstance(tasks, Tasks) else self.tasks("test", tasks)
        return away_from_nominal(self.space, self.changing, after, step)

    def task(self, /, **values: float | str) -> Tasks:
        """Returns one task from named values. The other columns are nominal.

        Args:
            values: Columns by name. ``robot``, one of :attr:`robots`, replaces the nominal values by those of a robot.

        Raises:
            UserError: For an unknown robot or parameter, or a value outside its physical range.
        """
        where = f"family '{self.name}'"
        robot = values.pop("robot", None)
        if robot is not None and str(robot) not in self.robots:
            raise unknown("robot", str(robot), self.robots, where=where)
        start = {} if robot is None else self.robots[str(robot)]
        return self.space.row({**start, **values}, where=where)

    def robot(self, name: str, /, **values: float) -> Tasks:
        """Returns the task of a named robot, such as ``family.robot("go2", payload_mass=2.0)``."""
        return self.task(robot=name, **values)


def bounded(action: Tensor) -> Tensor:
    """Clips actions to [-1, 1], the range of every family."""
    return action.clamp(-1.0, 1.0)
