"""A fit finds the task that explains recorded episodes, and says what they do not tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np
import pytest
import torch

from robotmeta.adaptation.fitting.fit_episodes import fit_episodes
from robotmeta.adaptation.fitting.recorded import RecordedEpisodes
from robotmeta.adaptation.fitting.result import Fit
from robotmeta.envs import Parameter, TaskFamily
from robotmeta.envs.distributions import Uniform
from robotmeta.envs.edits import ModelEdit, Row
from robotmeta.errors import UserError
from robotmeta.reporting.fit_report import fit_report
from tests.adaptation.fitting import arm

pytestmark = pytest.mark.slow

HEAVY = {"pole_mass": 3.2, "hinge_damping": 0.3, "push_gear": 0.5}  # the trained poles weigh at most 0.6 kg


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> TaskFamily:
    return arm.family(tmp_path_factory.mktemp("arm"))


@pytest.fixture(scope="module")
def recorded(family: TaskFamily) -> RecordedEpisodes:
    return arm.record(family, HEAVY)


@pytest.fixture(scope="module")
def fitted(family: TaskFamily, recorded: RecordedEpisodes) -> Fit:
    return fit_episodes(family, recorded)


def test_parameters_far_outside_the_training_range_are_found(fitted: Fit) -> None:
    for name, value in HEAVY.items():
        parameter = fitted.parameters[name]
        assert parameter.known
        assert parameter.low <= value <= parameter.high
        assert parameter.value == pytest.approx(value, rel=0.03)
    assert fitted.parameters["push_gear"].kinds[0.5] > 0.9
    assert fitted.unexplained == ()
    assert fitted.explained
    assert fitted.after["hinge"] < 0.1 * fitted.before["hinge"]


def test_a_parameter_without_effect_keeps_the_training_distribution(fitted: Fit) -> None:
    unread = fitted.parameters["unread"]  # uniform on [0, 1] in training
    assert not unread.known
    assert (unread.low, unread.high) == pytest.approx((0.0, 1.0), abs=0.15)
    column = fitted.posterior.tasks.names.index("unread")
    assert np.std(fitted.posterior.tasks.values[:, column]) == pytest.approx(0.29, abs=0.08)


def test_the_posterior_lies_within_the_physical_bounds_and_around_the_true_task(
    family: TaskFamily, fitted: Fit
) -> None:
    values = fitted.posterior.tasks.values
    for column, parameter in enumerate(family.space):
        low, high = parameter.bounds
        assert (values[:, column] >= low).all()
        assert (values[:, column] <= high).all()
    assert np.median(values[:, 0]) == pytest.approx(3.2, rel=0.05)


def test_the_same_seed_gives_the_same_fit_on_any_number_of_threads(
    family: TaskFamily, recorded: RecordedEpisodes, fitted: Fit
) -> None:
    again = fit_episodes(family, recorded, threads=1)
    assert np.array_equal(again.posterior.tasks.values, fitted.posterior.tasks.values)


def test_what_is_known_is_not_searched(family: TaskFamily, recorded: RecordedEpisodes) -> None:
    found = fit_episodes(family, recorded, known={"hinge_damping": 0.3, "push_gear": 0.5})
    assert found.parameters["hinge_damping"].value == 0.3
    assert (found.posterior.tasks.values[:, 1] == 0.3).all()
    assert found.parameters["pole_mass"].value == pytest.approx(3.2, rel=0.03)


def test_a_robot_outside_the_family_is_not_explained(family: TaskFamily, tmp_path: Path) -> None:
    on_the_moon = arm.record(arm.family(tmp_path, gravity=-1.6), {"pole_mass": 0.4})
    cycles = []
    found = fit_episodes(family, on_the_moon, on_progress=lambda cycle, of: cycles.append((cycle, of)))
    assert "hinge" in found.unexplained
    assert not found.explained
    assert (cycles[0], cycles[-1]) == ((0, 5), (10, 10))  # a second search, because the first one may have been unlucky


def test_what_training_never_varies_is_searched_where_nothing_else_explains_the_robot(
    family: TaskFamily, recorded: RecordedEpisodes, fitted: Fit, tmp_path: Path
) -> None:
    def pull(model: mujoco.MjModel, value: float, row: Row) -> None:
        model.opt.gravity[2] = value

    gravity = Parameter(
        "gravity",
        "upward",
        train=Uniform(-9.81, -9.81),
        nominal=-9.81,
        bounds=(-20.0, 0.0),
        edits=(ModelEdit(pull),),
        unit="m/s^2",
    )
    wider = replace(family, fit_only=(gravity,))
    on_the_moon = arm.record(arm.family(tmp_path, gravity=-1.6), {"pole_mass": 0.4})
    cycles = []
    found = fit_episodes(wider, on_the_moon, on_progress=lambda cycle, of: cycles.append((cycle, of)))
    assert found.explained
    first, second = cycles[: cycles.index((5, 13))], cycles[cycles.index((5, 13)) :]
    assert (first[0], first[-1], second[-1]) == ((0, 5), (5, 5), (13, 13))  # either may end early
    assert found.parameters["gravity"].low <= -1.6 <= found.parameters["gravity"].high
    assert wider.of_tasks(found.best) is wider.widened
    cycles.clear()
    at_once = fit_episodes(wider.widened, on_the_moon, on_progress=lambda cycle, of: cycles.append((cycle, of)))
    assert cycles[-1] == (5, 5)
    assert at_once.parameters["gravity"].low <= -1.6 <= at_once.parameters["gravity"].high
    page = fit_report(found, wider, tmp_path / "fit.html", truth=next(iter(family.task(pole_mass=0.4)))).read_text()
    assert "gravity" in page
    explained = fit_episodes(wider, recorded)  # by what training varies, so that nothing else is searched
    assert np.array_equal(explained.posterior.tasks.values, fitted.posterior.tasks.values)


def test_an_end_of_a_range_that_has_no_effect_where_training_has_it_is_found(family: TaskFamily) -> None:
    def stop(model: mujoco.MjModel, value: float, row: Row) -> None:
        slide = model.joint("slide").id
        model.jnt_limited[slide], model.jnt_range[slide] = 1, (-value, value)

    there = Uniform(9.0, 9.0)
    end = Parameter(
        "end", "of the rail", train=there, nominal=9.0, bounds=(0.0, 9.0), edits=(ModelEdit(stop),), unit="m"
    )
    wider = replace(family, fit_only=(end,))
    recorded = arm.record(wider.widened, {"pole_mass": 0.4, "end": 0.15}, episodes=4)
    assert recorded.observations[..., 0].abs().max() < 0.25
    found = fit_episodes(wider, recorded)
    assert found.explained
    parameter = found.parameters["end"]
    assert parameter.known
    assert parameter.low <= 0.15 <= parameter.high < 1.0
    assert found.posterior.tasks.values[:, found.posterior.tasks.names.index("end")].max() < 2.0


def test_rewards_need_not_be_recorded(family: TaskFamily, recorded: RecordedEpisodes) -> None:
    without = replace(recorded, rewards=torch.full_like(recorded.rewards, torch.nan))
    found = fit_episodes(family, without)
    assert found.parameters["pole_mass"].value == pytest.approx(3.2, rel=0.05)


def test_noise_of_sensors_widens_the_intervals(family: TaskFamily, recorded: RecordedEpisodes, fitted: Fit) -> None:
    noise = 0.004 * torch.randn(recorded.observations.shape, generator=torch.Generator().manual_seed(0))
    found = fit_episodes(family, replace(recorded, observations=recorded.observations + noise))
    mass, clean = found.parameters["pole_mass"], fitted.parameters["pole_mass"]
    assert mass.low <= 3.2 <= mass.high
    assert mass.high - mass.low > clean.high - clean.low


def test_episodes_that_cannot_be_fitted_are_refused(family: TaskFamily, recorded: RecordedEpisodes) -> None:
    with pytest.raises(UserError, match=r"these episodes have 1 observations .* has 2 and 1"):
        fit_episodes(family, replace(recorded, observations=recorded.observations[..., :1]))
    with pytest.raises(UserError, match="at least 10 recorded steps, not 4"):
        fit_episodes(family, replace(recorded, lengths=torch.tensor([2, 2])))
    with pytest.raises(UserError, match="actions are not all finite"):
        fit_episodes(family, replace(recorded, actions=recorded.actions * torch.nan))
    with pytest.raises(UserError, match="no parameter 'pole_mas' in family"):
        fit_episodes(family, recorded, known={"pole_mas": 1.0})


def test_errors_that_the_best_task_itself_would_leave_are_no_sign_of_another_robot(
    family: TaskFamily, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_the_moon = arm.record(arm.family(tmp_path, gravity=-1.6), {"pole_mass": 0.4})
    large = torch.full((1, on_the_moon.observations.shape[-1] + 1), 1e3)
    monkeypatch.setattr("robotmeta.adaptation.fitting.fit_episodes.reachable", lambda *given, **options: large)
    assert fit_episodes(family, on_the_moon).unexplained == ()
