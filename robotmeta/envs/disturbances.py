"""What disturbs a real robot, as columns of its tasks: errors and delays of its sensors, lost packets, and pushes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from robotmeta.envs.distributions import Distribution, Uniform
from robotmeta.envs.parameters import Parameter

NOISE, BIAS = "noise", "bias"
DELAY, DROPPED, PUSH = "sensor_delay", "dropped", "push"


def column(group: str, error: str) -> str:
    """Name of the column that says how large an error of a group of sensors is, such as ``imu_noise``."""
    return f"{group}_{error}"


@dataclass(frozen=True)
class Disturbances:
    """The disturbances that a family's tasks have columns for.

    Attributes:
        noise: Groups of sensors with noise.
        bias: Groups of sensors with a bias.
        longest_delay: Control steps of the longest delay of the sensors; 0 for none.
        dropped: Whether packets are lost.
        pushed: Degrees of freedom of the base along the ground, which a push accelerates; empty for no pushes.
        seconds: Mean time from one push to the next.
    """

    noise: tuple[str, ...] = ()
    bias: tuple[str, ...] = ()
    longest_delay: int = 0
    dropped: bool = False
    pushed: tuple[int, ...] = ()
    seconds: float = 2.0

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        errors = [*(column(g, NOISE) for g in self.noise), *(column(g, BIAS) for g in self.bias)]
        rest = {DELAY: self.longest_delay > 0, DROPPED: self.dropped, PUSH: bool(self.pushed)}
        return (*errors, *(name for name, there in rest.items() if there))


def parameters(disturbances: Disturbances, ranges: Mapping[str, tuple[float, float]], dt: float) -> Iterator[Parameter]:
    """The columns of the disturbances. All are off in the nominal task.

    Args:
        disturbances: The disturbances.
        ranges: Meta-training range of each column.
        dt: Seconds a control step.
    """
    for name in disturbances.columns:
        train = Uniform(*ranges[name])
        if name == DELAY:
            most = 1e3 * dt * disturbances.longest_delay
            yield _parameter(name, "delay from a measurement to the policy", train, most, "ms")
        elif name == DROPPED:
            yield _parameter(name, "share of measurements that are lost; the last one is seen again", train, 1.0, "1")
        elif name == PUSH:
            what = f"change of the base's velocity by a push, in any direction, every {disturbances.seconds:g} s"
            yield _parameter(name, what, train, max(10.0, ranges[name][1]), "m/s")
        else:
            group, _, error = name.rpartition("_")
            what = f"{error} of the {group}, as a multiple of what is usual"
            yield _parameter(name, what, train, max(10.0, ranges[name][1]), "1")


def _parameter(name: str, what: str, train: Distribution, most: float, unit: str) -> Parameter:
    return Parameter(name, what, train=train, nominal=0.0, bounds=(0.0, most), unit=unit)
