"""Parts of the gripper's families ``reach``, ``push``, ``slide`` and ``grasp``: parameters, measurements and interface.

Actions move the targets of the hand's servos. Policies observe the hand, those targets, the object and the goal. The
object's mass, centre of mass and friction, and the servos' strength and latency are hidden.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from robotmeta.envs.devices import per_device
from robotmeta.envs.distributions import Distribution, LogUniform, Uniform
from robotmeta.envs.draws import uniform_like
from robotmeta.envs.edits import Field
from robotmeta.envs.families import object_state
from robotmeta.envs.families.gripper.model import GRIP, SPEEDS, TILTING, TIMESTEP, show_goal
from robotmeta.envs.family import Columns, State
from robotmeta.envs.parameters import Parameter
from robotmeta.envs.rewards import tolerance

FRAME_SKIP = 4
DT = FRAME_SKIP * TIMESTEP  # 25 control steps a second
TABLE = 0.3  # metres, half the side of the table
CITATION = (
    f"Our own: {FRAME_SKIP} substeps of {1e3 * TIMESTEP:g} ms by Euler's method. Actions move the targets of position "
    "servos."
)

XYZ = ("x", "y", "z")
ARM, HAND = XYZ, tuple(SPEEDS)
_UNITS = {"yaw": "rad", "pitch": "rad"}
_SPEEDS = SPEEDS | {"pitch": TILTING}

# -- what varies -------------------------------------------------------------------------------------------------------


def gain(name: str, description: str, servos: tuple[str, ...], train: Distribution, ood: Distribution) -> Parameter:
    """A multiplier of the stiffness and the force limit of some servos."""
    # Damping stays nominal, so a weak servo lags behind its target and a strong one overshoots it.
    stiffness = Field("actuator_gainprm", rows=servos, column=0), Field("actuator_biasprm", rows=servos, column=1)
    edits = (*stiffness, Field("actuator_forcerange", rows=servos))
    return Parameter(name, description, train=train, nominal=1.0, bounds=(0.05, 2.5), ood=ood, edits=edits)


FINGER_STRENGTH = gain(
    "finger_strength",
    f"multiplier of stiffness and force limit of the fingers, which squeeze with up to {GRIP:g} N",
    ("fingers",),
    LogUniform(0.8, 1.4),
    Uniform(1.4, 1.8),
)


def goal_column(
    axis: int, description: str, train: tuple[float, float], nominal: float, bounds: tuple[float, float]
) -> Parameter:
    """A goal along x (0), y (1) or z (2), m."""
    name = f"goal_{'xyz'[axis]}"
    return Parameter(
        name, description, train=Uniform(*train), nominal=nominal, bounds=bounds, edits=(show_goal(axis),), unit="m"
    )


def strength(axes: tuple[str, ...]) -> Parameter:
    """A multiplier of the strength of the servos that move the hand."""
    description = "multiplier of stiffness and force limit of the servos that move the hand"
    return gain("strength", description, axes, LogUniform(0.5, 1.5), Uniform(0.35, 0.5))


# -- measurements ------------------------------------------------------------------------------------------------------


def uniform(generator: torch.Generator, nominal: State, *ranges: tuple[float, float]) -> Tensor:
    """Draws one number from each range, ``[task, episode, range]``."""
    qpos = nominal["qpos"]
    low, high = torch.tensor(ranges, dtype=torch.float64).T
    return uniform_like(qpos.new_empty(*qpos.shape[:-1], len(ranges)), generator, low, high)


@functools.cache
def _full_speed(axes: tuple[str, ...]) -> Callable[[torch.device], Tensor]:
    return per_device(torch.tensor([_SPEEDS[axis] for axis in axes], dtype=torch.float64))


def servo_targets(state: State, axes: tuple[str, ...]) -> Tensor:
    """Targets of the servos, m or rad ``[..., axis]``."""
    return state["act"] * _full_speed(axes)(state["act"].device)


def activations(targets: Tensor, axes: tuple[str, ...]) -> Tensor:
    """Activations of servos with those targets, m or rad ``[..., axis]``."""
    return targets / _full_speed(axes)(targets.device)


def started(qpos: Tensor, qvel: Tensor, axes: tuple[str, ...]) -> State:
    """An initial state at rest, with the hand at the targets of its servos."""
    act = qpos.new_zeros(*qpos.shape[:-1], len(axes))
    moved = tuple(axis for axis in axes if axis != "fingers")
    act[..., : len(moved)] = activations(qpos[..., : len(moved)], moved)
    return {"qpos": qpos, "qvel": qvel, "act": act}


def turned(vectors: Tensor, angle: Tensor) -> Tensor:
    """Rotates vectors ``[..., 2 or 3]`` about z, rad."""
    x, y = vectors[..., 0], vectors[..., 1]
    cos, sin = angle.cos(), angle.sin()
    return torch.cat([torch.stack([cos * x - sin * y, sin * x + cos * y], dim=-1), vectors[..., 2:]], dim=-1)


def off_table(state: State, task: Columns) -> Tensor:
    """Whether the object fell off the table or through it, bool ``[task, episode]``."""
    return object_state.off_table(state, TABLE)


# -- rewards -----------------------------------------------------------------------------------------------------------


def closeness(distance: Tensor, far: float, exact: float) -> Tensor:
    """Reward in [0, 1] for a distance, ``[task, episode]``.

    Half of it falls linearly to 0 at ``far``. The other half falls to a tenth at ``exact``. Both are in m.
    """
    coarse = tolerance(distance, (0.0, 0.0), far, sigmoid="linear", value_at_margin=0.0)
    fine = tolerance(distance, (0.0, 0.0), exact)
    return (coarse + fine) / 2.0


# -- interface ---------------------------------------------------------------------------------------------------------


def signals(template: str, axes: Sequence[str], rate: str = "") -> tuple[tuple[str, str], ...]:
    """Name and unit of an observation of each axis."""
    return tuple((template.format(axis), f"{_UNITS.get(axis, 'm')}{rate}") for axis in axes)


def actions(axes: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Name and unit of the action of each axis."""
    return tuple((f"{axis}_target", f"{_SPEEDS[axis] * DT:g} {_UNITS.get(axis, 'm')} a step") for axis in axes)
