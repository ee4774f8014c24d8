"""MuJoCo's functions.

Results are written to the arrays ``res``, ``jacp``, ``jacr``, ``fromto``, ``geomid``, ``normal`` and ``buffer``.
"""

from typing import SupportsFloat, SupportsInt

import numpy as np
from mujoco._structs import MjData, MjModel, MjvCamera

# Models and their objects
def mj_name2id(m: MjModel, type: SupportsInt, name: str) -> int: ...  # -1 if there is none
def mj_saveModel(m: MjModel, filename: str | None = None, buffer: np.ndarray | None = None) -> None: ...
def mj_setConst(m: MjModel, d: MjData) -> None: ...
def mj_sizeModel(m: MjModel) -> int: ...

# Simulation, and stages of it
def mj_comPos(m: MjModel, d: MjData) -> None: ...
def mj_forward(m: MjModel, d: MjData) -> None: ...
def mj_fwdPosition(m: MjModel, d: MjData) -> None: ...
def mj_kinematics(m: MjModel, d: MjData) -> None: ...
def mj_resetData(m: MjModel, d: MjData) -> None: ...
def mj_step(m: MjModel, d: MjData, nstep: SupportsInt = 1) -> None: ...

# Measurements
def mj_geomDistance(
    m: MjModel, d: MjData, geom1: SupportsInt, geom2: SupportsInt, distmax: SupportsFloat, fromto: np.ndarray | None
) -> float: ...
def mj_jacBodyCom(
    m: MjModel, d: MjData, jacp: np.ndarray | None, jacr: np.ndarray | None, body: SupportsInt
) -> None: ...
def mj_jacSite(m: MjModel, d: MjData, jacp: np.ndarray | None, jacr: np.ndarray | None, site: SupportsInt) -> None: ...
def mj_objectVelocity(
    m: MjModel, d: MjData, objtype: SupportsInt, objid: SupportsInt, res: np.ndarray, flg_local: SupportsInt
) -> None: ...
def mj_ray(
    m: MjModel,
    d: MjData,
    pnt: np.ndarray,
    vec: np.ndarray,
    geomgroup: np.ndarray | None,
    flg_static: int,
    bodyexclude: SupportsInt,
    geomid: np.ndarray | None,
    normal: np.ndarray | None = None,
) -> float: ...  # -1 if the ray meets nothing

# Utilities and rendering
def mju_quat2Mat(res: np.ndarray, quat: np.ndarray) -> None: ...
def mjv_defaultFreeCamera(m: MjModel, cam: MjvCamera) -> None: ...
