"""``robotmeta demo``."""

from __future__ import annotations

import sys
from pathlib import Path

import robotmeta as rm
from robotmeta.cli.evaluate import show
from robotmeta.cli.shared import chatter, console, typed, write_json
from robotmeta.errors import UserError
from robotmeta.progress import shows_count, stage_bar


def demo(out: Path = Path("runs/demo"), iterations: int = 100, seed: int = 0) -> None:
    """Train a policy, adapt it to held-out tasks, evaluate it, record a video and write a report, in a few minutes.

    The same command continues a demo that was stopped.

    Example: robotmeta demo

    Args:
        out: Run folder.
        iterations: Iterations of meta-training.
        seed: Fixes tasks, weights, exploration and shuffling.
    """
    from robotmeta.training.run_folder import RunFolder

    folder = RunFolder(out)
    chatter.print("A cheetah learns to run forward or backward; only the reward tells it which (cheetah-direction).")
    run = rm.meta_train(
        "cheetah-direction", "task-inference", iterations=iterations, seed=seed, out=out, continue_=True
    )
    if run.signal is not None:
        command = typed("robotmeta", "demo", "--out", out, "--iterations", iterations, "--seed", seed)
        console.print(f"Stopped; continue with: {command}")
        sys.exit(128 + run.signal)
    with stage_bar("evaluation") as bar:
        evaluation = rm.evaluate(run.policy, episodes=3, on_progress=shows_count(bar))
    write_json(folder.evaluation("test"), evaluation.to_json(), through=False)
    show(evaluation)
    try:
        with stage_bar("video") as bar:
            video = rm.record(run.policy, out=folder.video, episodes=3, on_progress=shows_count(bar)).file
        console.print(f"Video:  {video}")
    except UserError as error:  # a missing GL library must not cost the report
        console.print(f"No video: {error}")
    with stage_bar("report") as bar:
        bar.show(None)
        report = rm.report(out, evaluations=[evaluation])
    console.print(f"Report: {report}")
