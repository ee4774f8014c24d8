"""The page of runs, on a run of two meta-updates."""

from __future__ import annotations

import base64
import dataclasses
import html
import re
from pathlib import Path
from typing import Any

import pytest
import torch

import robotmeta as rm
from robotmeta.errors import UserError
from robotmeta.evaluation.evaluate import evaluate
from robotmeta.evaluation.evaluation import Evaluation
from robotmeta.reporting.record import record
from robotmeta.reporting.report import report

# imageio leaves the pipes of its decoder to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file <_io.Buffered:ResourceWarning")


def trained(folder: Path, learner: str) -> rm.Run:
    hyper = {"meta_batch": 4}
    return rm.meta_train("point-navigation", learner, iterations=2, hyper=hyper, out=folder, progress=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> rm.Run:
    return trained(tmp_path_factory.mktemp("runs") / "run", "task-inference")


@pytest.fixture(scope="module")
def evaluation(run: rm.Run) -> Evaluation:
    return evaluate(run.policy, tasks=3, episodes=2, controls=("zero_shot",))


@pytest.mark.slow
def test_a_report_is_self_contained(run: rm.Run, evaluation: Evaluation) -> None:
    video = record(run.policy, out=run.folder / "videos" / "a.mp4", width=96, height=72).file
    page = report(run.folder, evaluations=[evaluation], shown=0).read_text()
    sources = re.findall(r'(?:src|href)\s*=\s*"([^"]*)"', page)
    assert all(source.startswith(("data:", "#")) for source in sources)
    assert base64.b64encode(video.read_bytes()).decode() in page
    assert "http://" not in page
    assert "https://" not in page


def test_a_report_describes_the_training_and_its_result(run: rm.Run, evaluation: Evaluation) -> None:
    page = html.unescape(report(run.folder, evaluations=[evaluation], videos=[], shown=0).read_text())
    family = run.policy.family
    assert evaluation.verdict() in page
    assert "Controls that were not run: domain-randomized, from-scratch, oracle" in page
    for said in (
        family.summary,
        family.source.citation,
        f"{run.policy.env_steps:,}",
        "2 of 2",
        f"torch {torch.__version__}",
    ):
        assert said in page
    for parameter in run.policy.family.space:
        values = [parameter.spelled(d, unit=False) for d in (parameter.train, parameter.ood) if d is not None]
        assert all(said in page for said in (parameter.name, parameter.description, *values))
    for name in ("meta_batch", "learning_rate"):
        assert name in page
    assert "<video" not in page


@pytest.mark.slow
def test_a_report_evaluates_every_split_where_nothing_was_measured(run: rm.Run) -> None:
    page = report(run.folder, tasks=2, episodes=1, videos=[], shown=0).read_text()
    assert "Adaptation to 2 held-out tasks" in page
    assert "Adaptation to 2 out-of-distribution tasks" in page
    assert page.count("<svg") == 9  # return, success, distance and tasks of two splits, and the learning curve
    assert page.count("episode succeeds") == page.count("Distance to the goal at the end") == 2


def test_a_report_escapes_html(run: rm.Run, evaluation: Evaluation) -> None:
    family = dataclasses.replace(run.policy.family, summary="a <script>alert(1)</script> robot")
    page = report(run.folder, evaluations=[evaluation], videos=[], shown=0, family=family).read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_a_report_that_cannot_be_made_is_an_error_of_one_line(
    run: rm.Run, evaluation: Evaluation, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"run must be a run folder; .* has no config\.json"):
        report(tmp_path)
    with pytest.raises(UserError, match="cannot read"):
        report(run.folder, evaluations=[evaluation], videos=[tmp_path / "missing.mp4"], shown=0)
    page = run.folder / "report.html"
    page.unlink(missing_ok=True)
    page.mkdir()
    with pytest.raises(UserError, match="cannot write"):
        report(run.folder, evaluations=[evaluation], videos=[], shown=0)
    page.rmdir()
    assert not list(run.folder.glob(".partial-*"))


# -- tasks and runs to flip through ------------------------------------------------------------------------------------


def buttons(page: str, name: str) -> list[str]:
    return re.findall(rf'<input type="radio" name="{name}" id="([^"]+)"', page)


def check_buttons(page: str) -> None:
    """Every label belongs to a button, and no two elements have the same name."""
    names = re.findall(r' id="([^"]+)"', page)
    assert len(names) == len(set(names))
    assert set(re.findall(r'<label for="([^"]+)"', page)) <= set(names)
    for group in set(re.findall(r'<input type="radio" name="([^"]+)"', page)):
        assert len(re.findall(rf'name="{group}" id="[^"]+" checked', page)) == 1


@pytest.mark.slow
def test_each_task_that_is_shown_has_its_video_curve_and_what_was_inferred(run: rm.Run, evaluation: Evaluation) -> None:
    done: list[tuple[int, int]] = []
    page = report(
        run.folder, evaluations=[evaluation], videos=[], shown=2, on_task=lambda *counts: done.append(counts)
    ).read_text()
    assert done == [(0, 2), (1, 2), (2, 2)]
    check_buttons(page)
    assert len(buttons(page, "tasks-1-1")) == page.count("<article>") == page.count("data:video/mp4") == 2
    assert page.count("Return in this task against adaptation episodes") == 2
    for place in range(2):
        for parameter in run.policy.family.space:
            assert f"<td>{parameter.text(next(iter(evaluation.tasks[place : place + 1]))[parameter.name])}</td>" in page
    assert "<th>inferred</th>" in page
    assert "<script" not in page


@pytest.mark.slow
def test_the_stages_of_each_task_are_shown_where_they_were_asked_for(run: rm.Run, evaluation: Evaluation) -> None:
    page = report(run.folder, evaluations=[evaluation], videos=[], shown=1, fine_tune=2_000).read_text()
    assert "after 2 episodes, fine-tuning" in page
    assert "Return during fine-tuning" in page


@pytest.mark.slow
def test_one_flips_through_several_runs(run: rm.Run, tmp_path: Path) -> None:
    other = trained(tmp_path / "other", "rl2")
    folders = [run.folder, other.folder]
    options: Any = {"tasks": 2, "episodes": 1}
    page = report(folders, out=tmp_path / "runs.html", shown=0, **options).read_text()
    check_buttons(page)
    assert buttons(page, "runs") == ["runs-1", "runs-2"]
    assert page.count(">run</label>") == page.count(">other</label>") == 1
    table = page[: page.index("</table>")]
    assert (
        table.count('<th scope="row">run</th>')
        == table.count('<th scope="row">other</th>')
        == len(run.policy.family.splits)
    )
    with pytest.raises(UserError, match="several runs needs a file"):
        report(folders)
    with pytest.raises(UserError, match="for a report of one run"):
        report(folders, out=tmp_path / "runs.html", evaluations=[])
    with pytest.raises(UserError, match="at least one run"):
        report([])


def test_a_number_of_tasks_below_zero_is_refused(run: rm.Run) -> None:
    with pytest.raises(UserError, match="shown must be at least 0, not -1"):
        report(run.folder, shown=-1)


@pytest.mark.slow
def test_a_report_that_is_stopped_has_what_was_finished(run: rm.Run, evaluation: Evaluation) -> None:
    def stop(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r"stopped; .*report.html has what was finished"):
        report(run.folder, evaluations=[evaluation], videos=[], shown=3, on_task=stop)
    assert (run.folder / "report.html").read_text().count("<article>") == 1
