"""What specialists, random policies and oracles reach in the first tasks of a split: numbers measured once a family."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from robotmeta.envs import TaskFamily, Tasks
from robotmeta.errors import UserError
from robotmeta.evaluation.share import Sample, distinct
from robotmeta.files import plain_name, read_file
from robotmeta.json_values import check_types, parse_object
from robotmeta.manifest import interface

SCHEMA = 1
NAMES = ("specialist", "random", "oracle")
"""Curves that a file of references holds; the first two always."""

_INCLUDED = Path(__file__).parent / "specialists"
_MEASURED = {"return": float, "std": float, "episodes": int, "success?": float}
_TASK = {"task": {str: float}, "specialist": _MEASURED, "random": _MEASURED, "oracle?": _MEASURED}
_TYPES = {"schema": int, "family": str, "digest": str, "command": str, "splits": {str: [_TASK]}}


@dataclass(frozen=True)
class References:
    """Numbers to compare a policy with, by curve and task.

    Attributes:
        split: ``test``, ``ood`` or ``robots``.
        tasks: The first tasks of the split.
        episodes: Evaluation episodes of each.
        returns: Mean return by curve, ``[task]``: ``specialist``, ``random``, and ``oracle`` if there is one.
        success: Success rate by curve, ``[task]``; empty if the family does not define success.
        distinct: Tasks in which the specialist is better than the random policy beyond doubt, bool ``[task]``.
    """

    split: str
    tasks: Tasks
    episodes: int
    returns: Mapping[str, np.ndarray]
    success: Mapping[str, np.ndarray]
    distinct: np.ndarray

    def __getitem__(self, rows: slice) -> References:
        """The references of some of the tasks."""
        returns, success = ({n: v[rows] for n, v in values.items()} for values in (self.returns, self.success))
        return References(self.split, self.tasks[rows], self.episodes, returns, success, self.distinct[rows])


def family_digest(family: TaskFamily) -> str:
    """Hash of a family's interface: parameters with their ranges, held-out tasks, signals, control step, horizon.

    The code of its rewards and of its physics is not in it.
    """
    return hashlib.sha256(json.dumps(interface(family), sort_keys=True).encode()).hexdigest()[:16]


def included(family: TaskFamily) -> Path:
    """Where the package has the references of a family, if it has them."""
    return _INCLUDED / f"{plain_name(family.name)}.json"


def made_here(family: TaskFamily) -> Path:
    """Where ``robotmeta specialist FAMILY`` writes its results by default."""
    return Path("runs") / "specialists" / f"{plain_name(family.name)}.json"


def make_command(family: TaskFamily) -> str:
    """The command that makes a family's references."""
    return shlex.join(["robotmeta", "specialist", family.name])


def load_references(family: TaskFamily, split: str, files: Sequence[Path]) -> References:
    """Reads the references of a split from the first of some files that exists.

    Args:
        family: The family.
        split: ``test``, ``ood`` or ``robots``.
        files: Where they may be.

    Raises:
        UserError: If there is no file, it is damaged, it does not have the split, or its numbers are those of another
            version of the family. The message has the command that makes them.
    """
    make = f"make them with: {make_command(family)}"
    file = next((file for file in files if file.exists()), None)
    if file is None:
        raise UserError(f"no specialists of family '{family.name}' (looked at {', '.join(map(str, files))}); {make}")
    data = read_content(file)
    rows = data["splits"].get(split, [])
    if data["digest"] == family_digest(family) and not rows:
        there = ", ".join(name for name, found in data["splits"].items() if found) or "none"
        raise UserError(
            f"{file} has no specialists on split '{split}', its splits are: {there}; {make} --split {split}"
        )
    if data["digest"] != family_digest(family) or not _same_tasks(family.tasks(split, len(rows)), rows):
        raise UserError(
            f"{file} holds specialists of family '{data['family']}' with digest {data['digest']}, not of family "
            f"'{family.name}' with digest {family_digest(family)}; {make}"
        )
    return _references(family, split, rows)


def read_content(file: Path) -> dict[str, Any]:
    """The content of a file of specialists.

    Raises:
        UserError: If it cannot be read, is damaged, or has another schema.
    """
    try:
        data = parse_object(read_file(file))
        check_types(data, _TYPES)
    except ValueError as error:
        raise UserError(f"{file} is not a file of specialists: {error}") from None
    if data["schema"] != SCHEMA:
        raise UserError(f"{file} has schema {data['schema']}, this version reads schema {SCHEMA}")
    return data


def _same_tasks(tasks: Tasks, rows: Sequence[Mapping[str, Any]]) -> bool:
    return [dict(task) for task in tasks] == [row["task"] for row in rows]


def _references(family: TaskFamily, split: str, rows: Sequence[Mapping[str, Any]]) -> References:
    def column(name: str, quantity: str) -> np.ndarray | None:
        values = [None if row.get(name) is None else row[name].get(quantity) for row in rows]
        return None if None in values else np.array(values, dtype=float)

    def by_name(quantity: str) -> dict[str, np.ndarray]:
        return {name: values for name in NAMES if (values := column(name, quantity)) is not None}

    def sample(measured: Mapping[str, Any]) -> Sample:
        return Sample(measured["return"], measured["std"], measured["episodes"])

    return References(
        split,
        family.tasks(split, len(rows)),
        min(row["specialist"]["episodes"] for row in rows),
        by_name("return"),
        by_name("success"),
        np.array([distinct(sample(row["specialist"]), sample(row["random"])) for row in rows]),
    )
