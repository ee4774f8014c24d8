"""``robotmeta report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

import robotmeta as rm
from robotmeta.cli.shared import FamilyName, File, check_targets, console
from robotmeta.progress import shows_count, stage_bar

Runs = Annotated[
    tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN ...", help_behavior_hint="(required)")
]


def report(
    run: Runs,
    out: Annotated[File, tyro.conf.arg(help_behavior_hint="(default: report.html in the run folder)")] = None,
    episodes: int = 3,
    tasks: int = 40,
    shown: int = 3,
    fit: bool = False,
    fine_tune: Annotated[str | None, tyro.conf.arg(metavar="TIME|STEPS", help_behavior_hint="(optional)")] = None,
    family: FamilyName = None,
    trust: bool = False,
) -> None:
    """Write a self-contained HTML page of a run, or of several to flip through.

    It shows configuration, curves, controls, results by task and videos. Controls that `robotmeta evaluate` has trained
    for a run are included. You can flip through some tasks of each split: video, curve, and what the policy infers.

    Example: robotmeta report runs/demo

    Example: robotmeta report runs/first runs/second --out report.html

    Args:
        run: A run folder, or several.
        out: The HTML file. Several runs need it.
        episodes: Adaptation episodes of its evaluations.
        tasks: Tasks of each split.
        shown: Tasks of each split to flip through; 0 for none.
        fit: Fit the simulator to the adaptation episodes of each of these tasks.
        fine_tune: Fine-tune in each of these tasks for a time, such as 60s, or a number of control steps.
        family: Act in this family, NAME, FILE.py:FUNCTION or MODULE:FUNCTION, whatever the run's files call it.
        trust: Import and call the function that the run's files name as its family.
    """
    check_targets(out)
    options = {"episodes": episodes, "tasks": tasks, "shown": shown, "fit": fit, "fine_tune": fine_tune}
    with stage_bar("evaluation") as bar:
        counted = shows_count(bar, "tasks")

        def show_task(done: int, total: int) -> None:
            bar.stage("tasks to flip through")
            counted(done, total)

        file = rm.report(
            run, out=out, **options, family=family, trust=trust, on_progress=shows_count(bar), on_task=show_task
        )
    console.print(f"Report: {file}")
