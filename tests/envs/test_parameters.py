"""Parameters, their distributions, and tasks as rows of named numbers."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

from robotmeta.envs import FAMILIES, Parameter, ParameterSpace, Tasks, make
from robotmeta.envs.distributions import Choice, LogUniform, Uniform, Union
from robotmeta.envs.parameters import numbered
from robotmeta.errors import UserError

WITH_OOD = [name for name in FAMILIES if make(name).space.has_ood]

MASS = Parameter(
    "mass", "of the load", train=LogUniform(0.5, 2.0), nominal=1.0, bounds=(0.1, 10.0), ood=Uniform(2.0, 3.0), unit="kg"
)
SIDE = Parameter("side", "left or right", train=Choice((-1.0, 1.0)), nominal=1.0, bounds=(-1.0, 1.0))
SPACE = ParameterSpace((MASS, SIDE))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def outside_training(parameter: Parameter, values: np.ndarray) -> np.ndarray:
    if isinstance(parameter.train, Choice):
        return ~np.isin(values, parameter.train.values)
    low, high = parameter.train.support
    return (values <= low) | (values >= high)


# -- distributions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 3, 6, 600])
def test_choices_are_balanced(count: int) -> None:
    drawn = Choice((1.0, 2.0, 3.0)).sample(rng(), count)
    times = [int((drawn == value).sum()) for value in (1.0, 2.0, 3.0)]
    assert sum(times) == count
    assert max(times) - min(times) <= 1


def test_choices_come_in_random_order() -> None:
    drawn = Choice((1.0, 2.0, 3.0)).sample(rng(), 300).reshape(100, 3)
    assert len({tuple(block) for block in drawn}) == 6
    assert (np.sort(drawn) == [1.0, 2.0, 3.0]).all()


def test_log_uniform_halves_as_often_as_it_doubles() -> None:
    drawn = LogUniform(0.25, 4.0).sample(rng(), 4000)
    assert drawn.min() >= 0.25
    assert drawn.max() <= 4.0
    for low, high in ((0.25, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 4.0)):
        assert ((drawn >= low) & (drawn < high)).mean() == pytest.approx(0.25, abs=0.03)


def test_unions_stay_in_their_intervals_and_visit_each_by_its_length() -> None:
    drawn = Union(((0.0, 1.0), (4.0, 7.0))).sample(rng(), 4000)
    lower = (drawn >= 0.0) & (drawn <= 1.0)
    upper = (drawn >= 4.0) & (drawn <= 7.0)
    assert (lower | upper).all()
    assert lower.mean() == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize(
    "distribution", [Uniform(-1.0, 2.0), LogUniform(0.1, 3.0), Choice((2.0, -4.0)), Union(((0.0, 1.0), (2.0, 3.0)))]
)
def test_draws_stay_in_the_support_and_depend_on_the_generator_alone(
    distribution: Uniform | LogUniform | Choice | Union,
) -> None:
    low, high = distribution.support
    drawn = distribution.sample(rng(3), 500)
    assert drawn.shape == (500,)
    assert low <= drawn.min()
    assert drawn.max() <= high
    assert np.array_equal(drawn, distribution.sample(rng(3), 500))


# -- tasks -------------------------------------------------------------------------------------------------------------


def test_a_row_fills_in_nominal_values() -> None:
    assert list(SPACE.row({"side": -1.0})) == [{"mass": 1.0, "side": -1.0}]
    assert list(SPACE.row({})) == [{"mass": 1.0, "side": 1.0}]


def test_an_unknown_parameter_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"no parameter 'masss' in family 'x'; nearest: mass \(also side\)"):
        SPACE.row({"masss": 1.0}, where="family 'x'")
    with pytest.raises(UserError, match="there are: mass, side"):
        SPACE.row({"qqqqq": 1.0})


@pytest.mark.parametrize("value", [-1.0, 0.0, 11.0, float("nan"), float("inf"), float("-inf")])
def test_a_value_outside_the_physical_range_is_refused(value: float) -> None:
    with pytest.raises(UserError, match=r"mass=.* is outside its physical range \[0.1, 10\] kg"):
        SPACE.row({"mass": value})


def test_a_value_between_the_choices_is_none_of_them() -> None:
    leg = Parameter("leg", "which leg", train=Choice((1.0, 2.0)), nominal=0.0, bounds=(0.0, 4.0), ood=Choice((4.0,)))
    space = ParameterSpace((leg,))
    for value in (0.0, 1.0, 2.0, 4.0):
        assert space.row({"leg": value}).values[0, 0] == value
    with pytest.raises(UserError, match=r"leg is one of 0, 1, 2, 4, not 1\.5"):
        space.row({"leg": 1.5})


def test_the_ends_of_the_physical_range_are_accepted() -> None:
    assert SPACE.row({"mass": 0.1}).values[0, 0] == 0.1
    assert SPACE.row({"mass": 10.0}).values[0, 0] == 10.0


def test_repeating_keeps_the_rows_of_a_task_together() -> None:
    tasks = Tasks(("a", "b"), np.array([[1.0, 2.0], [3.0, 4.0]]))
    repeated = tasks.repeat(2)
    assert repeated.names == ("a", "b")
    assert repeated.values.tolist() == [[1.0, 2.0], [1.0, 2.0], [3.0, 4.0], [3.0, 4.0]]


def test_tasks_are_sliced_iterated_and_turned_into_columns() -> None:
    tasks = Tasks(("a", "b"), np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    assert len(tasks) == 3
    assert list(tasks[1:]) == [{"a": 3.0, "b": 4.0}, {"a": 5.0, "b": 6.0}]
    assert list(tasks[[2, 0]]) == [{"a": 5.0, "b": 6.0}, {"a": 1.0, "b": 2.0}]
    assert torch.equal(tasks.columns()["b"], torch.tensor([[2.0], [4.0], [6.0]], dtype=torch.float64))


def test_values_must_fit_the_columns() -> None:
    with pytest.raises(ValueError, match="do not fit 3 columns"):
        Tasks(("a", "b", "c"), np.zeros((4, 2)))


def test_the_digest_depends_on_names_and_values_and_nothing_else() -> None:
    tasks = Tasks(("a", "b"), np.array([[1.0, 2.0]]))
    assert tasks.digest == Tasks(("a", "b"), np.array([[1.0, 2.0]])).digest
    others = [
        Tasks(("a", "b"), np.array([[1.0, np.nextafter(2.0, 3.0)]])),
        Tasks(("a", "b"), np.array([[2.0, 1.0]])),
        Tasks(("b", "a"), np.array([[1.0, 2.0]])),
        Tasks(("a", "b"), np.array([[1.0, 2.0], [1.0, 2.0]])),
    ]
    assert len({tasks.digest, *(other.digest for other in others)}) == 5


def test_the_digest_of_a_space_tells_ranges_apart() -> None:
    wider = Parameter("mass", "of the load", train=LogUniform(0.5, 2.5), nominal=1.0, bounds=(0.1, 10.0), ood=MASS.ood)
    heavier = Parameter("mass", "of the load", train=MASS.train, nominal=1.5, bounds=(0.1, 10.0), ood=MASS.ood)
    spaces = [SPACE, *(ParameterSpace((mass, SIDE)) for mass in (wider, heavier)), ParameterSpace((SIDE, MASS))]
    assert len({space.digest for space in spaces}) == 4
    assert ParameterSpace((MASS, SIDE)).digest == SPACE.digest


# -- splits ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("split", ["test", "ood"])
def test_a_split_is_frozen_whatever_was_drawn_before(split: str) -> None:
    before = SPACE.split(split, 20).digest
    np.random.default_rng(0).random(100)
    SPACE.sample(50, rng())
    assert SPACE.split(split, 20).digest == before


@pytest.mark.parametrize("split", ["test", "ood"])
def test_asking_for_more_tasks_keeps_the_earlier_ones(split: str) -> None:
    assert np.array_equal(SPACE.split(split, 50).values[:7], SPACE.split(split, 7).values)


def test_a_space_without_ood_values_has_no_ood_split() -> None:
    with pytest.raises(UserError, match="no OOD split"):
        ParameterSpace((SIDE,)).split("ood", 5)
    with pytest.raises(UserError, match="'cheetah-direction' has no ood split; there is: test"):
        make("cheetah-direction").tasks("ood", 5)


def test_an_unknown_split_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"no split 'tests'; nearest: test \(also ood\)"):
        SPACE.split("tests", 5)
    with pytest.raises(UserError, match="no split 'train'"):  # meta-training tasks are drawn, not frozen
        SPACE.split("train", 5)


@pytest.mark.parametrize("count", [0, -1, 1025])
def test_a_split_holds_a_fixed_number_of_tasks(count: int) -> None:
    with pytest.raises(UserError, match="a split holds 1 to 1024 tasks"):
        SPACE.split("test", count)


@pytest.mark.parametrize("family", WITH_OOD)
def test_ood_values_lie_outside_what_was_trained_on(family: str) -> None:
    space = make(family).space
    drawn = space.split("ood", 1024)
    for i, parameter in enumerate(space):
        if parameter.ood is not None:
            assert outside_training(parameter, drawn.values[:, i]).all(), parameter.name


@pytest.mark.parametrize("family", WITH_OOD)
def test_test_and_ood_tasks_are_disjoint(family: str) -> None:
    test, ood = (make(family).tasks(split, 1024).values for split in ("test", "ood"))
    assert not {tuple(row) for row in test} & {tuple(row) for row in ood}


@pytest.mark.parametrize("family", FAMILIES)
def test_held_out_tasks_come_from_the_training_distribution(family: str) -> None:
    space = make(family).space
    drawn = space.split("test", 1024).values
    for i, parameter in enumerate(space):
        low, high = parameter.train.support
        assert low <= drawn[:, i].min()
        assert drawn[:, i].max() <= high


@pytest.mark.parametrize("family", FAMILIES)
def test_every_value_a_family_draws_is_physical(family: str) -> None:
    for parameter in make(family).space:
        low, high = parameter.bounds
        assert low <= parameter.nominal <= high
        for distribution in (parameter.train, parameter.ood):
            if distribution is not None:
                assert low <= distribution.support[0] <= distribution.support[1] <= high


@pytest.mark.parametrize("family", FAMILIES)
def test_meta_training_tasks_depend_on_the_seed(family: str) -> None:
    assert make(family).sample(50, rng(0)).digest == make(family).sample(50, rng(0)).digest
    assert make(family).sample(50, rng(0)).digest != make(family).sample(50, rng(1)).digest


@pytest.mark.slow
def test_splits_and_digests_are_the_same_on_processors_without_wide_vector_units() -> None:
    # NumPy picks its exponential by what the processor offers; the variants differ in the last bit.
    program = (
        "from robotmeta.envs import FAMILIES, make\n"
        "for name in FAMILIES:\n"
        "    print(name, make(name).tasks('test', 1024).digest, make(name).space.digest)\n"
    )
    features = "X86_V3 X86_V4 AVX512_SKX AVX512_ICL AVX512_SPR AVX2 FMA3"
    narrow = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env={**os.environ, "NPY_DISABLE_CPU_FEATURES": features},
        capture_output=True,
        text=True,
        check=True,
    )
    here = [f"{name} {make(name).tasks('test', 1024).digest} {make(name).space.digest}" for name in FAMILIES]
    assert narrow.stdout.splitlines() == here


# -- families ----------------------------------------------------------------------------------------------------------


def test_an_unknown_family_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserError, match="no family 'cheetah-dynamic'; nearest: cheetah-dynamics"):
        make("cheetah-dynamic")


def test_a_family_names_itself_where_a_task_is_wrong() -> None:
    with pytest.raises(UserError, match=r"no parameter 'fiction' in family 'cheetah-dynamics'; nearest: friction"):
        make("cheetah-dynamics").task(fiction=1.0)
    with pytest.raises(UserError, match="mass=-1 is outside its physical range"):
        make("cheetah-dynamics").task(mass=-1.0)


# -- labels ------------------------------------------------------------------------------------------------------------

KIND = Parameter(
    "kind",
    "of ground",
    train=Choice((0.0, 1.0)),
    nominal=0.0,
    bounds=(0.0, 2.0),
    ood=Choice((2.0,)),
    labels=numbered(("flat", "wet", "icy")),
)


def test_values_go_by_their_labels() -> None:
    space = ParameterSpace((KIND,))
    assert [space.row({"kind": value}).values.item() for value in ("wet", 1.0, "1")] == [1.0, 1.0, 1.0]
    assert KIND.text(2.0) == "icy"
    assert KIND.spelled(KIND.train) == "one of flat, wet"
    with pytest.raises(UserError, match="no kind 'muddy'; there are: flat, wet, icy"):
        space.row({"kind": "muddy"})
    with pytest.raises(UserError, match=r"kind is one of flat, wet, icy, not 0\.5"):
        space.row({"kind": 0.5})


def test_labels_do_not_change_which_tasks_there_are() -> None:
    assert ParameterSpace((KIND,)).digest == ParameterSpace((dataclasses.replace(KIND, labels={}),)).digest


def test_labels_name_every_value_of_a_choice() -> None:
    with pytest.raises(UserError, match="kind: its labels leave out 2"):
        dataclasses.replace(KIND, labels=numbered(("flat", "wet")))
    with pytest.raises(UserError, match=r"kind: labels are for a choice between a few values, not for U\(0, 1\)"):
        dataclasses.replace(KIND, train=Uniform(0.0, 1.0))


def test_numbers_are_read_with_their_units() -> None:
    mass = Parameter("mass", "of the load", train=Uniform(0.0, 1.0), nominal=0.5, bounds=(0.0, 2.0), unit="kg")
    assert mass.text(0.12345) == "0.123 kg"
    assert mass.text(0.12345, unit=False) == "0.123"
    assert mass.spelled(mass.train) == "U(0, 1) kg"


@pytest.mark.parametrize("value", [{}, [], None, object(), True, "x\ny", "\ud800", 10**400])
def test_a_value_that_is_no_number_is_one_printable_line(value: Any) -> None:
    with pytest.raises(UserError) as error:
        make("cheetah-dynamics").task(mass=value)
    assert str(error.value).isprintable()


def test_a_parameter_may_have_any_name() -> None:
    with pytest.raises(UserError, match="no parameter 'self' in family"):
        make("cheetah-dynamics").task(**{"self": 1.0})


def test_a_column_that_is_named_sets_another_one_that_is_not() -> None:
    told = Parameter(
        "told", "what", train=Uniform(0.0, 0.0), nominal=0.0, bounds=(-9.0, 9.0), sets={"side": -1.0, "mass": 2.0}
    )
    space = ParameterSpace((MASS, SIDE, told))
    assert next(iter(space.row({"told": 0.0}))) == {"mass": 2.0, "side": -1.0, "told": 0.0}
    assert next(iter(space.row({"told": 3.0, "side": 1.0})))["side"] == 1.0
    assert next(iter(space.row({})))["side"] == SIDE.nominal


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"sets": {"sude": 1.0}}, "no parameter 'sude' in sets of told; nearest: side"),
        ({"sets": {"side": 0.5}}, r"told: sets: side is one of -1, 1, not 0\.5"),
        ({"sets": [1.0]}, r"told: sets must be a mapping of parameters to values, not \[1\.0\]"),
        ({"sets": {"told": 1.0}}, "no parameter 'told' in sets of told"),
        ({"qualifies": "maas"}, "no parameter 'maas' in qualifies of told; nearest: mass"),
    ],
)
def test_what_a_column_sets_and_details_exists(changes: dict[str, Any], line: str) -> None:
    told = Parameter("told", "what", train=Uniform(0.0, 1.0), nominal=0.0, bounds=(-9.0, 9.0), **changes)
    with pytest.raises(UserError, match=line):
        ParameterSpace((MASS, SIDE, told))


# -- distributions of one's own ----------------------------------------------------------------------------------------


class Triangular:
    """A distribution as a user may write it."""

    support = (0.0, 2.0)

    def sample(self, rng: np.random.Generator, count: int) -> Any:
        return rng.triangular(0.0, 1.0, 2.0, count)

    def __str__(self) -> str:
        return "triangular(0, 2)"


def of(train: Any, **changes: Any) -> Parameter:
    return Parameter("load", "of it", train=train, nominal=1.0, bounds=(0.0, 9.0), **changes)


def test_a_distribution_of_ones_own_is_drawn_from_and_told_apart() -> None:
    space = ParameterSpace((of(Triangular(), ood=Uniform(2.0, 3.0)),))
    drawn = space.sample(1000, rng()).values
    assert abs(float(drawn.mean()) - 1.0) < 0.05
    assert space.digest != ParameterSpace((of(Uniform(0.0, 2.0), ood=Uniform(2.0, 3.0)),)).digest


def _changed(**members: Any) -> Any:
    return type("Mine", (Triangular,), members)()


@pytest.mark.parametrize(
    ("train", "line"),
    [
        (_changed(__str__=object.__str__), "load: train: Mine needs __str__ with its numbers"),
        (_changed(support=(0.0, 1.0)), r"draws .*, outside of its support, 0 to 1"),
        (_changed(sample=lambda self, rng: 1.0), r"cannot draw values: sample\(rng, count\) failed: TypeError"),
        (_changed(sample=lambda self, rng, count: 1.0), r"must return 256 numbers, not float64 of shape \[\]"),
        (_changed(sample=lambda self, rng, count: np.full(count, np.nan)), "draws values that are not finite"),
        (_changed(sample=lambda self, rng, count: ["a"] * count), "must return 256 numbers"),
        (
            _changed(sample=lambda self, rng, count: np.random.default_rng().uniform(0.0, 2.0, count)),
            "draws different values with the same generator",
        ),
    ],
)
def test_a_distribution_that_cannot_be_drawn_from_is_refused_at_once(train: Any, line: str) -> None:
    with pytest.raises(UserError, match=line):
        of(train)


@pytest.mark.parametrize(
    ("train", "ood"),
    [
        (Uniform(0.0, 2.0), Uniform(1.0, 3.0)),
        (Choice((0.0, 1.0)), Choice((1.0, 2.0))),
        (LogUniform(0.5, 2.0), Union(((0.1, 0.6), (2.0, 3.0)))),
        (Triangular(), Triangular()),
    ],
)
def test_ood_values_that_training_has_too_are_found(train: Any, ood: Any) -> None:
    shared = of(train, ood=ood).overlap()
    assert shared is not None
    assert train.support[0] <= shared <= train.support[1]


@pytest.mark.parametrize(
    ("train", "ood"),
    [
        (Uniform(0.0, 2.0), Uniform(2.0, 3.0)),
        (Choice((0.0, 2.0)), Choice((1.0,))),
        (Choice((0.0, 2.0)), Uniform(0.5, 1.5)),
        (Union(((0.5, 1.0), (2.0, 3.0))), Uniform(1.0, 2.0)),
        (Triangular(), Union(((2.0, 2.5), (3.0, 4.0)))),
    ],
)
def test_ood_values_beside_and_between_those_of_training_are_fine(train: Any, ood: Any) -> None:
    assert of(train, ood=ood).overlap() is None


@pytest.mark.parametrize("family", WITH_OOD)
def test_no_ood_value_of_a_family_is_one_of_training(family: str) -> None:
    assert [p.name for p in make(family).space if p.overlap() is not None] == []
