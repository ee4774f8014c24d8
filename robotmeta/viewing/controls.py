"""Which slider or list sets each parameter of a family."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from robotmeta.envs import Parameter, TaskFamily

_STEPS = 200  # of a slider, about


@dataclass(frozen=True)
class Slider:
    """A slider for a number.

    Attributes:
        name: Name of the parameter.
        label: What it is called, with its unit.
        hint: What it is, and where it was trained.
        low: Lowest value.
        high: Highest value.
        step: Distance between values.
        trained: Ends of the training range.
    """

    name: str
    label: str
    hint: str
    low: float
    high: float
    step: float
    trained: tuple[float, float]

    def rounded(self, value: float) -> float:
        """The nearest value that the slider shows in full."""
        return round(value, max(0, -math.floor(math.log10(self.step))))


@dataclass(frozen=True)
class Options:
    """A list of values.

    Attributes:
        name: Name of the parameter.
        label: What it is called, with its unit.
        hint: What it is, and which values were trained.
        values: The values.
        texts: The values as people read them.
    """

    name: str
    label: str
    hint: str
    values: tuple[float, ...]
    texts: tuple[str, ...]

    def text(self, value: float) -> str:
        """The value as people read it; the first text for a value that is none of these."""
        return self.texts[self.values.index(value) if value in self.values else 0]

    def value(self, text: str) -> float:
        """The value with that text."""
        return self.values[self.texts.index(text)]


def controls(family: TaskFamily) -> Iterator[Slider | Options]:
    """A slider for each parameter that is a number, and a list for each that is a kind, in their order.

    There is nothing for a number that has one possible value.
    """
    for parameter in family.space:
        unit = "" if parameter.unit == "1" else f" ({parameter.unit})"
        label = f"{parameter.name}{unit}"
        hint = f"{parameter.description}; trained on {parameter.spelled(parameter.train)}"
        if parameter.ood is not None:
            hint += f", out of distribution {parameter.spelled(parameter.ood)}"
        choices = parameter.choices()
        if choices is not None:
            texts = tuple(parameter.text(value, digits=6) for value in choices)
            yield Options(parameter.name, label, hint, tuple(choices), texts)
            continue
        low, high = _ends(parameter)
        if low < high:
            yield Slider(parameter.name, label, hint, low, high, _step(high - low), parameter.train.support)


def _ends(parameter: Parameter) -> tuple[float, float]:
    """The physical range, but not more than a range's width beyond the values of training and OOD tasks."""
    given = [*parameter.extremes(), parameter.nominal]
    beyond = max(max(given) - min(given), 1e-3)
    low, high = parameter.bounds
    return max(low, min(given) - beyond), min(high, max(given) + beyond)


def _step(width: float) -> float:
    """A round number, of which a slider of this width has about 200."""
    return 10.0 ** math.floor(math.log10(width / _STEPS))
