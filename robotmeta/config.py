"""What a run is: frozen, saved beside its results, enough to repeat it."""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from robotmeta.errors import UserError, unknown
from robotmeta.metalearners import LearnerConfig, learner_class
from robotmeta.schema import current_config

if TYPE_CHECKING:
    from robotmeta.envs import TaskFamily


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides the result of a meta-training run."""

    family: str
    """Task family."""
    learner: str
    """Meta-learner."""
    hyperparameters: LearnerConfig
    """Of the learner."""
    iterations: int = 300
    """Meta-updates."""
    seed: int = 0
    """Fixes tasks, initial weights, exploration and shuffling."""
    simulator: str = "auto"
    """Physics backend."""

    def __post_init__(self) -> None:
        if self.iterations < 1:
            raise UserError(f"iterations must be at least 1, not {self.iterations}")

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RunConfig:
        """Reads what :meth:`to_json` wrote.

        Raises:
            UserError: For an unknown learner or hyper-parameter, or where something is missing or left over.
        """
        try:
            fields = current_config(data)
            fields["hyperparameters"] = hyperparameters(fields["learner"], dict(fields["hyperparameters"]))
            return cls(**fields)
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, UserError):
                raise
            raise UserError(f"not the configuration of a run: {error}") from None


def hyperparameters(
    learner: str, values: Mapping[str, Any], *, preset: str | None = None, family: TaskFamily | None = None
) -> LearnerConfig:
    """A learner's configuration from named values, which may be strings from a command line.

    Args:
        learner: Name of the meta-learner.
        values: Hyper-parameters that differ from its defaults.
        preset: A named configuration to start from.
        family: What is to be learned, where that has a say in the defaults.

    Raises:
        UserError: For an unknown learner, preset or hyper-parameter, or a value of the wrong type.
    """
    config = learner_class(learner).Config
    hints = typing.get_type_hints(config)
    known = [field.name for field in dataclasses.fields(config)]
    chosen: dict[str, Any] = {}
    if family is not None:
        chosen.update(config.family_defaults(family))
    if preset is not None:
        if preset not in config.presets:
            raise unknown("preset", preset, config.presets, where=f"learner '{learner}'")
        chosen.update(config.presets[preset])
    for name, value in values.items():
        if name not in known:
            raise unknown("hyper-parameter", name, known, where=f"learner '{learner}'")
        chosen[name] = _parsed(name, value, hints[name])
    return config(**chosen)


def _parsed(name: str, value: Any, hint: Any) -> Any:
    try:
        data = json.loads(value) if isinstance(value, str) and hint is not str else value
    except json.JSONDecodeError:
        data = {"True": True, "False": False}.get(value, value)
    if typing.get_origin(hint) is tuple and isinstance(data, list | tuple):
        return tuple(int(item) for item in data)
    if hint is float and isinstance(data, int | float) and not isinstance(data, bool):
        return float(data)
    if isinstance(data, hint if isinstance(hint, type) else tuple) and not (hint is int and isinstance(data, bool)):
        return data
    wanted = getattr(hint, "__name__", str(hint))
    article = "an" if wanted[0] in "aeiou" else "a"
    raise UserError(f"hyper-parameter {name} is {article} {wanted}, which '{value}' is not")
