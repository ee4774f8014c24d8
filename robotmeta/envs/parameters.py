"""What can vary: the parameters of a family."""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import cast

import numpy as np

from robotmeta.envs import checks
from robotmeta.envs.distributions import Choice, Distribution, check_draws, in_both
from robotmeta.envs.edits import Edit
from robotmeta.envs.tasks import Tasks, frozen_split
from robotmeta.errors import UserError, unknown


@dataclass(frozen=True)
class Parameter:
    """One column of a task: a number that varies from robot to robot or from goal to goal.

    Attributes:
        name: Column name, as typed on the command line.
        description: What it is, in a few words.
        train: Meta-training distribution. Held-out (test) tasks come from it too.
        nominal: The value of the unmodified robot.
        bounds: Physical range, (low, high). Values outside it are refused.
        ood: Out-of-distribution values, disjoint from ``train``. None keeps the column in distribution.
        edits: How the value changes the model. Empty for goals, which only rewards read.
        unit: Unit of the value, ``"1"`` for a multiplier.
        labels: Names of the values of a :class:`Choice`. A parameter with labels takes no other values.
        qualifies: The column that this one details. It has no effect while that column is nominal.
        sets: Values of other columns of a task that names this column and not them, by name.

    Raises:
        UserError: For a nominal value, range, distribution, edit or label that cannot be.
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
    sets: Mapping[str, float] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or self.name in ("", "robot"):
            raise UserError(f"a parameter cannot be called {self.name!r}: --task robot=NAME asks for a robot by name")
        for what in ("description", "unit"):
            if not isinstance(getattr(self, what), str):
                raise UserError(f"{self.name}: {what} must be a string, not {getattr(self, what)!r}")
        if not isinstance(self.labels, Mapping):
            raise UserError(f"{self.name}: labels must be a mapping of values to names, not {self.labels!r}")
        object.__setattr__(self, "bounds", checks.interval(f"{self.name}: bounds", self.bounds, finite=False))
        object.__setattr__(self, "nominal", checks.number(f"{self.name}: nominal", self.nominal))
        self._check_within("nominal", (self.nominal, self.nominal))
        self._check_distribution("train", self.train)
        if self.ood is not None:
            self._check_distribution("ood", self.ood)
        if not isinstance(self.edits, tuple) or not all(isinstance(edit, Edit) for edit in self.edits):
            raise UserError(f"{self.name}: edits must be a tuple of Field, ModelEdit or SpecEdit, not {self.edits!r}")
        if self.labels:
            self._check_labels()

    def _check_distribution(self, what: str, values: object) -> None:
        if not (hasattr(values, "sample") and hasattr(values, "support")):
            raise UserError(f"{self.name}: {what} must be a distribution, such as Uniform(0.0, 1.0), not {values!r}")
        distribution = cast(Distribution, values)
        self._check_within(what, distribution.support)
        drawn = distribution.factor if isinstance(distribution, Proportional) else distribution
        check_draws(f"{self.name}: {what}", drawn)

    def _check_within(self, what: str, support: tuple[float, float]) -> None:
        (start, end), (low, high) = checks.interval(f"{self.name}: {what}", support), self.bounds
        if start < low or end > high:
            given = f"{start:g}" if start == end else f"{start:g} to {end:g},"
            raise UserError(f"{self.name}: {what} {given} is outside the physical range, {low:g} to {high:g}")

    def _check_labels(self) -> None:
        values = self.choices()
        if values is None:
            raise UserError(f"{self.name}: labels are for a choice between a few values, not for {self.train}")
        for label in self.labels.values():
            if not isinstance(label, str):
                raise UserError(f"{self.name}: a label must be a string, not {label!r}")
        if len(set(self.labels.values())) < len(self.labels):
            raise UserError(f"{self.name}: two of its labels are the same: {', '.join(self.labels.values())}")
        bare = [f"{value:g}" for value in values if value not in self.labels]
        if bare:
            raise UserError(f"{self.name}: its labels leave out {', '.join(bare)}")

    def read(self, value: float | str) -> float:
        """Returns the number of a value that is given as a number, as text or by its label.

        Raises:
            UserError: For an unknown label, text that is not a number, or a value that :meth:`check` refuses.
        """
        for number, label in self.labels.items():
            if isinstance(value, str) and value == label:
                return number
        try:
            number = None if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            number = None
        if number is None:
            if self.labels:
                raise unknown(self.name, str(value), self.labels.values())
            raise UserError(f"{self.name}={value}: '{value}' is not a number")
        return self.check(number)

    def text(self, value: float, *, digits: int = 3, unit: bool = True) -> str:
        """Returns a value as people read it: its label, or that many significant digits and the unit."""
        if value in self.labels:
            return self.labels[value]
        return f"{value:.{digits}g} {_unit(self.unit) if unit else ''}".rstrip()

    def spelled(self, values: Distribution, *, unit: bool = True) -> str:
        """Returns a distribution as people read it, with labels or the unit."""
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
        known = list(self.labels) or self.choices()
        if known is not None and value not in known:
            words = (self.text(kind, digits=6, unit=False) for kind in known)
            raise UserError(f"{self.name} is one of {', '.join(words)}, not {value:g}")
        return value

    def extremes(self) -> list[float]:
        """Returns the ends of the training and OOD ranges, or all values of a choice, ascending."""
        given = [d for d in (self.train, self.ood) if d is not None]
        return sorted(set(itertools.chain(*(d.values if isinstance(d, Choice) else d.support for d in given))))

    def overlap(self) -> float | None:
        """An OOD value that meta-training has, too; None if there is none, as it should be."""
        if self.ood is None or any(isinstance(values, Proportional) for values in (self.train, self.ood)):
            return None
        return in_both(self.ood, self.train)

    def choices(self) -> list[float] | None:
        """Returns all values of a choice, ascending; None for a number."""
        if not isinstance(self.train, Choice):
            return None
        kinds = [d.values for d in (self.train, self.ood) if isinstance(d, Choice)]
        return sorted({self.nominal, *itertools.chain(*kinds)})


@dataclass(frozen=True)
class Proportional:
    """A random factor times earlier columns, so that the parts of a robot fit together.

    Attributes:
        factor: Distribution of the factor, in the unit of this column divided by the unit of the product.
        columns: The columns to multiply. A column that is listed three times is cubed.
    """

    factor: Distribution
    columns: tuple[Parameter, ...]

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Draws factors. :meth:`ParameterSpace.sample` multiplies them by the columns."""
        return self.factor.sample(rng, count)

    @property
    def support(self) -> tuple[float, float]:
        low, high = (math.prod(ends) for ends in zip(*(p.train.support for p in self.columns), strict=True))
        return self.factor.support[0] * low, self.factor.support[1] * high

    def __str__(self) -> str:
        powers = Counter(p.name for p in self.columns)
        return " * ".join([str(self.factor), *(n if k == 1 else f"{n}^{k}" for n, k in powers.items())])


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
            earlier = [other.name for other in self.parameters[:place]]
            for factor in parameter.train.columns if isinstance(parameter.train, Proportional) else ():
                if factor.name not in earlier:
                    raise UserError(f"{parameter.name}: train multiplies {factor.name}, which must come before it")
        checks.unique("parameters", self.names)
        for parameter in self.parameters:
            self._check_others(parameter)

    def _check_others(self, parameter: Parameter) -> None:
        """Raises UserError where a parameter names a column that does not exist, or a value that it cannot have."""
        name, detailed, implied = parameter.name, parameter.qualifies, parameter.sets
        others = [other for other in self.names if other != name]
        if detailed is not None and detailed not in others:
            raise unknown("parameter", str(detailed), others, where=f"qualifies of {name}")
        if not isinstance(implied, Mapping):
            raise UserError(f"{name}: sets must be a mapping of parameters to values, not {implied!r}")
        for column, value in implied.items():
            if column not in others:
                raise unknown("parameter", str(column), others, where=f"sets of {name}")
            try:
                self[column].read(value)
            except UserError as error:
                raise UserError(f"{name}: sets: {error}") from None

    @functools.cached_property
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

    def matters(self, name: str, row: Mapping[str, float]) -> bool:
        """Whether a parameter has an effect in a task, by column: what it details is not nominal there."""
        detailed = self[name].qualifies
        return detailed is None or row[detailed] != self[detailed].nominal

    def nominal(self, count: int = 1) -> Tasks:
        """Returns ``count`` copies of the nominal task."""
        row = [parameter.nominal for parameter in self.parameters]
        return Tasks(self.names, np.tile(np.array(row, dtype=np.float64), (count, 1)))

    def row(self, values: Mapping[str, float | str], *, where: str = "this family") -> Tasks:
        """Returns one task from named values, as :meth:`Parameter.read` takes them. The other columns are nominal.

        Args:
            values: Values by column.
            where: What errors call the space.

        Raises:
            UserError: For an unknown parameter, or a value that :meth:`Parameter.read` refuses.
        """
        tasks = self.nominal()
        for name in values:
            if name not in self.names:
                raise unknown("parameter", name, self.names, where=where)
        implied = {column: value for name in values for column, value in self[name].sets.items()}
        for name, value in {**implied, **values}.items():
            tasks.values[0, self.names.index(name)] = self[name].read(value)
        return tasks

    def sample(self, count: int, rng: np.random.Generator, *, ood: bool = False) -> Tasks:
        """Draws tasks. With ``ood``, columns that have OOD values draw from those."""
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
        """Returns the first ``count`` tasks of a meta-test split, the same on every machine and for every seed.

        Args:
            name: ``"test"`` (held-out tasks of the meta-training distribution) or ``"ood"``.
            count: Number of tasks.

        Raises:
            UserError: For an unknown split, or ``"ood"`` where no parameter has OOD values.
        """
        if name == "ood" and not self.has_ood:
            raise UserError("this family has no OOD split: none of its parameters has out-of-distribution values")
        return frozen_split(name, count, functools.partial(self.sample, ood=name == "ood"))

    @property
    def digest(self) -> str:
        """Hash of the space and its frozen splits. It tells whether a checkpoint belongs to this space."""
        described = [(p.name, str(p.train), str(p.ood), p.nominal, p.bounds) for p in self.parameters]
        frozen = [self.split(s, 16).digest for s in ("test", "ood") if s != "ood" or self.has_ood]
        return hashlib.sha256(json.dumps([described, frozen]).encode()).hexdigest()[:16]


def numbered(names: Iterable[str], first: int = 0) -> dict[float, str]:
    """Returns labels of the whole numbers from ``first`` on."""
    return {float(number): name for number, name in enumerate(names, first)}


def _unit(unit: str) -> str:
    return "" if unit == "1" else unit
