"""The manifest of a policy: its run, and the interface of its family, with which a family can be compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from robotmeta.config import CONFIG_TYPES
from robotmeta.envs import TaskFamily
from robotmeta.errors import UserError
from robotmeta.json_values import check_types, json_text, parse_object
from robotmeta.policy import Policy
from robotmeta.schema import READABLE, SCHEMA
from robotmeta.versions import versions

_SIGNALS = [(str, str)]
INTERFACE: dict[str, Any] = {
    "space": {"names": [str], "units": [str], "ranges": [str], "labels": [{str: str}], "digest": str},
    "observations": _SIGNALS,
    "actions": _SIGNALS,
    "privileged_state": _SIGNALS,
    "observation_groups?": {str: {"shape": [int], "dtype": str}},
    "dt": float,
    "horizon": int,
}
"""Types of the values of :func:`interface`."""
_TYPES: dict[str, Any] = {
    "schema": int,
    "config": CONFIG_TYPES,
    "space": {"names": [str], "digest": str},
    "observations": _SIGNALS,
    "actions": _SIGNALS,
    "iteration": int,
    "env_steps": int,
}
_CURVES = {str: {"mean": float, "ci95?": (float, float)}}
_ABOUT = {
    "command": str,
    "results": {str: {"tasks": int, "episodes": int, "return": _CURVES, "success?": _CURVES}},
}
_TYPES_4: dict[str, Any] = {**_TYPES, **INTERFACE, "about?": _ABOUT}


def manifest(policy: Policy, about: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Describes a policy as JSON: its run, the interface of its family, its progress and the software versions.

    Args:
        policy: The policy.
        about: What else is known about it: the ``command`` that made it, and by split the ``results`` that
            :func:`results` returns.

    Raises:
        UserError: For anything else in ``about``.
    """
    if about is not None:
        _check_about(about)
    return {
        "schema": SCHEMA,
        "config": policy.config.to_json(),
        **interface(policy.family),
        "iteration": policy.iteration,
        "env_steps": policy.env_steps,
        "versions": versions(),
        **({} if about is None else {"about": about}),
    }


def _check_about(about: Mapping[str, Any]) -> None:
    try:
        check_types(parse_object(json_text(about)), _ABOUT)
    except (TypeError, ValueError) as error:
        raise UserError(f"about must have a command, and results of robotmeta.manifest.results: {error}") from None


def results(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """What a policy and its controls reach after the last adaptation episode, with 95 % intervals.

    Args:
        evaluation: The JSON object of an evaluation; see :meth:`robotmeta.evaluation.evaluation.Evaluation.to_json`.
    """

    def last(curves: Mapping[str, Any]) -> dict[str, Any]:
        measured = {name: curve for name, curve in curves.items() if curve is not None}
        return {
            name: {"mean": curve["mean"][-1], "ci95": None if curve["ci95"] is None else curve["ci95"][-1]}
            for name, curve in measured.items()
        }

    found = {name: last(evaluation[name]) for name in ("return", "success") if name in evaluation}
    return {"tasks": evaluation["tasks"], "episodes": evaluation["episodes"][-1], **found}


def interface(family: TaskFamily) -> dict[str, Any]:
    """What a policy of a family relies on, as JSON.

    That is names, units, ranges and labels of the parameters that networks know, names and units of observations,
    actions and privileged state in their order, the observation groups, seconds a control step (``dt``), and control
    steps an episode (``horizon``).
    """
    space, groups = family.inferred, family.observation_groups
    return {
        "space": {
            "names": list(space.names),
            "units": [p.unit for p in space],
            "ranges": [_range(p.nominal, p.train, p.ood, p.bounds) for p in space],
            "labels": [{f"{value:g}": label for value, label in p.labels.items()} for p in space],
            "digest": space.digest,
        },
        "observations": [list(signal) for signal in family.observations],
        "actions": [list(signal) for signal in family.actions],
        "privileged_state": [list(signal) for signal in family.privileged_state],
        "observation_groups": groups
        and {
            name: {"shape": list(g.shape), "dtype": str(g.dtype).removeprefix("torch.")} for name, g in groups.items()
        },
        "dt": family.dt,
        "horizon": family.horizon,
    }


def _range(nominal: float, train: object, ood: object, bounds: tuple[float, float]) -> str:
    return f"{nominal:g}; {train}; {'the same' if ood is None else ood}; {bounds[0]:g} to {bounds[1]:g}"


def parse_manifest(text: str | bytes, file: Path) -> dict[str, Any]:
    """Parses a manifest and checks the types of its values.

    Args:
        text: The manifest.
        file: Where it is, for errors.

    Raises:
        UserError: If it is damaged, or of a schema that this version does not read.
    """
    try:
        data = parse_object(text)
        if data.get("schema") in READABLE:
            check_types(data, _TYPES_4 if data["schema"] >= SCHEMA else _TYPES)
    except ValueError as error:
        raise UserError(f"the manifest of {file} is damaged: {error}") from None
    if data.get("schema") not in READABLE:
        readable = f"{', '.join(map(str, READABLE[:-1]))} and {READABLE[-1]}"
        raise UserError(f"{file} has schema {data.get('schema')!r:.40}, this version reads schema {readable}")
    if min(data["iteration"], data["env_steps"]) < 0:
        raise UserError(f"the manifest of {file} is damaged: its progress is negative")
    return data


def check_interface(data: Mapping[str, Any], family: TaskFamily, file: Path) -> None:
    """Compares the manifest of a policy with a family, as far as its schema describes the family.

    Args:
        data: The manifest.
        family: The family that the policy is to act in.
        file: Where the manifest is, for errors.

    Raises:
        UserError: If they differ. It names the first difference, with both values.
    """
    now = interface(family)
    now = {key: value for key, value in now.items() if key in data}
    now["space"] = {key: value for key, value in now["space"].items() if key in data["space"]}
    recorded, current = dict(_facts(data)), dict(_facts(now))
    differ = [what for what in {**recorded, **current} if recorded.get(what) != current.get(what)]
    if not differ:
        return
    first, trained = differ[0], data["config"]["family"]
    said = " and ".join(
        f"{facts.get(first, 'missing')} in the {place}" for facts, place in ((recorded, "file"), (current, "family"))
    )
    more = f" (and {len(differ) - 1} more difference{'s' * (len(differ) > 2)})" if len(differ) > 1 else ""
    fits = (
        f"another version of family '{family.name}'"
        if trained == family.name
        else f"family '{trained}', which family '{family.name}' does not fit"
    )
    raise UserError(f"{file} was trained on {fits}: {first} is {said}{more}")


def _facts(described: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Everything that an interface says, one fact at a time: what it is about, and the value."""
    space = described["space"]
    for place, name in enumerate(space["names"], 1):
        yield f"parameter {place}", f"'{name}'"
    for key, what in (("units", "unit"), ("ranges", "range (nominal; training; OOD; bounds)"), ("labels", "labels")):
        for name, value in zip(space["names"], space.get(key, ()), strict=False):
            yield f"the {what} of parameter '{name}'", f"'{value}'"
    for key, what in (("observations", "observation"), ("actions", "action"), ("privileged_state", "privileged state")):
        for place, (name, unit) in enumerate(described.get(key, ()), 1):
            yield f"{what} {place}", f"'{name} [{unit}]'"
    for place, (name, group) in enumerate((described.get("observation_groups") or {}).items(), 1):
        yield f"observation group {place}", f"'{name}' {tuple(group['shape'])} of {group['dtype']}"
    if "dt" in described:
        yield "the control step (dt)", f"{described['dt']:.9g} s"
        yield "the horizon", f"{described['horizon']} control steps"
    yield "the digest of the parameters' ranges and held-out tasks", space["digest"]
