"""``robotmeta record``."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import tyro

import robotmeta as rm
from robotmeta.cli.shared import (
    FamilyName,
    File,
    PolicySource,
    Simulator,
    TaskValues,
    check_targets,
    console,
    default,
    load,
    task_of,
    write_json,
)
from robotmeta.cli.stages import show_stages, stage_options
from robotmeta.progress import shows_count, stage_bar


def record(
    policy: PolicySource,
    task: TaskValues = (),
    episodes: int = 3,
    fit: bool = False,
    fine_tune: Annotated[str | None, tyro.conf.arg(metavar="TIME|STEPS", help_behavior_hint="(optional)")] = None,
    seed: int = 0,
    simulator: Simulator = None,
    family: FamilyName = None,
    trust: bool = False,
    json: File = None,
    out: Annotated[Path | None, default("videos/before-after.mp4 in a run folder, else before-after.mp4")] = None,
) -> None:
    """Record a video of one task without adaptation, after it, and after fine-tuning, side by side.

    Example: robotmeta record runs/demo --task direction=backward --out backward.mp4

    Example: robotmeta record pretrained:grasp --task shape=capsule latency=110 --fit --fine-tune 60s --out grasp.mp4

    Args:
        policy: A run folder, a checkpoint, a policy file, or pretrained:NAME.
        family: Act in this family, NAME, FILE.py:FUNCTION or MODULE:FUNCTION, whatever the policy's file calls it.
        trust: Import and call the function that the policy's file names as its family.
        task: Parameters of the task, or robot=NAME where the family names robots. The other parameters are nominal.
        episodes: Adaptation episodes.
        fit: After the adaptation episodes, find the tasks of the family that explain them. The caption shows them.
        fine_tune: Go on learning in simulation for this time, such as 60s or 2m, or for this number of control steps.
            There is then a third panel.
        seed: Fixes initial states and exploration.
        simulator: Physics backend, such as mujoco; auto chooses one that runs the family.
        json: Write the returns here.
        out: Video file (.mp4 or .gif).
    """
    from robotmeta.training.run_folder import RunFolder

    run = RunFolder(Path(policy))
    file = out or (run.own(run.own(run.videos) / run.video.name) if run.path.is_dir() else Path(run.video.name))
    check_targets(file, json, inputs=(policy,))
    loaded = load(policy, family, trust)
    described, adapted = task_of(loaded, task), None
    if fit or fine_tune is not None:
        from robotmeta.reporting.record import check_recording

        check_recording(loaded, described, file, simulator)
        with stage_options(loaded.family, {"fit": fit, "fine_tune": fine_tune}) as stages:
            options = {"episodes": episodes, "seed": seed, "simulator": simulator, "evaluation_episodes": 0}
            adapted = rm.adapt(loaded, described, **options, **stages)
        show_stages(loaded, adapted, {"fine_tune": fine_tune}, next(iter(described)))
    options = {"episodes": episodes, "adapted": adapted, "seed": seed, "simulator": simulator}
    with stage_bar("video") as bar:
        recording = rm.record(loaded, described, out=file, on_progress=shows_count(bar), **options)
    written = {name: value for name, value in asdict(recording).items() if name != "file"}
    write_json(json, {"family": loaded.family.name, "task": next(iter(described)), "video": str(file), **written})
    named = zip(recording.stages, recording.returns, strict=True)
    console.print(f"return {', '.join(f'{stage} {total:.1f}' for stage, total in named)}\nVideo: {recording.file}")
    if adapted is not None and adapted.fine_tuned is not None and adapted.fine_tuned.signal is not None:
        sys.exit(128 + adapted.fine_tuned.signal)
