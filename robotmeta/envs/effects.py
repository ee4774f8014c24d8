"""Which parameters of a family have no effect, as short rollouts with several values of each one show."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import mujoco
import numpy as np
import torch
from torch import Tensor

from robotmeta.envs.distributions import Choice
from robotmeta.envs.draws import normal_like
from robotmeta.envs.family import Columns, MujocoWorld, State, TaskFamily, Transition
from robotmeta.envs.friction import KINDS, decides
from robotmeta.envs.models import ModelBuilder
from robotmeta.envs.parameters import Parameter
from robotmeta.envs.signals import FloatingBase
from robotmeta.envs.simulators import cpu_simulator, make_simulator
from robotmeta.envs.tasks import Tasks
from robotmeta.errors import UserError

STEPS = 25
"""Control steps of the longest test rollout."""
_ROLLOUT = "in a test rollout, a function"

_AT_ONCE = 8  # parameters that are tried together; some models need much memory for each world
_VALUES = 3  # of each parameter
_EPISODES = 2  # one with actions anywhere in their range, and one with actions at its ends, which limits hold back
_HELD = 3  # control steps for which an action is held, so that the robot moves
_SPEED = 0.5  # standard deviation of the initial velocities in the second one, m/s and rad/s
_OTHER_TASKS = 2  # in which a parameter without effect on the nominal task is tried too
_SAME = 1e-9  # relative difference up to which numbers are the same

# What matters where things touch or reach a limit. A short rollout may not get there.
_RARE = tuple(
    [
        "geom_type",
        "geom_con",
        "geom_dataid",
        "geom_priority",
        "geom_sol",
        "geom_size",
        "geom_pos",
        "geom_quat",
        "geom_friction",
        "geom_margin",
        "geom_gap",
        "geom_surfacevel",
        "geom_adhesion",
        "pair_",
        "hfield_",
        "flex",
        "eq_",
        "body_pos",
        "body_quat",
        "jnt_range",
        "jnt_sol",
        "jnt_margin",
        "jnt_actfrcrange",
        "tendon_range",
        "tendon_sol",
        "tendon_actfrcrange",
        "actuator_forcerange",
        "actuator_ctrlrange",
        "actuator_actrange",
    ]
)


def without_effect(family: TaskFamily) -> list[str]:
    """Returns the names of the parameters that change nothing that was simulated, observed or rewarded.

    The task is the nominal one, in which the parameter has its smallest, its largest or a value between them; the
    actions and the reset noise are the same. If that makes no difference, other tasks are tried. A parameter that acts
    where things touch or reach a limit is not among them, and neither is a goal that a function of the family reads.
    """
    disturbances = () if family.disturbances is None else family.disturbances.columns
    nominal, parameters = family.space.nominal(), [p for p in family.space if p.name not in disturbances]
    groups = [parameters[start : start + _AT_ONCE] for start in range(0, len(parameters), _AT_ONCE)]
    left = [parameter for group in groups for parameter in _unchanged(family, group, nominal)]
    others = family.sample(_OTHER_TASKS, np.random.default_rng(0))
    for other in range(_OTHER_TASKS if left else 0):
        left = _unchanged(family, left, others[other : other + 1])
    return [parameter.name for parameter in left if not _acts_rarely(family, parameter, nominal)]


# -- rollouts ----------------------------------------------------------------------------------------------------------


class _Read(dict[str, Tensor]):
    """Columns of tasks that note which of them were read."""

    def __init__(self, columns: Columns) -> None:
        super().__init__(columns)
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> Tensor:
        self.names.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Tensor | None = None) -> Tensor | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.names.add(name)
        return super().get(name, default)


def _unchanged(family: TaskFamily, parameters: Sequence[Parameter], base: Tasks) -> list[Parameter]:
    """Returns the parameters that make no difference to a task, without goals that a function reads."""
    if not parameters:
        return []
    tasks = _variants(family, parameters, base)
    columns = _Read(tasks.columns())
    left = torch.ones(len(parameters), dtype=torch.bool)
    for values in _rollout(family, tasks, columns):
        for value in values:
            each = value.flatten(1).double().unflatten(0, (-1, _VALUES))
            left &= torch.isclose(each, each[:, :1], rtol=_SAME, atol=_SAME, equal_nan=True).all(-1).all(-1)
        if not left.any():
            break
    unchanged = [p for p, same in zip(parameters, left.tolist(), strict=True) if same]
    return [p for p in unchanged if p.edits or p.name not in columns.names]


def _variants(family: TaskFamily, parameters: Sequence[Parameter], base: Tasks) -> Tasks:
    """Returns the task with the smallest, a middle and the largest value of each parameter, in this order.

    The ends alone may be the same, such as those of an angle.
    """
    values = np.repeat(base.values, _VALUES * len(parameters), axis=0)
    for number, parameter in enumerate(parameters):
        known = parameter.extremes()
        known_middle = len(known) > 2 or isinstance(parameter.train, Choice)
        middle = known[len(known) // 2] if known_middle else known[0] + 0.4 * (known[-1] - known[0])
        column = family.space.names.index(parameter.name)
        values[_VALUES * number : _VALUES * (number + 1), column] = known[0], middle, known[-1]
    return Tasks(base.names, values)


def _rollout(family: TaskFamily, tasks: Tasks, columns: Columns) -> Iterator[list[Tensor]]:
    """Yields all that is simulated, observed and rewarded, each ``[task, episode, ...]``, step by step."""
    simulator = make_simulator(family, len(tasks), _EPISODES, kind=cpu_simulator(family))
    simulator.load(tasks)
    nominal = {n: v.expand(-1, _EPISODES, *v.shape[2:]) for n, v in simulator.nominal.items()}
    simulator.reset(_starts(family, nominal, columns))
    state = {name: value.clone() for name, value in simulator.state.items()}
    state |= _memories(family, state, columns)
    given = {name: value.clone() for name, value in columns.items()}
    measured = _measured(family, state, columns)
    check_unwritten(_ROLLOUT, {**state, **columns}, {**simulator.state, **given})
    yield measured
    generator = torch.Generator().manual_seed(1)
    action = torch.empty(0)
    for step in range(min(STEPS, family.horizon)):
        if step % _HELD == 0:
            action = 2.0 * torch.rand(1, _EPISODES, family.action_size, generator=generator) - 1.0
            action[:, 1:] = action[:, 1:].sign()
            action = action.expand(len(tasks), -1, -1).contiguous()
        simulator.step(action, None)
        after = {name: value.clone() for name, value in simulator.state.items()}
        transition = Transition(state, action, after, columns)
        if family.memory is not None:
            after |= family.memory.advance(transition)
        rewards = [family.reward(transition)]
        if family.shaping_reward is not None:
            rewards.append(family.shaping_reward(transition))
        measured = _measured(family, after, columns)
        check_unwritten(_ROLLOUT, {**after, **columns}, {**simulator.state, **given})
        yield [*measured, *rewards]
        state = after


class InPlace(UserError):
    """A function of a family that writes into its arguments."""


def check_unwritten(what: str, now: Mapping[str, Tensor], before: Mapping[str, Tensor]) -> None:
    """Raises InPlace if a function has changed one of the tensors that it was given.

    Args:
        what: The function.
        now: The tensors after the call.
        before: Copies from before the call; others may come to be there.
    """
    for name, value in before.items():
        if not torch.equal(now[name].nan_to_num(), value.nan_to_num()):
            raise InPlace(f"{what} changes its argument {name} in place; write x = x - 1, not x -= 1")


def _starts(family: TaskFamily, nominal: State, columns: Columns) -> State:
    """Draws the same reset noise for every task. Velocities are added in the second episode."""
    start = _drawn(family.reset, nominal, columns)
    if "qvel" in start:
        speed = normal_like(start["qvel"][:1, 1:], torch.Generator().manual_seed(2), scale=_SPEED)
        start["qvel"] = torch.cat([start["qvel"][:, :1], start["qvel"][:, 1:] + speed], dim=1)
    return start


def _memories(family: TaskFamily, state: State, columns: Columns) -> State:
    """What the family remembers at the start, with the same chance for every task."""
    return {} if family.memory is None else _drawn(family.memory.start, state, columns)


def _drawn(
    draw: Callable[[State, torch.Generator, Columns], State], state: State, columns: Columns
) -> dict[str, Tensor]:
    """Draws the same random numbers for every task."""
    drawn: list[State] = []
    for task in range(len(next(iter(state.values())))):
        own = _Read({name: value[task : task + 1] for name, value in columns.items()})
        one = {name: value[task : task + 1].clone() for name, value in state.items()}
        drawn.append(draw(one, torch.Generator().manual_seed(0), own))
        if isinstance(columns, _Read):
            columns.names |= own.names
    return {name: torch.cat([values[name] for values in drawn]) for name in drawn[0]}


def _measured(family: TaskFamily, state: State, columns: Columns) -> list[Tensor]:
    observation = family.observe(state, columns)
    groups = [observation] if isinstance(observation, Tensor) else list(observation.values())
    functions = (family.terminated, family.success, family.distance, family.observe_privileged_state)
    results = [function(state, columns) for function in functions if function is not None]
    return [*state.values(), *groups, *(result for result in results if result is not None)]


# -- models ------------------------------------------------------------------------------------------------------------


def _acts_rarely(family: TaskFamily, parameter: Parameter, base: Tasks) -> bool:
    """Whether the models at both ends differ in something that a short rollout need not show."""
    if not isinstance(family.world, MujocoWorld):
        return False
    low, _, high = ModelBuilder(family.world.spec, family.space)(_variants(family, [parameter], base))
    differing = {name for name in mujoco.MjModel._all_fields if not _equal(low, high, name)}
    if differing == {"geom_friction"}:
        return any(_has_friction(low, high, column) for column in range(len(KINDS)))
    return any(name.startswith(_RARE) for name in differing) or _is_of_an_object(low, high)


def _equal(low: mujoco.MjModel, high: mujoco.MjModel, field: str) -> bool:
    values = getattr(low, field), getattr(high, field)
    if not all(isinstance(value, np.ndarray) for value in values):
        return True
    return values[0].shape == values[1].shape and np.array_equal(*values)


def _has_friction(low: mujoco.MjModel, high: mujoco.MjModel, column: int) -> bool:
    frictions = np.stack([low.geom_friction[:, column], high.geom_friction[:, column]])
    geoms = np.flatnonzero(frictions[0] != frictions[1]).tolist()
    return decides({geom: float(frictions[:, geom].min()) for geom in geoms}, KINDS[column], low)


def _is_of_an_object(low: mujoco.MjModel, high: mujoco.MjModel) -> bool:
    """Whether the mass of something changes that moves without actuators. It shows when a robot pushes or lifts it."""
    bodies = np.flatnonzero((low.body_mass != high.body_mass) & (low.body_treeid >= 0))
    return bool(set(low.body_rootid[bodies].tolist()) - set(FloatingBase(low).roots))
