"""Several processes that train one policy: what they must agree on, and what the first one hands to the others."""

from __future__ import annotations

import dataclasses
import io
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from robotmeta.distributed import alike, of_all, of_first, rank
from robotmeta.errors import UserError
from robotmeta.manifest import manifest
from robotmeta.metalearners import LearnerConfig
from robotmeta.policy import Policy

_PROGRESS = ("iteration", "env_steps")  # which only the first process knows at the beginning


def check_divides(hyper: LearnerConfig) -> None:
    """Raises UserError if the processes cannot have as many tasks of the meta-batch each."""
    count, tasks = rank().count, hyper.meta_batch
    if tasks % count:
        fit = ", ".join(str(number) for number in range(1, tasks + 1) if tasks % number == 0)
        raise UserError(
            f"{count} ranks cannot share a meta_batch of {tasks} tasks evenly; numbers of ranks that can: {fit}"
        )


def check_alike(policy: Policy, **options: Any) -> None:
    """Raises UserError if configuration, family, software versions or options are not the same in all processes."""
    facts = {name: value for name, value in manifest(policy).items() if name not in _PROGRESS}
    first, *others = of_all(dict(_facts({**facts, **options})))
    for place, other in enumerate(others, 1):
        for name in {**first, **other}:
            one, another = first.get(name), other.get(name)
            if one != another:
                error = UserError(f"ranks differ in {name}: {one!r} on rank 0, {another!r} on rank {place}")
                error.reported = not rank().first
                raise error


def check_draws(family: str, generator: torch.Generator) -> None:
    """Raises UserError if processes have drawn other amounts of random numbers: each must draw those of all tasks."""
    if not alike(zlib.crc32(generator.get_state().numpy().tobytes())):
        error = UserError(
            f"family '{family}' cannot be trained by several ranks: the number of random draws of its reset depends on "
            "more than the number of worlds"
        )
        error.reported = not rank().first
        raise error


def from_first(policy: Policy, trials: Mapping[str, Any]) -> tuple[Policy, dict[str, Any]]:
    """The policy of the first process, with the state of its training and its trials in progress, in every process."""
    if rank().count == 1:
        return policy, dict(trials)
    data = io.BytesIO()
    if rank().first:
        learner = policy.learner
        torch.save((learner.state_dict(), learner.training_state(), dict(trials)), data)
    iteration, env_steps, sent = of_first((policy.iteration, policy.env_steps, data.getvalue()))
    weights, training, trials = torch.load(io.BytesIO(sent), weights_only=True, map_location="cpu")
    if not rank().first:
        policy.learner.load_state_dict(weights)
        policy.learner.load_training_state(training)
    return dataclasses.replace(policy, iteration=iteration, env_steps=env_steps), dict(trials)


def _facts(described: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a nested mapping, and the names on the way to it."""
    for name, value in described.items():
        if isinstance(value, Mapping):
            yield from _facts(value, f"{within}{name}.")
        else:
            yield f"{within}{name}".removeprefix("config."), value
