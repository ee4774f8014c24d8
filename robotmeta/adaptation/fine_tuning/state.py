"""The state of a fine-tuning in a folder, from which it goes on as if it had not stopped."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robotmeta.adaptation.fine_tuning.candidate import Candidate
from robotmeta.checkpoint_files import check_checkpoint, load_training_state, load_trials, weights_of, write_checkpoint
from robotmeta.errors import UserError
from robotmeta.experience.rollout import Rollout
from robotmeta.files import read_file, replaced_folder
from robotmeta.json_values import check_types, json_text, parse_object
from robotmeta.metalearners import MetaLearner
from robotmeta.policy import Policy
from robotmeta.policy_file import load_policy, write_policy

_BEST, _PROGRESS = "best.safetensors", "progress.json"
_TYPES = {
    "arguments": str,
    "progress": {"iteration": int, "steps": int, "seconds": float, "kept": int},
    "history": [{"iteration": int, "steps": int, "seconds": float, "mean_return?": float, "best": bool}],
}


@dataclass(frozen=True)
class Compared:
    """One comparison.

    Attributes:
        iteration: Number of updates before it.
        steps: Control steps of simulation so far.
        seconds: Seconds so far.
        mean_return: Mean return of the candidate in the tasks of the comparison; NaN if all episodes diverged.
        best: Whether it was better than all before, and was kept.
    """

    iteration: int
    steps: int
    seconds: float
    mean_return: float
    best: bool


@dataclass(frozen=True)
class Progress:
    """How far fine-tuning is.

    Attributes:
        iteration: Number of updates.
        steps: Control steps of simulation, those of comparisons included.
        seconds: Seconds.
        kept: Number of updates of the best policy so far; 0 for the one that it began with.
    """

    iteration: int = 0
    steps: int = 0
    seconds: float = 0.0
    kept: int = 0


def fingerprint(policy: Policy, rollouts: Sequence[Rollout], tasks: str, **arguments: object) -> str:
    """A hash of what decides the result, apart from the budget.

    Args:
        policy: The policy that fine-tuning begins with.
        rollouts: The robot's rollouts.
        tasks: Digest of where tasks are drawn from.
        arguments: All other arguments.
    """
    found = hashlib.sha256(json.dumps([tasks, arguments], sort_keys=True, default=repr).encode())
    tensors = [*policy.learner.state_dict().values(), *(policy.belief or {}).values()]
    for tensor in [*tensors, *(rollout.actions for rollout in rollouts)]:
        found.update(tensor.detach().cpu().numpy().tobytes())
    return found.hexdigest()[:16]


def _compared(line: Mapping[str, Any]) -> Compared:
    found = line["mean_return"]  # null where all episodes diverged
    return Compared(**{**line, "mean_return": float("nan") if found is None else found})


class StateFolder:
    """The folder.

    Args:
        path: Where; None to save nothing.
        arguments: Fingerprint of the arguments. A folder of other ones is not continued.
    """

    def __init__(self, path: str | Path | None, arguments: str) -> None:
        self._folder = None if path is None else Path(path) / "state"
        self._arguments = arguments

    def save(
        self,
        policy: Policy,
        learner: MetaLearner,
        trials: Mapping[str, Any],
        best: Policy,
        progress: Progress,
        history: list[Compared],
    ) -> None:
        """Saves the state in full or not at all.

        Args:
            policy: The candidate as a policy.
            learner: The candidate with its optimizers.
            trials: Its trials in progress.
            best: The best policy so far.
            progress: How far it is.
            history: The comparisons so far.
        """
        if self._folder is None:
            return
        described = {
            "arguments": self._arguments,
            "progress": dataclasses.asdict(progress),
            "history": [dataclasses.asdict(compared) for compared in history],
        }
        with replaced_folder(self._folder) as partial:
            write_checkpoint(dataclasses.replace(policy, learner=learner), partial, trials)
            write_policy(best, partial / _BEST)
            (partial / _PROGRESS).write_text(json_text(described, indent=2))

    def trials(self) -> dict[str, Any]:
        """Trials in progress, see :class:`robotmeta.metalearners.trials.Trials`."""
        return load_trials(self._folder) if self._folder is not None and self._folder.exists() else {}

    def load(self, candidate: Candidate) -> tuple[Policy, Progress, list[Compared]]:
        """The best policy so far, and how far it is; the candidate gets its weights and optimizers.

        Raises:
            UserError: If the folder is damaged, or holds the state of another fine-tuning.
        """
        folder, start = self._folder, candidate.start
        if folder is None or not folder.exists():
            return start, Progress(), []
        check_checkpoint(folder)
        try:
            data = parse_object(read_file(folder / _PROGRESS))
            check_types(data, _TYPES)
        except ValueError as error:
            raise UserError(f"{folder / _PROGRESS} is damaged: {error}") from None
        if data["arguments"] != self._arguments:
            raise UserError(
                f"{folder.parent} holds a fine-tuning of another policy, or with other arguments; choose another folder"
            )
        family = start.family
        candidate.learner.load_state_dict(load_policy(weights_of(folder), family=family).learner.state_dict())
        load_training_state(folder, candidate.learner)
        progress, history = Progress(**data["progress"]), [_compared(line) for line in data["history"]]
        if progress.kept == 0:
            return start, progress, history
        return load_policy(folder / _BEST, device=start.learner.device, family=family), progress, history
