"""Runs as one self-contained HTML page: what was trained, whether it adapts, and one task after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from robotmeta.adaptation.stages import check_stages
from robotmeta.argument_types import check_arguments
from robotmeta.envs import TaskFamily
from robotmeta.errors import UserError
from robotmeta.evaluation.controls import trained_controls
from robotmeta.evaluation.evaluate import evaluate
from robotmeta.evaluation.evaluation import Evaluation
from robotmeta.files import check_target
from robotmeta.policy import Policy
from robotmeta.reporting.page import rendered, write_page
from robotmeta.reporting.run_content import result_content, run_content
from robotmeta.reporting.shown_tasks import Look, no_videos_because, shown_tasks
from robotmeta.training.checkpoint import load
from robotmeta.training.run_folder import RunFolder


@check_arguments
def report(
    run: str | Path | Sequence[str | Path],
    *,
    out: str | Path | None = None,
    episodes: int = 3,
    tasks: int = 40,
    shown: int = 3,
    fit: bool = False,
    fine_tune: str | int | None = None,
    evaluations: Sequence[Evaluation] | None = None,
    videos: Sequence[str | Path] | None = None,
    family: str | TaskFamily | None = None,
    trust: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
    on_task: Callable[[int, int], None] | None = None,
) -> Path:
    """Writes a page about one or several runs, in full or not at all.

    One flips through the runs and, of each, through some tasks of every split: a video, the curve, what the policy
    infers beside the true parameters, and the stages of the adaptation.

    Args:
        run: A run folder with at least one checkpoint, or several.
        out: The HTML file; ``report.html`` in the run folder by default. Several runs need it.
        episodes: Number of adaptation episodes, for evaluations that are run.
        tasks: Number of tasks of each split, for evaluations that are run.
        shown: Number of tasks of each evaluation to flip through; 0 for none.
        fit: Whether to fit the simulator to the adaptation episodes of each of these tasks; see :func:`robotmeta.fit`.
        fine_tune: Budget of fine-tuning in each of these tasks, such as ``"60s"``, or control steps; None for none.
        evaluations: For one run, evaluations to show; None to evaluate on every split of the family, with the controls
            that were trained in the run folder.
        videos: For one run, ``.mp4`` or ``.gif`` files to show; None for those in the run folder, without links.
        family: The family of the runs, or its name, if that is not an installed one.
        trust: Whether to import and call the function that the runs' files name as their family.
        on_progress: Called during evaluations with how much of them is done, and how much there is in all.
        on_task: Called with the number of finished tasks to flip through, and of all.

    Returns:
        The HTML file.

    Raises:
        UserError: If there is no run, a video is missing or has another format, fine-tuning is refused, or the page
            cannot be written.
    """
    folders = [_existing(one) for one in ([run] if isinstance(run, str | Path) else run)]
    _check(folders, out, evaluations, videos, shown)
    file = folders[0].report if out is None else Path(out)
    check_target(file)
    policies = [load(folder.path, family=family, trust=trust) for folder in folders]
    if shown and (fit or fine_tune is not None):
        for policy in policies:
            check_stages(policy, fit=fit, fine_tune=fine_tune)
    contents = [run_content(folder, policy, videos) for folder, policy in zip(folders, policies, strict=True)]
    if evaluations is None:
        found = _evaluations(policies, folders, tasks, episodes, on_progress)
    else:
        found = [list(evaluations)]
    for policy, content, results in zip(policies, contents, found, strict=True):
        content["results"] = [result_content(one, policy.family) for one in results]
        content["no_videos"] = no_videos_because(policy, results) if shown else ""
    try:
        _show_tasks(policies, contents, found, Look(shown, fit, fine_tune), on_task)
    except KeyboardInterrupt as stop:
        stop.args = (f"stopped; {_written(file, contents, shown)} has what was finished",)
        raise
    return _written(file, contents, shown)


def _written(file: Path, runs: Sequence[dict[str, Any]], shown: int) -> Path:
    return write_page(file, rendered("report.html", runs=runs, flips=max(len(runs), shown)))


def _existing(run: str | Path) -> RunFolder:
    folder = RunFolder(Path(run))
    if not folder.exists():
        raise UserError(f"run must be a run folder; {run} has no {folder.config.name}")
    return folder


def _check(folders: Sequence[RunFolder], out: object, evaluations: object, videos: object, shown: int) -> None:
    """Raises UserError for arguments that do not go together."""
    if not folders:
        raise UserError("run must be at least one run folder")
    if len(folders) > 1 and (evaluations, videos) != (None, None):
        raise UserError("evaluations and videos are for a report of one run")
    if len(folders) > 1 and out is None:
        raise UserError("a report of several runs needs a file: give out, or --out in the command line")
    if shown < 0:
        raise UserError(f"shown must be at least 0, not {shown}")


def _evaluations(
    policies: Sequence[Policy],
    folders: Sequence[RunFolder],
    tasks: int,
    episodes: int,
    on_progress: Callable[[int, int], None] | None,
) -> list[list[Evaluation]]:
    """Of each run, on each split of its family, with the controls that were trained in its folder."""
    count, found = sum(len(policy.family.splits) for policy in policies), []
    for policy, folder in zip(policies, folders, strict=True):
        trained = trained_controls(policy, folder.path)
        before = sum(map(len, found))
        found.append(
            [
                evaluate(
                    policy,
                    split=split,
                    tasks=tasks,
                    episodes=episodes,
                    on_progress=_of_several(before + place, count, on_progress),
                    domain_randomized=trained.get("domain_randomized"),
                    oracle=trained.get("oracle"),
                )
                for place, split in enumerate(policy.family.splits)
            ]
        )
    return found


def _of_several(
    place: int, count: int, on_progress: Callable[[int, int], None] | None
) -> Callable[[int, int], None] | None:
    """The progress of one of several equal parts, as a part of the whole."""
    if on_progress is None:
        return None
    return lambda done, total: on_progress(place * total + done, count * total)


def _show_tasks(
    policies: Sequence[Policy],
    contents: Sequence[dict[str, Any]],
    evaluations: Sequence[Sequence[Evaluation]],
    look: Look,
    on_task: Callable[[int, int], None] | None,
) -> None:
    """Adds the tasks to flip through to the result of each evaluation, one after another."""
    told, done = on_task or (lambda done, total: None), 0
    total = sum(look.count(one) for of_run in evaluations for one in of_run)
    if total:
        told(0, total)
    for policy, content, of_run in zip(policies, contents, evaluations, strict=True):
        for one, result in zip(of_run, content["results"], strict=True):
            for task in shown_tasks(policy, one, look, videos=not content["no_videos"]):
                result["shown"].append(task)
                done += 1
                told(done, total)
