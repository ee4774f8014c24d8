"""A pass of the filter that falls far behind another one is given up, and is then the less likely one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from robotmeta.adaptation.fitting.coordinates import Coordinates
from robotmeta.adaptation.fitting.joint_filter import JointFilter
from tests.adaptation.fitting import arm

TRUE = {"pole_mass": 0.5, "hinge_damping": 0.15, "push_gear": 1.0}


def test_a_pass_is_given_up_only_when_it_is_far_less_likely_than_its_rival(tmp_path: Path) -> None:
    family = arm.family(tmp_path)
    coordinates = Coordinates(family.space)
    joint = JointFilter(family, arm.record(family, TRUE), coordinates, threads=1)
    numbers, kinds = coordinates.points(family.task(**TRUE))
    right = {name: float(values[0]) for name, values in kinds.items()}
    weak = dict.fromkeys(right, 0.5)
    width = np.full(len(coordinates.numbers), 0.1)

    best = joint(numbers[0], right, width, error=0.02, sensor=0.003)
    again = joint(numbers[0], right, width, error=0.02, sensor=0.003, rival=best)
    assert np.array_equal(again.likelihoods, best.likelihoods)
    assert again.steps == best.steps

    whole = joint(numbers[0], weak, width, error=0.02, sensor=0.003)
    given_up = joint(numbers[0], weak, width, error=0.02, sensor=0.003, rival=best)
    assert whole.likelihood < best.likelihood - 300.0
    assert given_up.likelihood < best.likelihood - 300.0
    assert given_up.steps < whole.steps == best.steps
