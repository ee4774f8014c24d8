"""The conditions of a vendor's arm: object, load, strength, latency and goal, with the family's ranges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import mujoco

from robotmeta.envs.distributions import Uniform
from robotmeta.envs.edits import Edit, Field, ModelEdit, Row, delay, fill_cube
from robotmeta.envs.families.gripper.vendor.world import PAYLOAD
from robotmeta.envs.parameters import Parameter, ParameterSpace
from robotmeta.errors import UserError

_DENSITY = 7800.0  # kg/m^3, of steel
_SMALLEST = 0.016  # metres, half the width of the smallest object of meta-training
_FITS = 0.47  # share of the opening that half an object's width may be
OWN = ("finger_width",)
"""Parameters of the families that a vendor's model has itself."""


def conditions(space: ParameterSpace, servos: tuple[str, ...], opening: float, holds: float) -> ParameterSpace:
    """What varies in the world of a vendor's arm.

    Args:
        space: The family's parameters.
        servos: Names of the servos of the arm's joints.
        opening: Largest distance between the pads, m; 0 without a gripper.
        holds: Load on the hand that it can hold, kg.
    """

    def late(model: mujoco.MjModel, milliseconds: float, row: Row) -> None:
        delay(model, milliseconds, row)
        model.actuator_delay[[model.actuator(name).id for name in servos]] = 0.0  # they follow the delayed targets

    edits: dict[str, tuple[Edit, ...]] = {
        "gantry_turn": (),
        "latency": (ModelEdit(late),),
        "payload": (ModelEdit(_carry(holds)),),
        "strength": (*_gains(servos), Field("actuator_forcerange", rows=servos)),
        "finger_strength": (*_gains(("fingers",)), Field("actuator_forcerange", rows=("fingers",))),
    }
    changed = (replace(p, edits=edits[p.name]) if p.name in edits else p for p in space if p.name not in OWN)
    return ParameterSpace(tuple(_fitting(p, opening) if p.name == "half_width" else p for p in changed))


def smallest_opening() -> float:
    """The least opening of a gripper for the smallest objects of meta-training, m."""
    return _SMALLEST / _FITS


def _gains(servos: tuple[str, ...]) -> tuple[Field, ...]:
    gain, bias = "actuator_gainprm", "actuator_biasprm"
    return (Field(gain, rows=servos, column=0), Field(bias, rows=servos, column=0), Field(bias, rows=servos, column=1))


def _carry(holds: float) -> Callable[[mujoco.MjModel, float, Row], None]:
    """An edit that attaches a load to the hand, kg."""

    def carry(model: mujoco.MjModel, mass: float, row: Row) -> None:
        most = holds * row["strength"]
        if mass > most:
            raise UserError(
                f"payload={mass:g} is too heavy: the arm with strength={row['strength']:g} can hold {most:.3g} kg"
            )
        if mass > 0.0:
            fill_cube(model, PAYLOAD, mass, _DENSITY)

    return carry


def _fitting(parameter: Parameter, opening: float) -> Parameter:
    """The width of the object, for a gripper of an opening."""
    low, high = parameter.bounds
    most = min(high, _FITS * opening)
    train, ood = parameter.train.support, None if parameter.ood is None else parameter.ood.support
    return replace(
        parameter,
        bounds=(low, most),
        nominal=min(parameter.nominal, most),
        train=Uniform(train[0], min(train[1], most)),
        ood=Uniform(ood[0], min(ood[1], most)) if ood is not None and ood[0] < most else None,
    )
