"""The configuration of a run, which is saved with its results and is enough to repeat it."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from robotmeta.errors import UserError, unknown
from robotmeta.json_values import check_types
from robotmeta.metalearners import LearnerConfig, learner_class
from robotmeta.schema import current_config

if TYPE_CHECKING:
    from robotmeta.envs import TaskFamily

_TOO_LARGE = 2**63  # for a whole number in a file
CONFIG_TYPES = {
    "family": str,
    "learner": str,
    "hyperparameters": dict,
    "iterations": int,
    "seed": int,
    "simulator": str,
}
"""Types of the values of a run's configuration as JSON."""


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides the result of a meta-training run."""

    family: str
    """Task family."""
    learner: str
    """Meta-learner."""
    hyperparameters: LearnerConfig
    """Hyper-parameters of the learner."""
    iterations: int = 300
    """Iterations of meta-training, each of which collects episodes and makes one or several meta-updates."""
    seed: int = 0
    """Fixes tasks, initial weights, exploration and shuffling."""
    simulator: str = "auto"
    """Physics backend."""

    def __post_init__(self) -> None:
        for name, least in (("iterations", 1), ("seed", 0)):
            value = getattr(self, name)
            if isinstance(value, np.integer):
                value = int(value)
                object.__setattr__(self, name, value)
            if isinstance(value, bool) or not isinstance(value, int):
                raise UserError(f"{name} must be a whole number, not {value!r}")
            if value < least:
                raise UserError(f"{name} must be at least {least}, not {value}")
            if value >= _TOO_LARGE:
                raise UserError(f"{name} must be below 2^63")

    def to_json(self) -> dict[str, Any]:
        """A JSON object.

        Raises:
            UserError: For a hyper-parameter that no file can hold.
        """
        for name, value in dataclasses.asdict(self.hyperparameters).items():
            if isinstance(value, int) and value >= _TOO_LARGE:
                raise UserError(f"{name} must be below 2^63")
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RunConfig:
        """Reads what :meth:`to_json` wrote.

        Raises:
            UserError: For an unknown learner or hyper-parameter, a value of another type, or where something is missing
                or left over.
        """
        try:
            check_types(data, CONFIG_TYPES)
            fields = current_config(data)
            recorded = {**learner_class(fields["learner"]).Config.unrecorded, **fields["hyperparameters"]}
            fields["hyperparameters"] = hyperparameters(fields["learner"], recorded)
            return cls(**fields)
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, UserError):
                raise
            raise UserError(f"not the configuration of a run: {error}") from None


def hyperparameters(
    learner: str, values: Mapping[str, Any], *, preset: str | None = None, family: TaskFamily | None = None
) -> LearnerConfig:
    """A learner's configuration. Values take precedence over the preset, and that over the family's defaults.

    Args:
        learner: Name of the meta-learner.
        values: Hyper-parameters that differ from its defaults, of the types that its ``Config`` declares. An int serves
            as a float, a list as a tuple, and a NumPy scalar as a number.
        preset: A named set of hyper-parameters to start from.
        family: The family that is to be learned, which may have defaults of its own.

    Raises:
        UserError: For an unknown learner, preset or hyper-parameter, or a value of another type or out of range.
    """
    config = learner_class(learner).Config
    hints = typing.get_type_hints(config)
    known = [field.name for field in dataclasses.fields(config)]
    chosen: dict[str, Any] = {}
    if family is not None:
        chosen = {name: getattr(family, name) for name in config.family_defaults if getattr(family, name) is not None}
    if preset is not None:
        if preset not in config.presets:
            raise unknown("preset", preset, config.presets, where=f"learner '{learner}'")
        chosen.update(config.presets[preset])
    for name, value in values.items():
        if name not in known:
            raise unknown("hyper-parameter", name, known, where=f"learner '{learner}'")
        try:
            chosen[name] = _typed(value, hints[name])
        except TypeError:
            wanted = _WORDS.get(hints[name], str(hints[name]))
            raise UserError(f"{name} must be {wanted}, not {value!r}") from None
    return config(**chosen)


_WORDS: dict[Any, str] = {
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    str: "a string",
    tuple[int, ...]: "a tuple of whole numbers",
}


def _typed(value: Any, hint: Any) -> Any:
    """A value as the type of its field. Raises TypeError for a value of another type."""
    if isinstance(value, np.generic):
        value = value.item()
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, list | tuple):
            raise TypeError
        return tuple(_typed(item, typing.get_args(hint)[0]) for item in value)
    if hint is float and type(value) is int:
        return float(value)
    if isinstance(hint, type) and type(value) is not hint:  # a bool is an int to isinstance
        raise TypeError
    return value
