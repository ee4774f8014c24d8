from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

def least_squares(
    x0: np.ndarray,  # [number]
    residual: Callable[[np.ndarray], np.ndarray],  # of points [number, point], [residual, point]
    bounds: Sequence[np.ndarray] | None = None,
    *,
    eps: float = ...,
    max_iter: int = 100,
    verbose: int = ...,
) -> tuple[np.ndarray, list[Any]]: ...
def jacobian_fd(
    residual: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,  # [number, 1]
    r: np.ndarray,  # [residual, 1]
    eps: np.float64,
    n_res: int,
    bounds: list[np.ndarray] | None = None,
) -> tuple[np.ndarray, int]: ...
