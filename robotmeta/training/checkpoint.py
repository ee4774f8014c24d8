"""Saving and loading policies: safetensors weights with a JSON manifest, written so that a kill loses nothing."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

import torch

from robotmeta.envs import TaskFamily
from robotmeta.errors import UserError
from robotmeta.files import writing
from robotmeta.policy import Policy
from robotmeta.policy_file import PRETRAINED, load_policy, manifest, write_policy

_KEPT = 2
_WEIGHTS, _MANIFEST, _TRAINING = "policy.safetensors", "manifest.json", "training.pt"


# -- writing -----------------------------------------------------------------------------------------------------------


def save_checkpoint(policy: Policy, run: Path) -> Path:
    """Writes ``run/checkpoints/ITERATION`` in full or not at all, and drops the oldest ones.

    Raises:
        UserError: Where it cannot be written; earlier checkpoints are intact.
    """
    folder = run / "checkpoints"
    target = folder / f"{policy.iteration:08d}"
    with writing(target):
        folder.mkdir(parents=True, exist_ok=True)
        for stale in folder.glob(".partial-*"):
            shutil.rmtree(stale, ignore_errors=True)
        partial = Path(tempfile.mkdtemp(dir=folder, prefix=".partial-"))
        try:
            write_policy(policy, partial / _WEIGHTS)
            (partial / _MANIFEST).write_text(json.dumps(manifest(policy), indent=2) + "\n")
            torch.save(policy.learner.training_state(), partial / _TRAINING)
            for file in partial.iterdir():
                _flush(file)
            partial.chmod(0o755)
            if target.exists():  # the same iteration again, after a resume
                shutil.rmtree(target)
            partial.replace(target)
        except RuntimeError as error:  # how torch.save reports a full disk
            raise OSError(0, str(error).splitlines()[0]) from None
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    for old in checkpoints(run)[:-_KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return target


def _flush(file: Path) -> None:
    with file.open("rb") as opened:
        os.fsync(opened.fileno())


# -- reading -----------------------------------------------------------------------------------------------------------


def checkpoints(run: Path) -> list[Path]:
    """Complete checkpoints of a run, oldest first."""
    found = (path for path in (run / "checkpoints").glob("[0-9]*") if path.name.isdigit())
    return sorted(path for path in found if (path / _WEIGHTS).exists())


def load(source: str | Path, *, device: torch.device | str = "cpu", family: TaskFamily | None = None) -> Policy:
    """Loads a policy from a run folder (its last checkpoint), a checkpoint folder, a policy file, or those that ship.

    The family is found by its name: where that is a function of one's own (``"hopper.py:family"``), its code is run.

    Args:
        source: The folder or file; or ``"pretrained:NAME"``, one of :func:`pretrained`.
        device: Where the policy shall live.
        family: The family it was trained on, where that is not a registered one.

    Raises:
        UserError: Where there is none, the file is damaged or a pickle, or it belongs to another family or schema.
    """
    return load_policy(_policy_file(source), device=device, family=family)


def load_training(run: Path, policy: Policy) -> None:
    """Restores the optimizer of a run's last checkpoint into the policy's learner."""
    file = checkpoints(run)[-1] / _TRAINING
    try:
        policy.learner.load_training_state(torch.load(file, weights_only=True, map_location="cpu"))
    except Exception:  # torch.load raises whatever the damage leads to
        raise UserError(f"{file} is damaged: it holds no state of training") from None


def _policy_file(source: str | Path) -> str | Path:
    path = Path(source)
    if str(source).startswith(PRETRAINED) or path.is_file():
        return source
    for checkpoint in (path, *reversed(checkpoints(path))):
        if (checkpoint / _WEIGHTS).is_file():
            return checkpoint / _WEIGHTS
    what = "has no checkpoint yet" if path.is_dir() else "does not exist"
    raise UserError(
        f"no policy at {source}: it {what}; give a run folder, a checkpoint folder, a policy file or pretrained:NAME"
    )
