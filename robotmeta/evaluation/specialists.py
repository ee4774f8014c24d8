"""Trains the specialists of a family's first held-out tasks, and writes what they reach into one file."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch

from robotmeta.envs import TaskFamily, Tasks
from robotmeta.errors import UserError
from robotmeta.evaluation.references import SCHEMA, family_digest, read_content
from robotmeta.evaluation.schedule import Evaluated, Schedule
from robotmeta.evaluation.single_task import ADAPTATION_EPISODES, measured, untrained, with_episodes
from robotmeta.evaluation.specialist import Specialist, specialize
from robotmeta.experience.rollout import Rollout
from robotmeta.files import write_text
from robotmeta.json_values import json_text
from robotmeta.policy import Policy
from robotmeta.versions import versions

RANDOM_POLICIES = 5
"""Number of policies with random weights whose mean return is the random policy's."""


class Place(NamedTuple):
    """Where a sweep is."""

    split: str
    task: int
    tasks: int
    """Tasks of the split."""
    start: str
    """What this training starts from: ``scratch`` or ``meta``."""
    evaluated: Evaluated


@dataclass(frozen=True)
class Sweep:
    """Which specialists to train."""

    family: TaskFamily
    out: Path
    """The file of results. The trainings are in the folder of that name without its suffix."""
    schedule: Schedule = field(default_factory=Schedule)
    """How long each trains."""
    meta_trained: Policy | None = None
    """A policy to start from too, besides random weights. The better of the two is the specialist."""
    oracle: Policy | None = None
    """A policy that observes the task, to be measured on the same tasks."""
    seed: int = 0
    """Determines weights, exploration and initial states."""
    simulator: str = "auto"
    """Physics backend of what starts from random weights."""
    command: str = ""
    """The command that does this, for the file."""
    threads: int | None = None
    """Physics threads. Results do not depend on it."""

    def run(self, counts: Mapping[str, int], on_evaluation: Callable[[Place], None]) -> dict[str, Any]:
        """Trains a specialist of each task that the file does not have yet, and returns the content of the file.

        The file is written after each task, and the same call continues after an interruption.

        Args:
            counts: Number of tasks by split: the first ones of each.
            on_evaluation: Called after each evaluation during a training.

        Raises:
            UserError: For a split that the family does not have, or if the file has results of other settings.
        """
        asked = {split: self.family.tasks(split, count) for split, count in counts.items()}
        content = self._begun()
        for split, tasks in asked.items():
            rows = content["splits"].setdefault(split, [])
            for place in range(len(rows), len(tasks)):

                def report(start: str, evaluated: Evaluated, split: str = split, place: int = place) -> None:
                    on_evaluation(Place(split, place, counts[split], start, evaluated))

                task = tasks[place : place + 1]
                rows.append(_equal(task, content) or self._row(task, f"{split}-{place}", report))
                content["date"] = datetime.date.today().isoformat()
                write_text(self.out, json_text(content, indent=1))
        return content

    def _begun(self) -> dict[str, Any]:
        """The content of the file so far."""
        meta = self.meta_trained
        settings = {
            "schema": SCHEMA,
            "family": self.family.name,
            "digest": family_digest(self.family),
            "seed": self.seed,
            "schedule": dataclasses.asdict(self.schedule),
            "adaptation_episodes": ADAPTATION_EPISODES,
            "random_policies": RANDOM_POLICIES,
            "meta_trained": meta and {"learner": meta.config.learner, "env_steps": meta.env_steps},
        }
        new = {**settings, "command": self.command, "versions": versions(), "date": "", "splits": {}}
        if not self.out.exists():
            return new
        content = read_content(self.out)
        for name, value in settings.items():
            if content.get(name) != value:
                raise UserError(
                    f"{self.out} has specialists of other settings ({name} {content.get(name)}, not {value}); "
                    "choose another --out, or remove it and its folder"
                )
        return {**new, **content}

    def _row(self, task: Tasks, name: str, report: Callable[[str, Evaluated], None]) -> dict[str, Any]:
        """What is known about one task, as JSON."""
        folder = self.out.with_suffix("") / name
        starts = {"scratch": self._untrained(self.seed)}
        if self.meta_trained is not None:
            starts["meta"] = with_episodes(self.meta_trained, self.schedule.worlds)

        def trained(start: str) -> Specialist:
            return specialize(
                starts[start],
                task,
                folder / start,
                self.schedule,
                threads=self.threads,
                on_evaluation=lambda evaluated: report(start, evaluated),
            )

        found = {start: trained(start) for start in starts}
        reached = {start: self._numbers(task, [specialist.policy]) for start, specialist in found.items()}
        best = max(found, key=lambda start: found[start].score)  # on other episodes than those that are reported
        return {
            "task": next(iter(task)),
            "specialist": reached[best],
            "random": self._numbers(task, [self._untrained(seed) for seed in range(RANDOM_POLICIES)]),
            "oracle": None if self.oracle is None else self._numbers(task, [self.oracle]),
            "better": best,
            "from": {
                start: {
                    **reached[start],
                    "env_steps": specialist.steps,
                    "seconds": round(specialist.seconds, 1),
                    "flat": specialist.flat,
                }
                for start, specialist in found.items()
            },
        }

    def _untrained(self, seed: int) -> Policy:
        return untrained(self.family, seed=seed, worlds=self.schedule.worlds, simulator=self.simulator)

    def _numbers(self, task: Tasks, policies: list[Policy]) -> dict[str, Any]:
        """Mean and standard deviation of the returns of some policies' episodes, and how often they succeed."""
        rollouts = [
            measured(policy, task, self.schedule.episodes, seed=self.seed, threads=self.threads) for policy in policies
        ]
        returns = torch.cat([_kept(rollout, rollout.returns) for rollout in rollouts]).double()
        success = [_kept(rollout, rollout.success.double()) for rollout in rollouts if rollout.success is not None]
        return {
            "return": returns.mean().item(),
            "std": returns.std().item() if len(returns) > 1 else 0.0,
            "episodes": len(returns),
            "success": torch.cat(success).mean().item() if success else None,
        }


def _equal(task: Tasks, content: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What is known about an equal task, as families with a few kinds have them; None if there is none."""
    row = next(iter(task))
    return next((known for rows in content["splits"].values() for known in rows if known["task"] == row), None)


def _kept(rollout: Rollout, values: torch.Tensor) -> torch.Tensor:
    """Of the episodes whose simulation did not diverge."""
    return values[~rollout.diverged]
