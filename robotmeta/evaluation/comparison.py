"""Learners beside one another: the same tasks, several seeds each, as many control steps of meta-training."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from robotmeta.envs.registry import is_installed
from robotmeta.errors import UserError
from robotmeta.evaluation.aggregates import Aggregate, interquartile_mean, probability_of_improvement
from robotmeta.evaluation.evaluate import evaluate
from robotmeta.evaluation.references import References
from robotmeta.evaluation.share import Share
from robotmeta.files import read_file, write_text
from robotmeta.json_values import check_types, json_text, parse_object
from robotmeta.policy import Policy
from robotmeta.versions import versions

_TYPES = {"settings": {"env_steps": int}, "returns": [float], "success?": [float]}


@dataclass(frozen=True)
class MeasuredRun:
    """What one run reaches after adaptation.

    Attributes:
        learner: Its learner.
        seed: Its seed.
        returns: Mean return in each task, ``[task]``.
        success: Success rate in each task, ``[task]``; None if the family does not define success.
        env_steps: Control steps of meta-training.
        minutes: Minutes of meta-training.
    """

    learner: str
    seed: int
    returns: np.ndarray
    success: np.ndarray | None
    env_steps: int
    minutes: float


@dataclass(frozen=True)
class Comparison:
    """Runs of several learners on the same tasks.

    Attributes:
        family: Name of the family.
        split: ``test``, ``ood`` or ``robots``.
        episodes: Adaptation episodes.
        runs: The runs that were measured.
        missing: Why a run is missing, by its name.
        references: What specialists and random policies reach in the tasks; None to compare with none.
    """

    family: str
    split: str
    episodes: int
    runs: tuple[MeasuredRun, ...]
    missing: Mapping[str, str]
    references: References | None = None

    @property
    def learners(self) -> list[str]:
        """The learners of which a run was measured, in their order."""
        return list(dict.fromkeys(run.learner for run in self.runs))

    def of(self, learner: str) -> list[MeasuredRun]:
        """The runs of a learner."""
        return [run for run in self.runs if run.learner == learner]

    def returns(self, learner: str) -> np.ndarray:
        """Returns of the runs of a learner, ``[seed, task]``."""
        return np.stack([run.returns for run in self.of(learner)])

    def interquartile_mean(self, learner: str) -> Aggregate:
        """Of the returns, over seeds and tasks."""
        return interquartile_mean(self.returns(learner))

    def success(self, learner: str) -> float | None:
        """Mean success rate; None if the family does not define success."""
        rates = [run.success for run in self.of(learner) if run.success is not None]
        return float(np.mean(rates)) if rates else None

    def share(self, learner: str) -> Share | None:
        """Share of the specialist, of the mean over seeds; None without specialists, and where no task has a share."""
        if self.references is None or not self.references.distinct.any():
            return None
        kept, random = self.references.distinct, self.references.returns["random"]
        gained = self.returns(learner).mean(axis=0) - random
        return Share(gained[None, kept], (self.references.returns["specialist"] - random)[kept])

    def improvements(self) -> dict[tuple[str, str], Aggregate]:
        """How likely the first learner of each pair has a higher return than the second, in a task."""
        return {
            (one, other): probability_of_improvement(self.returns(one), self.returns(other))
            for one, other in itertools.permutations(self.learners, 2)
        }

    def verdict(self) -> str:
        """Which learner is best, and whether it is beyond doubt."""
        names = self.learners
        best = max(names, key=lambda name: self.interquartile_mean(name).value)
        others = [name for name in names if name != best]
        if not others:
            return f"Only {best} was measured."
        if any(len(self.of(name)) < 2 for name in names):
            return f"{best} has the highest interquartile mean. With one seed, nobody knows whether that is chance."
        level = [name for name in others if not self._clearly(best, name)]
        if not level:
            return f"{best} is clearly better than the others: each probability of improvement lies above 50 %."
        return f"{best} has the highest interquartile mean. Not clearly worse: {', '.join(level)}."

    def _clearly(self, one: str, other: str) -> bool:
        found = probability_of_improvement(self.returns(one), self.returns(other)).ci95
        return found is not None and found[0] > 0.5

    def to_json(self) -> dict[str, Any]:
        """The JSON object that ``compare --json`` writes."""
        return {
            "family": self.family,
            "split": self.split,
            "tasks": self.runs[0].returns.size if self.runs else 0,
            "episodes": self.episodes,
            "learners": {
                name: {
                    "seeds": [run.seed for run in self.of(name)],
                    "interquartile_mean": self.interquartile_mean(name)._asdict(),
                    "mean": float(self.returns(name).mean()),
                    "success": self.success(name),
                    "share": (share := self.share(name)) and share.to_json(),
                    "env_steps": [run.env_steps for run in self.of(name)],
                    "minutes": [run.minutes for run in self.of(name)],
                }
                for name in self.learners
            },
            "probability_of_improvement": {
                f"{one} over {other}": found._asdict() for (one, other), found in self.improvements().items()
            },
            "missing": dict(self.missing),
            "versions": versions(),
        }


def measured_run(
    policy: Policy,
    split: str,
    tasks: int,
    episodes: int,
    *,
    minutes: float,
    file: Path,
    references: References | None = None,
    threads: int | None = None,
) -> MeasuredRun:
    """Evaluates a policy, or reads what an equal call has found.

    A policy of a family that is not installed is evaluated again, since the functions of the family may have changed.

    Args:
        policy: The policy of a run.
        split: ``test``, ``ood`` or ``robots``.
        tasks: Number of tasks.
        episodes: Adaptation episodes.
        minutes: Minutes of meta-training.
        file: Where the result is kept.
        references: Specialists; their tasks are evaluated.
        threads: Physics threads.
    """
    chosen = references.tasks if references is not None else policy.family.tasks(split, tasks)
    settings = {
        "split": split,
        "tasks": [list(row.values()) for row in chosen],
        "episodes": episodes,
        "evaluation_episodes": 1 if references is None else references.episodes,
        "env_steps": policy.env_steps,
        "versions": versions(),
    }
    found: dict[str, Any] | None = _read(file, settings) if is_installed(policy.family.name) else None
    if found is None:
        evaluation = evaluate(
            policy,
            split=split,
            tasks=chosen,
            episodes=[0, episodes],
            controls=(),
            evaluation_episodes=settings["evaluation_episodes"],
            threads=threads,
        )
        if evaluation.diverged:
            raise UserError(f"the simulation of tasks {', '.join(map(str, evaluation.diverged))} diverged")
        curves = {"returns": evaluation.returns["adapted"], "success": evaluation.success.get("adapted")}
        found = {name: None if curve is None else curve.values[-1].tolist() for name, curve in curves.items()}
        found["settings"] = settings
        write_text(file, json_text(found, indent=1))
    success = None if found.get("success") is None else np.array(found["success"])
    config = policy.config
    return MeasuredRun(config.learner, config.seed, np.array(found["returns"]), success, policy.env_steps, minutes)


def _read(file: Path, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a file holds for these settings; None if it holds nothing, or something else."""
    if not file.exists():
        return None
    try:
        found = parse_object(read_file(file))
        check_types(found, _TYPES)
    except (ValueError, UserError):
        return None
    return found if found["settings"] == json.loads(json.dumps(settings)) else None
