"""Schema version of the files that are written, and how files of older schemas are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SCHEMA = 4
"""Schema of the manifest of a policy file. Since 4, files have a checksum, and the whole interface of the family."""

READABLE = (2, 3, SCHEMA)
"""Schemas that this version reads."""

_HYPERPARAMETERS = {"rounds": "adaptation_steps", "privileged": "oracle"}
_TENSORS = {
    "unobserved.": "privileged_normalizer.",
    "belief.round": "belief.adaptation_step",
    "estimator.gru.": "estimator.memory.gru.",
    "network.gru.": "network.memory.gru.",
}


def current_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """A run's configuration, with hyper-parameters of schema 2 under their current names."""
    values = config.get("hyperparameters")
    if not isinstance(values, Mapping):
        return dict(config)
    return {**config, "hyperparameters": {_HYPERPARAMETERS.get(name, name): value for name, value in values.items()}}


def current_tensor(name: str) -> str:
    """The current name of a tensor; schema 2 has other names for some."""
    for old, new in _TENSORS.items():
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name
