"""Tasks as points of the space in which a fit searches."""

from __future__ import annotations

import numpy as np
import pytest

import robotmeta as rm
from robotmeta.adaptation.fitting.coordinates import WIDER, Coordinates


@pytest.mark.parametrize("name", ["grasp", "quadruped", "cheetah-direction", "point-navigation"])
def test_points_and_tasks_are_two_forms_of_the_same(name: str) -> None:
    family = rm.make(name)
    coordinates = Coordinates(family.space)
    for split in set(family.splits) & {"test", "ood"}:
        tasks = family.tasks(split, 20)
        assert coordinates.tasks(*coordinates.points(tasks)).values == pytest.approx(tasks.values, rel=1e-6, abs=1e-8)


def test_training_tasks_have_zero_mean_and_unit_deviation() -> None:
    family = rm.make("quadruped")
    coordinates = Coordinates(family.space)
    numbers, _ = coordinates.points(family.sample(500, np.random.default_rng(1)))
    assert np.abs(numbers.mean(axis=0)).max() < 0.2
    assert numbers.std(axis=0) == pytest.approx(np.ones(numbers.shape[1]), abs=0.2)
    assert np.sqrt(np.diag(coordinates.covariance)) == pytest.approx(WIDER * np.ones(numbers.shape[1]), rel=0.02)


def test_parts_of_a_robot_that_fit_together_are_correlated() -> None:
    coordinates = Coordinates(rm.make("quadruped").space)
    names = [parameter.name for parameter in coordinates.numbers]
    thigh, calf, latency = (names.index(name) for name in ("thigh_length", "calf_length", "latency"))
    assert coordinates.covariance[thigh, calf] > 0.5 * WIDER**2
    assert abs(coordinates.covariance[thigh, latency]) < 0.2 * WIDER**2


def test_values_outside_the_physical_bounds_are_moved_to_them() -> None:
    family = rm.make("grasp")
    coordinates = Coordinates(family.space)
    far = 1e3 * np.ones((1, len(coordinates.numbers)))
    row = coordinates.tasks(far, {name: np.array(values[:1]) for name, values in coordinates.kinds.items()})
    for parameter, value in zip(family.space, row.values[0], strict=True):
        assert parameter.bounds[0] <= value <= parameter.bounds[1]
