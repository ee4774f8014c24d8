"""``robotmeta train``."""

# Without `from __future__ import annotations`: one annotation is made from the arguments.

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro

import robotmeta as rm
from robotmeta.cli.flags import check_flags, flags_of
from robotmeta.cli.shared import (
    OPTIONAL,
    File,
    Threads,
    chatter,
    check_at_least_one,
    check_targets,
    consent,
    console,
    default,
    typed,
    write_json,
)
from robotmeta.errors import UserError
from robotmeta.ranks import launched, let_first_speak

DEFAULT_LEARNER = "task-inference"
_FIXED = (
    "--resume continues a run as it was configured: leave out the family, --learner, --seed, --simulator, --preset, "
    "--out, --continue and hyper-parameters"
)


def train_command(arguments: Sequence[str]) -> Callable[..., None]:
    """The command ``train``, whose flags include the hyper-parameters of the learner that the arguments name."""
    chosen = _value("--learner", arguments) or DEFAULT_LEARNER

    def flags() -> Any:  # called only when tyro reads the options of train, for it imports the learners
        found = flags_of(chosen)
        try:
            check_flags(arguments, chosen)
        except UserError:
            if _value("--resume", arguments) is not None:
                raise UserError(_FIXED) from None
            raise
        return found

    def train(
        family: Annotated[str | None, tyro.conf.Positional, OPTIONAL] = None,
        learner: Annotated[str | None, default(DEFAULT_LEARNER)] = None,
        iterations: Annotated[int | None, default("300; with --resume, as many as before")] = None,
        seed: Annotated[int | None, default("0")] = None,
        device: str = "auto",
        simulator: Annotated[str | None, default("auto")] = None,
        out: Annotated[Path | None, default("runs/FAMILY-LEARNER-SEED")] = None,
        resume: File = None,
        continue_: Annotated[bool, tyro.conf.arg(name="continue")] = False,
        preset: Annotated[str | None, OPTIONAL] = None,
        threads: Threads = None,
        checkpoint_every: int = 50,
        run_family: Annotated[str | None, tyro.conf.arg(name="family"), default("the one that the run names")] = None,
        trust: bool = False,
        wandb: Annotated[str | None, tyro.conf.arg(metavar="PROJECT"), OPTIONAL] = None,
        json: File = None,
        *,
        hyper: Annotated[
            dict[str, Any],
            tyro.conf.arg(name=chosen, constructor_factory=flags),
            tyro.conf.OmitArgPrefixes,
        ],
    ) -> None:
        """Meta-train a policy over a task family. Ctrl-C saves a checkpoint and prints how to continue.

        Example: robotmeta train cheetah-direction --learner promp --iterations 200 --inner-step 0.1 --episodes 5

        Four processes share the tasks: torchrun --nproc-per-node 4 -m robotmeta train cheetah-direction

        Args:
            family: Task family (see `robotmeta families`), or FILE.py:FUNCTION or MODULE:FUNCTION for one of your own.
            learner: task-inference, rl2, promp, maml, or domain-randomization (the control, which does not adapt).
            iterations: Iterations in all: in each, episodes are collected and the weights are updated.
            seed: Fixes tasks, weights, exploration and shuffling.
            device: auto, cpu or cuda: where the policy and the updates run.
            simulator: Physics backend, such as mujoco; auto chooses one that runs the family.
            out: Run folder.
            resume: Continue this run folder instead of starting a new one.
            continue_: If the run folder holds a run of this configuration already, continue it.
            preset: A named set of hyper-parameters (see `robotmeta learners NAME`), which the flags below change.
            threads: Physics threads.
            checkpoint_every: Iterations between checkpoints.
            run_family: With --resume, the run's family, NAME, FILE.py:FUNCTION or MODULE:FUNCTION, wherever it is now.
            trust: With --resume, import and call the function that the run's files name as its family.
            wandb: Log to this project of Weights & Biases, too, which needs robotmeta[wandb].
            json: Write how far the run is here.
            hyper: Hyper-parameters. `robotmeta train --learner NAME --help` shows those of another learner.
        """
        check_at_least_one(threads=threads)
        check_targets(json)
        how: dict[str, Any] = {"device": device, "threads": threads, "wandb": wandb}
        how["checkpoint_every"] = checkpoint_every
        if resume is not None:
            fixed = (family, learner, seed, simulator, preset, out, continue_ or None)
            if hyper or any(given is not None for given in fixed):
                raise UserError(_FIXED)
            run = rm.resume(resume, iterations=iterations, family=run_family, trust=trust, **how)
        elif run_family is not None or trust:
            raise UserError("--family and --trust are for --resume; a new run has its family as the first argument")
        elif family is None:
            from robotmeta.envs import family_names

            raise UserError(f"train needs a task family; there are: {', '.join(family_names())}")
        else:
            given = {"learner": learner, "iterations": iterations, "seed": seed, "simulator": simulator}
            given = {name: value for name, value in given.items() if value is not None}
            run = rm.meta_train(family, out=out, continue_=continue_, hyper=hyper, preset=preset, **given, **how)
        if launched().first:
            write_json(json, _described(run))
        _show(run, consent(run.policy.config.family, run_family))

    return train


def _value(option: str, arguments: Sequence[str]) -> str | None:
    """The value that follows an option, or an equals sign after it; None where there is none."""
    found = None
    for argument, following in zip(arguments, [*arguments, "-"][1:], strict=True):
        name, equals, value = argument.partition("=")
        if name == option and (equals or not following.startswith("-")):
            found = value if equals else following
    return found


def _described(run: "rm.Run") -> dict[str, Any]:
    """A run as a JSON object."""
    config, policy = run.policy.config, run.policy
    return {
        "folder": str(run.folder),
        "family": config.family,
        "learner": config.learner,
        "seed": config.seed,
        "iterations": policy.iteration,
        "env_steps": policy.env_steps,
        "finished": not run.interrupted,
    }


def _show(run: "rm.Run", consent: Sequence[str]) -> None:
    iteration, steps = run.policy.iteration, run.policy.env_steps
    if run.signal is not None:
        command = typed("robotmeta", "train", "--resume", run.folder, *consent)
        let_first_speak()
        if launched().first:
            console.print(f"Stopped after {iteration} iterations; continue with: {command}")
        sys.exit(128 + run.signal)
    if not launched().first:
        return
    commands = (typed("robotmeta", command, run.folder, *consent) for command in ("evaluate", "record", "report"))
    following = "    ".join(commands)
    console.print(f"{run.folder}: {iteration} iterations, {steps / 1e6:.2f}M control steps.")
    chatter.print(f"Next: {following}")
