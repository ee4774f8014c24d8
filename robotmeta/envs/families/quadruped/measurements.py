"""What the quadruped families measure besides the motion that all legged robots have."""

from __future__ import annotations

import torch
from torch import Tensor

from robotmeta.envs.devices import per_device
from robotmeta.envs.families.legged.measurements import in_world, sensed_names, upright
from robotmeta.envs.families.quadruped.model import JOINTS, LEGS, REACH, STAND, standing_height
from robotmeta.envs.family import Columns, State

_TILT = 0.5  # cosine of the largest tilt of a robot that has not fallen
_CROUCH = 0.5  # lowest height of the trunk of a robot that has not fallen, as a share of the standing height

_LENGTHS = ("thigh_length", "calf_length", "trunk_length", "trunk_width", "hip_offset")

SENSED = sensed_names(JOINTS)
"""Name and unit of each observation that sensors and the last action give."""

ACTIONS = tuple((f"{joint}_target", f"{REACH[joint.split('_')[1]]:g} rad from standing") for joint in JOINTS)


_FORWARD, _LEFT = (per_device(torch.tensor(side)) for side in zip(*LEGS.values(), strict=True))


def feet(state: State, task: Columns) -> Tensor:
    """Centres of the feet in the world, m, ``[task, episode, leg, 3]``, in the order of :data:`LEGS`."""
    qpos = state["qpos"]
    forward, left = _FORWARD(qpos.device).to(qpos), _LEFT(qpos.device).to(qpos)
    joints = qpos[..., 7:].unflatten(-1, (len(LEGS), 3))
    hip = joints[..., 1] + STAND["hip"]
    shin = hip + joints[..., 2] + STAND["knee"]
    length = {name: task[name].unsqueeze(-1).to(qpos) for name in _LENGTHS}
    x = -length["thigh_length"] * hip.sin() - length["calf_length"] * shin.sin()
    down = length["thigh_length"] * hip.cos() + length["calf_length"] * shin.cos()
    outward, offset = joints[..., 0], length["hip_offset"]
    y = length["trunk_width"] / 2 + offset * outward.cos() + down * outward.sin()
    z = offset * outward.sin() - down * outward.cos()
    x = forward * length["trunk_length"] / 2 + x
    trunk = {"qpos": qpos[..., None, :7]}
    return qpos[..., None, :3] + in_world(trunk, torch.stack([x, left * y, z], dim=-1))


def fallen(state: State, task: Columns) -> Tensor:
    """Whether a robot is tilted too far or too low, bool ``[task, episode]``."""
    height = standing_height(task["thigh_length"], task["calf_length"])
    return (upright(state) < _TILT) | (state["qpos"][..., 2] < _CROUCH * height)
