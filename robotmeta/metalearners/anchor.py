"""The penalty that keeps a policy close to another one: a KL divergence at the steps of a trial."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from robotmeta.experience.rollout import Trial
from robotmeta.metalearners.protocol import Anchor
from robotmeta.policies import DiagonalGaussian


class Anchored(NamedTuple):
    """What an anchor would have done at the steps of a trial."""

    distribution: DiagonalGaussian
    """Its action distributions, with the leading axes of the steps, ``[..., action]``."""
    weight: float
    """Weight of the divergence in the loss."""

    def at(self, rows: Tensor | slice) -> Anchored:
        """At some of the steps; ``rows`` is an index into the first axis, or a mask of the leading axes."""
        mean = self.distribution.mean
        log_std = self.distribution.log_std.expand_as(mean)
        return Anchored(DiagonalGaussian(mean[rows], log_std[rows]), self.weight)


@torch.no_grad()
def anchored_at(trial: Trial, anchor: Anchor | None) -> Anchored | None:
    """What an anchor would have done at the steps of a trial; None for no anchor, or one without weight."""
    if anchor is None or anchor.weight == 0.0:
        return None
    return Anchored(anchor.learner.distributions(trial), anchor.weight)


def add_anchor(
    losses: dict[str, Tensor], distribution: DiagonalGaussian, anchored: Anchored | None, weights: Tensor | float
) -> dict[str, Tensor]:
    """Adds ``w mean(KL(pi || pi_anchor))`` to the loss of some steps, and the divergence to its metrics.

    This direction penalizes actions that the anchor would not take, as a reward of ``w log(pi_anchor / pi)`` does
    (Jaques et al. 2017), and lets neither distribution collapse.

    Args:
        losses: Scalars by name, with the ``loss``.
        distribution: pi, ``[..., action]``.
        anchored: pi_anchor; None for no penalty.
        weights: Of each step in the mean over a minibatch, ``[...]``, or of all.
    """
    if anchored is None:
        return losses
    divergence = (distribution.kl(anchored.distribution) * weights).sum()
    return {**losses, "loss": losses["loss"] + anchored.weight * divergence, "kl_anchor": divergence.detach()}
