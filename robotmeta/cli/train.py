"""``robotmeta train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

import robotmeta as rm
from robotmeta.cli.shared import OPTIONAL, File, TaskValues, Threads, check_at_least_one, console, default, pairs
from robotmeta.errors import UserError


def train(
    family: Annotated[str | None, tyro.conf.Positional, OPTIONAL] = None,
    learner: Annotated[str | None, default("task-inference")] = None,
    iterations: Annotated[int | None, default("300; with --resume, as many as before")] = None,
    seed: Annotated[int | None, default("0")] = None,
    device: str = "auto",
    simulator: Annotated[str | None, default("auto")] = None,
    out: Annotated[Path | None, default("runs/FAMILY-LEARNER-SEED")] = None,
    resume: File = None,
    preset: Annotated[str | None, OPTIONAL] = None,
    hyper: TaskValues = (),
    threads: Threads = None,
    checkpoint_every: int = 50,
) -> None:
    """Meta-train a policy over a task family. Ctrl-C saves a checkpoint and prints how to continue.

    Example: robotmeta train cheetah-direction --learner promp --iterations 200 --hyper inner_step=0.1 episodes=5

    Args:
        family: Task family (see `robotmeta families`), or FILE.py:FUNCTION or MODULE:FUNCTION for one of your own.
        learner: task-inference, rl2, promp, maml, or domain-randomization (the control, which does not adapt).
        iterations: Meta-updates in all.
        seed: Fixes tasks, weights, exploration and shuffling.
        device: auto, cpu or cuda: where the policy and the updates run.
        simulator: auto, mujoco or closed-form.
        out: Run folder.
        resume: Continue this run folder instead of starting a new one.
        preset: A named set of hyper-parameters.
        hyper: Hyper-parameters of the learner that differ from its defaults.
        threads: Physics threads.
        checkpoint_every: Iterations between checkpoints.
    """
    check_at_least_one(threads=threads)
    if resume is not None:
        if hyper or any(given is not None for given in (family, learner, seed, simulator, preset, out)):
            raise UserError(
                "--resume continues a run as it was configured: leave out the family, --learner, --seed, --simulator, "
                "--hyper, --preset, --out"
            )
        run = rm.resume(
            resume, iterations=iterations, device=device, threads=threads, checkpoint_every=checkpoint_every
        )
    else:
        if family is None:
            from robotmeta.envs import family_names

            raise UserError(f"train needs a task family; there are: {', '.join(family_names())}")
        from robotmeta.metalearners import DEFAULT

        run = rm.meta_train(
            family,
            learner or DEFAULT,
            iterations=300 if iterations is None else iterations,
            seed=seed or 0,
            out=out,
            hyper=pairs(hyper),
            preset=preset,
            device=device,
            simulator=simulator or "auto",
            threads=threads,
            checkpoint_every=checkpoint_every,
        )
    policy = run.policy
    if run.interrupted:
        console.print(
            f"Stopped after {policy.iteration} iterations; continue with: robotmeta train --resume {run.folder}"
        )
        return
    console.print(
        f"{run.folder}: {policy.iteration} iterations, {policy.env_steps / 1e6:.2f}M control steps.\n"
        f"Next: robotmeta evaluate {run.folder}    robotmeta record {run.folder}    robotmeta report {run.folder}"
    )
