"""What the families over robots of the DeepMind Control Suite share.

The models are those of the installed ``dm_control`` package; observations and the rewards of the nominal tasks are the
suite's own (Tassa et al. 2018), so that a policy also fits ``dm_control:cheetah-run`` and its like. What differs:
episodes are shorter and start standing, and some numbers vary.
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
    """The suite's model of that name, such as ``"cheetah"``."""
    # Read as a file: importing the suite takes a second, opens a GL library, and fails where that is missing.
    with as_file(files("dm_control") / "suite") as folder, quiet_mujoco():  # one file uses a retired attribute
        spec = mujoco.MjSpec.from_file(str(folder / f"{name}.xml"))
    sky = spec.texture("skybox")  # 11 MB in every task's model, for pictures alone
    sky.width = sky.height = 64
    sky.mark = mujoco.mjtMark.mjMARK_NONE  # stars, which would be as large as fists
    spec.memory = 1 << 18  # bytes of scratch a world; the default is 13 MB
    return spec


def named(names: Sequence[str], unit: str, ending: str = "") -> tuple[tuple[str, str], ...]:
    """Signals of one unit: ``(name + ending, unit)`` each."""
    return tuple((name + ending, unit) for name in names)


def planar_velocity(state: State) -> Tensor:
    """Velocity of a planar robot's centre of mass along x, m/s ``[task, episode]``."""
    return state["sensordata"][..., 0]


def at_velocity(velocity: Tensor, goal: Tensor, nominal: float, margin: float, value_at_margin: float) -> Tensor:
    """Linear tolerance of a velocity about its goal.

    The suite asks for at least the nominal speed. So faster is as good where the goal is at least that, either way;
    slower goals are to be met. All but ``value_at_margin`` are in m/s.
    """
    bounds = goal.masked_fill(goal <= -nominal, -math.inf), goal.masked_fill(goal >= nominal, math.inf)
    return tolerance(velocity, bounds, margin, sigmoid="linear", value_at_margin=value_at_margin)
