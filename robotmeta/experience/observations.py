"""Observations that consist of groups, for policies that read one vector."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from robotmeta.envs import Observation, ObservationGroup
from robotmeta.errors import UserError


def flatten(observation: Observation) -> Tensor:
    """An observation as one vector ``[..., observation]``: its groups one after another, in the family's order."""
    return observation if isinstance(observation, Tensor) else torch.cat(list(observation.values()), dim=-1)


def check_vectors(groups: Mapping[str, ObservationGroup] | None) -> None:
    """Raises UserError for a group of observations that is no vector, which :func:`flatten` cannot take."""
    for name, group in (groups or {}).items():
        if not group.is_vector:
            vectors = [other for other, found in (groups or {}).items() if found.is_vector]
            raise UserError(
                f"observation group '{name}' is {list(group.shape)} of {group.dtype}, policies read vectors of "
                f"torch.float32; groups that are: {', '.join(vectors) or 'none'}"
            )
