"""``robotmeta record``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import robotmeta as rm
from robotmeta.cli.shared import (
    FamilyName,
    PolicySource,
    Simulator,
    TaskValues,
    console,
    default,
    load,
    returns,
    task_of,
)


def record(
    policy: PolicySource,
    task: TaskValues = (),
    episodes: int = 3,
    seed: int = 0,
    simulator: Simulator = None,
    family: FamilyName = None,
    trust: bool = False,
    out: Annotated[Path | None, default("videos/before-after.mp4 in a run folder, else before-after.mp4")] = None,
) -> None:
    """Record a video of one task without and after adaptation, side by side.

    Example: robotmeta record runs/demo --task direction=backward --out backward.mp4

    Args:
        policy: A run folder, a checkpoint, a policy file, or pretrained:NAME.
        family: Act in this family, NAME, FILE.py:FUNCTION or MODULE:FUNCTION, whatever the policy's file calls it.
        trust: Import and call the function that the policy's file names as its family.
        task: Parameters of the task, or robot=NAME where the family names robots. The other parameters are nominal.
        episodes: Adaptation episodes.
        seed: Fixes initial states and exploration.
        simulator: Physics backend, such as mujoco; auto chooses one that runs the family.
        out: Video file (.mp4 or .gif).
    """
    from robotmeta.training.run_folder import RunFolder

    loaded = load(policy, family, trust)
    run = RunFolder(Path(policy))
    file = out or (run.own(run.own(run.videos) / run.video.name) if run.path.is_dir() else Path(run.video.name))
    described = task_of(loaded, task)
    recording = rm.record(loaded, described, out=file, episodes=episodes, seed=seed, simulator=simulator)
    console.print(f"{returns(recording.return_before, recording.return_after, episodes)}\nVideo: {recording.file}")
