"""What a fit knows of a parameter, as people read it."""

from __future__ import annotations

import math

from robotmeta.adaptation.fitting.result import FittedParameter
from robotmeta.envs.parameters import Parameter


def value_text(parameter: Parameter, fitted: FittedParameter) -> str:
    """The most likely value, without digits that are far smaller than the interval."""
    width = fitted.high - fitted.low
    if fitted.kinds or not 0.0 < width < math.inf:
        return parameter.text(fitted.value)
    return parameter.text(round(fitted.value, 1 - math.floor(math.log10(width))) + 0.0)


def interval_text(parameter: Parameter, fitted: FittedParameter) -> str:
    """The 90 % interval, or the probability of each kind."""
    if fitted.kinds:
        return " or ".join(f"{parameter.text(kind)} ({share:.0%})" for kind, share in fitted.kinds.items())
    return f"{parameter.text(fitted.low, unit=False)} to {parameter.text(fitted.high)}"
