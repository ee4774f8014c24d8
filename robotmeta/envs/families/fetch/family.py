"""Fetch: an arm reaches, pushes, slides, or picks and places; its motion or the object's properties are hidden.

The worlds are those of ``FetchReach-v4``, ``FetchPush-v4``, ``FetchSlide-v4`` and ``FetchPickAndPlace-v4`` of
gymnasium-robotics (Plappert et al. 2018, arXiv:1802.09464). Observations are the package's, flattened as by Gymnasium's
``FlattenObservation``, so that a policy also fits the package's environments.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import mujoco
import numpy as np
import torch
from torch import Tensor

from robotmeta.envs.distributions import Distribution, LogUniform, Uniform, Union
from robotmeta.envs.draws import uniform_like
from robotmeta.envs.edits import Edit, Field, ModelEdit, Row
from robotmeta.envs.families.fetch.model import (
    ARM,
    FIELDS,
    FINGERS,
    MASS,
    OBJECT,
    PICK,
    PUSH,
    REACH,
    SIZE,
    SLIDE,
    START,
    STRIDE,
    SUBSTEPS,
    Scene,
    build,
    drive,
    height_at_rest,
    ready,
    resize,
    weigh,
)
from robotmeta.envs.family import Columns, MujocoWorld, Source, State, TaskFamily, Transition
from robotmeta.envs.parameters import Parameter, ParameterSpace

_DT = 0.04  # seconds a control step; observed velocities are in metres and radians a control step
_HORIZON = 50
_THERE = 0.05  # metres to the goal, within which the gripper or the object has arrived
_CLEAR = 0.1  # metres, the smallest initial distance of an object of nominal size from the gripper
_XYZ = "xyz"

_SHAPING = 0.5  # largest shaping reward for the gripper's position, equal to half a metre of the object's distance
_PLEDGE = 0.2  # constant part of the shaping reward
_NEAR = 0.1  # metres at which the shaping reward falls to 1/e
_OPENING = 0.1  # metres between the open fingers
_FINGER = 0.01  # metres from the grip to the outer sides of the fingers

# -- what varies -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OnTableOrAbove:
    """A height: 0 or uniform on [0, highest], each with probability 1/2."""

    highest: float

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray:
        return rng.uniform(0.0, self.highest, count) * (rng.uniform(size=count) < 0.5)

    @property
    def support(self) -> tuple[float, float]:
        return 0.0, self.highest

    def __str__(self) -> str:
        return f"0 or U(0, {self.highest:g})"


def _dot(scene: Scene, row: Row) -> np.ndarray:
    """Position of the goal in pictures, m ``[3]``."""
    task = {name: torch.tensor([[value]], dtype=torch.float64) for name, value in row.items()}
    return _goal(scene, task)[0, 0].numpy()


def _show_goal(scene: Scene, model: mujoco.MjModel, value: float, row: Row) -> None:
    model.site("goal").pos[:] = _dot(scene, row)


def _goal_column(
    scene: Scene,
    axis: str,
    where: str,
    nominal: float,
    train: Distribution,
    ood: Distribution,
    bounds: tuple[float, float],
) -> Parameter:
    edits = (ModelEdit(partial(_show_goal, scene)),)
    return Parameter(
        f"goal_{axis}", f"goal {where}", train=train, nominal=nominal, bounds=bounds, ood=ood, edits=edits, unit="m"
    )


_FAR = Union(((-0.2, -0.15), (0.15, 0.2)))


def _near(scene: Scene, axis: str, where: str, bounds: tuple[float, float], far: Distribution = _FAR) -> Parameter:
    return _goal_column(scene, axis, f"{where} the gripper's start", 0.1, Uniform(-0.15, 0.15), far, bounds)


def _object(what: str) -> tuple[Parameter, ...]:
    return (
        Parameter(
            "mass",
            "mass of the object",
            train=LogUniform(0.5, 4.0),
            nominal=MASS,
            bounds=(0.02, 20.0),
            ood=Union(((0.25, 0.5), (4.0, 8.0))),
            edits=(ModelEdit(weigh),),
            unit="kg",
        ),
        Parameter(
            "size",
            what,
            train=Uniform(0.035, 0.065),
            nominal=SIZE,
            bounds=(0.02, 0.09),  # the gripper opens to 0.1 m
            ood=Union(((0.025, 0.035), (0.065, 0.08))),
            edits=(ModelEdit(resize),),
            unit="m",
        ),
    )


def _friction(nominal: float, train: Distribution, ood: Distribution) -> Parameter:
    # The friction of two surfaces is the larger one of theirs. That of the fingers stays 1.
    edits: tuple[Edit, ...] = (Field("geom_friction", "set", rows=("table0", "object0"), column=0),)
    return Parameter(
        "friction",
        "sliding friction between object and table",
        train=train,
        nominal=nominal,
        bounds=(0.0, 3.0),
        ood=ood,
        edits=edits,
    )


_ROUGH = _friction(1.0, LogUniform(0.25, 1.0), Union(((0.1, 0.25), (1.0, 1.5))))
_SMOOTH = _friction(0.1, LogUniform(0.05, 0.2), Union(((0.02, 0.05), (0.2, 0.4))))
_HEADING = Parameter(
    "heading",
    "angle by which the gripper moves to the left of the action",
    train=Uniform(-120.0, 120.0),
    nominal=0.0,
    bounds=(-180.0, 180.0),
    ood=Union(((-180.0, -120.0), (120.0, 180.0))),
    unit="deg",
)
_GAIN = Parameter(
    "gain",
    "multiplier of the gripper's motion",
    train=LogUniform(0.4, 1.5),
    nominal=1.0,
    bounds=(0.0, 3.0),
    ood=Union(((0.25, 0.4), (1.5, 2.0))),
)


def _on_table(scene: Scene) -> tuple[Parameter, Parameter]:
    """Goals on the table. Its edges are 0.2 m ahead of the gripper's start and 0.35 m to the sides."""
    return _near(scene, "x", "ahead of", (-0.25, 0.2)), _near(scene, "y", "to the left of", (-0.3, 0.3))


# -- measurements ------------------------------------------------------------------------------------------------------


def _named(name: str, unit: str) -> tuple[tuple[str, str], ...]:
    return tuple((f"{name}_{axis}", unit) for axis in _XYZ)


def _observations(scene: Scene) -> tuple[tuple[str, str], ...]:
    fingers = ("right_finger", "left_finger")
    thing = scene.object is not None
    return (
        *_named("achieved", "m"),
        *_named("goal", "m"),
        *_named("gripper", "m"),
        *(_named("object", "m") + _named("object_from_gripper", "m") if thing else ()),
        *((finger, "m") for finger in fingers),
        *(_named("object_angle", "rad") + _named("object_velocity", "m/step, from the gripper's") if thing else ()),
        *(_named("object_angular_velocity", "rad/step") if thing else ()),
        *_named("gripper_velocity", "m/step"),
        *((f"{finger}_velocity", "m/step") for finger in fingers),
    )


def _actions(scene: Scene) -> tuple[tuple[str, str], ...]:
    fingers = "1 open, -1 shut" if scene.grips else "no effect, as in the package"
    return (*_named("gripper_move", f"{STRIDE:g} m"), ("fingers", fingers))


def _goal(scene: Scene, task: Columns) -> Tensor:
    """Position of the goal, m ``[task, 1, 3]``."""
    x, y, z = ready(scene).gripper
    if scene.object is None:
        z = z + task["goal_z"]
    else:
        z = height_at_rest(scene, task["size"]) + task.get("goal_height", 0.0)
    return torch.stack([x + task["goal_x"], y + task["goal_y"], z], dim=-1)


def _achieved(scene: Scene, state: State) -> Tensor:
    """Position of the object, or of the gripper in a scene without an object, m ``[task, episode, 3]``."""
    return (ready(scene).object or ready(scene).grip).position(state)


def _distance(scene: Scene, state: State, task: Columns) -> Tensor:
    return (_achieved(scene, state) - _goal(scene, task)).norm(dim=-1)


def _angles(matrix: Tensor) -> Tensor:
    """Euler angles of a rotation matrix ``[..., 9]`` about x, the new y and the new z, rad ``[..., 3]``."""
    xx, xy, xz, _, _, yz, _, _, zz = matrix.unbind(dim=-1)
    return torch.stack([torch.atan2(-yz, zz), torch.atan2(xz, torch.hypot(zz, yz)), torch.atan2(-xy, xx)], dim=-1)


def _observe(scene: Scene, state: State, task: Columns) -> Tensor:
    grip, thing = ready(scene).grip, ready(scene).object
    gripper, velocity = grip.position(state), _DT * grip.velocity(state)[0]
    fingers = state["qpos"][..., FINGERS]
    if not scene.grips:
        fingers = torch.zeros_like(fingers)  # where they are put back
    where, motion = [gripper], []
    if thing is not None:
        position, (moving, turning) = thing.position(state), thing.velocity(state)
        where += [position, position - gripper]
        motion += [_angles(thing.orientation(state)), _DT * moving - velocity, _DT * turning]
    achieved, fingers_moving = _achieved(scene, state), _DT * state["qvel"][..., FINGERS]
    goal = _goal(scene, task).expand_as(achieved)
    return torch.cat([achieved, goal, *where, fingers, *motion, velocity, fingers_moving], dim=-1)


def _start(scene: Scene, nominal: State, generator: torch.Generator, task: Columns) -> State:
    """The object at a random place beside the gripper. Without an object, noise on the arm's joints."""
    qpos = nominal["qpos"].clone()
    if scene.object is None:
        arm = qpos[..., ARM]
        arm += uniform_like(arm, generator, scale=0.02)
    else:
        # For larger objects, the distances grow with half the diagonal.
        extra = ((task["size"] - SIZE) * math.sqrt(0.5)).clamp(min=0.0).unsqueeze(-1)
        beside = torch.zeros_like(qpos[..., OBJECT][..., :2])
        while bool((near := beside.norm(dim=-1, keepdim=True) < _CLEAR + extra).any()):
            beside = torch.where(near, (scene.spread + extra) * uniform_like(beside, generator), beside)
        qpos[..., OBJECT][..., :2] = beside.new_tensor(ready(scene).gripper[:2]) + beside
        qpos[..., OBJECT][..., 2] = height_at_rest(scene, task["size"])
    return {"qpos": qpos, "qvel": nominal["qvel"]}


def _arrived(scene: Scene, state: State, task: Columns) -> Tensor:
    return _distance(scene, state, task) < _THERE


# -- rewards -----------------------------------------------------------------------------------------------------------


def _reward(scene: Scene, step: Transition) -> Tensor:
    return -_distance(scene, step.after, step.task)


def _shaping_reward(scene: Scene, step: Transition) -> Tensor:
    """Rewards a gripper around the object, or behind the object where the fingers do not move, ``[task, episode]``.

    The package's reward depends only on the object. An exploring gripper seldom touches the object, and more often
    moves it away from the goal than towards it, so a policy would learn to avoid it. The constant part keeps the
    training reward positive: a critic starts at zero, and unknown states must not look better than those near the
    object. The shaping reward is largest once the object is at its goal.
    """
    assert ready(scene).object is not None
    gripper, thing = ready(scene).grip.position(step.after), _achieved(scene, step.after)
    if scene.grips:
        near = torch.exp(-(gripper - thing).norm(dim=-1) / _NEAR)
        shut = 1.0 - step.after["qpos"][..., FINGERS].sum(dim=-1) / _OPENING
        promising = 0.5 * (near + near.square().square() * shut)
    else:
        away = (thing - _goal(scene, step.task))[..., :2]
        away = away / away.norm(dim=-1, keepdim=True).clamp(min=1e-3)
        back = (0.5 * step.task["size"] + _FINGER).unsqueeze(-1) * away
        behind = thing + torch.cat([back, torch.zeros_like(back[..., :1])], dim=-1)
        promising = torch.exp(-(gripper - behind).norm(dim=-1) / _NEAR)
    return _PLEDGE + _SHAPING * torch.where(_arrived(scene, step.after, step.task), 1.0, promising)


# -- families ----------------------------------------------------------------------------------------------------------


def _family(scene: Scene, name: str, original: str, summary: str, *varies: Parameter) -> TaskFamily:
    space = ParameterSpace(varies)
    return TaskFamily(
        name=name,
        summary=summary,
        source=Source(
            f"{original}Dense-v4 of gymnasium-robotics (Plappert et al. 2018), 20 substeps of 2 ms.",
            "Minus the distance to the goal in metres. Success is a distance below 5 cm at the end."
            + ("" if scene.object is None else " Meta-training adds a shaping reward for a gripper near the object."),
            "The goal is a task parameter, while the package samples a goal for each episode.",
        ),
        space=space,
        world=MujocoWorld(
            lambda: build(scene, _dot(scene, next(iter(space.nominal())))),
            frame_skip=SUBSTEPS,
            fields=FIELDS,
            camera="front",
            drive=partial(drive, scene),
            keyframe=START,
            lagging=scene.grips,  # the package updates derived fields only where it puts the fingers back
        ),
        observations=_observations(scene),
        actions=_actions(scene),
        horizon=_HORIZON,
        dt=_DT,
        reset=partial(_start, scene),
        observe=partial(_observe, scene),
        reward=partial(_reward, scene),
        shaping_reward=None if scene.object is None else partial(_shaping_reward, scene),
        success=partial(_arrived, scene),
        distance=partial(_distance, scene),
    )


def reach() -> TaskFamily:
    """The family ``fetch-reach``."""
    return _family(
        REACH,
        "fetch-reach",
        "FetchReach",
        "Fetch's gripper moves to an observed goal; the direction and the gain of its motion are hidden.",
        _HEADING,
        _GAIN,
        _near(REACH, "x", "ahead of", (-0.3, 0.25)),
        _near(REACH, "y", "to the left of", (-0.3, 0.3)),
        _near(REACH, "z", "above", (-0.15, 0.3), Uniform(0.15, 0.2)),  # the table is the lower limit
    )


def push() -> TaskFamily:
    """The family ``fetch-push``."""
    return _family(
        PUSH,
        "fetch-push",
        "FetchPush",
        "Fetch pushes a cube to an observed goal; the cube's mass, size and friction are hidden.",
        *_object("edge of the cube"),
        _ROUGH,
        *_on_table(PUSH),
    )


def slide() -> TaskFamily:
    """The family ``fetch-slide``."""
    wide = Union(((-0.4, -0.3), (0.3, 0.4)))
    return _family(
        SLIDE,
        "fetch-slide",
        "FetchSlide",
        "Fetch hits a puck, which slides to an observed goal out of reach; the puck's mass, size and friction are "
        "hidden.",
        *_object("diameter of the puck; its height is scaled with it"),
        _SMOOTH,
        _goal_column(
            SLIDE, "x", "ahead of the gripper's start", 0.4, Uniform(0.1, 0.7), Uniform(0.7, 0.85), (-0.2, 0.9)
        ),
        _goal_column(SLIDE, "y", "to the left of the gripper's start", 0.0, Uniform(-0.3, 0.3), wide, (-0.42, 0.42)),
    )


def pick_and_place() -> TaskFamily:
    """The family ``fetch-pick-and-place``."""
    return _family(
        PICK,
        "fetch-pick-and-place",
        "FetchPickAndPlace",
        "Fetch picks a cube up and brings it to an observed goal; the cube's mass, size and friction are hidden.",
        *_object("edge of the cube"),
        _ROUGH,
        *_on_table(PICK),
        _goal_column(
            PICK,
            "height",
            "above the cube's initial position",
            0.2,
            OnTableOrAbove(0.45),
            Uniform(0.45, 0.55),
            (0.0, 0.6),
        ),
    )
