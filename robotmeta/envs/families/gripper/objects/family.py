"""Grasp-objects: a hand picks up mugs, bottles and tools from above or from the side, beside something else.

The object is a composition of primitives. Bottles, mugs and hammers are for meta-training; screwdrivers, pans,
dumbbells and spray bottles are held out. The policy chooses how far to tilt the hand.
"""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor

from robotmeta.envs.episode_memory import Measure
from robotmeta.envs.families import lifting, object_state
from robotmeta.envs.families.gripper.hand import (
    CITATION,
    DT,
    FRAME_SKIP,
    XYZ,
    actions,
    activations,
    servo_targets,
    signals,
    turned,
    uniform,
)
from robotmeta.envs.families.gripper.model import GRIP
from robotmeta.envs.families.gripper.objects import measured
from robotmeta.envs.families.gripper.objects.scene import THREE_FINGERS, scene
from robotmeta.envs.families.gripper.objects.sensors import SENSORS, SIZES
from robotmeta.envs.families.gripper.objects.space import NOMINAL, SPACE
from robotmeta.envs.family import Columns, MujocoWorld, Source, State, TaskFamily, Transition
from robotmeta.envs.rewards import tolerance

AXES = ("x", "y", "z", "yaw", "fingers", "pitch")
"""What the servos move, in the order of the actions."""

_ABOVE = (0.05, 0.09)  # metres from the top of the object to the lowest point of the hand at the start
_TURN = 0.6  # radians, the largest rotation of the object at the start
_TILT = 1.0  # radians, the largest tilt of the hand at the start
_MOST_FORCE = 5.0 * GRIP  # newtons, where the force sensors saturate
_MOVING = ("x", "y", "z", "yaw", "closure", "pitch")

# -- measurements ------------------------------------------------------------------------------------------------------


def _start(nominal: State, generator: torch.Generator, task: Columns) -> State:
    x, y, above, yaw, pitch, *lying = uniform(
        generator,
        nominal,
        (-0.03, 0.03),
        (-0.03, 0.03),
        _ABOVE,
        (-0.1, 0.1),
        (0.0, _TILT),
        (-0.03, 0.03),
        (-0.03, 0.03),
        (-_TURN, _TURN),
    ).unbind(dim=-1)
    qpos = nominal["qpos"].clone()
    height = measured.extents(task)[..., :, 2].sum(dim=-1)
    hand = torch.stack([x, y, above + height, yaw, pitch], dim=-1)
    qpos[..., :5] = hand
    for start in (8, 15):  # the neighbour turns about the object, so that the space between them stays
        qpos[..., start : start + 7] = _moved(qpos[..., start : start + 7], *lying)
    act = activations(torch.cat([hand[..., :4], torch.zeros_like(hand[..., :1]), hand[..., 4:]], dim=-1), AXES)
    return {"qpos": qpos, "qvel": nominal["qvel"], "act": act}


def _moved(pose: Tensor, x: Tensor, y: Tensor, angle: Tensor) -> Tensor:
    """Turns a pose ``[..., 7]`` about the vertical through the origin, then moves it."""
    place = turned(pose[..., :3], angle) + torch.stack([x, y, torch.zeros_like(x)], dim=-1)
    cos, sin = (angle / 2).cos(), (angle / 2).sin()
    w, z = pose[..., 3], pose[..., 6]  # things stand upright
    turn = torch.stack([cos * w - sin * z, *pose[..., 4:6].unbind(dim=-1), cos * z + sin * w], dim=-1)
    return torch.cat([place, turn], dim=-1)


def _hand(state: State) -> Tensor:
    qpos = state["qpos"]
    return torch.cat([qpos[..., :4], measured.closure(state).unsqueeze(-1), qpos[..., 4:5]], dim=-1)


def _observe(state: State, task: Columns) -> Tensor:
    qvel, hand, middle = state["qvel"], _hand(state), measured.hand(state)
    closing = qvel[..., 5:7].sum(dim=-1, keepdim=True)
    present = measured.has_neighbour(task).expand_as(hand[..., 0]).unsqueeze(-1).to(hand)
    vectors = torch.stack(
        [
            object_state.position(state) - middle,
            measured.nearest_hold(state, task) - middle,
            object_state.along(state),
            object_state.up(state),
            object_state.velocity(state) - qvel[..., :3],
            present * (measured.neighbour_position(state) - middle),
        ],
        dim=-2,
    )
    place, hold, along, up, speed, beside = turned(vectors, -hand[..., 3:4]).unbind(dim=-2)
    sizes = measured.extents(task)
    seen = [sizes[..., 0, 0], sizes[..., 1, 0], sizes[..., :, 1].amax(dim=-1), sizes[..., 0, 2], sizes[..., 1, 2]]
    seen = torch.stack([*seen, measured.half_grip(task)], dim=-1).expand(*hand.shape[:-1], -1)
    three = (task["gripper"] == THREE_FINGERS).to(hand).expand_as(hand[..., 0])
    return torch.cat(
        [
            hand,
            qvel[..., :4],
            closing,
            qvel[..., 4:5],
            servo_targets(state, AXES) - hand,
            state["sensordata"].clamp(max=_MOST_FORCE),
            place,
            hold,
            measured.observed_along(along, task),
            up,
            speed,
            object_state.spin(state),
            seen,
            present,
            beside,
            measured.neighbour_tilt(state, task).unsqueeze(-1),
            torch.stack([object_state.position(state)[..., 1] + task["edge"], three], dim=-1),
            (task["goal_z"] - measured.rise(state, task)).unsqueeze(-1),
        ],
        dim=-1,
    )


def _lifted(state: State, task: Columns) -> Tensor:
    held = lifting.held_at_goal(
        measured.rise(state, task), task["goal_z"], measured.touch(state), measured.tilt(state, task)
    )
    return held & (measured.neighbour_tilt(state, task) < measured.UPSET)


def _approach(state: State, task: Columns) -> Tensor:
    return state["qpos"][..., 4].rad2deg()


def _squeeze(state: State, task: Columns) -> Tensor:
    return measured.touch(state).mean(dim=-1)


def _upset(state: State, task: Columns) -> Tensor:
    tilted = (measured.neighbour_tilt(state, task) > measured.UPSET).double()
    return tilted.masked_fill(~measured.has_neighbour(task), math.nan)


# -- rewards -----------------------------------------------------------------------------------------------------------


def _reward(step: Transition) -> Tensor:
    state, task = step.after, step.task
    hold = measured.nearest_hold(state, task) - measured.hand(state)
    along = turned(object_state.along(state), -state["qpos"][..., 3])
    lifting_reward = lifting.staged(
        hold.norm(dim=-1),
        measured.observed_along(along, task)[..., 1],
        measured.gap(state) - 2.0 * measured.half_grip(task),
        measured.touch(state),
        measured.rise(state, task),
        task["goal_z"],
        measured.tilt(state, task),
        GRIP,
    )
    standing = tolerance(measured.neighbour_tilt(state, task), (0.0, 0.1), measured.UPSET)
    return lifting_reward * (0.5 + 0.5 * standing)


# -- families ----------------------------------------------------------------------------------------------------------


def grasp_objects() -> TaskFamily:
    """The family ``grasp-objects``."""
    hand = "in the hand's frame"
    return TaskFamily(
        name="grasp-objects",
        summary="A hand picks a bottle, a mug or a tool up, from above or from the side, and holds it at a commanded "
        "height without upsetting what stands beside it; the kind, mass, balance and friction of the object and the "
        "fingers' strength and latency are hidden.",
        source=Source(
            f"{CITATION} Mass and inertia follow from the density and the volumes of the primitives. A camera sees "
            "sizes, the nearest point at which the object can be held, and the neighbour. The kind, the rotation of a "
            "round object and the other hidden parameters are not observed.",
            f"{lifting.IN_WORDS.format(grip=GRIP)} All of it is halved where the neighbour is knocked over, and then "
            "it is no success. An episode ends where the object or its neighbour falls off the table, that is, where "
            "its centre of mass passes an edge.",
        ),
        space=SPACE,
        world=MujocoWorld(
            partial(scene, NOMINAL),
            frame_skip=FRAME_SKIP,
            fields=("act", "sensordata", "xipos"),
            camera="hand",
            lagging=True,
        ),
        observations=(
            *signals("{}", _MOVING),
            *signals("{}_velocity", _MOVING, "/s"),
            *signals("{}_target", _MOVING, " from where it is"),
            *((f"{finger}_touch", "N") for finger in ("left", "right", "third")),
            *signals("object_{}", XYZ, f" {hand}"),
            *signals("hold_{}", XYZ, f" {hand}"),
            *((f"object_along_{axis}", f"1, {hand}") for axis in XYZ),
            *((f"object_up_{axis}", f"1, {hand}") for axis in XYZ),
            *signals("object_{}_velocity", XYZ, f"/s {hand}"),
            *((f"object_spin_{axis}", "rad/s, in its own frame") for axis in XYZ),
            *((f"object_{side}", "m") for side in SIZES),
            ("neighbour", "1 if there is one"),
            *signals("neighbour_{}", XYZ, f" {hand}"),
            ("neighbour_tilt", "1, its sine"),
            ("to_edge", "m"),
            ("three_fingers", "1 if it has three"),
            ("to_lift", "m"),
        ),
        actions=actions(AXES),
        horizon=100,
        dt=DT,
        reset=_start,
        observe=_observe,
        reward=_reward,
        terminated=measured.fallen,
        success=_lifted,
        success_lasts=0.5,
        changing=("density", "finger_friction", "finger_strength", "latency"),
        sensors=SENSORS,
        measures=(
            Measure("approach", "deg", _approach, "tilt of the hand at the end: 0 from above, 90 from the side"),
            Measure("squeeze", "N", _squeeze, "mean force of the fingers at the end"),
            Measure("upset", "1", _upset, "whether the neighbour is knocked over"),
        ),
    )
