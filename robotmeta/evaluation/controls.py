"""Trained controls: policies that do not adapt, with and without the task's parameters in their observation."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from robotmeta.config import hyperparameters
from robotmeta.interrupts import Stopped
from robotmeta.metalearners import CONTROL
from robotmeta.policy import Policy
from robotmeta.training.checkpoint import load
from robotmeta.training.run_folder import RunFolder
from robotmeta.training.train import Run, meta_train, resume

_HYPER: dict[str, dict[str, Any]] = {"domain_randomized": {}, "oracle": {"oracle": True}}


def control_policy(name: str, policy: Policy, run: Path, *, threads: int | None = None) -> Policy:
    """Trains a control on the policy's family for as many control steps, or loads it if that is done already.

    Args:
        name: ``domain_randomized``, or ``oracle``, which observes the task's parameters.
        policy: The meta-trained policy to compare with.
        run: The run folder of the policy, or another folder. The control is saved in it.
        threads: Number of physics threads.

    Raises:
        Stopped: If a signal stopped the training of the control: a control with less training than the policy would
            make the policy look better than it is.
    """
    folder = RunFolder(run).control(name)
    values = policy.config.hyperparameters.control_defaults() | _HYPER[name]
    hyper = hyperparameters(CONTROL, values, family=policy.family)

    def trained(iterations: int) -> Run:
        if folder.exists():
            total = max(iterations, folder.iteration)
            return resume(folder.path, family=policy.family, iterations=total, threads=threads)
        return meta_train(
            policy.family,
            CONTROL,
            iterations=iterations,
            seed=policy.config.seed,
            out=folder.path,
            hyper=values,
            threads=threads,
            simulator=policy.config.simulator,
        )

    per_iteration = hyper.meta_batch * hyper.episodes * policy.family.horizon
    control = trained(max(1, math.ceil(policy.env_steps / per_iteration)))
    while control.policy.env_steps < policy.env_steps and not control.interrupted:  # some episodes ended early
        done = control.policy
        pace = done.env_steps / done.iteration
        control = trained(done.iteration + math.ceil((policy.env_steps - done.env_steps) / pace))
    if control.signal is not None:
        said = f"stopped while training the {name} control; the same command continues in {folder.path}"
        raise Stopped(control.signal, said)
    return control.policy


def trained_controls(policy: Policy, run: Path) -> dict[str, Policy]:
    """The controls in a run folder that were trained for at least as many control steps as the policy, by name."""
    found = {}
    for name in _HYPER:
        folder = RunFolder(run).control(name)
        if folder.checkpoints():
            control = load(folder.path, family=policy.family)
            if control.env_steps >= policy.env_steps:
                found[name] = control
    return found
