"""The protocol of action distributions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, Self

from torch import Tensor


class ActionDistribution(Protocol):
    """A distribution over actions ``[..., action]`` with named parameters, which rollouts store step by step.

    The leading axes of each parameter broadcast against those of the actions. A parameter that all worlds share and
    that never changes, such as a standard deviation that does not depend on the state, is stored once.
    """

    @property
    def mean(self) -> Tensor:
        """The action without exploration, ``[..., action]``."""
        ...

    def sample(self, noise: Tensor) -> Tensor:
        """Actions as a function of standard normal noise, both ``[..., action]``."""
        ...

    def log_prob(self, action: Tensor) -> Tensor:
        """Log-density of actions ``[..., action]``, summed over action dimensions, ``[...]``."""
        ...

    def entropy(self) -> Tensor:
        """Differential entropy in nats, ``[...]``."""
        ...

    def parameters(self) -> Mapping[str, Tensor]:
        """Parameters by name, each ``[..., k]``."""
        ...

    def from_parameters(self, parameters: Mapping[str, Tensor]) -> Self:
        """A distribution of the same kind with other parameters."""
        ...
