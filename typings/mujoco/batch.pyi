"""MuJoCo's batched simulation on CPU threads."""

from collections.abc import Mapping, Sequence
from typing import SupportsInt

import numpy as np
from mujoco._enums import mjtState
from mujoco._structs import MjData, MjModel
from numpy.typing import ArrayLike

DATA_FIELDS: frozenset[str]  # of MjData, that can be bound

class SimulationError(RuntimeError):
    ids: np.ndarray  # of the simulations that raised

class Batch:
    model: MjModel
    state: np.ndarray  # [nsim, nstate], the whole state of each simulation
    warning: np.ndarray  # [nsim, warning, 2]: last info, number of times

    def __init__(self, model: MjModel, nsim: int, nthread: int = 0, persistent: bool = False) -> None: ...
    def bind(self, name: str) -> np.ndarray: ...  # [nsim, ...], a live view
    def set_models(self, models: MjModel | Sequence[MjModel] | None) -> None: ...
    def get_data(self, sim: int, data: MjData | None = None) -> MjData: ...
    def get_model(self, sim: int, model: MjModel | None = None) -> MjModel: ...
    def step(self, ids: ArrayLike | None = None, nstep: int = 1, stage: SupportsInt = ...) -> None: ...
    def forward(self, ids: ArrayLike | None = None, stage: SupportsInt = ...) -> None: ...
    def reset(self, ids: ArrayLike | None = None, keyframe: ArrayLike = -1, stage: SupportsInt = ...) -> None: ...
    def rollout(
        self,
        nstep: int,
        control: ArrayLike | None = None,
        control_spec: int = ...,
        record: Sequence[str | int | mjtState] = ...,
        ids: ArrayLike | None = None,
    ) -> Mapping[str | int | mjtState, np.ndarray]: ...
