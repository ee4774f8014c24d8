"""The sensors behind the observations of a family, and how well such sensors measure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass

import torch
from torch import Tensor

from robotmeta.envs import checks
from robotmeta.errors import UserError, unknown


@dataclass(frozen=True)
class Sensor:
    """Sensors of one kind, such as the encoders of all joints.

    An error of a sensor is in every observation that is made of its reading. ``("hip", "-hip_target")`` says that the
    observation ``hip`` is the reading, and that ``hip_target`` is a difference from it.

    Attributes:
        group: What kind of sensor it is, such as ``"imu"``. Several units are several sensors of the same group.
        signals: For each sensor, the observation that it gives, or all that are made of its reading.
        noise: Standard deviation of the noise of one reading, in the unit of the observations.
        bias: Standard deviation of the error that stays the same for an episode.

    Raises:
        UserError: For names that are none, or a negative number.
    """

    group: str
    signals: tuple[str | tuple[str, ...], ...]
    _: KW_ONLY
    noise: float
    bias: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.group, str) or not self.group.isidentifier():
            raise UserError(f"the group of a sensor must be a word, such as 'imu', not {self.group!r}")
        if not isinstance(self.signals, tuple) or not self.signals:
            raise UserError(f"signals of the sensor '{self.group}' must be a tuple of names, not {self.signals!r}")
        for made in self.readings:
            checks.names(f"signals of the sensor '{self.group}'", made, 'such as ("hip", "-hip_target")')
        for what in ("noise", "bias"):
            number = checks.not_negative(f"{what} of the sensor '{self.group}'", getattr(self, what))
            object.__setattr__(self, what, number)

    @property
    def readings(self) -> tuple[tuple[str, ...], ...]:
        """The observations that are made of each reading, those that are a difference from it with a minus."""
        return tuple((made,) if isinstance(made, str) else made for made in self.signals)

    def observed(self) -> Iterator[str]:
        """Names of its observations."""
        for made in self.readings:
            yield from (name.removeprefix("-") for name in made)


def groups(sensors: Sequence[Sensor]) -> tuple[str, ...]:
    """Names of the groups, in order."""
    return tuple(dict.fromkeys(sensor.group for sensor in sensors))


def check_sensors(sensors: Sequence[Sensor], observations: Sequence[str], where: str) -> None:
    """Raises UserError for anything but sensors of some observations, each with errors of one group."""
    if not isinstance(sensors, tuple) or not all(isinstance(sensor, Sensor) for sensor in sensors):
        raise UserError(f"{where} sensors must be a tuple of Sensors, not {sensors!r}")
    for sensor in sensors:
        for name in sensor.observed():
            if name not in observations:
                raise unknown("observation", name, observations, where=f"the sensor '{sensor.group}' of {where}"[:-1])


def mixing(sensors: Sequence[Sensor], observations: Sequence[str]) -> Tensor:
    """How the error of each reading is in each observation: 1, -1 or 0, ``[reading, observation]``."""
    readings = [made for sensor in sensors for made in sensor.readings]
    matrix = torch.zeros(len(readings), len(observations))
    for row, made in zip(matrix, readings, strict=True):
        for name in made:
            row[observations.index(name.removeprefix("-"))] = -1.0 if name.startswith("-") else 1.0
    return matrix
