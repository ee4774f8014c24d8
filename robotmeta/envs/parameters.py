"""What can vary: parameters, their distributions, and tasks as rows of named numbers."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from robotmeta.envs import checks
from robotmeta.envs.edits import Edit
from robotmeta.errors import UserError, unknown

# Meta-test tasks come from streams of their own, so they never depend on the seed of a run.
_SPLIT_STREAM = {"test": 7_001, "ood": 7_002}
_SPLIT_SIZE = 1024


class Distribution(Protocol):
    """A distribution over one number."""

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Draws ``count`` values, shape ``[count]``."""
        ...

    @property
    def support(self) -> tuple[float, float]:
        """Smallest and largest value."""
        ...


@dataclass(frozen=True)
class Uniform:
    """Uniform on [low, high]."""

    low: float
    high: float

    def __post_init__(self) -> None:
        checks.interval("the range of Uniform", (self.low, self.high))

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray:
        return rng.uniform(self.low, self.high, count)

    @property
    def support(self) -> tuple[float, float]:
        return self.low, self.high

    def __str__(self) -> str:
        return f"U({self.low:g}, {self.high:g})"


@dataclass(frozen=True)
class LogUniform:
    """Uniform in the logarithm on [low, high], low > 0: halving is as likely as doubling."""

    low: float
    high: float

    def __post_init__(self) -> None:
        checks.positive("low of LogUniform", checks.interval("the range of LogUniform", (self.low, self.high))[0])

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray:
        # exp differs in the last bit between processors; frozen splits must not.
        return np.round(np.exp(rng.uniform(np.log(self.low), np.log(self.high), count)), 9)

    @property
    def support(self) -> tuple[float, float]:
        return self.low, self.high

    def __str__(self) -> str:
        return f"logU({self.low:g}, {self.high:g})"


@dataclass(frozen=True)
class Choice:
    """One of a few values, equally likely. Draws are balanced: every block of ``len(values)`` holds each value once."""

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.values, tuple) or not self.values:
            raise UserError(f"values of Choice must be a tuple of at least one number, not {self.values!r}")
        for value in self.values:
            checks.number("a value of Choice", value)

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray:
        blocks = -(-count // len(self.values))
        return np.concatenate([rng.permutation(self.values) for _ in range(blocks)])[:count]

    @property
    def support(self) -> tuple[float, float]:
        return min(self.values), max(self.values)

    def __str__(self) -> str:
        return self.spelled(lambda value: f"{value:g}")

    def spelled(self, word: Callable[[float], str]) -> str:
        """The values, in words, and how many times each is there."""
        shares = Counter(self.values)
        return "one of " + ", ".join(word(v) if n == 1 else f"{word(v)} (x{n})" for v, n in shares.items())


@dataclass(frozen=True)
class Union:
    """Uniform over several intervals, each as likely as it is long. For OOD values on both sides of a range."""

    intervals: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        if not isinstance(self.intervals, tuple) or not self.intervals:
            raise UserError(f"intervals of Union must be a tuple of at least one (low, high), not {self.intervals!r}")
        for interval in self.intervals:
            low, high = checks.interval("an interval of Union", interval)
            checks.positive("the length of an interval of Union", high - low)

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray:
        lows, highs = np.array(self.intervals).T
        chosen = rng.choice(len(lows), size=count, p=(highs - lows) / (highs - lows).sum())
        return rng.uniform(lows[chosen], highs[chosen])

    @property
    def support(self) -> tuple[float, float]:
        return min(low for low, _ in self.intervals), max(high for _, high in self.intervals)

    def __str__(self) -> str:
        return " or ".join(f"U({low:g}, {high:g})" for low, high in self.intervals)


@dataclass(frozen=True)
class Power:
    """A base above 1 raised to a random exponent, as the literature writes its multipliers: 1.5^U(-3, 3)."""

    base: float
    exponent: Distribution

    def __post_init__(self) -> None:
        if checks.number("base of Power", self.base) <= 1.0:
            raise UserError(f"base of Power must be above 1, not {self.base:g}")

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray:
        return np.round(self.base ** self.exponent.sample(rng, count), 9)  # for the reason given at LogUniform

    @property
    def support(self) -> tuple[float, float]:
        low, high = self.exponent.support
        return self.base**low, self.base**high

    def __str__(self) -> str:
        return (
            f"{self.base:g}^({self.exponent})" if isinstance(self.exponent, Union) else f"{self.base:g}^{self.exponent}"
        )


@dataclass(frozen=True)
class Ring:
    """Distance from the centre of points that are spread evenly between two circles; a disc for ``inner`` 0."""

    inner: float
    outer: float

    def __post_init__(self) -> None:
        checks.not_negative("inner of Ring", checks.interval("the range of Ring", (self.inner, self.outer))[0])

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray:
        return np.sqrt(rng.uniform(self.inner**2, self.outer**2, count))

    @property
    def support(self) -> tuple[float, float]:
        return self.inner, self.outer

    def __str__(self) -> str:
        return f"sqrt(U({self.inner**2:g}, {self.outer**2:g}))"


@dataclass(frozen=True)
class Parameter:
    """One column of a task: a number that varies from robot to robot or from goal to goal.

    Attributes:
        name: Column name, as typed on the command line.
        description: What it is, in a few words.
        train: Meta-training distribution; the held-out (test) tasks come from it too.
        nominal: The value of the unmodified robot.
        bounds: Physically meaningful range; a value outside it is refused.
        ood: Out-of-distribution values, disjoint from ``train``; None keeps the column in distribution.
        edits: How the value changes the model. Empty for goals, which only rewards read.
        unit: Unit of the value, ``"1"`` for a multiplier.
        labels: What the values are called where they are kinds and not amounts; there are no others then.
        qualifies: The column that this one says more about, and without which, where that is nominal, it means nothing.
    """

    name: str
    description: str
    _: KW_ONLY
    train: Distribution
    nominal: float
    bounds: tuple[float, float]
    ood: Distribution | None = None
    edits: tuple[Edit, ...] = ()
    unit: str = "1"
    labels: Mapping[float, str] = field(default_factory=dict, hash=False)
    qualifies: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or self.name in ("", "robot"):
            raise UserError(f"a parameter cannot be called {self.name!r}: --task robot=NAME asks for a robot by name")
        object.__setattr__(self, "bounds", checks.interval(f"{self.name}: bounds", self.bounds, finite=False))
        object.__setattr__(self, "nominal", checks.number(f"{self.name}: nominal", self.nominal))
        self._check_within("nominal", (self.nominal, self.nominal))
        for what, values in (("train", self.train), *((("ood", self.ood),) if self.ood is not None else ())):
            if not (hasattr(values, "sample") and hasattr(values, "support")):
                raise UserError(
                    f"{self.name}: {what} must be a distribution, such as Uniform(0.0, 1.0), not {values!r}"
                )
            self._check_within(what, values.support)
        if not isinstance(self.edits, tuple) or not all(isinstance(edit, Edit) for edit in self.edits):
            raise UserError(f"{self.name}: edits must be a tuple of Field, ModelEdit or SpecEdit, not {self.edits!r}")
        if self.labels:
            values = self._choices()
            if values is None:
                raise UserError(f"{self.name}: labels are for a choice between a few values, not for {self.train}")
            if len(set(self.labels.values())) < len(self.labels):
                raise UserError(f"{self.name}: two of its labels are the same: {', '.join(self.labels.values())}")
            bare = [f"{value:g}" for value in values if value not in self.labels]
            if bare:
                raise UserError(f"{self.name}: its labels leave out {', '.join(bare)}")

    def _check_within(self, what: str, support: tuple[float, float]) -> None:
        (start, end), (low, high) = checks.interval(f"{self.name}: {what}", support), self.bounds
        if start < low or end > high:
            given = f"{start:g}" if start == end else f"{start:g} to {end:g},"
            raise UserError(f"{self.name}: {what} {given} is outside the physical range, {low:g} to {high:g}")

    def read(self, value: float | str) -> float:
        """The number of a value that may be written out, or called by its label.

        Raises:
            UserError: For an unknown label, what is not a number, a value outside the physical range, or none of the
                choices.
        """
        for number, label in self.labels.items():
            if value == label:
                return number
        try:
            number = float(value)
        except (TypeError, ValueError):
            if self.labels:
                raise unknown(self.name, str(value), self.labels.values()) from None
            raise UserError(f"{self.name}={value}: '{value}' is not a number") from None
        return self.check(number)

    def text(self, value: float, *, digits: int = 3, unit: bool = True) -> str:
        """A value as people read it: its label, or so many digits and the unit."""
        if value in self.labels:
            return self.labels[value]
        return f"{value:.{digits}g} {_unit(self.unit) if unit else ''}".rstrip()

    def spelled(self, values: Distribution, *, unit: bool = True) -> str:
        """A distribution as people read it."""
        if self.labels and isinstance(values, Choice):
            return values.spelled(self.text)
        return f"{values} {_unit(self.unit) if unit else ''}".rstrip()

    def check(self, value: float) -> float:
        """Returns the value, or raises UserError where it is outside the physical range or none of the choices."""
        low, high = self.bounds
        if not self.labels and not low <= value <= high:  # also refuses NaN
            raise UserError(
                f"{self.name}={value:g} is outside its physical range [{low:g}, {high:g}] {_unit(self.unit)}".rstrip()
            )
        known = list(self.labels) or self._choices()
        if known is not None and value not in known:
            words = (self.text(kind, digits=6, unit=False) for kind in known)
            raise UserError(f"{self.name} is one of {', '.join(words)}, not {value:g}")
        return value

    def extremes(self) -> list[float]:
        """All kinds of values in training and out of distribution, or the ends of their ranges, ascending."""
        given = [d for d in (self.train, self.ood) if d is not None]
        return sorted(set(itertools.chain(*(d.values if isinstance(d, Choice) else d.support for d in given))))

    def _choices(self) -> list[float] | None:
        """The values there are, ascending; None for a number."""
        if not isinstance(self.train, Choice):
            return None
        kinds = [d.values for d in (self.train, self.ood) if isinstance(d, Choice)]
        return sorted({self.nominal, *itertools.chain(*kinds)})


@dataclass(frozen=True)
class Proportional:
    """A random factor times columns drawn before this one, so that the parts of a robot fit together.

    Attributes:
        factor: Distribution of the factor; its unit is this column's over that of the product.
        columns: The columns to multiply; one that is listed three times is cubed.
    """

    factor: Distribution
    columns: tuple[Parameter, ...]

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Draws factors; :meth:`ParameterSpace.sample` multiplies them by the columns."""
        return self.factor.sample(rng, count)

    @property
    def support(self) -> tuple[float, float]:
        low, high = (math.prod(ends) for ends in zip(*(p.train.support for p in self.columns), strict=True))
        return self.factor.support[0] * low, self.factor.support[1] * high

    def __str__(self) -> str:
        powers = Counter(p.name for p in self.columns)
        return " * ".join([str(self.factor), *(n if k == 1 else f"{n}^{k}" for n, k in powers.items())])


@dataclass(frozen=True)
class Tasks:
    """Rows of named numbers: one row a task.

    Attributes:
        names: Column names.
        values: Array ``[task, parameter]``.
    """

    names: tuple[str, ...]
    values: np.ndarray = field(repr=False)

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(self.names):
            raise ValueError(f"values of shape {self.values.shape} do not fit {len(self.names)} columns")

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: slice | Sequence[int] | np.ndarray) -> Tasks:
        return Tasks(self.names, self.values[rows])

    def __iter__(self) -> Iterator[dict[str, float]]:
        for row in self.values:
            yield dict(zip(self.names, row.tolist(), strict=True))

    def repeat(self, count: int) -> Tasks:
        """Every task ``count`` times in a row: ``[task * count, parameter]``."""
        return Tasks(self.names, np.repeat(self.values, count, axis=0))

    def columns(self, device: torch.device | str = "cpu") -> dict[str, Tensor]:
        """The columns by name, each ``[task, 1]`` so that it broadcasts over episodes."""
        table = torch.as_tensor(self.values, device=device)
        return {name: table[:, i : i + 1] for i, name in enumerate(self.names)}

    @property
    def digest(self) -> str:
        """Hash of names and values: equal digests mean equal tasks."""
        content = json.dumps([self.names, self.values.tolist()]).encode()
        return hashlib.sha256(content).hexdigest()[:16]


@dataclass(frozen=True)
class ParameterSpace:
    """The parameters of a family, in column order."""

    parameters: tuple[Parameter, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.parameters, tuple) or not self.parameters:
            raise UserError(f"a parameter space must be a tuple of at least one Parameter, not {self.parameters!r}")
        for place, parameter in enumerate(self.parameters):
            if not isinstance(parameter, Parameter):
                raise UserError(f"a parameter space holds Parameters, not {parameter!r}")
            factors = parameter.train.columns if isinstance(parameter.train, Proportional) else ()
            for factor in factors:
                if factor.name not in self.names[:place]:
                    raise UserError(f"{parameter.name}: train multiplies {factor.name}, which must come before it")
        checks.unique("parameters", list(self.names))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(parameter.name for parameter in self.parameters)

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self.parameters)

    def __getitem__(self, name: str) -> Parameter:
        """The parameter of that name; KeyError where there is none."""
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        raise KeyError(name)

    def nominal(self, count: int = 1) -> Tasks:
        """``count`` copies of the nominal task."""
        row = [parameter.nominal for parameter in self.parameters]
        return Tasks(self.names, np.tile(np.array(row, dtype=np.float64), (count, 1)))

    def row(self, values: Mapping[str, float | str], *, where: str = "this family") -> Tasks:
        """One task from named values, as :meth:`Parameter.read` takes them; columns that are not given are nominal.

        Raises:
            UserError: For an unknown parameter, or a value that :meth:`Parameter.read` refuses.
        """
        tasks = self.nominal()
        for name, value in values.items():
            if name not in self.names:
                raise unknown("parameter", name, self.names, where=where)
            tasks.values[0, self.names.index(name)] = self[name].read(value)
        return tasks

    def sample(self, count: int, rng: np.random.Generator, *, ood: bool = False) -> Tasks:
        """Draws tasks; with ``ood``, the columns that have OOD values take those."""
        drawn: dict[str, np.ndarray] = {}
        for p in self.parameters:
            chosen = p.ood if ood and p.ood is not None else p.train
            drawn[p.name] = chosen.sample(rng, count)
            if isinstance(chosen, Proportional):
                drawn[p.name] *= np.prod([drawn[column.name] for column in chosen.columns], axis=0)
        return Tasks(self.names, np.stack(list(drawn.values()), axis=1).astype(np.float64))

    @property
    def has_ood(self) -> bool:
        return any(parameter.ood is not None for parameter in self.parameters)

    def split(self, name: str, count: int) -> Tasks:
        """The first ``count`` tasks of a meta-test split, the same on every machine and for every seed of a run.

        Args:
            name: ``"test"`` (held-out tasks of the meta-training distribution) or ``"ood"``.
            count: Number of tasks.

        Raises:
            UserError: For an unknown split, or ``"ood"`` where no parameter has OOD values.
        """
        if name not in _SPLIT_STREAM:
            raise unknown("split", name, _SPLIT_STREAM)
        if name == "ood" and not self.has_ood:
            raise UserError("this family has no OOD split: none of its parameters has out-of-distribution values")
        if not 1 <= count <= _SPLIT_SIZE:
            raise UserError(f"a split holds 1 to {_SPLIT_SIZE} tasks, not {count}")
        # The whole split is drawn each time, so that asking for more tasks keeps the earlier ones.
        whole = self.sample(_SPLIT_SIZE, np.random.default_rng(_SPLIT_STREAM[name]), ood=name == "ood")
        return whole[:count]

    @property
    def digest(self) -> str:
        """Hash of the space and its frozen splits: a checkpoint of another space is recognised by it."""
        described = [(p.name, str(p.train), str(p.ood), p.nominal, p.bounds) for p in self.parameters]
        frozen = [self.split(s, 16).digest for s in _SPLIT_STREAM if s != "ood" or self.has_ood]
        return hashlib.sha256(json.dumps([described, frozen]).encode()).hexdigest()[:16]


def numbered(names: Iterable[str], first: int = 0) -> dict[float, str]:
    """Labels of whole numbers."""
    return {float(number): name for number, name in enumerate(names, first)}


def _unit(unit: str) -> str:
    return "" if unit == "1" else unit
