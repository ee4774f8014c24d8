"""Adaptations to single tasks, for a page on which one flips through them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from robotmeta.adaptation.adapt import adapt
from robotmeta.envs import Tasks
from robotmeta.errors import SimulationDiverged, UserError
from robotmeta.evaluation.evaluation import Evaluation
from robotmeta.policy import Policy
from robotmeta.reporting.adaptation_report import adaptation_content
from robotmeta.reporting.page import svg
from robotmeta.reporting.plots import task_curve
from robotmeta.reporting.record import check_recording, record

_SMALL: Any = {"width": 280, "height": 210, "quality": 4.0}  # of a panel: the page has many videos


class Look(NamedTuple):
    """How many tasks of each evaluation are shown, and after which stages.

    Attributes:
        tasks: Number of tasks, from the first one.
        fit: Whether to fit the simulator to the adaptation episodes of each.
        fine_tune: Budget of fine-tuning in each, see :func:`robotmeta.adapt`; None for none.
    """

    tasks: int
    fit: bool = False
    fine_tune: str | int | None = None

    def count(self, evaluation: Evaluation) -> int:
        """Number of tasks of an evaluation that are shown."""
        return min(self.tasks, len(evaluation.tasks))


def no_videos_because(policy: Policy, evaluations: list[Evaluation]) -> str:
    """Why tasks cannot be recorded, such as a missing GL library; empty if they can."""
    if not evaluations:
        return ""
    with tempfile.TemporaryDirectory() as folder:
        try:
            check_recording(policy, evaluations[0].tasks[:1], Path(folder) / "task.mp4")
        except UserError as error:
            return str(error)
    return ""


def shown_tasks(policy: Policy, evaluation: Evaluation, look: Look, *, videos: bool) -> Iterator[dict[str, Any]]:
    """What ``tasks.html`` needs for each task that is shown.

    The policy adapts to the task anew, with as many episodes and from the same seed. That gives what it infers, the
    video, and what a fit and fine-tuning gain. The curve is that of the evaluation.
    """
    for place in range(look.count(evaluation)):
        curve = svg(task_curve(evaluation, place), "Return in this task against adaptation episodes")
        task = evaluation.tasks[place : place + 1]
        yield {"curve": curve, **_adapted(policy, task, evaluation.episodes[-1], evaluation.seed, look, videos)}


def _adapted(policy: Policy, task: Tasks, episodes: int, seed: int, look: Look, videos: bool) -> dict[str, Any]:
    try:
        adapted = adapt(policy, task, episodes=episodes, seed=seed, fit=look.fit, fine_tune=look.fine_tune)
        truth = next(iter(task))
        with tempfile.TemporaryDirectory() as folder:
            film = Path(folder) / "task.mp4" if videos else None
            if film is not None:
                record(policy, task, out=film, adapted=adapted, seed=seed, **_SMALL)
            return {"failed": "", **adaptation_content(adapted, policy.family, truth=truth, video=film)}
    except (SimulationDiverged, UserError) as error:  # as where a fit does not explain the episodes
        return {"failed": str(error)}
