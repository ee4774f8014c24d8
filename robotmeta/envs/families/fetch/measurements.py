"""Interface, measurements and initial states of the Fetch families."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from robotmeta.envs.draws import uniform_like
from robotmeta.envs.families.fetch.model import (
    ARM,
    FINGERS,
    OBJECT,
    SIZE,
    STRIDE,
    Scene,
    blocked,
    height_at_rest,
    ready,
)
from robotmeta.envs.family import Columns, State

DT = 0.04  # seconds a control step; observed velocities are in metres and radians a control step
_THERE = 0.05  # metres to the goal, within which the gripper or the object has arrived
_CLEAR = 0.1  # metres, the smallest initial distance of an object of nominal size from the gripper
_XYZ = "xyz"

# -- interface ---------------------------------------------------------------------------------------------------------


def _named(name: str, unit: str) -> tuple[tuple[str, str], ...]:
    return tuple((f"{name}_{axis}", unit) for axis in _XYZ)


def observations(scene: Scene) -> tuple[tuple[str, str], ...]:
    """Name and unit of each observation."""
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


def actions(scene: Scene) -> tuple[tuple[str, str], ...]:
    """Name and unit of each action."""
    fingers = "1 open, -1 shut" if scene.grips else "no effect, as in the package"
    return (*_named("gripper_move", f"{STRIDE:g} m"), ("fingers", fingers))


# -- measurements ------------------------------------------------------------------------------------------------------


def size_of(task: Columns) -> Tensor:
    """Size of the object, m ``[task, 1]``; the package's where the task has none."""
    return task["size"] if "size" in task else torch.full_like(task["goal_x"], SIZE)


def goal_position(scene: Scene, task: Columns) -> Tensor:
    """Position of the goal, m ``[task, 1, 3]``."""
    x, y, z = ready(scene).gripper
    if scene.object is None:
        z = z + task["goal_z"]
    else:
        z = height_at_rest(scene, size_of(task)) + task.get("goal_height", 0.0)
    return torch.stack([x + task["goal_x"], y + task["goal_y"], z], dim=-1)


def achieved_goal(scene: Scene, state: State) -> Tensor:
    """Position of the object, or of the gripper in a scene without an object, m ``[task, episode, 3]``."""
    return (ready(scene).object or ready(scene).grip).position(state)


def distance(scene: Scene, state: State, task: Columns) -> Tensor:
    """Distance to the goal, m ``[task, episode]``."""
    return (achieved_goal(scene, state) - goal_position(scene, task)).norm(dim=-1)


def _angles(matrix: Tensor) -> Tensor:
    """Euler angles of a rotation matrix ``[..., 9]`` about x, the new y and the new z, rad ``[..., 3]``."""
    xx, xy, xz, _, _, yz, _, _, zz = matrix.unbind(dim=-1)
    return torch.stack([torch.atan2(-yz, zz), torch.atan2(xz, torch.hypot(zz, yz)), torch.atan2(-xy, xx)], dim=-1)


def observe(scene: Scene, state: State, task: Columns) -> Tensor:
    """The package's observations, ``[task, episode, observation]``."""
    grip, thing = ready(scene).grip, ready(scene).object
    gripper, velocity = grip.position(state), DT * grip.velocity(state)[0]
    fingers = state["qpos"][..., FINGERS] if scene.grips else blocked(scene, state["qpos"])
    where, motion = [gripper], []
    if thing is not None:
        position, (moving, turning) = thing.position(state), thing.velocity(state)
        where += [position, position - gripper]
        motion += [_angles(thing.orientation(state)), DT * moving - velocity, DT * turning]
    achieved, fingers_moving = achieved_goal(scene, state), DT * state["qvel"][..., FINGERS]
    goal = goal_position(scene, task).expand_as(achieved)
    return torch.cat([achieved, goal, *where, fingers, *motion, velocity, fingers_moving], dim=-1)


def arrived(scene: Scene, state: State, task: Columns) -> Tensor:
    """Whether the object or the gripper is at the goal, bool ``[task, episode]``."""
    return distance(scene, state, task) < _THERE


# -- initial states ----------------------------------------------------------------------------------------------------


def start(scene: Scene, nominal: State, generator: torch.Generator, task: Columns) -> State:
    """The object at a random place beside the gripper. Without an object, noise on the arm's joints, rad."""
    qpos = nominal["qpos"].clone()
    if scene.object is None:
        arm = qpos[..., ARM]
        arm += uniform_like(arm, generator, scale=scene.unrest)
    else:
        # For larger objects, the distances grow with half the diagonal.
        extra = ((size_of(task) - SIZE) * math.sqrt(0.5)).clamp(min=0.0).unsqueeze(-1)
        beside = torch.zeros_like(qpos[..., OBJECT][..., :2])
        while bool((near := beside.norm(dim=-1, keepdim=True) < _CLEAR + extra).any()):
            beside = torch.where(near, (scene.spread + extra) * uniform_like(beside, generator), beside)
        qpos[..., OBJECT][..., :2] = beside.new_tensor(ready(scene).gripper[:2]) + beside
        qpos[..., OBJECT][..., 2] = height_at_rest(scene, size_of(task))
    return {"qpos": qpos, "qvel": nominal["qvel"]}
