"""What an evaluation measures: a policy, and the controls beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from robotmeta.config import RunConfig, hyperparameters
from robotmeta.envs import TaskFamily
from robotmeta.errors import UserError, unknown
from robotmeta.evaluation.evaluation import CONTROLS
from robotmeta.manifest import interface
from robotmeta.metalearners import CONTROL, FROM_SCRATCH
from robotmeta.policy import Policy, new_policy


class Subject(NamedTuple):
    """A policy that is measured, and how."""

    policy: Policy
    adapts: bool = True
    """Whether it gets adaptation episodes. If not, it is measured once."""
    remembers: bool = True
    """Whether its belief changes within the measured episode."""


def subjects_of(
    policy: Policy, controls: Sequence[str], trained: Mapping[str, Policy], seed: int
) -> dict[str, Subject]:
    """What is measured, by the name of its curve: the policy, its controls, and controls that were trained."""
    subjects = {"adapted": Subject(policy)}
    if "zero_shot" in controls:
        unadapted = dataclasses.replace(policy, belief=None)
        subjects["zero_shot"] = Subject(unadapted, adapts=False, remembers=False)
    if "from_scratch" in controls:
        subjects["from_scratch"] = Subject(scratch(policy, seed))
    for name, control in trained.items():
        check_control(name, control, policy.family)
        subjects[name] = Subject(control, adapts=False)
    return subjects


def check_controls(names: Sequence[str]) -> None:
    """Raises UserError for a control that does not exist."""
    for name in names:
        if name not in CONTROLS:
            raise unknown("control", name, CONTROLS)


def scratch(policy: Policy, seed: int) -> Policy:
    """The from-scratch control: random weights, fine-tuned by policy gradient with the default step size."""
    chosen = hyperparameters(FROM_SCRATCH, {})
    config = RunConfig(policy.family.name, FROM_SCRATCH, chosen, seed=seed + 1, simulator=policy.config.simulator)
    return new_policy(config, policy.learner.device, policy.family)


def check_control(name: str, control: Policy, family: TaskFamily) -> None:
    """Raises UserError if a policy is not that control of a policy of the family."""
    if interface(control.family) != interface(family):
        raise UserError(
            f"the {name} control was trained on family '{control.family.name}', the policy on '{family.name}', "
            "or on another version of it"
        )
    observes_task, should_observe = control.config.hyperparameters.oracle, name == "oracle"
    if control.learner.adapts or observes_task != should_observe:
        observes = " and observes its task" if observes_task else ""
        wanted = f"--learner {CONTROL}" + " --oracle" * should_observe
        raise UserError(
            f"the {name} control is trained with {wanted}; this one learned with {control.config.learner}{observes}"
        )
