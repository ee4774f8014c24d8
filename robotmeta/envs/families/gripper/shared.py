"""What the families of the gripper share: ``reach``, ``push``, ``slide`` and ``grasp``, each a file of its own.

Policies move the targets of the hand's servos and see the hand, those targets, the object and the goal. What the object
weighs, where its centre of mass is, how slippery things are, how strong and how late the servos are they have to find
out.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from robotmeta.envs.devices import per_device
from robotmeta.envs.draws import uniform_like
from robotmeta.envs.edits import Field
from robotmeta.envs.families import objects
from robotmeta.envs.families.gripper.model import SPEEDS, TIMESTEP, show_goal
from robotmeta.envs.family import Columns, State
from robotmeta.envs.parameters import Distribution, LogUniform, Parameter, Uniform
from robotmeta.envs.rewards import tolerance

FRAME_SKIP = 4
DT = FRAME_SKIP * TIMESTEP  # 25 decisions a second
TABLE = 0.3  # metres, half its side
CITATION = (
    f"Our own: {FRAME_SKIP} substeps of {1e3 * TIMESTEP:g} ms by Euler's method. Actions move the targets of position "
    "servos."
)

XYZ = ("x", "y", "z")
ARM, HAND = XYZ, tuple(SPEEDS)
_UNITS = {"yaw": "rad"}

# -- what varies -----------------------------------------------------------------------------------------------------


def gain(name: str, description: str, servos: tuple[str, ...], train: Distribution, ood: Distribution) -> Parameter:
    """A multiplier of the stiffness and the force limit of some servos."""
    # Their damping stays: a weak servo lags behind its target, a strong one overshoots it.
    stiffness = Field("actuator_gainprm", rows=servos, column=0), Field("actuator_biasprm", rows=servos, column=1)
    edits = (*stiffness, Field("actuator_forcerange", rows=servos))
    return Parameter(name, description, train=train, nominal=1.0, bounds=(0.05, 2.5), ood=ood, edits=edits)


def goal_column(
    axis: int, description: str, train: tuple[float, float], nominal: float, bounds: tuple[float, float]
) -> Parameter:
    """Where to bring something, along x (0), y (1) or z (2), m."""
    name = f"goal_{'xyz'[axis]}"
    return Parameter(
        name, description, train=Uniform(*train), nominal=nominal, bounds=bounds, edits=(show_goal(axis),), unit="m"
    )


def strength(axes: tuple[str, ...]) -> Parameter:
    """How strong the hand's own servos are."""
    description = "multiplier of stiffness and force limit of the servos that move the hand"
    return gain("strength", description, axes, LogUniform(0.5, 1.5), Uniform(0.35, 0.5))


# -- physics measurements --------------------------------------------------------------------------------------------


def uniform(generator: torch.Generator, nominal: State, *ranges: tuple[float, float]) -> Tensor:
    """Independent draws, one a range, ``[task, episode, range]``."""
    qpos = nominal["qpos"]
    low, high = torch.tensor(ranges, dtype=torch.float64).T
    return uniform_like(qpos.new_empty(*qpos.shape[:-1], len(ranges)), generator, low, high)


@functools.cache
def _full_speed(axes: tuple[str, ...]) -> Callable[[torch.device], Tensor]:
    return per_device(torch.tensor([SPEEDS[axis] for axis in axes], dtype=torch.float64))


def servo_targets(state: State, axes: tuple[str, ...]) -> Tensor:
    """Where the servos are told to be, m or rad ``[..., axis]``."""
    return state["act"] * _full_speed(axes)(state["act"].device)


def started(qpos: Tensor, qvel: Tensor, axes: tuple[str, ...]) -> State:
    """An initial state at rest, with the hand where its servos want it."""
    act = qpos.new_zeros(*qpos.shape[:-1], len(axes))
    moved = tuple(axis for axis in axes if axis != "fingers")
    act[..., : len(moved)] = qpos[..., : len(moved)] / _full_speed(moved)(qpos.device)
    return {"qpos": qpos, "qvel": qvel, "act": act}


def turned(vectors: Tensor, angle: Tensor) -> Tensor:
    """Turns vectors ``[..., 2 or 3]`` about z."""
    x, y = vectors[..., 0], vectors[..., 1]
    cos, sin = angle.cos(), angle.sin()
    return torch.cat([torch.stack([cos * x - sin * y, sin * x + cos * y], dim=-1), vectors[..., 2:]], dim=-1)


def off_table(state: State, task: Columns) -> Tensor:
    """Whether the object fell off the table, or through it, bool ``[task, episode]``."""
    return objects.off_table(state, TABLE)


# -- rewards ---------------------------------------------------------------------------------------------------------


def closeness(distance: Tensor, far: float, exact: float) -> Tensor:
    """Half for coming close from ``far``, half for being exact, of which a tenth is left at ``exact``; both in m."""
    coarse = tolerance(distance, (0.0, 0.0), far, sigmoid="linear", value_at_margin=0.0)
    fine = tolerance(distance, (0.0, 0.0), exact)
    return (coarse + fine) / 2.0


# -- interface -------------------------------------------------------------------------------------------------------


def signals(template: str, axes: Sequence[str], rate: str = "") -> tuple[tuple[str, str], ...]:
    """Names and units of observations, one an axis."""
    return tuple((template.format(axis), f"{_UNITS.get(axis, 'm')}{rate}") for axis in axes)


def actions(axes: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Names and units of actions, one an axis."""
    return tuple((f"{axis}_target", f"{SPEEDS[axis] * DT:g} {_UNITS.get(axis, 'm')} a step") for axis in axes)
