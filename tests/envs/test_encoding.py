"""Tasks as networks see them, and what a learner's belief says in the user's units."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

import robotmeta as rm
from robotmeta.envs import FAMILIES, Parameter, ParameterSpace, Tasks, make
from robotmeta.envs.distributions import Choice, LogUniform, Uniform
from robotmeta.envs.encoding import Encoding

MASS = Parameter(
    "mass", "of the load", train=LogUniform(0.5, 2.0), nominal=1.0, bounds=(0.1, 10.0), ood=Uniform(2.0, 3.0), unit="kg"
)
LEG = Parameter(
    "leg", "which one is lame", train=Choice((0.0, 1.0, 2.0)), nominal=0.0, bounds=(0.0, 3.0), ood=Choice((3.0,))
)
TILT = Parameter("tilt", "of the floor", train=Uniform(-1.0, 1.0), nominal=0.0, bounds=(-1.5, 1.5), unit="rad")
SPACE = ParameterSpace((MASS, LEG, TILT))
ENCODING = Encoding(SPACE)


def row(mass: float = 1.0, leg: float = 0.0, tilt: float = 0.0) -> Tasks:
    return Tasks(SPACE.names, np.array([[mass, leg, tilt]]))


@pytest.mark.parametrize("name", FAMILIES)
def test_encoded_tasks_have_zero_mean_and_unit_variance(name: str) -> None:
    family = make(name)
    encoded = family.encoding.encode(family.sample(2000, np.random.default_rng(1)))
    assert encoded.shape == (2000, family.encoding.size)
    assert encoded.dtype == torch.float32
    spread = encoded.std(dim=0) > 0.0  # a column may vary out of distribution only
    assert bool(spread.any())
    assert float(encoded.mean(dim=0).abs().max()) < 0.2
    assert float((encoded[:, spread].std(dim=0) - 1.0).abs().max()) < 0.25


@pytest.mark.parametrize("name", FAMILIES)
def test_what_is_encoded_is_decoded(name: str) -> None:
    family = make(name)
    tasks = family.tasks("test", 20)
    mean = family.encoding.encode(tasks)
    decoded = family.encoding.decode(mean, torch.zeros_like(mean))
    for task, estimates in zip(tasks, decoded, strict=True):
        assert list(estimates) == list(family.inferred.names)
        for parameter, estimate in estimates.items():
            assert estimate.value == pytest.approx(task[parameter], rel=1e-4, abs=1e-4)
            assert estimate.low == pytest.approx(estimate.high, rel=1e-4, abs=1e-4)
            assert estimate.known == 1.0


def test_halving_and_doubling_are_equally_far() -> None:
    half, one, two = (float(ENCODING.encode(row(mass=mass))[0, 0]) for mass in (0.5, 1.0, 2.0))
    assert one - half == pytest.approx(two - one, rel=1e-5)


def test_kinds_have_a_column_each_and_an_unknown_kind_none() -> None:
    assert ENCODING.size == 1 + 3 + 1
    kinds = torch.cat([ENCODING.encode(row(leg=leg)) for leg in (0.0, 1.0, 2.0, 3.0)])[:, 1:4]
    present = kinds > 0.0
    assert torch.equal(present, torch.eye(4, 3, dtype=torch.bool))
    assert torch.unique(kinds[~present].round(decimals=1)).numel() == 1  # the same for all that are absent


def test_values_far_out_of_distribution_stay_bounded() -> None:
    assert float(ENCODING.encode(row(mass=1e6)).abs().max()) <= 5.0


def test_knowing_nothing_is_told_as_such() -> None:
    (nothing,) = ENCODING.decode(torch.zeros(1, 5), torch.ones(1, 5))
    assert [estimate.known for estimate in nothing.values()] == [0.0, 0.0, 0.0]
    assert nothing["mass"].value == pytest.approx(1.0, rel=0.05)
    # Uniform in the logarithm: one standard deviation is a factor of 4^(1/sqrt(12)).
    assert nothing["mass"].high == pytest.approx(4.0 ** (1.0 / math.sqrt(12.0)), rel=0.05)
    assert (nothing["leg"].low, nothing["leg"].high) == (0.0, 2.0)  # each a third likely
    assert sorted(nothing["leg"].kinds) == [0.0, 1.0, 2.0]
    assert nothing["mass"].kinds == ()
    assert nothing["tilt"][:3] == pytest.approx((0.0, -1.0 / math.sqrt(3.0), 1.0 / math.sqrt(3.0)), abs=0.05)


def test_intervals_stay_within_what_is_physical() -> None:
    (estimates,) = ENCODING.decode(torch.full((1, 5), 4.0), torch.full((1, 5), 2.0))
    assert estimates["mass"].high == 10.0
    assert estimates["tilt"].high == 1.5
    assert estimates["mass"].known == 0.0


def test_of_two_kinds_the_likelier_is_told_and_the_other_where_it_is_plausible() -> None:
    encoding = Encoding(
        ParameterSpace(
            (Parameter("side", "left or right", train=Choice((-1.0, 1.0)), nominal=1.0, bounds=(-1.0, 1.0)),)
        )
    )
    mean = torch.tensor([[0.9], [0.5], [-0.5], [-0.9]])
    estimates = [estimate["side"] for estimate in encoding.decode(mean, torch.full((4, 1), 0.5))]
    assert [estimate.kinds for estimate in estimates] == [(1.0,), (1.0, -1.0), (-1.0, 1.0), (-1.0,)]
    assert [estimate.value for estimate in estimates] == [1.0, 1.0, -1.0, -1.0]
    assert [(estimate.low, estimate.high) for estimate in estimates] == [
        (1.0, 1.0),
        (-1.0, 1.0),
        (-1.0, 1.0),
        (-1.0, -1.0),
    ]


def test_what_estimates_explain_of_the_tasks() -> None:
    tasks = Tasks(SPACE.names, np.array([[0.5, 0.0, 0.3], [1.0, 1.0, 0.3], [2.0, 2.0, 0.3]]))
    truth = ENCODING.encode(tasks)
    assert ENCODING.explained(tasks, truth) == pytest.approx({"mass": 1.0, "leg": 1.0})  # the tilt is always the same
    average = truth.mean(dim=0).expand_as(truth)
    assert ENCODING.explained(tasks, average) == pytest.approx({"mass": 0.0, "leg": 0.0}, abs=1e-6)
    half = (truth + average) / 2.0
    assert ENCODING.explained(tasks, half)["mass"] == pytest.approx(0.75)


@pytest.mark.slow
def test_an_adapted_policy_says_which_task_it_thinks_it_is(tmp_path: Path) -> None:
    run = rm.meta_train(
        "cheetah-direction", "task-inference", iterations=2, hyper={"meta_batch": 4}, out=tmp_path, progress=False
    )
    adapted = rm.adapt(run.policy, run.policy.family.task(direction=-1), episodes=1, evaluation_episodes=1)
    assert adapted.inferred is not None
    estimate = adapted.inferred["direction"]
    assert -1.0 <= estimate.low <= estimate.value <= estimate.high <= 1.0
    assert 0.0 <= estimate.known <= 1.0
    evaluation = rm.evaluate(run.policy, tasks=3, episodes=1, controls=[])
    assert evaluation.inferred.keys() == {"direction"}
    assert evaluation.to_json()["inferred"] == evaluation.inferred
    assert evaluation.insight() == "3 tasks are too few to tell what it infers."


@pytest.mark.slow
def test_learners_that_do_not_say_are_not_asked(tmp_path: Path) -> None:
    run = rm.meta_train("point-navigation", "rl2", iterations=1, hyper={"meta_batch": 4}, out=tmp_path, progress=False)
    assert rm.adapt(run.policy, run.policy.family.task(), episodes=1, evaluation_episodes=1).inferred is None
    evaluation = rm.evaluate(run.policy, tasks=3, episodes=1, controls=[])
    assert (evaluation.inferred, evaluation.insight()) == ({}, "")
    assert "inferred" not in evaluation.to_json()
