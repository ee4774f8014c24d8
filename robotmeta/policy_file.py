"""Policy files: a policy's weights as safetensors, with a JSON manifest and a checksum inside."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from robotmeta.argument_types import check_arguments
from robotmeta.config import RunConfig
from robotmeta.devices import resolve_device
from robotmeta.envs import TaskFamily
from robotmeta.envs.disturbed import known_by
from robotmeta.envs.registry import recorded_family
from robotmeta.errors import UserError, unknown
from robotmeta.files import replaced
from robotmeta.manifest import check_interface, manifest, parse_manifest
from robotmeta.policy import Policy, new_policy, outline
from robotmeta.schema import SCHEMA
from robotmeta.tensor_file import Header, Outline, outline_of, read_header, read_tensors, write_tensors

PRETRAINED = "pretrained:"
"""Prefix of the name of a policy that is part of the package."""

_INCLUDED = Path(__file__).parent / "policies" / "pretrained"
_BELIEF = "belief."


def pretrained() -> list[str]:
    """Names of the pretrained policies in this package. ``rm.load("pretrained:NAME")`` loads one."""
    return sorted(file.stem for file in _INCLUDED.glob("*.safetensors"))


# -- writing -----------------------------------------------------------------------------------------------------------


@check_arguments
def save_policy(policy: Policy, file: str | Path, about: Mapping[str, Any] | None = None) -> None:
    """Writes a policy, adapted or not, to one safetensors file with its manifest inside.

    Args:
        policy: The policy.
        file: The file.
        about: The command that made it and its results; see :func:`robotmeta.manifest.manifest`.

    Raises:
        UserError: If the file cannot be written. An existing file is left intact.
        TrainingDiverged: If weights are not finite. They are never written.
    """
    with replaced(Path(file)) as partial:
        write_policy(policy, partial, about)


def write_policy(policy: Policy, file: Path, about: Mapping[str, Any] | None = None) -> None:
    """Writes a policy file in place. :func:`save_policy` is the version that leaves no partial file after an error.

    Raises:
        TrainingDiverged: If weights are not finite. They are never written.
    """
    policy.check_finite()
    write_tensors(_tensors(policy), manifest(policy, about), file)


def _tensors(policy: Policy) -> dict[str, Tensor]:
    """The tensors of a policy, by their names in a file."""
    belief = policy.belief or {}
    return {**policy.learner.state_dict(), **{_BELIEF + name: value for name, value in belief.items()}}


# -- reading -----------------------------------------------------------------------------------------------------------


def load_policy(
    source: str | Path,
    *,
    device: torch.device | str = "cpu",
    family: str | TaskFamily | None = None,
    trust: bool = False,
) -> Policy:
    """Loads a policy from a policy file, or a pretrained policy by its name.

    The file is checked before anything is built: its checksum, its manifest against the family, and its tensors
    against its configuration.

    Args:
        source: The file, or ``"pretrained:NAME"``.
        device: Device of the policy, as :func:`robotmeta.devices.resolve_device` takes it.
        family: The family it acts in, or its name; None for the one that the file names.
        trust: Whether the file may name a function as its family, which is then imported and called.

    Raises:
        UserError: If the file is missing, damaged or a pickle, was written for another family or schema, or names a
            function and is not trusted.
    """
    on = resolve_device(device) if isinstance(device, str) else device
    file = _located(source)
    header, data = _read(file)
    try:
        config = RunConfig.from_json(data["config"])
    except UserError as error:
        raise UserError(f"the manifest of {file} is damaged: {error}") from None
    family = known_by(data["space"]["names"], recorded_family(config.family, file, family, trust=trust))
    check_interface(data, family, file)
    _check_tensors(file, header.outline, config, family)
    policy = new_policy(config, on, family)
    tensors = read_tensors(file)
    for name, value in tensors.items():
        if not bool(value.isfinite().all()):
            raise UserError(f"{file} is of no use: its tensor '{name}' has values that are not finite numbers")
    policy.learner.load_state_dict({n: v for n, v in tensors.items() if not n.startswith(_BELIEF)})
    belief = {n.removeprefix(_BELIEF): v.to(on) for n, v in tensors.items() if n.startswith(_BELIEF)}
    return dataclasses.replace(
        policy, iteration=data["iteration"], env_steps=data["env_steps"], belief=belief if belief else None
    )


def read_manifest(source: str | Path) -> dict[str, Any]:
    """The manifest of a policy file, or of a pretrained policy. Nothing that it names is imported.

    Raises:
        UserError: If the file is missing, damaged, or of another schema.
    """
    return _read(_located(source))[1]


def _located(source: str | Path) -> Path:
    return _pretrained_file(str(source)) if str(source).startswith(PRETRAINED) else Path(source)


def _read(file: Path) -> tuple[Header, dict[str, Any]]:
    header = read_header(file)
    data = parse_manifest(header.manifest, file)
    if data["schema"] >= SCHEMA and not header.sealed:
        raise UserError(f"{file} is damaged: its checksum is missing")
    return header, data


def _pretrained_file(source: str) -> Path:
    name = source.removeprefix(PRETRAINED)
    if name not in pretrained():
        raise unknown("pretrained policy", name, pretrained())
    return _INCLUDED / f"{name}.safetensors"


def _check_tensors(file: Path, found: Outline, config: RunConfig, family: TaskFamily) -> None:
    """Raises UserError where the tensors of a file are not those of the policy that its configuration describes."""
    misfit = f"{file} does not fit its learner '{config.learner}'"
    layers = max((len(v) for v in vars(config.hyperparameters).values() if isinstance(v, tuple)), default=0)
    if layers > len(found):
        raise UserError(f"{misfit}: its configuration has {layers} layers, and the file {len(found)} tensors")
    try:
        policy = outline(config, family)
    except UserError as error:
        raise UserError(f"{misfit}: {error}") from None
    if any(name.startswith(_BELIEF) for name in found):
        policy = dataclasses.replace(policy, belief=policy.begin(1))
    needed = outline_of(_tensors(policy))
    for name in {**needed, **found}:
        if name not in found:
            raise UserError(f"{misfit}: it has no tensor '{name}'")
        if name not in needed:
            raise UserError(f"{misfit}: its tensor '{name}' is none of the learner's")
        if found[name] != needed[name]:
            has, needs = (
                f"{str(kind).removeprefix('torch.')} {list(shape)}" for kind, shape in (found[name], needed[name])
            )
            raise UserError(f"{misfit}: its tensor '{name}' is {has}, not {needs}")
