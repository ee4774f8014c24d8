"""Whether MuJoCo Warp can run a family on this machine. Nothing is simulated for it."""

from __future__ import annotations

import importlib.util
from collections import deque

import torch

from robotmeta.envs.family import MujocoWorld, TaskFamily
from robotmeta.envs.models import ModelBuilder
from robotmeta.errors import UserError

_checked: deque[tuple[object, object, str | None]] = deque(maxlen=64)  # world, space, and why it cannot run


def check_warp(family: TaskFamily) -> None:
    """Checks that MuJoCo Warp is installed, and that it can run the models of a family.

    The models are those at the ends of each parameter. A family is checked once.

    Raises:
        UserError: If it cannot.
    """
    _check_installation()
    same = [problem for world, space, problem in _checked if world is family.world and space is family.space]
    problem = same[0] if same else _problem(family)
    if not same:
        _checked.append((family.world, family.space, problem))
    if problem is not None:
        raise UserError(f"family '{family.name}' does not run on mujoco-warp: {problem}; use --simulator mujoco")


def _check_installation() -> None:
    if any(importlib.util.find_spec(package) is None for package in ("warp", "mujoco_warp")):
        raise UserError("simulator mujoco-warp needs MuJoCo Warp: pip install 'robotmeta[gpu]'")
    import warp

    if torch.cuda.is_available() and not warp.is_cuda_available():
        raise UserError("MuJoCo Warp finds no GPU where torch finds one: update the NVIDIA driver")


def _problem(family: TaskFamily) -> str | None:
    """Why MuJoCo Warp cannot run the family; None if it can."""
    from robotmeta.envs.simulators.warp_models import WarpModels

    assert isinstance(family.world, MujocoWorld)
    if family.world.double_precision:
        return "its physics needs double precision"
    try:
        build = ModelBuilder(family.world.spec, family.space)
        batch = WarpModels(build.nominal, 1, 1)
        for parameter in family.space:
            for value in parameter.extremes() if parameter.edits else ():
                batch.differing(build(family.space.row({parameter.name: value})))
    except UserError as error:
        return str(error)
    return None
