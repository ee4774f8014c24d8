"""Trained controls: policies for the same family and steps that do not adapt, with and without the answer."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from robotmeta.config import hyperparameters
from robotmeta.errors import UserError
from robotmeta.metalearners import CONTROL
from robotmeta.policy import Policy
from robotmeta.training.checkpoint import checkpoints, load
from robotmeta.training.train import CONFIG, Run, meta_train, resume

_HYPER: dict[str, dict[str, Any]] = {"domain_randomized": {}, "oracle": {"oracle": True}}


def control_policy(name: str, policy: Policy, run: Path, *, threads: int | None = None) -> Policy:
    """Trains a control beside a run, or loads it where it has been trained before.

    Args:
        name: ``domain_randomized``, or ``oracle``, which sees the task row.
        policy: The meta-trained policy; the control gets as many control steps.
        run: The run folder; the control goes to ``run/controls/NAME``.
        threads: Physics threads.

    Raises:
        UserError: Where there is no run folder to train it in, or its training was stopped: half a control would
            flatter the policy.
    """
    if not (run / CONFIG).exists():
        raise UserError(
            f"the {name} control is trained in the run's folder, which {run} is not: name the run, or give a control "
            f"that is trained already with --{name.replace('_', '-')}"
        )
    folder = run / "controls" / name
    values = policy.config.hyperparameters.control_defaults() | _HYPER[name]
    hyper = hyperparameters(CONTROL, values, family=policy.family)

    def trained(iterations: int) -> Run:
        if (folder / CONFIG).exists():
            iterations = max([iterations, *(int(kept.name) for kept in checkpoints(folder))])
            return resume(folder, family=policy.family, iterations=iterations, threads=threads)
        return meta_train(
            policy.family,
            CONTROL,
            iterations=iterations,
            seed=policy.config.seed,
            out=folder,
            hyper=values,
            threads=threads,
            simulator=policy.config.simulator,
        )

    per_iteration = hyper.meta_batch * hyper.episodes * policy.family.horizon
    control = trained(max(1, math.ceil(policy.env_steps / per_iteration)))
    while control.policy.env_steps < policy.env_steps and not control.interrupted:  # episodes ended early
        done = control.policy
        pace = done.env_steps / done.iteration
        control = trained(done.iteration + math.ceil((policy.env_steps - done.env_steps) / pace))
    if control.interrupted:
        raise UserError(f"stopped while training the {name} control; the same command goes on with {folder}")
    return control.policy


def trained_controls(policy: Policy, run: Path) -> dict[str, Policy]:
    """The controls that were trained beside a run, for as many control steps as the policy, by name."""
    found = {}
    for name in _HYPER:
        folder = run / "controls" / name
        if checkpoints(folder):
            control = load(folder, family=policy.family)
            if control.env_steps >= policy.env_steps:
                found[name] = control
    return found
