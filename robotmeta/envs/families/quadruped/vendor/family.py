"""The family of a vendor's quadruped: the vendor's model in a world with the interface of ``quadruped``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import mujoco
import numpy as np
import torch
from torch import Tensor

from robotmeta.envs.draws import uniform_like
from robotmeta.envs.families.quadruped.vendor.legs import Legs
from robotmeta.envs.families.quadruped.vendor.numbers import Numbers
from robotmeta.envs.families.quadruped.vendor.space import conditions
from robotmeta.envs.families.quadruped.vendor.standing import Standing
from robotmeta.envs.families.quadruped.vendor.view import View
from robotmeta.envs.families.quadruped.vendor.world import CAMERA, mixing, substeps
from robotmeta.envs.family import Columns, MujocoWorld, Source, State, TaskFamily
from robotmeta.envs.vendor.shapes import farthest, touches


def vendor_family(
    family: TaskFamily,
    spec: mujoco.MjSpec,
    model: mujoco.MjModel,
    legs: Legs,
    standing: Standing,
    numbers: Numbers,
    name: str,
) -> TaskFamily:
    """The family of a vendor's robot.

    Args:
        family: The family whose interface it gets.
        spec: The vendor's robot in the family's world.
        model: The vendor's model.
        legs: Its legs.
        standing: Its standing pose.
        numbers: Its numbers.
        name: Name of the file.
    """
    assert isinstance(family.world, MujocoWorld)
    view = _view(model, legs, standing, numbers)
    return replace(
        family,
        name=f"{family.name} {name}",
        summary=f"{name} in the world of {family.name}; load, floor, faults and latency are hidden.",
        source=Source(f"The vendor's model, {name}, with the family's servos, floor and control step."),
        space=conditions(family.space, legs, standing, numbers, _top(model, legs, standing)),
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
        numbers=numbers.row,
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
