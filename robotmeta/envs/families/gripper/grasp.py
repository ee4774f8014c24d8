"""Grasp: a hand picks an object up and holds it at a height; the object's mass, balance and friction are hidden.

People hold an object with a little more force than it takes to prevent slip (Johansson and Westling 1984). The reward
favours such a force.
"""

from __future__ import annotations

import math
from dataclasses import replace

import mujoco
import torch
from torch import Tensor

from robotmeta.envs.distributions import Uniform
from robotmeta.envs.edits import SpecEdit
from robotmeta.envs.families import lifting, object_state, objects
from robotmeta.envs.families.gripper.hand import (
    CITATION,
    DT,
    FINGER_STRENGTH,
    FRAME_SKIP,
    HAND,
    TABLE,
    XYZ,
    actions,
    goal_column,
    off_table,
    servo_targets,
    signals,
    started,
    turned,
    uniform,
)
from robotmeta.envs.families.gripper.model import GRIP, HEIGHT, LATENCY, OPENING, add_goal, gripper, set_pad_width
from robotmeta.envs.families.gripper.sensors import SENSORS
from robotmeta.envs.family import Columns, MujocoWorld, Source, State, TaskFamily, Transition
from robotmeta.envs.parameters import Parameter, ParameterSpace

_ABOVE = (0.05, 0.09)  # metres from the top of the object to the lowest point of the hand at the start

# -- model -------------------------------------------------------------------------------------------------------------


def _grasper() -> mujoco.MjSpec:
    spec = gripper()
    objects.add_object(spec, ("palm", "left_pad", "right_pad"))
    add_goal(spec, mujoco.mjtGeom.mjGEOM_CAPSULE, (0.003, TABLE, 0.0), [-0.14, 0.2, 0.1])
    # A bar across the picture at the goal height of the object's foot.
    spec.site("goal").quat = [0.707, -0.4, 0.583, 0.0]
    return spec


# -- what varies -------------------------------------------------------------------------------------------------------

_SPACE = ParameterSpace(
    (
        objects.SHAPE,
        replace(objects.HALF_WIDTH, bounds=(0.008, 0.47 * OPENING)),
        objects.ASPECT,
        objects.MASS,
        objects.OFFSET,
        objects.FRICTION,
        objects.FINGER_FRICTION,
        objects.TABLE_FRICTION,
        FINGER_STRENGTH,
        Parameter(
            "finger_width",
            "width of the pads",
            train=Uniform(0.014, 0.026),
            nominal=0.02,
            bounds=(0.004, 0.06),
            edits=(SpecEdit(set_pad_width),),
            unit="m",
        ),
        LATENCY,
        goal_column(2, "height to lift to", (0.06, 0.16), 0.1, (0.03, 0.22)),
    )
)

# -- measurements ------------------------------------------------------------------------------------------------------


def _start(nominal: State, generator: torch.Generator, task: Columns) -> State:
    drawn = uniform(
        generator,
        nominal,
        (-0.03, 0.03),
        (-0.03, 0.03),
        _ABOVE,
        (-0.1, 0.1),
        (-0.08, 0.08),
        (-0.08, 0.08),
        (-math.pi / 4, math.pi / 4),
    )
    drawn[..., 2] += 2.0 * object_state.half_extents(task)[..., 2]
    lying = object_state.at_rest(drawn[..., 4:6], drawn[..., 6], task)
    fingers = torch.zeros_like(drawn[..., :2])
    return started(torch.cat([drawn[..., :4], fingers, lying], dim=-1), nominal["qvel"], HAND)


def _touch(state: State) -> Tensor:
    """Force on each pad, N ``[task, episode, 2]``."""
    return state["sensordata"]


def _from_hand(state: State) -> Tensor:
    """From the middle between the pads to the object's, m in the world's frame ``[task, episode, 3]``."""
    hand = state["qpos"][..., :3].clone()
    hand[..., 2] += HEIGHT
    return object_state.position(state) - hand


def _gap(state: State) -> Tensor:
    """Distance between the pads, m ``[task, episode]``."""
    return OPENING - state["qpos"][..., 4:6].sum(dim=-1)


def _lifted(state: State, task: Columns) -> Tensor:
    return lifting.lifted(state, task, _touch(state))


def _observe(state: State, task: Columns) -> Tensor:
    qpos, qvel, targets = state["qpos"], state["qvel"], servo_targets(state, HAND)
    closed, closing = qpos[..., 4:6].sum(dim=-1, keepdim=True), qvel[..., 4:6].sum(dim=-1, keepdim=True)
    hand = torch.cat([qpos[..., :4], closed], dim=-1)
    speed = object_state.velocity(state) - qvel[..., :3]
    vectors = torch.stack([_from_hand(state), object_state.along(state), object_state.up(state), speed], dim=-2)
    place, along, up, speed = turned(vectors, -qpos[..., 3:4]).unbind(dim=-2)
    to_lift = task["goal_z"] - object_state.rise(state, task)
    return torch.cat(
        [
            hand,
            qvel[..., :4],
            closing,
            targets - hand,
            _touch(state),
            place,
            object_state.observed_along(along, task),
            up,
            speed,
            object_state.spin(state),
            object_state.half_extents(task).expand_as(place),
            to_lift.unsqueeze(-1),
        ],
        dim=-1,
    )


# -- rewards -----------------------------------------------------------------------------------------------------------


def _reward(step: Transition) -> Tensor:
    state = step.after
    distance, along = _from_hand(state).norm(dim=-1), turned(object_state.along(state), -state["qpos"][..., 3])
    seen = object_state.observed_along(along, step.task)
    return lifting.reward(state, step.task, distance, seen, _gap(state), _touch(state), GRIP)


# -- families ----------------------------------------------------------------------------------------------------------


def grasp() -> TaskFamily:
    """The family ``grasp``."""
    hand = "in the hand's frame"
    return TaskFamily(
        name="grasp",
        summary="A hand picks an object up and holds it at a commanded height; the object's mass, balance and "
        "friction and the fingers' strength, friction and latency are hidden.",
        source=Source(
            f"{CITATION} {object_state.OBSERVED}",
            f"{lifting.IN_WORDS.format(grip=GRIP)} An episode ends where the object falls off the table.",
        ),
        space=_SPACE,
        world=MujocoWorld(_grasper, frame_skip=FRAME_SKIP, fields=("act", "sensordata"), camera="hand", lagging=True),
        observations=(
            *signals("{}", HAND[:4]),
            ("closure", "m"),
            *signals("{}_velocity", HAND[:4], "/s"),
            ("closure_velocity", "m/s"),
            *signals("{}_target", HAND[:4], " from the hand"),
            ("closure_target", "m from the closure"),
            ("left_touch", "N"),
            ("right_touch", "N"),
            *signals("object_{}", XYZ, f" {hand}"),
            *((f"object_along_{axis}", f"1, {hand}") for axis in XYZ),
            *((f"object_up_{axis}", f"1, {hand}") for axis in XYZ),
            *signals("object_{}_velocity", XYZ, f"/s {hand}"),
            *((f"object_spin_{axis}", "rad/s, in its own frame") for axis in XYZ),
            *((f"object_half_{side}", "m") for side in ("length", "width", "height")),
            ("to_lift", "m"),
        ),
        actions=actions(HAND),
        horizon=100,
        dt=DT,
        reset=_start,
        observe=_observe,
        reward=_reward,
        terminated=off_table,
        success=_lifted,
        success_lasts=0.5,
        changing=("mass", "finger_friction", "finger_strength", "latency"),
        sensors=SENSORS,
    )
