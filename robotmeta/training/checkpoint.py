"""Saving and loading policies: safetensors weights with a JSON manifest, written so that a kill loses nothing."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from robotmeta.config import RunConfig
from robotmeta.envs import TaskFamily
from robotmeta.errors import UserError, unknown
from robotmeta.experience.rollout import Belief
from robotmeta.files import reading, replaced, writing
from robotmeta.policy import Policy, manifest, new_policy
from robotmeta.schema import READABLE, current_tensor

_KEPT = 2
_BELIEF = "belief."
_PRETRAINED = "pretrained:"
_SHIPPED = Path(__file__).parents[1] / "policies" / "pretrained"
_WEIGHTS, _MANIFEST, _TRAINING = "policy.safetensors", "manifest.json", "training.pt"


# -- writing -----------------------------------------------------------------------------------------------------------


def save_policy(policy: Policy, file: str | Path) -> None:
    """Writes a policy, adapted or not, as one safetensors file with its manifest inside.

    Raises:
        UserError: Where the file cannot be written; what was there before is intact.
    """
    with replaced(Path(file)) as partial:
        _write_weights(policy, partial)


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
            _write_weights(policy, partial / _WEIGHTS)
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


def _write_weights(policy: Policy, file: Path) -> None:
    tensors = {name: value.detach().cpu().contiguous() for name, value in policy.learner.state_dict().items()}
    if policy.belief is not None:
        tensors |= {_BELIEF + name: value.detach().cpu().contiguous() for name, value in policy.belief.items()}
    save_file(tensors, file, metadata={"robotmeta": json.dumps(manifest(policy))})


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
    file = _shipped(str(source)) if str(source).startswith(_PRETRAINED) else _locate(Path(source))
    described, tensors = _read(file)
    if described.get("schema") not in READABLE:
        raise UserError(
            f"{file} has schema {described.get('schema')}, this version reads schema {' and '.join(map(str, READABLE))}"
        )
    try:
        config = RunConfig.from_json(described["config"])
        digest, names = described["space"]["digest"], described["space"]["names"]
        iteration, env_steps = int(described["iteration"]), int(described["env_steps"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"the manifest of {file} is damaged: {error}") from None
    if family is not None and family.name != config.family:
        raise UserError(f"{file} was trained on family '{config.family}', not '{family.name}'")
    policy = new_policy(config, device, family)
    if digest != policy.family.space.digest:
        raise UserError(
            f"{file} was trained on another version of family '{policy.family.name}': its parameters were "
            f"{', '.join(map(str, names))}, with other ranges than today's"
        )
    belief = {n.removeprefix(_BELIEF): v.to(device) for n, v in tensors.items() if n.startswith(_BELIEF)}
    weights = {n: v for n, v in tensors.items() if not n.startswith(_BELIEF)}
    try:
        policy.learner.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(f"{file} does not fit its learner '{policy.config.learner}': {_first_line(error)}") from None
    if belief:
        _check_belief(file, belief, policy.begin(1))
    return Policy(policy.family, policy.config, policy.learner, iteration, env_steps, belief or None)


def load_training(run: Path, policy: Policy) -> None:
    """Restores the optimizer of a run's last checkpoint into the policy's learner."""
    file = checkpoints(run)[-1] / _TRAINING
    try:
        policy.learner.load_training_state(torch.load(file, weights_only=True, map_location="cpu"))
    except Exception:  # torch.load raises whatever the damage leads to
        raise UserError(f"{file} is damaged: it holds no state of training") from None


def pretrained() -> list[str]:
    """Names of the meta-trained policies that ship with the package; ``pretrained:NAME`` stands for one everywhere."""
    return sorted(file.stem for file in _SHIPPED.glob("*.safetensors"))


def _shipped(source: str) -> Path:
    name = source.removeprefix(_PRETRAINED)
    if name not in pretrained():
        raise unknown("pretrained policy", name, pretrained())
    return _SHIPPED / f"{name}.safetensors"


def _locate(source: Path) -> Path:
    if source.is_file():
        return source
    if (source / _WEIGHTS).is_file():
        return source / _WEIGHTS
    found = checkpoints(source)
    if found:
        return found[-1] / _WEIGHTS
    what = "has no checkpoint yet" if source.is_dir() else "does not exist"
    raise UserError(
        f"no policy at {source}: it {what}; give a run folder, a checkpoint folder, a policy file or pretrained:NAME"
    )


def _read(file: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    with reading(file), file.open("rb") as opened:
        head = opened.read(9)
    # A safetensors file begins with the length of its header, which may be any eight bytes, and then the header.
    if head[8:] != b"{" and (head[:1] == b"\x80" or head[:4] == b"PK\x03\x04"):
        raise UserError(f"{file} is a pickle, which can run code when it is opened; only safetensors files are loaded")
    try:
        with safe_open(file, framework="pt") as opened:
            described = (opened.metadata() or {}).get("robotmeta")
            tensors = {current_tensor(name): opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise UserError(f"{file} is truncated or not a policy file: {_first_line(error)}") from None
    if described is None:
        raise UserError(f"{file} holds tensors but no manifest: it was not written by robotmeta")
    try:
        manifest = json.loads(described)
    except json.JSONDecodeError as error:
        raise UserError(f"the manifest of {file} is damaged: {error}") from None
    if not isinstance(manifest, dict):
        raise UserError(f"the manifest of {file} is damaged: it is a {type(manifest).__name__}")
    return manifest, tensors


def _check_belief(file: Path, belief: Belief, expected: Belief) -> None:
    for name, value in expected.items():
        if name not in belief or belief[name].shape != value.shape:
            raise UserError(f"{file} is damaged: what it has learned of its task has no {name} that fits")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
