"""Checks of a family's models and functions. :class:`TaskFamily` itself checks its numbers and names."""

from __future__ import annotations

import traceback
import warnings
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import torch
from torch import Tensor

from robotmeta.envs.edits import SpecEdit
from robotmeta.envs.effects import STEPS, InPlace, check_unwritten, without_effect
from robotmeta.envs.family import Columns, MujocoWorld, State, TaskFamily, Transition
from robotmeta.envs.layout import changed_layout, changed_signals, wider_range
from robotmeta.envs.models import ModelBuilder
from robotmeta.envs.simulators import cpu_simulator, make_simulator
from robotmeta.envs.simulators.protocol import Simulator
from robotmeta.errors import ModelWarning, UserError, reason

_WORLDS = ((2, 3), (2, 1), (1, 3), (1, 1))
"""Tasks and episodes that functions are tried with: unequal ones, so that a result on the wrong axes has a wrong shape,
and one of each, which a function may drop by mistake."""
_families: deque[TaskFamily] = deque(maxlen=16)  # that were checked, with their variants
_functions: deque[tuple[TaskFamily, type[Simulator]]] = deque(maxlen=16)  # families whose functions were, and where


def check_family(family: TaskFamily) -> None:
    """Checks the variants of a family's model, and its functions. The same family under another name passes at once.

    Warns of parameters without effect, of control ranges that no action reaches, and of OOD values that meta-training
    has, too (:class:`robotmeta.errors.ModelWarning`).

    Raises:
        UserError: For a variant that does not compile or has another layout or timestep, or a function that does not
            work.
    """
    if any(_same(family, other) for other in _families):
        return
    if isinstance(family.world, MujocoWorld):
        _check_variants(family, family.world)
    check_functions(family, call(family, "world", _cpu_worlds, family))
    _families.append(family)
    _check_overlaps(family)
    _check_effects(family)


def _cpu_worlds(family: TaskFamily) -> Simulator:
    return make_simulator(family, 1, 1, kind=cpu_simulator(family), threads=1)


def _same(one: TaskFamily, other: TaskFamily) -> bool:
    return all(getattr(one, f.name) is getattr(other, f.name) for f in fields(TaskFamily) if f.name != "name")


def check_edits(family: TaskFamily, model: mujoco.MjModel) -> None:
    """Checks that edits of the structure leave joints and actuators as they are, where all values are nominal.

    Args:
        family: The family, whose world is MuJoCo's.
        model: The model without edits, from which the names of observations and actions come.

    Raises:
        UserError: If they change joints, actuators or the timestep.
    """
    assert isinstance(family.world, MujocoWorld)
    build = call(family, "world", ModelBuilder, family.world.spec, family.space)
    edited = [parameter for parameter in family.space if any(isinstance(edit, SpecEdit) for edit in parameter.edits)]
    variant = ", ".join(f"{parameter.name}={parameter.nominal:g}" for parameter in edited)
    _check_variant(family, variant, changed_signals(model, build.nominal), model, build.nominal)
    wider = wider_range(model, build.nominal)
    if wider is not None:
        _warn_of_range(family, variant, wider)


def _check_variants(family: TaskFamily, world: MujocoWorld) -> None:
    """Builds the model for the extreme values of each parameter, one parameter at a time."""
    build = call(family, "world", ModelBuilder, world.spec, family.space)
    wider: list[tuple[str, str]] = []
    for parameter in family.space:
        for value in parameter.extremes() if parameter.edits else ():
            variant = f"{parameter.name}={value:g}"
            (model,) = call(family, variant, build, family.space.row({parameter.name: value}))
            changed = changed_layout(build.nominal, model, world.fields)
            _check_variant(family, variant, changed, build.nominal, model)
            if parameter.name in family.changing and not np.array_equal(model.qpos0, build.nominal.qpos0):
                raise UserError(
                    f"family '{family.name}': {parameter.name} changes the initial pose, so it cannot change within an "
                    "episode; leave it out of changing"
                )
            found = wider_range(build.nominal, model) if world.drive is None else None
            wider += [] if found is None else [(variant, found)]
    if wider:
        _warn_of_range(family, *wider[0])


def _check_variant(
    family: TaskFamily, variant: str, changed: str | None, before: mujoco.MjModel, now: mujoco.MjModel
) -> None:
    if changed is not None:
        raise UserError(
            f"family '{family.name}': {variant} changes the layout of the state: {changed}; let every variant have the "
            "same bodies, joints and actuators, in the same order"
        )
    if now.opt.timestep != before.opt.timestep:
        raise UserError(
            f"family '{family.name}': {variant} changes the timestep from {before.opt.timestep:g} to "
            f"{now.opt.timestep:g} s; a control step must last as long in every variant"
        )


def _warn_of_range(family: TaskFamily, variant: str, found: str) -> None:
    problem = f"with {variant}, {found}; no action goes beyond that one, so vary the gear or the strength instead"
    warnings.warn(f"family '{family.name}': {problem}", ModelWarning, stacklevel=4)


def _check_overlaps(family: TaskFamily) -> None:
    """Warns of parameters whose OOD values are not out of distribution."""
    found = ((parameter, parameter.overlap()) for parameter in family.space)
    shared = [(parameter, value) for parameter, value in found if value is not None]
    if shared:
        parameter, value = shared[0]
        more = f", and {', '.join(other.name for other, _ in shared[1:])} likewise" if len(shared) > 1 else ""
        problem = (
            f"ood of {parameter.name}, {parameter.ood}, overlaps with train, {parameter.train}: {value:g} is in "
            f"both{more}; the OOD split has tasks of the training distribution then"
        )
        warnings.warn(f"family '{family.name}': {problem}", ModelWarning, stacklevel=3)


def _check_effects(family: TaskFamily) -> None:
    """Warns of parameters without effect, or that the effects could not be tried."""
    try:
        names = without_effect(family)
    except InPlace as error:
        raise UserError(f"family '{family.name}': {error}") from error
    except Exception as error:  # the user's functions may raise anything, in states that no policy may ever reach
        problem = f"the effects of its parameters were not tried, because a test rollout failed: {reason(error)}"
    else:
        if not names:
            return
        what = f"parameter {names[0]} has" if len(names) == 1 else f"parameters {', '.join(names)} have"
        where = f"in a test rollout of {min(STEPS, family.horizon)} steps with several values"
        problem = f"{what} no effect on motion, observations or rewards {where}"
    warnings.warn(f"family '{family.name}': {problem}", ModelWarning, stacklevel=3)


def check_functions(family: TaskFamily, simulator: Simulator) -> None:
    """Calls each function of a family at the start of an episode, for several tasks and episodes in the nominal state.

    A family is checked once with each kind of simulator, because an evaluation makes environments of the same family
    many times.

    Args:
        family: The family.
        simulator: A simulator of this family with nominal tasks. Its worlds need a reset afterwards.

    Raises:
        UserError: For a function that raises, or returns another type or shape, or numbers that are not finite.
    """
    if any(kind is type(simulator) and _same(family, other) for other, kind in _functions):
        return
    start, *_ = [_checked_start(family, _copies(simulator.nominal, worlds)) for worlds in _WORLDS]
    call(family, "reset", simulator.reset, {name: value[:1, :1] for name, value in start.items()})
    states = [_copies(simulator.state, worlds) for worlds in _WORLDS]
    call(family, "a control step", _step, simulator, family.action_size)
    for state in states:
        _check_results(family, state)
    _functions.append((family, type(simulator)))


def _checked_start(family: TaskFamily, nominal: State) -> State:
    """Returns an initial state, and checks it."""
    task = _nominal_task(family, nominal)
    start = call(family, "reset", family.reset, nominal, torch.Generator().manual_seed(0), task)
    if not isinstance(start, Mapping):
        raise UserError(f"family '{family.name}': reset returns a {type(start).__name__}, not a mapping")
    for name, value in nominal.items():
        _check(family, f"reset of {name}", start.get(name), value.shape)
    return start


def _nominal_task(family: TaskFamily, state: State) -> Columns:
    some = next(iter(state.values()))
    return family.space.nominal(len(some)).columns(some.device)


def _check_results(family: TaskFamily, state: State) -> None:
    """Calls each function that reads a state, and checks what it returns."""
    task, some = _nominal_task(family, state), next(iter(state.values()))
    worlds = tuple(some.shape[:2])
    still = torch.zeros(*worlds, family.action_size, device=some.device)
    state = {**state, **_check_memory(family, state, still, task)}
    step = Transition(state, still, state, task)
    observation = _unchanged(family, "observe", family.observe, state, task)
    if family.observation_groups is None:
        _check(family, "observe", observation, (*worlds, family.observation_size))
    elif not isinstance(observation, Mapping):
        raise UserError(f"family '{family.name}': observe returns a {type(observation).__name__}, not a mapping")
    else:
        for name, group in family.observation_groups.items():
            _check(family, f"observe of {name}", observation.get(name), (*worlds, *group.shape))
    progress = None if family.curriculum is None else family.curriculum.progress
    for what, function, arguments, size in (
        (
            "observe_privileged_state",
            family.observe_privileged_state,
            (state, task),
            (len(family.privileged_state),),
        ),
        ("reference", family.reference, (state, task), (family.action_size,)),
        ("reward", family.reward, (step,), ()),
        ("shaping_reward", family.shaping_reward, (step,), ()),
        ("distance", family.distance, (state, task), ()),
        ("success", family.success, (state, task), ()),
        ("terminated", family.terminated, (state, task), ()),
        ("progress", progress, (state, task), ()),
    ):
        result = None if function is None else _unchanged(family, what, function, *arguments)
        if function is not None and not (what == "terminated" and result is None):
            _check(family, what, result, (*worlds, *size), logical=what in ("success", "terminated"))
    for measure in family.measures:
        number = _unchanged(family, measure.name, measure.of, state, task)
        _check(family, measure.name, number, worlds, finite=False)


def _check_memory(family: TaskFamily, state: State, action: Tensor, task: Columns) -> State:
    """What the family remembers after a step without motion.

    Raises:
        UserError: For anything but a mapping, an entry that the simulator has, too, or one of another shape.
    """
    memory = family.memory
    if memory is None:
        return {}
    first = call(family, "memory.start", memory.start, state, torch.Generator().manual_seed(0), task)
    if not isinstance(first, Mapping):
        raise UserError(f"family '{family.name}': memory.start returns a {type(first).__name__}, not a mapping")
    shapes = {name: [*action.shape[:2], *getattr(value, "shape", ())[2:]] for name, value in first.items()}
    _check_entries(family, "memory.start", first, shapes, state)
    now = call(family, "memory.advance", memory.advance, Transition({**state, **first}, action, state, task))
    _check_entries(family, "memory.advance", now, shapes, state)
    return now


def _check_entries(
    family: TaskFamily, what: str, memory: object, shapes: Mapping[str, list[int]], simulated: State
) -> None:
    entries = memory if isinstance(memory, Mapping) else {}
    for name, shape in shapes.items():
        if name in simulated:
            raise UserError(f"family '{family.name}': {what} returns '{name}', which the simulator has already")
        value = entries.get(name)
        if not isinstance(value, Tensor) or list(value.shape) != shape:
            raise UserError(f"family '{family.name}': {what} must return '{name}' with the shape {shape}")


def _copies(state: State, worlds: tuple[int, int]) -> dict[str, Tensor]:
    """Returns the state of the first world, copied to every episode of every task."""
    return {name: value[:1, :1].expand(*worlds, *value.shape[2:]).clone() for name, value in state.items()}


def _step(simulator: Simulator, actions: int) -> None:
    """Advances the first world by one control step, which shows whether the simulator takes the family's actions."""
    worlds = next(iter(simulator.state.values())).shape[:2]
    active = torch.zeros(worlds, dtype=torch.bool, device=simulator.device)
    active[0, 0] = True
    simulator.step(torch.zeros(*worlds, actions, device=simulator.device), active)


def _unchanged(family: TaskFamily, what: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a function of a family that must not write into its arguments.

    What it wrote would move the robot or change the task.
    """
    parts = [part for given in arguments for part in _parts(given)]
    before = [{name: value.clone() for name, value in part.items()} for part in parts]
    result = call(family, what, function, *arguments)
    for part, earlier in zip(parts, before, strict=True):
        check_unwritten(f"family '{family.name}': {what}", part, earlier)
    return result


def _parts(given: Any) -> list[Mapping[str, Tensor]]:
    """The tensors of a state, of the columns of tasks, or of a transition."""
    if isinstance(given, Transition):
        return [given.before, {"action": given.action}, given.after, given.task]
    return [given]


def call(family: TaskFamily, what: str, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Calls a function of a family.

    Args:
        family: The family, for errors.
        what: Name of the function.
        function: The function.
        *arguments: Its arguments.
        **options: Its keyword arguments.

    Raises:
        UserError: For anything that the function raises, with the place in the user's file.
    """
    try:
        return function(*arguments, **options)
    except UserError as error:
        raise UserError(f"family '{family.name}': {error}") from error
    except Exception as error:  # the user's code may raise anything
        raise UserError(f"family '{family.name}': {what} raises {reason(error)}{_place(error)}") from error


def _place(error: Exception) -> str:
    """Where an error was raised, in the deepest frame of a file that is not of a package."""
    ours = str(Path(__file__).parents[1])
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((ours, "<")) and "site-packages" not in frame.filename
    ]
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""


def _check(
    family: TaskFamily,
    what: str,
    result: object,
    shape: tuple[int, ...],
    *,
    logical: bool = False,
    finite: bool = True,
) -> None:
    wrong = None
    if not isinstance(result, Tensor):
        wrong = f"returns a {type(result).__name__}, not a tensor"
    elif tuple(result.shape) != tuple(shape):
        tasks = "1 task of" if shape[0] == 1 else f"{shape[0]} tasks of"
        needed = f"{shape[1]} episode{'s' * (shape[1] > 1)} need{'s' * (shape[0] == 1)} {list(shape)}"
        wrong = f"returns the shape {list(result.shape)}; {tasks} {needed}"
    elif logical != (result.dtype == torch.bool):
        wrong = f"returns {result.dtype}, not {'bool' if logical else 'numbers'}"
    elif result.is_complex():
        wrong = f"returns {result.dtype}, not real numbers"
    elif finite and not bool(result.isfinite().all()):
        wrong = "is not finite at the start of an episode"
    if wrong:
        raise UserError(f"family '{family.name}': {what} {wrong}")
