"""A run as one self-contained HTML page: what was trained, whether it adapts, and videos."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from robotmeta.envs import TaskFamily
from robotmeta.errors import UserError
from robotmeta.evaluation.controls import trained_controls
from robotmeta.evaluation.evaluate import evaluate
from robotmeta.evaluation.evaluation import Evaluation, Quantity
from robotmeta.files import check_target
from robotmeta.policy import Policy
from robotmeta.reporting.page import embedded, rendered, svg, write_page
from robotmeta.reporting.plots import adaptation_curve, learning_curve, results_by_parameter
from robotmeta.reporting.video import MEDIA_TYPES
from robotmeta.training.checkpoint import load
from robotmeta.training.logs import read_metrics
from robotmeta.training.run_folder import RunFolder

_MORE: tuple[tuple[Quantity, str, str], ...] = (
    (
        "success",
        "Success rate",
        "Share of tasks whose evaluation episode succeeds, with 95 % Wilson intervals.",
    ),
    (
        "distance",
        "Final distance",
        "Distance to the goal at the end of the evaluation episode: mean over tasks, with 95 % bootstrap band.",
    ),
)
"""Quantities that are shown after the return if the family defines them, with heading and caption."""

_SPLITS = {
    "test": "held-out tasks",
    "ood": "out-of-distribution tasks",
    "robots": "robots by name",
    "given": "given tasks",
}


def report(
    run: str | Path,
    *,
    episodes: int = 3,
    tasks: int = 40,
    evaluations: Sequence[Evaluation] | None = None,
    videos: Sequence[Path] | None = None,
    family: str | TaskFamily | None = None,
    trust: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Writes ``report.html`` in a run folder, in full or not at all.

    Args:
        run: A run folder with at least one checkpoint.
        episodes: Number of adaptation episodes, for evaluations that are run.
        tasks: Number of tasks of each split, for evaluations that are run.
        evaluations: Evaluations to show; None to evaluate on every split of the family, with the controls that were
            trained in the run folder.
        videos: ``.mp4`` or ``.gif`` files to show; None for those in the run folder, without links.
        family: The run's family, or its name, if that is not an installed one.
        trust: Whether to import and call the function that the run's files name as its family.
        on_progress: Called during evaluations with how much of them is done, and how much there is in all.

    Returns:
        The HTML file.

    Raises:
        UserError: If there is no run, a video is missing or has another format, or the page cannot be written.
    """
    folder = RunFolder(Path(run))
    if not folder.exists():
        raise UserError(f"run must be a run folder; {run} has no {folder.config.name}")
    check_target(folder.report)
    versions = folder.read_config()[1]
    policy = load(run, family=family, trust=trust)
    if videos is None:
        videos = _own_videos(folder)
    shown = [embedded(file) for file in videos]
    if evaluations is None:
        evaluations = _evaluations(policy, folder, tasks, episodes, on_progress)
    metrics = read_metrics(folder.metrics)
    page = rendered(
        "report.html",
        family=policy.family,
        learner=policy.config.learner,
        interface=list(_interface(policy.family)),
        trained=list(_trained(policy, metrics, versions)),
        hyperparameters=list(_hyperparameters(policy)),
        results=[_result(evaluation, policy.family) for evaluation in evaluations],
        learning=_learning(metrics),
        videos=shown,
    )
    return write_page(folder.report, page)


def _evaluations(
    policy: Policy, folder: RunFolder, tasks: int, episodes: int, on_progress: Callable[[int, int], None] | None
) -> list[Evaluation]:
    """On each split of the family, with the controls that were trained in the run folder."""
    splits, trained = list(policy.family.splits), trained_controls(policy, folder.path)
    return [
        evaluate(
            policy,
            split=split,
            tasks=tasks,
            episodes=episodes,
            on_progress=_of_several(place, len(splits), on_progress),
            domain_randomized=trained.get("domain_randomized"),
            oracle=trained.get("oracle"),
        )
        for place, split in enumerate(splits)
    ]


def _of_several(
    place: int, count: int, on_progress: Callable[[int, int], None] | None
) -> Callable[[int, int], None] | None:
    """The progress of one of several equal parts, as a part of the whole."""
    if on_progress is None:
        return None
    return lambda done, total: on_progress(place * total + done, count * total)


# -- what was trained --------------------------------------------------------------------------------------------------


def _interface(family: TaskFamily) -> Iterator[tuple[str, str]]:
    """Names and values of what all tasks of the family share."""
    for what, text in zip(("source", "reward", "differences"), dataclasses.astuple(family.source), strict=True):
        if text:
            yield what, text
    yield "episode", f"{family.horizon} control steps of {family.dt:g} s"
    for what, signals in (("observations", family.observations), ("actions", family.actions)):
        yield what, f"{len(signals)}: " + ", ".join(f"{name} [{unit}]" for name, unit in signals)


def _trained(policy: Policy, metrics: list[dict[str, Any]], versions: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Names and values of what determines the result of the run, and its cost."""
    config = policy.config
    yield "learner", config.learner
    yield "seed", str(config.seed)
    yield "meta-updates", f"{policy.iteration:,} of {config.iterations:,}"
    yield "control steps", f"{policy.env_steps:,}"
    if metrics:
        yield "wall-clock", _duration(metrics[-1]["seconds"])
        yield "speed", f"{policy.env_steps / max(metrics[-1]['seconds'], 1e-9):,.0f} control steps/s"
    yield "simulator", config.simulator
    yield "versions", ", ".join(f"{name} {version}" for name, version in versions.items())


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def _hyperparameters(policy: Policy) -> Iterator[tuple[str, str, str]]:
    """Name, value, and the default if it is different."""
    chosen = policy.config.hyperparameters
    for name, default in dataclasses.asdict(type(chosen)()).items():
        value = getattr(chosen, name)
        yield name, str(value), "" if value == default else str(default)


# -- results -----------------------------------------------------------------------------------------------------------


def _result(evaluation: Evaluation, family: TaskFamily) -> dict[str, Any]:
    """The section of one evaluation."""
    measured = evaluation.curves("return")
    return {
        "title": _SPLITS.get(evaluation.split, evaluation.split),
        "tasks": len(evaluation.tasks),
        "verdict": evaluation.verdict(),
        "insight": evaluation.insight(),
        "episodes": evaluation.episodes,
        "rows": [
            (name.replace("_", "-"), [*zip(curve.mean, *curve.ci95.T, strict=True)], curve.has_interval)
            for name, curve in measured.items()
        ],
        "missing": [name.replace("_", "-") for name in evaluation.returns if name not in measured],
        "adaptation": svg(adaptation_curve(evaluation), "Return against adaptation episodes"),
        "more": [
            (heading, svg(adaptation_curve(evaluation, quantity), f"{heading} against adaptation episodes"), caption)
            for quantity, heading, caption in _MORE
            if quantity in evaluation.quantities
        ],
        "by_parameter": svg(results_by_parameter(evaluation, family.space), "Return of each task, by parameter"),
    }


def _learning(metrics: list[dict[str, Any]]) -> Markup | None:
    return svg(learning_curve(metrics), "Return in meta-training against control steps") if metrics else None


def _own_videos(folder: RunFolder) -> list[Path]:
    """The videos of a run, without links: a page that is passed on shows nothing from elsewhere."""
    if folder.videos.is_symlink():
        return []
    found = (file for file in folder.videos.glob("[!.]*") if file.suffix.lower() in MEDIA_TYPES)
    return sorted(file for file in found if file.is_file() and not file.is_symlink())
