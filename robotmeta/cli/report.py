"""``robotmeta report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

import robotmeta as rm
from robotmeta.cli.shared import FamilyName, console
from robotmeta.progress import stage_bar


def report(
    run: Annotated[Path, tyro.conf.Positional],
    episodes: int = 3,
    tasks: int = 40,
    family: FamilyName = None,
    trust: bool = False,
) -> None:
    """Write a self-contained HTML page of a run: its configuration, curves, controls, results by task and videos.

    Controls that `robotmeta evaluate` has trained for the run are included.

    Example: robotmeta report runs/demo

    Args:
        run: A run folder.
        episodes: Adaptation episodes of its evaluations.
        tasks: Tasks of each split.
        family: Act in this family, NAME, FILE.py:FUNCTION or MODULE:FUNCTION, whatever the run's files call it.
        trust: Import and call the function that the run's files name as its family.
    """
    options = {"episodes": episodes, "tasks": tasks, "family": family, "trust": trust}
    with stage_bar("evaluation") as bar:

        def show(done: int, total: int) -> None:
            bar.show(done / total)
            if done == total:
                bar.stage("page")
                bar.show(None)

        file = rm.report(run, on_progress=show, **options)
    console.print(f"Report: {file}")
