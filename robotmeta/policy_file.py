"""Policy files: a policy's weights as safetensors, with a JSON manifest inside."""

from __future__ import annotations

import dataclasses
import json
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
from robotmeta.files import reading, replaced
from robotmeta.policy import Policy, new_policy
from robotmeta.schema import READABLE, SCHEMA, current_tensor
from robotmeta.versions import versions

PRETRAINED = "pretrained:"
"""Prefix of the name of a policy that is part of the package."""

_INCLUDED = Path(__file__).parent / "policies" / "pretrained"
_BELIEF = "belief."
_METADATA = "robotmeta"


def pretrained() -> list[str]:
    """Names of the pretrained policies in this package. ``rm.load("pretrained:NAME")`` loads one."""
    return sorted(file.stem for file in _INCLUDED.glob("*.safetensors"))


# -- writing -----------------------------------------------------------------------------------------------------------


def save_policy(policy: Policy, file: str | Path) -> None:
    """Writes a policy, adapted or not, to one safetensors file with its manifest inside.

    Raises:
        UserError: If the file cannot be written. An existing file is left intact.
        TrainingDiverged: If weights are not finite. They are never written.
    """
    with replaced(Path(file)) as partial:
        write_policy(policy, partial)


def write_policy(policy: Policy, file: Path) -> None:
    """Writes a policy file in place. :func:`save_policy` is the version that leaves no partial file after an error.

    Raises:
        TrainingDiverged: If weights are not finite. They are never written.
    """
    policy.check_finite()
    tensors = dict(policy.learner.state_dict())
    if policy.belief is not None:
        tensors |= {_BELIEF + name: value for name, value in policy.belief.items()}
    on_cpu = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    save_file(on_cpu, file, metadata={_METADATA: json.dumps(manifest(policy))})


def manifest(policy: Policy) -> dict[str, Any]:
    """Describes a policy as JSON: its run, parameter space, observations, actions, progress and software versions."""
    family = policy.family
    return {
        "schema": SCHEMA,
        "config": policy.config.to_json(),
        "space": {"names": list(family.space.names), "digest": family.space.digest},
        "observations": [list(signal) for signal in family.observations],
        "actions": [list(signal) for signal in family.actions],
        "iteration": policy.iteration,
        "env_steps": policy.env_steps,
        "versions": versions(),
    }


# -- reading -----------------------------------------------------------------------------------------------------------


def load_policy(source: str | Path, *, device: torch.device | str = "cpu", family: TaskFamily | None = None) -> Policy:
    """Loads a policy from a policy file, or a pretrained policy by its name.

    Args:
        source: The file, or ``"pretrained:NAME"``.
        device: Device of the policy.
        family: The family it was trained on; None to look it up by its name.

    Raises:
        UserError: If the file is missing, damaged or a pickle, or was written for another family or schema.
    """
    file = _pretrained_file(str(source)) if str(source).startswith(PRETRAINED) else Path(source)
    data, tensors = _read(file)
    policy = _untrained(file, data, device, family)
    belief = {n.removeprefix(_BELIEF): v.to(device) for n, v in tensors.items() if n.startswith(_BELIEF)}
    try:
        policy.learner.load_state_dict({n: v for n, v in tensors.items() if not n.startswith(_BELIEF)})
    except RuntimeError as error:
        raise UserError(f"{file} does not fit its learner '{policy.config.learner}': {_first_line(error)}") from None
    if not belief:
        return policy
    _check_belief(file, belief, policy.begin(1))
    return dataclasses.replace(policy, belief=belief)


def _pretrained_file(source: str) -> Path:
    name = source.removeprefix(PRETRAINED)
    if name not in pretrained():
        raise unknown("pretrained policy", name, pretrained())
    return _INCLUDED / f"{name}.safetensors"


def _read(file: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The manifest and the tensors of a policy file, with today's names."""
    with reading(file), file.open("rb") as opened:
        head = opened.read(9)
    # A safetensors file starts with the length of its header (any eight bytes), followed by the header.
    if head[8:] != b"{" and (head[:1] == b"\x80" or head[:4] == b"PK\x03\x04"):
        raise UserError(f"{file} is a pickle, which can run code when it is opened; only safetensors files are loaded")
    try:
        with safe_open(file, framework="pt") as opened:
            text = (opened.metadata() or {}).get(_METADATA)
            tensors = {current_tensor(name): opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise UserError(f"{file} is truncated or not a policy file: {_first_line(error)}") from None
    if text is None:
        raise UserError(f"{file} contains tensors but no manifest: it was not written by robotmeta")
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"the manifest of {file} is damaged: {error}") from None
    if not isinstance(data, dict):
        raise UserError(f"the manifest of {file} is damaged: it is a {type(data).__name__}")
    return data, tensors


def _untrained(file: Path, data: dict[str, Any], device: torch.device | str, family: TaskFamily | None) -> Policy:
    """The policy that a manifest describes, before its weights are loaded."""
    if data.get("schema") not in READABLE:
        readable = " and ".join(map(str, READABLE))
        raise UserError(f"{file} has schema {data.get('schema')}, this version reads schema {readable}")
    try:
        config = RunConfig.from_json(data["config"])
        digest, names = data["space"]["digest"], data["space"]["names"]
        iteration, env_steps = int(data["iteration"]), int(data["env_steps"])
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
    return dataclasses.replace(policy, iteration=iteration, env_steps=env_steps)


def _check_belief(file: Path, belief: Belief, expected: Belief) -> None:
    for name, value in expected.items():
        if name not in belief or belief[name].shape != value.shape:
            raise UserError(f"{file} is damaged: its belief has no entry '{name}' of shape {list(value.shape)}")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
