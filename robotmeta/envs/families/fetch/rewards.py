"""Rewards of the Fetch families: the package's, and a shaping reward for the scenes with an object."""

from __future__ import annotations

import torch
from torch import Tensor

from robotmeta.envs.families.fetch.measurements import achieved_goal, arrived, distance, goal_position, size_of
from robotmeta.envs.families.fetch.model import FINGERS, Scene, ready
from robotmeta.envs.family import Transition

_SHAPING = 0.5  # largest shaping reward for the gripper's position, equal to half a metre of the object's distance
_CONSTANT = 0.2  # constant part of the shaping reward
_NEAR = 0.1  # metres at which the shaping reward falls to 1/e
_OPENING = 0.1  # metres between the open fingers
_FINGER = 0.01  # metres from the grip to the outer sides of the fingers


def reward(scene: Scene, step: Transition) -> Tensor:
    """Minus the distance to the goal, ``[task, episode]``."""
    return -distance(scene, step.after, step.task)


def shaping_reward(scene: Scene, step: Transition) -> Tensor:
    """Rewards a gripper around the object, or behind the object where the fingers do not move, ``[task, episode]``.

    The package's reward depends only on the object. An exploring gripper seldom touches the object, and more often
    moves it away from the goal than towards it, so a policy would learn to avoid it. The constant part keeps the
    training reward positive: a critic starts at zero, and unknown states must not look better than those near the
    object. The shaping reward is largest once the object is at its goal.
    """
    assert ready(scene).object is not None
    gripper, thing = ready(scene).grip.position(step.after), achieved_goal(scene, step.after)
    if scene.grips:
        near = torch.exp(-(gripper - thing).norm(dim=-1) / _NEAR)
        shut = 1.0 - step.after["qpos"][..., FINGERS].sum(dim=-1) / _OPENING
        closeness = 0.5 * (near + near.square().square() * shut)
    else:
        away = (thing - goal_position(scene, step.task))[..., :2]
        away = away / away.norm(dim=-1, keepdim=True).clamp(min=1e-3)
        back = (0.5 * size_of(step.task) + _FINGER).unsqueeze(-1) * away
        behind = thing + torch.cat([back, torch.zeros_like(back[..., :1])], dim=-1)
        closeness = torch.exp(-(gripper - behind).norm(dim=-1) / _NEAR)
    return _CONSTANT + _SHAPING * torch.where(arrived(scene, step.after, step.task), 1.0, closeness)
