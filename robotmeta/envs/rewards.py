"""Bounded reward primitives in [0, 1]."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from torch import Tensor, maximum, rsub

Sigmoid = Literal["gaussian", "long_tail", "linear", "quadratic"]

# Each is 1 at d = 0 and v at d = 1, where d is the distance divided by the margin.
_SIGMOIDS: dict[Sigmoid, Callable[[Tensor, float], Tensor]] = {
    "gaussian": lambda d, v: (math.log(v) * d.square()).exp(),
    "long_tail": lambda d, v: 1.0 / (1.0 + (1.0 / v - 1.0) * d.square()),
    "linear": lambda d, v: rsub(d, 1.0, alpha=1.0 - v).clamp(min=0.0),
    "quadratic": lambda d, v: rsub(d.square(), 1.0, alpha=1.0 - v).clamp(min=0.0),
}
_REACH_ZERO = ("linear", "quadratic")


def tolerance(
    x: Tensor,
    bounds: tuple[float | Tensor, float | Tensor],
    margin: float | Tensor = 0.0,
    *,
    sigmoid: Sigmoid = "gaussian",
    value_at_margin: float = 0.1,
) -> Tensor:
    """Returns 1 where ``x`` is within the bounds, and less outside them; Tassa et al. 2018 (DeepMind Control Suite).

    With d = max(lower - x, x - upper, 0) / margin and v = ``value_at_margin``, the value is v at d = 1:

    - gaussian: exp(d^2 ln v) = v^(d^2)
    - long_tail: 1 / (1 + (1/v - 1) d^2)
    - linear: max(0, 1 - (1 - v) d)
    - quadratic: max(0, 1 - (1 - v) d^2)

    Args:
        x: The quantity, of any shape.
        bounds: Lower and upper bound, in the unit of ``x``. They may be infinite, or equal for an exact goal. Tensors
            broadcast with ``x``, so that each task can have its own bounds.
        margin: Distance from the nearest bound at which the value is v, in the unit of ``x``. The entries of a tensor
            are above 0. For the number 0, the value is 0 outside the bounds.
        sigmoid: Shape of the decrease.
        value_at_margin: v, in (0, 1). The linear and the quadratic sigmoid also take 0.

    Returns:
        Values in [0, 1], of the shape of ``x`` and the bounds.

    Raises:
        ValueError: For a ``value_at_margin`` outside its range, a negative margin, bounds in the wrong order, or a
            sigmoid that does not exist.
    """
    lower, upper = bounds
    if sigmoid not in _SIGMOIDS:
        raise ValueError(f"no sigmoid '{sigmoid}'; there are: {', '.join(_SIGMOIDS)}")
    if not (0.0 < value_at_margin < 1.0 or (value_at_margin == 0.0 and sigmoid in _REACH_ZERO)):
        raise ValueError(f"a {sigmoid} sigmoid cannot be {value_at_margin:g} at the margin")
    if not isinstance(lower, Tensor) and not isinstance(upper, Tensor) and lower > upper:
        raise ValueError(f"the lower bound {lower:g} is above the upper bound {upper:g}")
    outside = _outside(x, lower, upper)
    if isinstance(margin, Tensor) or margin > 0.0:
        return _SIGMOIDS[sigmoid](outside / margin, value_at_margin)
    if margin < 0.0:
        raise ValueError(f"a margin cannot be negative, as {margin:g} is")
    return (outside == 0.0).to(x.dtype)


def _outside(x: Tensor, lower: float | Tensor, upper: float | Tensor) -> Tensor:
    """Returns the distance of ``x`` from the bounds, at least 0, in as few torch operations as possible."""
    if not isinstance(lower, Tensor) and not isinstance(upper, Tensor):
        if math.isinf(lower):
            return (x - upper).clamp(min=0.0)
        if math.isinf(upper):
            return (lower - x).clamp(min=0.0)
        if lower == -upper:
            return (x.abs() - upper).clamp(min=0.0)
    return maximum(lower - x, x - upper).clamp(min=0.0)
