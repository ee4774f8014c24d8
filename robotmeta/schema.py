"""Versions of what is written to disk, and how older files are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SCHEMA = 3
"""Version of the manifest that is written beside the weights."""

READABLE = (2, SCHEMA)
"""Versions that this one reads."""

_HYPERPARAMETERS = {"rounds": "adaptation_steps", "privileged": "oracle"}
_TENSORS = {
    "unobserved.": "privileged_normalizer.",
    "belief.round": "belief.adaptation_step",
    "estimator.gru.": "estimator.memory.gru.",
    "network.gru.": "network.memory.gru.",
}


def current_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of a run with today's names of hyper-parameters."""
    values = config.get("hyperparameters")
    if not isinstance(values, Mapping):
        return dict(config)
    return {**config, "hyperparameters": {_HYPERPARAMETERS.get(name, name): value for name, value in values.items()}}


def current_tensor(name: str) -> str:
    """Today's name of a tensor that was written under schema 2."""
    for old, new in _TENSORS.items():
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name
