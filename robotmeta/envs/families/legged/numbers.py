"""The columns of a legged robot's numbers, and its load. Lengths and masses are factors of the thigh and the trunk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import mujoco

from robotmeta.envs.distributions import Distribution, LogUniform, Uniform
from robotmeta.envs.edits import ModelEdit, Row, SpecEdit
from robotmeta.envs.parameters import Parameter, Proportional


@dataclass(frozen=True)
class Numbers:
    """Makes the columns of a robot's numbers.

    Attributes:
        nominal: The nominal robot, a value for each number.
        edits: What each number changes in the model, ``(spec, value)``.
    """

    nominal: Mapping[str, float]
    edits: Mapping[str, Callable[[mujoco.MjSpec, float], None]]

    def column(
        self,
        name: str,
        description: str,
        unit: str,
        train: Distribution,
        bounds: tuple[float, float],
        ood: Distribution | None = None,
    ) -> Parameter:
        """A number with any distribution."""
        return Parameter(
            name,
            description,
            train=train,
            nominal=self.nominal[name],
            bounds=bounds,
            ood=ood,
            edits=(SpecEdit(self.edits[name]),),
            unit=unit,
        )

    def thigh(self, train: Distribution, ood: Distribution) -> Parameter:
        """The length of the thigh, m, of which all others are factors."""
        return self.column("thigh_length", "distance from hip to knee", "m", train, (0.05, 1.0), ood)

    def length(
        self, thigh: Parameter, name: str, description: str, low: float, high: float, shortest: float = 0.01
    ) -> Parameter:
        """A length, m, from ``low`` to ``high`` thighs."""
        return self.column(name, description, "m", Proportional(Uniform(low, high), (thigh,)), (shortest, 3.0))

    def trunk(self, thigh: Parameter, name: str, description: str, low: float, high: float) -> Parameter:
        """The mass of the trunk, kg, a density from ``low`` to ``high`` times the thigh's length cubed."""
        return self.column(name, description, "kg", Proportional(LogUniform(low, high), (thigh,) * 3), (0.1, 500.0))

    def mass(self, trunk: Parameter, name: str, description: str, low: float, high: float) -> Parameter:
        """A mass, kg, from ``low`` to ``high`` trunks."""
        return self.column(name, description, "kg", Proportional(LogUniform(low, high), (trunk,)), (0.001, 100.0))

    def gains(self, low: float, high: float) -> tuple[Parameter, Parameter]:
        """The gains of the servos, with the stiffness from ``low`` to ``high``."""
        return (
            self.column("stiffness", "gain of the servos on position", "weight L/rad", Uniform(low, high), (0.0, 20.0)),
            self.column(
                "damping", "gain of the servos on velocity", "stiffness sqrt(L/g)", Uniform(0.06, 0.15), (0.0, 2.0)
            ),
        )


@dataclass(frozen=True)
class Place:
    """Where a load can be along one axis.

    Attributes:
        described: The ends of the axis, in words.
        most: Farthest from the middle in meta-training.
        bound: Farthest of all.
    """

    described: str
    most: float
    bound: float


def payload(
    trunk: Parameter, part: str, carry: Callable[[mujoco.MjModel, float, Row], None], share: float, x: Place, y: Place
) -> tuple[Parameter, Parameter, Parameter]:
    """The mass and the place of a crate.

    Args:
        trunk: The mass of the part that carries it.
        part: What that part is called.
        carry: The edit that puts it there.
        share: Largest mass in meta-training, in trunks.
        x: Where it can be from back to front.
        y: Where it can be from right to left.
    """
    mass = Parameter(
        "payload_mass",
        f"mass of the crate on the {part}",
        train=Proportional(Uniform(0.0, share), (trunk,)),
        nominal=0.0,
        bounds=(0.0, 500.0),
        edits=(ModelEdit(carry),),
        unit="kg",
    )
    return mass, _place("payload_x", x), _place("payload_y", y)


def _place(name: str, place: Place) -> Parameter:
    return Parameter(
        name,
        f"position of the crate{place.described}",
        train=Uniform(-place.most, place.most),
        nominal=0.0,
        bounds=(-place.bound, place.bound),
        qualifies="payload_mass",
    )
