"""Reads a vendor's MJCF file of a quadruped into the interface of the family ``quadruped``.

file -> the robot alone -> legs -> standing pose -> numbers -> the family's world around the vendor's model
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import mujoco
import numpy as np
import torch
from torch import Tensor

from robotmeta.envs.draws import uniform_like
from robotmeta.envs.families.quadruped.family import walk
from robotmeta.envs.families.quadruped.vendor.legs import Legs, find_legs
from robotmeta.envs.families.quadruped.vendor.numbers import Numbers, measure
from robotmeta.envs.families.quadruped.vendor.picture import draw
from robotmeta.envs.families.quadruped.vendor.report import listings
from robotmeta.envs.families.quadruped.vendor.space import conditions, nominal_gains
from robotmeta.envs.families.quadruped.vendor.standing import Standing, stand
from robotmeta.envs.families.quadruped.vendor.view import View
from robotmeta.envs.families.quadruped.vendor.world import CAMERA, PAYLOAD, furnish, mixing, substeps
from robotmeta.envs.family import Columns, MujocoWorld, Source, State, TaskFamily
from robotmeta.envs.own_robot.loading import compiled
from robotmeta.envs.vendor.files import read, without_missing_files
from robotmeta.envs.vendor.robot import VendorRobot
from robotmeta.envs.vendor.scene import free_bodies, only, the_only
from robotmeta.envs.vendor.shapes import farthest, touches
from robotmeta.errors import UserError

_STANDS = 1.0  # seconds that it must stand
_SUNK, _TILTED = 0.75, 0.9  # share of the height, and cosine of the tilt, of a robot that stands


def read_quadruped(source: str | Path, forward: str | None = None) -> VendorRobot:
    """Reads a quadruped with 12 joints.

    Args:
        source: An MJCF file, or ``package:path``.
        forward: The axis of the root body that points forward; see :func:`find_legs`.

    Raises:
        UserError: For a file that cannot be read, a robot that is no quadruped with 12 joints, actuators that cannot be
            converted, or a robot that does not stand.
    """
    spec, name = read(source)
    pose = _hinted_pose(spec)
    root = _robot(spec, name)
    notes = [*only(spec, spec.body(root)), *without_missing_files(spec, name)]
    model = compiled(spec, name)
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    legs = find_legs(model, data, model.body(root).id, name, forward)
    standing = stand(model, legs, _pose(model, pose), name)
    numbers = measure(model, legs, standing, name)
    family = walk()
    furnish(spec, model, legs, standing, numbers, nominal_gains(), family.dt)
    world = compiled(spec, name)
    _check_stands(world, legs, standing, numbers, name)
    own = _family(family, spec, model, legs, standing, numbers, name)
    return VendorRobot(
        name=name,
        family=own,
        task=own.task(),
        reads_as=family.name,
        row=numbers.row,
        understood=listings(model, legs, standing, numbers),
        notes=(*notes, *numbers.notes),
        draw=partial(draw, world, legs, standing),
    )


# -- the robot in the file ---------------------------------------------------------------------------------------------


def _robot(spec: mujoco.MjSpec, name: str) -> str:
    """The name of the body that is the robot's trunk."""
    free = [body.name for body in free_bodies(spec)]
    if not free:
        moving = [body.name for body in spec.worldbody.bodies if body.name]
        found = f"; it has {', '.join(moving[:4])}" if moving else ""
        raise UserError(f"{name}: no body moves freely (<freejoint/> is what a trunk has){found}")
    walking = [body for body in free if _branches(spec.body(body)) >= 3]
    return the_only(walking or free, name, "robot" if walking else "free body")


def _branches(body: mujoco.MjsBody) -> int:
    """How many jointed branches a body and what is fixed to it carry."""
    return sum(1 if child.joints else _branches(child) for child in body.bodies)


def _hinted_pose(spec: mujoco.MjSpec) -> dict[str, float]:
    """Angles of hinges and slides in the first keyframe, by joint; none without a keyframe."""
    if not spec.keys:
        return {}
    try:
        model = spec.compile()
    except ValueError:  # such as for files that are missing
        return {}
    key = model.key_qpos[0]
    return {model.joint(j).name: float(key[model.jnt_qposadr[j]]) for j in range(model.njnt) if _scalar(model, j)}


def _scalar(model: mujoco.MjModel, joint: int) -> bool:
    return int(model.jnt_type[joint]) in (int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE))


def _pose(model: mujoco.MjModel, hinted: dict[str, float]) -> np.ndarray:
    pose = model.qpos0.copy()
    for joint in range(model.njnt):
        if _scalar(model, joint):
            pose[model.jnt_qposadr[joint]] = hinted.get(model.joint(joint).name, pose[model.jnt_qposadr[joint]])
    return pose


# -- the family's world ------------------------------------------------------------------------------------------------


def _family(
    family: TaskFamily,
    spec: mujoco.MjSpec,
    model: mujoco.MjModel,
    legs: Legs,
    standing: Standing,
    numbers: Numbers,
    name: str,
) -> TaskFamily:
    assert isinstance(family.world, MujocoWorld)
    view = _view(model, legs, standing, numbers)
    return replace(
        family,
        name=f"{family.name} {name}",
        summary=f"{name} in the world of {family.name}; load, floor, faults and latency are hidden.",
        source=Source(f"The vendor's model, {name}, with the family's servos, floor and control step."),
        space=conditions(legs, standing, numbers, _top(model, legs, standing)),
        world=replace(family.world, spec=spec.copy, frame_skip=substeps(model.opt.timestep, family.dt), camera=CAMERA),
        reset=_start(view, standing),
        robots={},
        **view.functions(family),
    )


def _view(model: mujoco.MjModel, legs: Legs, standing: Standing, numbers: Numbers) -> View:
    joints = [joint for chain in legs.chains.values() for joint in chain.joints]
    free = int(model.body_jntadr[legs.root])
    turn = np.zeros(4)
    mujoco.mju_mat2Quat(turn, legs.axes.ravel())
    positions = torch.from_numpy(model.jnt_qposadr[joints].astype(np.int64))
    return View(
        root=(int(model.jnt_qposadr[free]), int(model.jnt_dofadr[free])),
        positions=positions,
        velocities=torch.from_numpy(model.jnt_dofadr[joints].astype(np.int64)),
        standing=torch.from_numpy(standing.qpos)[positions],
        mixing=torch.from_numpy(mixing(standing)),
        turn=torch.from_numpy(turn),
        centre=torch.from_numpy(standing.centre),
        height=standing.height,
        numbers={part: numbers.row[part] for part in ("thigh_length", "calf_length")},
    )


def _start(view: View, standing: Standing) -> Callable[[State, torch.Generator, Columns], State]:
    """Standing at the origin, facing along x, with the family's noise on the joints."""
    pose = torch.from_numpy(standing.qpos)

    def start(nominal: State, generator: torch.Generator, task: Columns) -> State:
        qpos: Tensor = pose.to(nominal["qpos"]).expand_as(nominal["qpos"]).clone()
        places = view.positions.to(qpos.device)
        qpos[..., places] += uniform_like(qpos[..., places], generator, scale=0.05, dtype=torch.float32)
        return {"qpos": qpos, "qvel": nominal["qvel"]}

    return start


def _top(model: mujoco.MjModel, legs: Legs, standing: Standing) -> float:
    """Height of the top of the trunk above the hips, m."""
    data = mujoco.MjData(model)
    data.qpos[:] = standing.qpos
    mujoco.mj_kinematics(model, data)
    geoms = [g for g in range(model.ngeom) if int(model.geom_bodyid[g]) in legs.trunk and touches(model, g)]
    tops = [farthest(model, data, g, np.array([0.0, 0.0, 1.0]))[2] for g in geoms]
    return max([top - standing.height for top in tops], default=0.0)


def _check_stands(world: mujoco.MjModel, legs: Legs, standing: Standing, numbers: Numbers, name: str) -> None:
    """Raises UserError unless the robot stands for a while on the family's servos."""
    data = mujoco.MjData(world)
    added = world.body(PAYLOAD).id
    assert world.nq == len(standing.qpos), (world.nq, added)
    data.qpos[:] = standing.qpos
    start = _middle(world, data, legs, standing)
    for _ in range(math.ceil(_STANDS / world.opt.timestep)):
        mujoco.mj_step(world, data)
        if not np.isfinite(data.qpos).all():
            break
    end = _middle(world, data, legs, standing)
    tilt = float((data.xmat[legs.root].reshape(3, 3) @ legs.axes[:, 2])[2])
    if not (np.isfinite(data.qpos).all() and end > _SUNK * start and tilt > _TILTED):
        weakest = min(numbers.torques, key=lambda joint: numbers.torques[joint])
        raise UserError(
            f"{name}: four legs, {standing.height:.2f} m high, {numbers.mass:.1f} kg, but it cannot stand: after "
            f"{_STANDS:g} s its hips are {end:.2f} m high and the cosine of its tilt is {tilt:.2f}; its weakest joint, "
            f"{weakest}, has {numbers.torques[weakest]:.3g} N m"
        )


def _middle(model: mujoco.MjModel, data: mujoco.MjData, legs: Legs, standing: Standing) -> float:
    """Height of the middle of the hips, m."""
    mujoco.mj_kinematics(model, data)
    return float((data.xpos[legs.root] + data.xmat[legs.root].reshape(3, 3) @ standing.centre)[2])
