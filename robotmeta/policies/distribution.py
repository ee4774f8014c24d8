"""What collecting and learning need of the distribution that a policy draws its actions from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, Self

from torch import Tensor


class ActionDistribution(Protocol):
    """A distribution over actions ``[..., action]``, described by named tensors.

    Rollouts store these tensors step by step. The leading axes of each broadcast against those of the actions, so a
    parameter that all worlds share, such as a standard deviation that does not depend on the state, is stored once.
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
        """The tensors that describe it, by name, each ``[..., k]``."""
        ...

    def from_parameters(self, parameters: Mapping[str, Tensor]) -> Self:
        """The same kind of distribution with other tensors."""
        ...
