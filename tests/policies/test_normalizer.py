"""Observation normalizer."""

from __future__ import annotations

import torch

from robotmeta.metalearners.parallel import moments
from robotmeta.policies import ObservationNormalizer
from tests.learning import generator


def test_normalizer_statistics_are_those_of_everything_it_saw() -> None:
    g = generator()
    batches = [3.0 + 2.0 * torch.randn(n, 3, generator=g) * torch.tensor([1.0, 5.0, 0.1]) for n in (7, 100, 1, 33)]
    normalizer = ObservationNormalizer(3)
    for batch in batches:
        normalizer.update(moments(batch))
    everything = torch.cat(batches)
    torch.testing.assert_close(normalizer.mean, everything.mean(dim=0))
    torch.testing.assert_close(normalizer.variance, everything.var(dim=0, correction=0))
    assert normalizer.count == len(everything)


def test_normalizer_ignores_an_empty_batch_and_clips_outliers() -> None:
    normalizer = ObservationNormalizer(2)
    normalizer.update(moments(torch.zeros(0, 2)))
    assert normalizer.count == 0
    assert normalizer(torch.tensor([[0.5, -1e6]])).tolist() == [[0.5, -10.0]]
