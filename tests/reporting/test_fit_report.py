"""The page of a fit: self-contained, escaped, and with what the fit found."""

from __future__ import annotations

import dataclasses
import html
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

import robotmeta as rm
from robotmeta.adaptation.fitting.result import Fit, FittedParameter
from robotmeta.adaptation.fitting.texts import interval_text, value_text
from robotmeta.envs import Choice, Estimate, make
from robotmeta.errors import UserError
from robotmeta.reporting.adaptation_report import adaptation_report
from robotmeta.reporting.fit_plots import belief90, residuals_by_signal, shown_signals, signals_before_and_after
from robotmeta.reporting.fit_report import fit_report
from tests.robots import point_policy

FAMILY = make("point-navigation")
TRUTH = {"goal_x": 0.3, "goal_y": -0.2}


@pytest.fixture(scope="module")
def fit() -> Fit:
    return rm.fit(point_policy("task-inference"), FAMILY.task(**TRUTH), episodes=2)


def written(fit: Fit, folder: Path, family: rm.TaskFamily = FAMILY, truth: Mapping[str, float] | None = TRUTH) -> str:
    return fit_report(fit, family, folder / "fit.html", truth=truth).read_text()


def test_the_page_is_self_contained_and_has_every_figure(fit: Fit, tmp_path: Path) -> None:
    page = written(fit, tmp_path)
    assert page.count("<svg") == 3
    assert not re.search(r"(?:src|href)\s*=\s*\"(?!#)", page)
    assert "http://" not in page
    assert "https://" not in page
    for said in ("Known after the fit: goal_x, goal_y", "true value", "inferred", "simulated, after the fit"):
        assert said in page


def test_names_are_escaped_and_drawn_as_they_are(fit: Fit, tmp_path: Path) -> None:
    name, unit = "a <script>alert(1)</script>", "$x$ <b>"
    first, second = FAMILY.space
    family = dataclasses.replace(
        FAMILY,
        summary=name,
        space=rm.ParameterSpace((dataclasses.replace(first, unit=unit, description=name), second)),
    )
    renamed = {what: {name: errors["x"], **errors} for what, errors in (("before", fit.before), ("after", fit.after))}
    for errors in renamed.values():
        del errors["x"]
    strange = dataclasses.replace(fit, signals=(name, *fit.signals[1:]), unexplained=(name,), **renamed)
    page = written(strange, tmp_path, family)
    assert "<script" not in page
    assert f"[{html.escape(unit)}]" in page.replace("\\$", "$")
    assert f"What no task of the family explains</b>{name}." in html.unescape(page)


def test_kinds_and_parameters_that_are_not_known_are_shown(fit: Fit, tmp_path: Path) -> None:
    first, second = FAMILY.space
    shape = dataclasses.replace(
        first, train=Choice((0.0, 1.0)), ood=None, nominal=0.0, bounds=(0.0, 1.0), labels={0.0: "box", 1.0: "ball"}
    )
    family = dataclasses.replace(FAMILY, space=rm.ParameterSpace((shape, second)))
    kinds = FittedParameter(1.0, 1.0, 1.0, True, {1.0: 0.97, 0.0: 0.03})
    found = {"goal_x": kinds, "goal_y": dataclasses.replace(fit.parameters["goal_y"], known=False)}
    believed = {"goal_x": Estimate(0.0, 0.0, 1.0, 0.1, (0.0, 1.0))}
    page = written(
        dataclasses.replace(fit, parameters=found, believed=believed), tmp_path, family, {**TRUTH, "goal_x": 1.0}
    )
    assert "Not known: goal_y" in page
    assert "ball (97%) or box (3%)" in page
    assert "not known</td>" in page


@pytest.mark.slow
def test_the_stages_of_an_adaptation_are_on_the_page(tmp_path: Path) -> None:
    policy = point_policy("domain-randomization", meta_batch=8, episodes=1)
    adapted = rm.adapt(
        policy, FAMILY.task(**TRUTH), episodes=1, evaluation_episodes=2, fit=True, fine_tune=12_000, force=True
    )
    assert adapted.fit is not None
    page = adaptation_report(adapted, FAMILY, tmp_path / "a.html", truth=TRUTH).read_text()
    for stage in ("without adaptation", "after 1 episode<", "after 1 episode, fit and fine-tuning", "best so far"):
        assert stage in page
    assert page.count("<svg") == 4
    assert "<video" not in page
    assert "<script" not in page
    assert not re.search(r"(?:src|href)\s*=\s*\"(?!#)", page)
    assert re.search(r"<td class=\"number\">2</td><td class=\"number\">-?[\d.]+ \[-?[\d.]+, -?[\d.]+\]</td>", page)
    assert re.search(r"<td class=\"number\">\d+% \[\d+%, \d+%\]</td>", page)


def test_the_page_of_an_adaptation_has_what_the_policy_inferred_without_a_fit(tmp_path: Path) -> None:
    adapted = rm.adapt(point_policy("task-inference"), FAMILY.task(**TRUTH), episodes=1, evaluation_episodes=0)
    page = adaptation_report(adapted, FAMILY, tmp_path / "a.html", truth=TRUTH).read_text()
    for said in ("was not measured", "<th>inferred</th>", "<td>0.3 m</td>", "not sure</td>"):
        assert said in page
    assert "Measured and simulated" not in page


def test_the_page_of_an_adaptation_embeds_its_video(tmp_path: Path) -> None:
    policy, film = point_policy("rl2"), tmp_path / "a.gif"
    adapted = rm.adapt(policy, FAMILY.task(**TRUTH), episodes=1, evaluation_episodes=0)
    film.write_bytes(b"GIF89a")
    page = adaptation_report(adapted, FAMILY, tmp_path / "a.html", video=film).read_text()
    assert "data:image/gif;base64,R0lGODlh" in page
    assert "<h2>Parameters</h2>" not in page, "a section without content"


def test_a_page_that_cannot_be_written_is_one_line(fit: Fit, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot write"):
        fit_report(fit, FAMILY, tmp_path / "file" / "a.html")


def test_the_signals_that_improve_most_are_drawn_after_the_reward(fit: Fit) -> None:
    after = {"x": 0.1, "y": 0.2, "reward": 0.3}
    judged = dataclasses.replace(fit, before={"x": 0.2, "y": 0.9, "reward": 0.3}, after=after)
    assert shown_signals(judged) == ["reward", "y", "x"]
    labels = [axes.get_ylabel() for axes in signals_before_and_after(judged, 0.1).axes]
    assert labels == ["reward", "y", "x"]


def test_an_error_beyond_the_axis_is_written_beside_its_bar(fit: Fit) -> None:
    judged = dataclasses.replace(fit, before={"x": 1000.0}, after={"x": 0.1})
    assert [text.get_text() for text in residuals_by_signal(judged).axes[0].texts] == [" 1e+03"]


def test_intervals_have_the_same_meaning() -> None:
    parameter = make("cheetah-dynamics").space["mass"]  # a logarithm
    low, high = belief90(parameter, Estimate(1.0, 0.9, 1.0 / 0.9, 0.5))
    assert low * high == pytest.approx(1.0)
    assert low == pytest.approx(max(0.9**1.645, parameter.bounds[0]))


def test_a_value_has_no_digits_far_below_its_interval() -> None:
    parameter = FAMILY.space["goal_x"]
    assert value_text(parameter, FittedParameter(1.14e-5, -0.02, 0.02, True)) == "0 m"
    assert value_text(parameter, FittedParameter(-1e-7, -0.02, 0.02, True)) == "0 m"
    assert value_text(parameter, FittedParameter(0.2714, 0.25, 0.29, True)) == "0.271 m"
    assert interval_text(parameter, FittedParameter(0.2714, 0.25, 0.29, True)) == "0.25 to 0.29 m"


def test_episodes_of_one_step_and_signals_without_replays_are_drawn(fit: Fit) -> None:
    shape = (1, 1, len(fit.signals))
    nothing = {when: np.full(shape, np.nan) for when in ("before", "after")}
    assert signals_before_and_after(dataclasses.replace(fit, measured=np.zeros(shape), simulated=nothing), 0.1).axes
