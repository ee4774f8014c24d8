"""What the quadruped families measure besides the motion that all legged robots have."""

from __future__ import annotations

from torch import Tensor

from robotmeta.envs.families.legged.measurements import sensed_names, upright
from robotmeta.envs.families.quadruped.model import JOINTS, REACH, standing_height
from robotmeta.envs.family import Columns, State

_TILT = 0.5  # cosine of the largest tilt of a robot that has not fallen
_CROUCH = 0.5  # lowest height of the trunk of a robot that has not fallen, as a share of the standing height

SENSED = sensed_names(JOINTS)
"""Name and unit of each observation that sensors and the last action give."""

ACTIONS = tuple((f"{joint}_target", f"{REACH[joint.split('_')[1]]:g} rad from standing") for joint in JOINTS)


def fallen(state: State, task: Columns) -> Tensor:
    """Whether a robot is tilted too far or too low, bool ``[task, episode]``."""
    height = standing_height(task["thigh_length"], task["calf_length"])
    return (upright(state) < _TILT) | (state["qpos"][..., 2] < _CROUCH * height)
