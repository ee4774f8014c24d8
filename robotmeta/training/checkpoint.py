"""Loading policies from run folders and checkpoints."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch

from robotmeta.config import RunConfig
from robotmeta.envs import TaskFamily
from robotmeta.errors import UserError
from robotmeta.policy import Policy, new_policy
from robotmeta.policy_file import PRETRAINED, load_policy
from robotmeta.training.run_folder import RunFolder, checkpoint_weights


def load(source: str | Path, *, device: torch.device | str = "cpu", family: TaskFamily | None = None) -> Policy:
    """Loads a policy from a run folder (its newest checkpoint), a checkpoint folder, a policy file, or by its name.

    The family is looked up by its name. If that is a function in a user's file (``"hopper.py:family"``), its code runs.

    Args:
        source: The folder or file, or ``"pretrained:NAME"`` with a name from :func:`pretrained`.
        device: Device of the policy.
        family: The family it was trained on, if that is not a registered one.

    Raises:
        UserError: If there is no policy, the file is damaged or a pickle, or it belongs to another family or schema.
    """
    return load_policy(_policy_file(source), device=device, family=family)


def _policy_file(source: str | Path) -> str | Path:
    path = Path(source)
    if str(source).startswith(PRETRAINED) or path.is_file():
        return source
    for checkpoint in (path, *reversed(RunFolder(path).checkpoints())):
        if checkpoint_weights(checkpoint).is_file():
            return checkpoint_weights(checkpoint)
    what = "has no checkpoint yet" if path.is_dir() else "does not exist"
    raise UserError(
        f"no policy at {source}: it {what}; give a run folder, a checkpoint folder, a policy file or pretrained:NAME"
    )


def load_to_resume(folder: RunFolder, config: RunConfig, device: torch.device, family: TaskFamily | None) -> Policy:
    """The policy of a run's newest checkpoint with its optimizer state, or a new policy if there is no checkpoint.

    Raises:
        UserError: If the newest checkpoint is damaged, or belongs to a run with another configuration.
    """
    checkpoints = folder.checkpoints()
    if not checkpoints:
        return new_policy(config, device, family)
    try:
        policy = load(folder.path, device=device, family=family)
        folder.load_training(policy)
    except UserError as error:
        if len(checkpoints) < 2 or not _intact(checkpoints[-2], family):
            raise
        raise UserError(f"{error}; to go on from {checkpoints[-2]}, remove {checkpoints[-1]}") from None
    if dataclasses.replace(policy.config, iterations=config.iterations) != config:
        raise UserError(f"{checkpoints[-1]} does not belong to the run that {folder.config} describes")
    return policy


def _intact(checkpoint: Path, family: TaskFamily | None) -> bool:
    try:
        load(checkpoint, family=family)
    except UserError:
        return False
    return True
