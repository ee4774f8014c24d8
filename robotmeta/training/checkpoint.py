"""Loading policies from run folders and checkpoints."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch

from robotmeta.argument_types import check_arguments
from robotmeta.checkpoint_files import check_checkpoint, load_training_state, weights_of
from robotmeta.config import RunConfig
from robotmeta.envs import TaskFamily
from robotmeta.errors import UserError
from robotmeta.files import reading
from robotmeta.policy import Policy, new_policy
from robotmeta.policy_file import PRETRAINED, load_policy
from robotmeta.training.run_folder import RunFolder


@check_arguments
def load(
    source: str | Path,
    *,
    device: torch.device | str = "cpu",
    family: str | TaskFamily | None = None,
    trust: bool = False,
) -> Policy:
    """Loads a policy from a run folder (its newest checkpoint), a checkpoint folder, a policy file, or by its name.

    The family is looked up by the name in the file, among those of this package and of installed packages. If that
    name is a function (``"hopper.py:family"``), nothing is imported or called without ``family`` or ``trust``. Names,
    units, ranges and order of parameters, observations and actions, the control step and the horizon must be those of
    the training.

    Args:
        source: The folder or file, or ``"pretrained:NAME"`` with a name from :func:`pretrained`.
        device: Device of the policy: ``auto`` (a GPU if there is one), ``cpu`` or ``cuda``.
        family: The family it acts in, or its name, whatever the file calls it.
        trust: Whether to import and call the function that the file names as its family.

    Raises:
        UserError: If there is no policy, the file is damaged or a pickle, it belongs to another family or schema, or
            it names a function without ``family`` or ``trust``.
    """
    if str(source).startswith(PRETRAINED):
        return load_policy(source, device=device, family=family, trust=trust)
    path = Path(source)
    with reading(path):
        if path.is_file():
            return load_policy(path, device=device, family=family, trust=trust)
        if weights_of(path).is_file():
            return _from_checkpoint(path, device, family, trust)
        checkpoints = RunFolder(path).checkpoints()
        what = "has no checkpoint yet" if path.is_dir() else "is no file" if path.exists() else "does not exist"
    if not checkpoints:
        raise UserError(
            f"no policy at {source}: it {what}; give a run folder, a checkpoint folder, a policy file or "
            "pretrained:NAME"
        )
    try:
        return _from_checkpoint(checkpoints[-1], device, family, trust)
    except UserError as error:
        if not _intact(checkpoints[:-1], family, trust):
            raise
        raise UserError(f"{error}; the checkpoint before it is intact: {checkpoints[-2]}") from None


def _from_checkpoint(
    checkpoint: Path, device: torch.device | str, family: str | TaskFamily | None, trust: bool
) -> Policy:
    check_checkpoint(checkpoint)
    return load_policy(weights_of(checkpoint), device=device, family=family, trust=trust)


def load_to_resume(folder: RunFolder, config: RunConfig, device: torch.device, family: TaskFamily) -> Policy:
    """The policy of a run's newest checkpoint with its optimizer state, or a new policy if there is no checkpoint.

    Raises:
        UserError: If the newest checkpoint is damaged, or belongs to a run with another configuration or family.
    """
    folder.check_family(family)
    checkpoints = folder.checkpoints()
    if not checkpoints:
        return new_policy(config, device, family)
    try:
        policy = _from_checkpoint(checkpoints[-1], device, family, trust=False)
        load_training_state(checkpoints[-1], policy.learner)
    except UserError as error:
        if not _intact(checkpoints[:-1], family, trust=False):
            raise
        raise UserError(f"{error}; to go on from {checkpoints[-2]}, remove {checkpoints[-1]}") from None
    if dataclasses.replace(policy.config, iterations=config.iterations) != config:
        raise UserError(f"{checkpoints[-1]} does not belong to the run that {folder.config} describes")
    return policy


def _intact(checkpoints: list[Path], family: str | TaskFamily | None, trust: bool) -> bool:
    """Whether there are checkpoints, and the last one can be loaded."""
    try:
        return bool(checkpoints) and _from_checkpoint(checkpoints[-1], "cpu", family, trust) is not None
    except UserError:
        return False
