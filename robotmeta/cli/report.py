"""``robotmeta report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

import robotmeta as rm
from robotmeta.cli.shared import console


def report(run: Annotated[Path, tyro.conf.Positional], episodes: int = 3, tasks: int = 40) -> None:
    """Write a self-contained HTML page of a run: its configuration, curves, controls, results by task and videos.

    Controls that `robotmeta evaluate` has trained for the run are included.

    Example: robotmeta report runs/demo

    Args:
        run: A run folder.
        episodes: Adaptation episodes of its evaluations.
        tasks: Tasks of each split.
    """
    console.print(f"Report: {rm.report(run, episodes=episodes, tasks=tasks)}")
