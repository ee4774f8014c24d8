"""A gripper over a table: it reaches for a point, pushes an object to a place, or picks one up and holds it.

Policies move the targets of the hand's servos and see the hand, those targets, the object and the goal. What the object
weighs, where its centre of mass is, how slippery things are, how strong and how late the servos are they have to find
out. Where the fingers must hold something, people find out too: they squeeze a little harder than it takes not to let
an object slip, whatever its weight and surface (Johansson and Westling 1984), and so it is paid here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import mujoco
import torch
from torch import Tensor

from robotmeta.envs import objects
from robotmeta.envs.edits import Field, ModelEdit, SpecEdit
from robotmeta.envs.family import Columns, MujocoWorld, State, TaskFamily, Transition
from robotmeta.envs.gripper_model import (
    GRIP,
    HEIGHT,
    LATENCY,
    OPENING,
    SPEEDS,
    TIMESTEP,
    add_goal,
    add_payload,
    carry,
    gripper,
    set_pad_width,
    show_goal,
    turn_gantry,
    without_axis,
    without_fingers,
)
from robotmeta.envs.parameters import Choice, Distribution, LogUniform, Parameter, ParameterSpace, Uniform, Union
from robotmeta.envs.rewards import tolerance

_FRAME_SKIP = 4
_DT = _FRAME_SKIP * TIMESTEP  # 25 decisions a second
_TABLE = 0.3  # metres, half its side
_APART = 0.03  # metres between the fingers that push: two points of contact
_ABOVE = (0.05, 0.09)  # metres from the top of an object to the hand at its lowest, before a grasp
_CLOSE = 0.02  # metres from the goal that a hand has reached it
_PUSHED = 0.03  # metres from the goal that a pushed object has arrived

_ARM, _HAND = ("x", "y", "z"), tuple(SPEEDS)
_UNITS = {"yaw": "rad"}

# -- model -----------------------------------------------------------------------------------------------------------


def _reacher() -> mujoco.MjSpec:
    spec = gripper()
    without_fingers(spec, 0.3 * OPENING)
    without_axis(spec, "yaw")
    add_payload(spec)
    add_goal(spec, mujoco.mjtGeom.mjGEOM_SPHERE, (_CLOSE, 0.0, 0.0), [0.1, 0.0, 0.15])
    return spec


def _pusher() -> mujoco.MjSpec:
    spec = gripper()
    without_fingers(spec, _APART)
    without_axis(spec, "yaw")
    without_axis(spec, "z")
    objects.add_object(spec, ("left_pad", "right_pad"))
    add_goal(spec, mujoco.mjtGeom.mjGEOM_CYLINDER, (_PUSHED, 0.0005, 0.0), [0.14, 0.0, 0.0005])
    return spec


def _grasper() -> mujoco.MjSpec:
    spec = gripper()
    objects.add_object(spec, ("palm", "left_pad", "right_pad"))
    add_goal(spec, mujoco.mjtGeom.mjGEOM_CAPSULE, (0.003, _TABLE, 0.0), [-0.14, 0.2, 0.1])
    # A bar across the picture, as high as the object's foot is to be.
    spec.site("goal").quat = [0.707, -0.4, 0.583, 0.0]
    return spec


# -- what varies -----------------------------------------------------------------------------------------------------


def _gain(name: str, description: str, servos: tuple[str, ...], train: Distribution, ood: Distribution) -> Parameter:
    # Their damping stays: a weak servo lags behind its target, a strong one overshoots it.
    stiffness = Field("actuator_gainprm", rows=servos, column=0), Field("actuator_biasprm", rows=servos, column=1)
    edits = (*stiffness, Field("actuator_forcerange", rows=servos))
    return Parameter(name, description, train, 1.0, (0.05, 2.5), ood, edits)


def _goal(
    axis: int, description: str, train: tuple[float, float], nominal: float, bounds: tuple[float, float]
) -> Parameter:
    name = f"goal_{'xyz'[axis]}"
    return Parameter(name, description, Uniform(*train), nominal, bounds, edits=(show_goal(axis),), unit="m")


def _strength(axes: tuple[str, ...]) -> Parameter:
    description = "multiplier of stiffness and force limit of the servos that move the hand"
    return _gain("strength", description, axes, LogUniform(0.5, 1.5), Uniform(0.35, 0.5))


_REACH = ParameterSpace(
    (
        Parameter(
            "gantry_turn",
            "by which the axes that the hand moves along are turned against what the camera sees",
            Uniform(-0.8, 0.8),
            0.0,
            (-math.pi, math.pi),
            ood=Union(((-1.2, -0.8), (0.8, 1.2))),
            edits=(SpecEdit(turn_gantry),),
            unit="rad",
        ),
        Parameter(
            "payload",
            "weight on the hand",
            Uniform(0.0, 1.0),
            0.0,
            (0.0, 3.0),
            ood=Uniform(1.0, 1.5),
            edits=(ModelEdit(carry),),
            unit="kg",
        ),
        _strength(_ARM),
        LATENCY,
        _goal(0, "where to reach for", (-0.16, 0.16), 0.1, (-0.17, 0.17)),
        _goal(1, "where to reach for", (-0.16, 0.16), 0.0, (-0.17, 0.17)),
        _goal(2, "height to reach for", (0.04, 0.2), 0.15, (HEIGHT, 0.22)),
    )
)
_PUSH = ParameterSpace(
    (
        replace(
            objects.SHAPE,
            description="of the object: 0 box, 1 cylinder",
            train=Choice((0.0, 1.0)),
            bounds=(0.0, 1.0),
            ood=None,
        ),
        replace(objects.HALF_WIDTH, train=Uniform(0.025, 0.035), nominal=0.03, bounds=(0.02, 0.04), ood=None),
        objects.ASPECT,
        replace(objects.MASS, train=LogUniform(0.1, 1.0), nominal=0.3, ood=Uniform(1.0, 1.5)),
        objects.OFFSET,
        replace(objects.FRICTION, train=Uniform(0.3, 0.6), nominal=0.45, ood=None),
        replace(objects.TABLE_FRICTION, train=LogUniform(0.1, 1.0), nominal=0.3, ood=Uniform(0.05, 0.1)),
        _strength(_ARM[:2]),
        LATENCY,
        _goal(0, "where to push to, ahead", (0.06, 0.2), 0.14, (0.0, 0.25)),
        _goal(1, "where to push to, to the left", (-0.1, 0.1), 0.0, (-0.2, 0.2)),
    )
)
_GRASP = ParameterSpace(
    (
        objects.SHAPE,
        replace(objects.HALF_WIDTH, bounds=(0.008, 0.47 * OPENING)),
        objects.ASPECT,
        objects.MASS,
        objects.OFFSET,
        objects.FRICTION,
        objects.FINGER_FRICTION,
        objects.TABLE_FRICTION,
        _gain(
            "finger_strength",
            f"multiplier of stiffness and force limit of the fingers, which squeeze with up to {GRIP:g} N",
            ("fingers",),
            LogUniform(0.8, 1.4),
            Uniform(1.4, 1.8),
        ),
        Parameter(
            "finger_width",
            "width of the pads",
            Uniform(0.014, 0.026),
            0.02,
            (0.004, 0.06),
            edits=(SpecEdit(set_pad_width),),
            unit="m",
        ),
        LATENCY,
        _goal(2, "how far to lift", (0.06, 0.16), 0.1, (0.03, 0.22)),
    )
)

# -- physics measurements --------------------------------------------------------------------------------------------


def _uniform(generator: torch.Generator, shape: torch.Size, *ranges: tuple[float, float]) -> Tensor:
    """Independent draws, one a range, ``[*shape, range]``."""
    low, high = torch.tensor(ranges, dtype=torch.float64).T
    return low + (high - low) * torch.rand(*shape, len(ranges), generator=generator, dtype=torch.float64)


def _full_speed(axes: Sequence[str]) -> Tensor:
    return torch.tensor([SPEEDS[axis] for axis in axes], dtype=torch.float64)


def _targets(state: State, axes: Sequence[str]) -> Tensor:
    """Where the servos are told to be, m or rad ``[..., axis]``."""
    return state["act"] * _full_speed(axes)


def _started(qpos: Tensor, qvel: Tensor, axes: Sequence[str]) -> State:
    """An initial state at rest, with the hand where its servos want it."""
    act = torch.zeros(*qpos.shape[:-1], len(axes), dtype=torch.float64)
    moved = [axis for axis in axes if axis != "fingers"]
    act[..., : len(moved)] = qpos[..., : len(moved)] / _full_speed(moved)
    return {"qpos": qpos, "qvel": qvel, "act": act}


def _turned(vectors: Tensor, angle: Tensor) -> Tensor:
    """Turns vectors ``[..., 2 or 3]`` about z."""
    x, y = vectors[..., 0], vectors[..., 1]
    cos, sin = angle.cos(), angle.sin()
    return torch.cat([torch.stack([cos * x - sin * y, sin * x + cos * y], dim=-1), vectors[..., 2:]], dim=-1)


def _off_table(state: State, task: Columns) -> Tensor:
    return objects.off_table(state, _TABLE)


def _near(distance: Tensor, far: float, exact: float) -> Tensor:
    """Half for coming close from ``far``, half for being exact, of which a tenth is left at ``exact``; both in m."""
    coarse = tolerance(distance, (0.0, 0.0), far, sigmoid="linear", value_at_margin=0.0)
    fine = tolerance(distance, (0.0, 0.0), exact)
    return (coarse + fine) / 2.0


# -- reach -----------------------------------------------------------------------------------------------------------


def _to_goal(state: State, task: Columns) -> Tensor:
    """From the hand to the goal, m in the camera's frame ``[task, episode, 3]``."""
    hand = _turned(state["qpos"], task["gantry_turn"])
    goal = torch.stack([task["goal_x"], task["goal_y"], task["goal_z"] - HEIGHT], dim=-1)
    return goal - hand


def _reach_start(nominal: State, generator: torch.Generator, task: Columns) -> State:
    qpos = _uniform(generator, nominal["qpos"].shape[:-1], (-0.1, 0.1), (-0.1, 0.1), (0.05, 0.2))
    return _started(qpos, nominal["qvel"], _ARM)


def _reach_observe(state: State, task: Columns) -> Tensor:
    turn, lag = task["gantry_turn"], _targets(state, _ARM) - state["qpos"]
    seen = (state["qpos"], state["qvel"], lag)
    return torch.cat([*(_turned(vector, turn) for vector in seen), _to_goal(state, task)], dim=-1)


def _reach_reward(step: Transition) -> Tensor:
    return _near(_to_goal(step.after, step.task).norm(dim=-1), far=0.4, exact=2 * _CLOSE)


def _reached(state: State, task: Columns) -> Tensor:
    return _to_goal(state, task).norm(dim=-1) < _CLOSE


# -- push ------------------------------------------------------------------------------------------------------------


def _push_start(nominal: State, generator: torch.Generator, task: Columns) -> State:
    drawn = _uniform(
        generator,
        nominal["qpos"].shape[:-1],
        (-0.24, -0.22),
        (-0.04, 0.04),
        (-0.12, -0.08),
        (-0.05, 0.05),
        (-math.pi, math.pi),
    )
    lying = objects.at_rest(drawn[..., 2:4], drawn[..., 4], task)
    return _started(torch.cat([drawn[..., :2], lying], dim=-1), nominal["qvel"], _ARM[:2])


def _left_to_push(state: State, task: Columns) -> Tensor:
    """From the object to the goal, m ``[task, episode, 2]``."""
    goal = torch.stack([task["goal_x"], task["goal_y"]], dim=-1)
    return goal - objects.position(state)[..., :2]


def _push_observe(state: State, task: Columns) -> Tensor:
    hand, speed, size = state["qpos"][..., :2], state["qvel"][..., :2], objects.half_extents(task)
    return torch.cat(
        [
            hand,
            speed,
            _targets(state, _ARM[:2]) - hand,
            objects.position(state)[..., :2] - hand,
            objects.axes(state)[0][..., :2],
            objects.velocity(state)[..., :2],
            objects.spin(state)[..., 2:],
            size[..., :2].expand(*hand.shape[:2], 2),
            _left_to_push(state, task),
        ],
        dim=-1,
    )


def _push_reward(step: Transition) -> Tensor:
    hand = step.after["qpos"][..., :2]
    apart = (objects.position(step.after)[..., :2] - hand).norm(dim=-1)
    near = tolerance(apart, (0.0, 0.06), 0.15, sigmoid="linear", value_at_margin=0.0)
    there = _near(_left_to_push(step.after, step.task).norm(dim=-1), far=0.3, exact=2 * _PUSHED)
    return 0.1 * near + 0.9 * there


def _pushed(state: State, task: Columns) -> Tensor:
    return (_left_to_push(state, task).norm(dim=-1) < _PUSHED) & ~_off_table(state, task)


# -- grasp -----------------------------------------------------------------------------------------------------------


def _grasp_start(nominal: State, generator: torch.Generator, task: Columns) -> State:
    drawn = _uniform(
        generator,
        nominal["qpos"].shape[:-1],
        (-0.03, 0.03),
        (-0.03, 0.03),
        _ABOVE,
        (-0.1, 0.1),
        (-0.08, 0.08),
        (-0.08, 0.08),
        (-math.pi / 4, math.pi / 4),
    )
    drawn[..., 2] += 2.0 * objects.half_extents(task)[..., 2]
    lying = objects.at_rest(drawn[..., 4:6], drawn[..., 6], task)
    fingers = torch.zeros_like(drawn[..., :2])
    return _started(torch.cat([drawn[..., :4], fingers, lying], dim=-1), nominal["qvel"], _HAND)


def _touch(state: State) -> Tensor:
    """Force on each pad, N ``[task, episode, 2]``."""
    return state["sensordata"]


def _from_hand(state: State) -> Tensor:
    """From between the pads to the object's middle, m in the world's frame ``[task, episode, 3]``."""
    hand = state["qpos"][..., :3].clone()
    hand[..., 2] += HEIGHT
    return objects.position(state) - hand


def _grasp_observe(state: State, task: Columns) -> Tensor:
    qpos, qvel, targets = state["qpos"], state["qvel"], _targets(state, _HAND)
    closed, closing = qpos[..., 4:6].sum(dim=-1, keepdim=True), qvel[..., 4:6].sum(dim=-1, keepdim=True)
    hand, yaw = torch.cat([qpos[..., :4], closed], dim=-1), -qpos[..., 3]
    along, up = objects.axes(state)
    to_lift = task["goal_z"] - objects.rise(state, task)
    return torch.cat(
        [
            hand,
            qvel[..., :4],
            closing,
            targets - hand,
            _touch(state),
            _turned(_from_hand(state), yaw),
            _turned(along, yaw),
            _turned(up, yaw),
            _turned(objects.velocity(state) - qvel[..., :3], yaw),
            objects.spin(state),
            objects.half_extents(task).expand(*yaw.shape, 3),
            to_lift.unsqueeze(-1),
        ],
        dim=-1,
    )


def _gap(state: State) -> Tensor:
    """Between the pads, m ``[task, episode]``."""
    return OPENING - state["qpos"][..., 4:6].sum(dim=-1)


def _grasp_reward(step: Transition) -> Tensor:
    state = step.after
    distance, force = _from_hand(state).norm(dim=-1), _touch(state)
    return objects.lifting_reward(state, step.task, distance, _gap(state), force, GRIP)


def _lifted(state: State, task: Columns) -> Tensor:
    return objects.lifted(state, task, _touch(state))


# -- the families ----------------------------------------------------------------------------------------------------


def _signals(template: str, axes: Sequence[str], rate: str = "") -> tuple[tuple[str, str], ...]:
    return tuple((template.format(axis), f"{_UNITS.get(axis, 'm')}{rate}") for axis in axes)


def _actions(axes: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return tuple((f"{axis}_target", f"{SPEEDS[axis] * _DT:g} {_UNITS.get(axis, 'm')} a step") for axis in axes)


_XYZ, _XY = ("x", "y", "z"), ("x", "y")
_FACTS = f"{_FRAME_SKIP} substeps of {1e3 * TIMESTEP:g} ms by Euler's method"


def reach() -> TaskFamily:
    """The family ``reach``."""
    return TaskFamily(
        name="reach",
        summary="A hand goes to a point it sees; how its axes are turned, its load, strength and latency are hidden.",
        source=f"our own: {_FACTS}; actions move the targets of position servos; reward in [0, 1] is half for how much "
        f"of 0.4 m is left and half for how exactly the hand is there; success is {100 * _CLOSE:g} cm from the goal "
        "for the last half second",
        space=_REACH,
        world=MujocoWorld(_reacher, _FRAME_SKIP, fields=("act",), camera="table"),
        observations=(
            *_signals("{}", _XYZ),
            *_signals("{}_velocity", _XYZ, "/s"),
            *_signals("{}_target", _XYZ, " from the hand"),
            *_signals("goal_{}", _XYZ, " from the hand"),
        ),
        actions=_actions(_ARM),
        horizon=50,
        dt=_DT,
        reset=_reach_start,
        observe=_reach_observe,
        reward=_reach_reward,
        success=_reached,
        success_lasts=0.5,
    )


def push() -> TaskFamily:
    """The family ``push``."""
    return TaskFamily(
        name="push",
        summary="Two fingers push an object along a table to a place they see; its mass, balance and friction are "
        "hidden, and so are the servos' strength and latency.",
        source=f"our own: {_FACTS}; actions move the targets of position servos; reward in [0, 1] is 0.1 for being "
        "at the object and 0.9 for how close to its goal it is, half of that over 0.3 m and half over "
        f"{200 * _PUSHED:g} cm; ends where the object falls off the table; success is {100 * _PUSHED:g} cm from the "
        "goal at the end",
        space=_PUSH,
        world=MujocoWorld(_pusher, _FRAME_SKIP, fields=("act",), camera="table"),
        observations=(
            *_signals("{}", _XY),
            *_signals("{}_velocity", _XY, "/s"),
            *_signals("{}_target", _XY, " from the hand"),
            *_signals("object_{}", _XY, " from the hand"),
            ("object_cos", "1"),
            ("object_sin", "1"),
            *_signals("object_{}_velocity", _XY, "/s"),
            ("object_spin", "rad/s"),
            ("object_half_length", "m"),
            ("object_half_width", "m"),
            *_signals("goal_{}", _XY, " from the object"),
        ),
        actions=_actions(_XY),
        horizon=80,
        dt=_DT,
        reset=_push_start,
        observe=_push_observe,
        reward=_push_reward,
        terminated=_off_table,
        success=_pushed,
    )


def grasp() -> TaskFamily:
    """The family ``grasp``."""
    hand = "in the hand's frame"
    return TaskFamily(
        name="grasp",
        summary="A hand picks an object up and holds it at a height it is told; the object's mass, balance and "
        "friction and the fingers' strength, friction and latency are hidden.",
        source=f"our own: {_FACTS}; actions move the targets of position servos; reward in [0, 1] is 0.15 for reaching "
        "the object, 0.15 for closing around it and, while both pads touch it, 0.7 for lifting: the share of the "
        f"height, times that for keeping it level, times 1 less 0.8 of the force over {GRIP:g} N; ends where the "
        f"object falls off the table; success is within {100 * objects.HEIGHT_ERROR:g} cm of the height, touched on "
        "both sides and level within 15 degrees for the last half second. Sizes are seen as by a camera; the shape and "
        "what is hidden are not told",
        space=_GRASP,
        world=MujocoWorld(_grasper, _FRAME_SKIP, fields=("act", "sensordata"), camera="hand"),
        observations=(
            *_signals("{}", _HAND[:4]),
            ("closure", "m"),
            *_signals("{}_velocity", _HAND[:4], "/s"),
            ("closure_velocity", "m/s"),
            *_signals("{}_target", _HAND[:4], " from the hand"),
            ("closure_target", "m from the closure"),
            ("left_touch", "N"),
            ("right_touch", "N"),
            *_signals("object_{}", _XYZ, f" {hand}"),
            *((f"object_along_{axis}", f"1, {hand}") for axis in _XYZ),
            *((f"object_up_{axis}", f"1, {hand}") for axis in _XYZ),
            *_signals("object_{}_velocity", _XYZ, f"/s {hand}"),
            *((f"object_spin_{axis}", "rad/s, in its own frame") for axis in _XYZ),
            *((f"object_half_{side}", "m") for side in ("length", "width", "height")),
            ("to_lift", "m"),
        ),
        actions=_actions(_HAND),
        horizon=100,
        dt=_DT,
        reset=_grasp_start,
        observe=_grasp_observe,
        reward=_grasp_reward,
        terminated=_off_table,
        success=_lifted,
        success_lasts=0.5,
    )
