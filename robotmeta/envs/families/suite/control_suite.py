"""Models and rewards of the DeepMind Control Suite (Tassa et al. 2018).

The models are those of the installed ``dm_control`` package. Observations, and the rewards of the nominal tasks, are
the suite's, so that a policy also fits environments such as ``dm_control:cheetah-run``. Episodes are shorter and start
standing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.resources import as_file, files

import mujoco
from torch import Tensor

from robotmeta.envs.family import State
from robotmeta.envs.models import quiet_mujoco
from robotmeta.envs.rewards import tolerance

HORIZON = 300  # control steps; the suite's own episodes have 1000


def load(name: str) -> mujoco.MjSpec:
    """Loads the suite's model of that name, such as ``"cheetah"``."""
    # Importing the suite takes a second, opens a GL library, and fails without one. So the file is read instead.
    with as_file(files("dm_control") / "suite") as folder, quiet_mujoco():  # one file uses a deprecated attribute
        spec = mujoco.MjSpec.from_file(str(folder / f"{name}.xml"))
    sky = spec.texture("skybox")  # 11 MB in every task's model, for pictures only
    sky.width = sky.height = 64
    sky.mark = mujoco.mjtMark.mjMARK_NONE  # its stars would be too large
    spec.memory = 1 << 18  # bytes of scratch for each world; the default is 13 MB
    return spec


def named(names: Sequence[str], unit: str, ending: str = "") -> tuple[tuple[str, str], ...]:
    """Gives each name its ending and the unit."""
    return tuple((name + ending, unit) for name in names)


def planar_velocity(state: State) -> Tensor:
    """Velocity of a planar robot's centre of mass along x, m/s ``[task, episode]``."""
    return state["sensordata"][..., 0]


def at_velocity(velocity: Tensor, goal: Tensor, nominal: float, margin: float, value_at_margin: float) -> Tensor:
    """Linear tolerance of a velocity about its goal, ``[task, episode]``.

    The suite rewards the nominal speed or a faster one. So does this where the goal is at least as fast as the nominal
    speed, forward or backward. Slower goals have to be met. All but ``value_at_margin`` are in m/s.
    """
    bounds = goal.masked_fill(goal <= -nominal, -math.inf), goal.masked_fill(goal >= nominal, math.inf)
    return tolerance(velocity, bounds, margin, sigmoid="linear", value_at_margin=value_at_margin)
