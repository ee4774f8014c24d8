"""What fit and fine-tuning add to adaptation, task by task, in one file from which the measurement goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from robotmeta.adaptation.adapt import adapt
from robotmeta.adaptation.adapted import Adapted
from robotmeta.adaptation.fine_tune import KL_WEIGHT
from robotmeta.adaptation.fine_tuning.candidate import tuned_config
from robotmeta.adaptation.stages import check_stages
from robotmeta.envs import Tasks
from robotmeta.errors import SimulationDiverged, UserError
from robotmeta.files import check_target, read_file, write_text
from robotmeta.interrupts import Stopped
from robotmeta.json_values import check_types, json_text, parse_object
from robotmeta.policy import Policy
from robotmeta.versions import versions

STAGES = ("fit_fine_tuned", "fine_tuned", "domain_randomized_fit_fine_tuned")
"""Names of the stages: fine-tuning in the fitted tasks, in the training distribution, and in the tasks that are fitted
to the episodes of the domain-randomized policy."""

_OUTCOME = {"return?": float, "success?": float, "explained?": bool, "seconds": float}
_TYPES = {"arguments": str, "tasks": [{"task": {str: float}, "stages": {str: _OUTCOME}}]}


class _Stage(NamedTuple):
    policy: Policy
    fit: bool


@dataclass(frozen=True)
class StageSettings:
    """How the stages are measured.

    Attributes:
        fine_tune: Budget of fine-tuning: a time, such as ``"60s"``, or control steps of simulation.
        episodes: Adaptation episodes before.
        evaluation_episodes: Episodes of each task that are measured.
        seed: Determines initial states, exploration, and what fit and fine-tuning draw. It grows by one with each task,
            so that equal tasks are independent measurements.
        simulator: Physics backend.
    """

    fine_tune: str | int
    episodes: int
    evaluation_episodes: int
    seed: int
    simulator: str


@dataclass(frozen=True)
class StageResults:
    """Mean return and success rate by stage, each ``[task]``; NaN where every episode of a task diverged."""

    returns: Mapping[str, np.ndarray]
    success: Mapping[str, np.ndarray]


def measure_stages(
    policy: Policy,
    domain_randomized: Policy | None,
    tasks: Tasks,
    settings: StageSettings,
    *,
    out: Path | None = None,
    on_task: Callable[[int, int], None] | None = None,
) -> StageResults:
    """Adapts to each task with and without a fit, and fine-tunes.

    Where the fit does not explain the episodes, and where fine-tuning gains nothing, the policy stays as it was after
    the episodes, and that is what counts.

    Args:
        policy: The policy.
        domain_randomized: The control that does not adapt; None to leave its stage out.
        tasks: The tasks.
        settings: How they are measured.
        out: A file that gets the result of each task. The same call goes on from there.
        on_task: Called at the start and after each task, with the number of finished tasks and of all.

    Raises:
        UserError: For what a fit or fine-tuning refuses, or a file of another measurement.
        Stopped: If a signal stopped a fine-tuning.
    """
    stages = {"fit_fine_tuned": _Stage(policy, True), "fine_tuned": _Stage(policy, False)}
    if domain_randomized is not None:
        stages["domain_randomized_fit_fine_tuned"] = _Stage(domain_randomized, True)
    check_stages(policy, fit=True, fine_tune=settings.fine_tune)
    arguments = _fingerprint(stages, settings)
    rows = _begun(out, arguments, tasks)
    for place in range(len(rows), len(tasks)):
        if on_task is not None:
            on_task(place, len(tasks))
        task, seed = tasks[place : place + 1], settings.seed + place
        outcomes = {name: _outcome(stage, task, replace(settings, seed=seed)) for name, stage in stages.items()}
        rows.append({"task": next(iter(task)), "stages": outcomes})
        if out is not None:
            content = {"arguments": arguments, "settings": asdict(settings), "tasks": rows, "versions": versions()}
            write_text(out, json_text(content, indent=1))
    if on_task is not None:
        on_task(len(tasks), len(tasks))
    measured = [row["stages"] for row in rows[: len(tasks)]]

    def values(quantity: str) -> dict[str, np.ndarray]:
        columns = {name: np.array([stages[name][quantity] for stages in measured], dtype=float) for name in stages}
        return {name: column for name, column in columns.items() if not np.isnan(column).all()}

    return StageResults(values("return"), values("success"))


def _outcome(stage: _Stage, task: Tasks, settings: StageSettings) -> dict[str, Any]:
    try:
        adapted = adapt(
            stage.policy,
            task,
            episodes=settings.episodes,
            evaluation_episodes=settings.evaluation_episodes,
            seed=settings.seed,
            simulator=settings.simulator,
            fit=stage.fit,
            fine_tune=settings.fine_tune,
        )
    except SimulationDiverged:
        return {"return": None, "success": None, "explained": None, "seconds": 0.0}
    fit, tuned = adapted.fit, adapted.fine_tuned
    if tuned is not None and tuned.signal is not None:  # one that was cut short would count as all that can be gained
        raise Stopped(tuned.signal, "stopped; the same command goes on if it has a file for what is done")
    return {
        **_of_episodes(adapted, "after" if tuned is None else "fine-tuned"),
        "explained": None if fit is None else fit.explained,
        "seconds": (fit.seconds if fit else 0.0) + (tuned.seconds if tuned else 0.0),
    }


def _of_episodes(adapted: Adapted, phase: str) -> dict[str, float | None]:
    """Mean return and success rate of the evaluation episodes of a phase."""
    episodes = [episode for episode in adapted.history if episode.phase == phase and episode.whole]
    known = [episode.success for episode in episodes if episode.success is not None]
    return {
        "return": float(np.mean([episode.total_return for episode in episodes])),
        "success": float(np.mean(known)) if known else None,
    }


def _fingerprint(stages: Mapping[str, _Stage], settings: StageSettings) -> str:
    """A hash of what decides the results, apart from the tasks."""
    found = hashlib.sha256(json.dumps([asdict(settings), KL_WEIGHT, list(stages)]).encode())
    for stage in stages.values():
        found.update(repr(tuned_config(stage.policy, None)).encode())
        for tensor in (*stage.policy.learner.state_dict().values(), *(stage.policy.belief or {}).values()):
            found.update(tensor.detach().cpu().numpy().tobytes())
    return found.hexdigest()[:16]


def _begun(out: Path | None, arguments: str, tasks: Tasks) -> list[dict[str, Any]]:
    """Results of the tasks that are done."""
    if out is None:
        return []
    check_target(out)
    if not out.exists():
        return []
    try:
        content = parse_object(read_file(out))
        check_types(content, _TYPES)
    except ValueError as error:
        raise UserError(f"{out} does not hold stages of adaptation: {error}") from None
    done = [row["task"] for row in content["tasks"]]
    if content["arguments"] != arguments or any(row != task for row, task in zip(done, tasks, strict=False)):
        raise UserError(f"{out} holds the stages of another policy or of other settings; choose another file")
    return content["tasks"]
