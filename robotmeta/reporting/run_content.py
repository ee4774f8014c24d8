"""What a page says about one run: what was trained, and whether it adapts."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from robotmeta.envs import TaskFamily
from robotmeta.evaluation.evaluation import LABELS, Evaluation, Quantity
from robotmeta.policy import Policy
from robotmeta.reporting.level_plot import level_curve
from robotmeta.reporting.page import embedded, svg
from robotmeta.reporting.plots import adaptation_curve, learning_curve, results_by_parameter
from robotmeta.reporting.video import MEDIA_TYPES
from robotmeta.training.logs import read_metrics
from robotmeta.training.run_folder import RunFolder

_SPLITS = {
    "test": "held-out tasks",
    "ood": "out-of-distribution tasks",
    "robots": "robots by name",
    "given": "given tasks",
}
"""What the tasks of each split are called."""

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


def run_content(folder: RunFolder, policy: Policy, videos: Sequence[str | Path] | None) -> dict[str, Any]:
    """What ``run.html`` needs, without results.

    Args:
        folder: The run.
        policy: Its policy.
        videos: Videos to show; None for those in the folder.

    Raises:
        UserError: For a video that is missing or has another format, or a run folder that is damaged.
    """
    metrics = read_metrics(folder.metrics)
    versions = folder.read_config()[1]
    return {
        "name": folder.path.resolve().name,
        "family": policy.family,
        "learner": policy.config.learner,
        "env_steps": policy.env_steps,
        "interface": list(_interface(policy.family)),
        "trained": list(_trained(policy, metrics, versions)),
        "hyperparameters": list(_hyperparameters(policy)),
        "learning": _learning(metrics),
        "levels": _levels(metrics),
        "videos": [embedded(Path(file)) for file in (_own_videos(folder) if videos is None else videos)],
    }


def _own_videos(folder: RunFolder) -> list[Path]:
    """The videos of a run, without links: a page that is passed on shows nothing from elsewhere."""
    if folder.videos.is_symlink():
        return []
    found = (file for file in folder.videos.glob("[!.]*") if file.suffix.lower() in MEDIA_TYPES)
    return sorted(file for file in found if file.is_file() and not file.is_symlink())


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
    yield "iterations", f"{policy.iteration:,} of {config.iterations:,}"
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


def result_content(evaluation: Evaluation, family: TaskFamily) -> dict[str, Any]:
    """What the section of one evaluation in ``run.html`` needs, still without tasks to flip through."""
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
        "headline": _headline(evaluation),
        "missing": [name.replace("_", "-") for name in evaluation.returns if name not in measured],
        "adaptation": svg(adaptation_curve(evaluation), "Return against adaptation episodes"),
        "more": [
            (heading, svg(adaptation_curve(evaluation, quantity), f"{heading} against adaptation episodes"), caption)
            for quantity, heading, caption in _MORE
            if quantity in evaluation.quantities
        ],
        "shown": [],
        "by_parameter": svg(results_by_parameter(evaluation, family.space), "Return of each task, by parameter"),
    }


def _headline(evaluation: Evaluation) -> dict[str, str]:
    """The main measure, and its value for the policy and each control after the last adaptation episode."""
    quantity: Quantity = "success" if "success" in evaluation.quantities else "return"
    form = "{:.0%}" if quantity == "success" else "{:.1f}"
    values = {name: curve.text(form.format, -1) for name, curve in evaluation.curves(quantity).items()}
    return {"measure": LABELS[quantity], **values}


def _learning(metrics: list[dict[str, Any]]) -> Markup | None:
    return svg(learning_curve(metrics), "Return in meta-training against control steps") if metrics else None


def _levels(metrics: list[dict[str, Any]]) -> Markup | None:
    figure = level_curve(metrics)
    return None if figure is None else svg(figure, "Levels of the curriculum against control steps")
