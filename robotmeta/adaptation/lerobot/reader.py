"""Reading of the episodes of a LeRobot dataset, which may be of another robot, have gaps, or be damaged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from robotmeta.adaptation.interface import check_log_step
from robotmeta.adaptation.lerobot import layout
from robotmeta.adaptation.lerobot.frames import check_gaps, frames_of, phases_of
from robotmeta.adapters.names import listed
from robotmeta.envs import TaskFamily
from robotmeta.errors import UserError, reason
from robotmeta.files import read_file

_READ_VERSIONS = "v3."
_OBSERVATIONS = "observation."


class _Place(NamedTuple):
    """Where a signal is in a frame."""

    column: str
    entry: int


def read_dataset(folder: Path, family: TaskFamily) -> dict[str, np.ndarray]:
    """The episodes of a LeRobot dataset of version 3.

    Observations are the features whose names begin with ``observation.``, the actions those of ``action``. Their
    entries are matched to the family by name, in any order. Observations that the family does not have are not read.
    The last frame of an episode only gives the observation after the last step.

    Args:
        folder: The folder of the dataset.
        family: The family whose signals are read.

    Returns:
        The arrays of :class:`robotmeta.adaptation.episodes.EpisodesFile` that a fit needs; ``rewards`` and ``phases``
        if the dataset has them.

    Raises:
        UserError: For a dataset of another version or robot, with a gap, with missing or damaged files, or if pyarrow
            is not installed.
    """
    layout.parquet()
    info = _info(folder)
    observations, actions = (_places(folder, info, family, what) for what in ("observation", "action"))
    check_log_step(folder, 1.0 / info["fps"], family)
    columns = {place.column for place in (*observations, *actions)}
    frames = frames_of(folder, columns, _widths(info))
    check_gaps(folder, info, frames)
    starts = np.flatnonzero(frames[layout.FRAME][:, 0] == 0)
    ends = np.append(starts[1:], len(frames[layout.FRAME])) - 1  # the last frame of each episode
    steps = np.ones(len(frames[layout.FRAME]), bool)
    steps[ends] = False
    seen = _chosen(frames, observations)
    found = {
        "family": np.array(family.name),
        "dt": np.array(1.0 / info["fps"]),
        "observation_names": np.array([name for name, _ in family.observations]),
        "action_names": np.array([name for name, _ in family.actions]),
        "lengths": ends - starts,
        "observations": seen[steps],
        "applied_actions": _chosen(frames, actions)[steps],
        "last_observations": seen[ends],
    }
    if layout.REWARD in frames:
        found["rewards"] = frames[layout.REWARD][steps, 0]
    phases = phases_of(folder, frames[layout.EPISODE][starts, 0], ends - starts + 1)
    return found if phases is None else {**found, "phases": phases}


def _info(folder: Path) -> dict[str, Any]:
    """The content of ``meta/info.json``."""
    file = folder / layout.INFO
    if not file.is_file():
        raise UserError(f"{folder} is no LeRobot dataset: it has no {layout.INFO}")
    try:
        info = json.loads(read_file(file))
        version, fps, features = str(info["codebase_version"]), info["fps"], info["features"]
        whole = isinstance(info["total_episodes"], int) and isinstance(features, dict)
        sizes = [size for feature in features.values() for size in feature["shape"]]
        known = whole and all(isinstance(size, int) and size > 0 for size in sizes)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f"{file} is damaged: {reason(error)}") from None
    if not version.startswith(_READ_VERSIONS):
        raise UserError(f"{folder} has version {version} of the format; this reads v3.0, to which LeRobot converts")
    if not known or isinstance(fps, bool) or not isinstance(fps, int | float) or not 0.0 < fps < 1e6:
        raise UserError(f"{file} is damaged: fps, total_episodes or features are not what they must be")
    return info


def _widths(info: Mapping[str, Any]) -> dict[str, int]:
    """Number of entries of each feature that is a number or a vector."""
    features = info["features"].items()
    return {name: shape[0] for name, feature in features if len(shape := feature["shape"]) == 1}


def _places(folder: Path, info: Mapping[str, Any], family: TaskFamily, what: str) -> list[_Place]:
    """Where the family's observations or actions are, in its order."""
    signals = family.observations if what == "observation" else family.actions
    ours = [name for name, _ in signals]
    found: dict[str, _Place] = {}
    for column, feature in info["features"].items():
        if column == layout.ACTION if what == "action" else column.startswith(_OBSERVATIONS):
            for entry, name in enumerate(_entries(feature)):
                if name in found:
                    raise UserError(f"{folder}: two {what}s are called {name}")
                found[name] = _Place(column, entry)
    missing = [name for name in ours if name not in found]
    own = [name for name in found if name not in ours]
    if missing or (own and what == "action"):
        raise UserError(
            f"{folder} is of another robot: {what}s that it lacks: {listed(missing)}, {what}s of its own: "
            f"{listed(own)}; those of family '{family.name}' are {', '.join(ours)}"
        )
    return [found[name] for name in ours]


def _entries(feature: Mapping[str, Any]) -> list[str]:
    """Names of the entries of a vector; none for images and for a vector without names."""
    names = feature.get("names")
    if isinstance(names, dict):  # such as {"motors": [...]}
        names = [name for group in names.values() if isinstance(group, list) for name in group]
    if not isinstance(names, list) or feature["shape"] != [len(names)]:
        return []
    return [str(name) for name in names]


def _chosen(frames: Mapping[str, np.ndarray], places: list[_Place]) -> np.ndarray:
    return np.stack([frames[place.column][:, place.entry] for place in places], axis=1)
