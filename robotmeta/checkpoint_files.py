"""The files of one checkpoint: weights, optimizer state, and a manifest with the checksums of both."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from robotmeta.checksum import FIELD, UNSEALED, digest_of, intact, seal
from robotmeta.errors import UserError
from robotmeta.files import open_file, read_file, reading
from robotmeta.json_values import check_types
from robotmeta.manifest import manifest, parse_manifest
from robotmeta.metalearners import MetaLearner
from robotmeta.policy import Policy
from robotmeta.policy_file import write_policy
from robotmeta.schema import SCHEMA

_WEIGHTS, _MANIFEST, _TRAINING = "policy.safetensors", "manifest.json", "training.pt"
_TRIALS = "trials"


def weights_of(checkpoint: Path) -> Path:
    """The policy file of a checkpoint."""
    return checkpoint / _WEIGHTS


def write_checkpoint(policy: Policy, folder: Path, trials: Mapping[str, Any] | None = None) -> None:
    """Writes the files of a checkpoint into an empty folder.

    Args:
        policy: The policy.
        folder: The folder.
        trials: What resuming needs of trials in progress.

    Raises:
        OSError: If they cannot be written.
    """
    write_policy(policy, folder / _WEIGHTS)
    try:
        torch.save(policy.learner.training_state() | ({_TRIALS: trials} if trials else {}), folder / _TRAINING)
    except RuntimeError as error:  # torch.save reports a full disk this way
        raise OSError(0, str(error).splitlines()[0]) from None
    described = {**manifest(policy), "files": {name: _digest(folder / name) for name in (_WEIGHTS, _TRAINING)}}
    (folder / _MANIFEST).write_text(json.dumps({**described, FIELD: UNSEALED}, indent=2) + "\n")
    seal(folder / _MANIFEST)


def check_checkpoint(checkpoint: Path) -> None:
    """Compares the files of a checkpoint with the checksums in its manifest. Before schema 4 there were none.

    Raises:
        UserError: If a file is missing or not as it was written.
    """
    file = checkpoint / _MANIFEST
    with reading(file), open_file(file) as opened:
        sealed = intact(opened)
        opened.seek(0)
        text = opened.read()
    damaged = UserError(f"{file} is damaged: its content does not have the checksum that it was written with")
    if sealed is False:
        raise damaged
    data = parse_manifest(text, file)
    if sealed is None and data["schema"] >= SCHEMA:
        raise damaged
    if sealed is None:
        return
    try:
        check_types(data, {"files": {_WEIGHTS: str, _TRAINING: str}})
    except ValueError as error:
        raise UserError(f"{file} is damaged: {error}") from None
    for name, digest in data["files"].items():
        with reading(checkpoint / name):
            if _digest(checkpoint / name) != digest:
                raise UserError(f"{checkpoint / name} is damaged: it does not have the checksum in {_MANIFEST}")


def _digest(file: Path) -> str:
    with open_file(file) as opened:
        return digest_of(opened)


def load_training_state(checkpoint: Path, learner: MetaLearner[Any]) -> None:
    """Restores the optimizer state of a checkpoint into a learner.

    Raises:
        UserError: If it is damaged, or the state of another learner.
    """
    file = checkpoint / _TRAINING
    try:
        kinds = _kinds(learner)
        learner.load_training_state(_training_state(file))
        fits = kinds == _kinds(learner) and _shapes_fit(learner)
    except Exception:  # torch.load raises many types for damaged files
        fits = False
    if not fits:
        raise UserError(f"{file} is damaged: it contains no optimizer state")


def load_trials(checkpoint: Path) -> dict[str, Any]:
    """What resuming needs of the trials that were in progress at a checkpoint; empty if there were none.

    Raises:
        UserError: If it is damaged.
    """
    file = checkpoint / _TRAINING
    try:
        return _training_state(file).get(_TRIALS, {})  # of staggered trials, which earlier versions did not have
    except Exception:  # torch.load raises many types for damaged files
        raise UserError(f"{file} is damaged: it contains no state of a training") from None


def _training_state(file: Path) -> dict[str, Any]:
    data = io.BytesIO(read_file(file))
    with zipfile.ZipFile(data) as packed:  # torch.save does not compress, so the content is no larger than the file
        if any(part.compress_type != zipfile.ZIP_STORED for part in packed.infolist()):
            raise ValueError("compressed")
    data.seek(0)
    return torch.load(data, weights_only=True, map_location="cpu")


def _kinds(learner: MetaLearner[Any]) -> list[dict[str, type]]:
    """Types of the settings of each group of parameters."""
    groups = (group for optimizer in learner.optimizers() for group in optimizer.param_groups)
    return [{name: type(value) for name, value in group.items()} for group in groups]


def _shapes_fit(learner: MetaLearner[Any]) -> bool:
    """Whether the statistics of each parameter have its shape, or are single numbers."""
    return all(
        not isinstance(value, torch.Tensor) or value.shape in (parameter.shape, torch.Size())
        for optimizer in learner.optimizers()
        for parameter, state in optimizer.state.items()
        for value in state.values()
    )
