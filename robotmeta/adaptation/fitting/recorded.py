"""Recorded episodes, as a fit reads them."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from robotmeta.envs import TaskFamily
from robotmeta.envs.family import State, bounded
from robotmeta.errors import UserError, reason
from robotmeta.experience.observations import flatten
from robotmeta.experience.rollout import Rollout, concatenate_episodes

FEWEST_STEPS = 10


@dataclass(frozen=True)
class RecordedEpisodes:
    """Episodes of one robot.

    Attributes:
        observations: Before each step and after the last one, ``[episode, time + 1, observation]``.
        actions: As they were applied, in [-1, 1], ``[episode, time, action]``.
        rewards: ``[episode, time]``; NaN where they are not known.
        lengths: Steps of each episode, long ``[episode]``. What follows them is zero.
        states: State before each step and after the last one, by quantity, each ``[episode, time + 1, ...]``; None if
            it was not recorded.
    """

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    lengths: Tensor
    states: State | None = None

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def steps(self) -> int:
        """Steps of all episodes."""
        return int(self.lengths.sum())

    @property
    def saturated(self) -> float:
        """Share of the actions that are at their limit."""
        happened = torch.arange(self.actions.shape[1]) < self.lengths.unsqueeze(-1)
        return float((self.actions[happened].abs() >= 1.0).double().mean())

    def signals(self) -> Tensor:
        """Observations and reward after each step, ``[episode, time, observation + 1]``; NaN after the last step."""
        values = torch.cat([self.observations[:, 1:], self.rewards.unsqueeze(-1)], dim=-1)
        happened = torch.arange(self.actions.shape[1]) < self.lengths.unsqueeze(-1)
        return torch.where(happened.unsqueeze(-1), values, torch.nan)

    def spread(self) -> Tensor:
        """Standard deviation of each observation and of the reward, ``[observation + 1]``."""
        times = torch.arange(self.observations.shape[1])
        seen = self.observations[times <= self.lengths.unsqueeze(-1)].double()
        gained = self.rewards[times[:-1] < self.lengths.unsqueeze(-1)].double()
        known = gained[gained.isfinite()]
        return torch.cat([seen.std(dim=0), (known.std() if len(known) > 1 else torch.zeros(())).double().view(1)])

    @classmethod
    def of(cls, rollouts: Sequence[Rollout]) -> RecordedEpisodes:
        """The episodes of the only task of some rollouts."""
        rollout = concatenate_episodes(list(rollouts)).to("cpu")
        lengths = rollout.mask[0].sum(dim=-1).long()
        before, last = flatten(rollout.observations)[0], flatten(rollout.last_observations)[0]
        observations = torch.cat([before, torch.zeros_like(before[:, :1])], dim=1)
        observations[torch.arange(len(lengths)), lengths] = last
        return cls(observations, bounded(rollout.actions[0]), rollout.rewards[0], lengths)

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray], phase: str | None = "adaptation") -> RecordedEpisodes:
        """The episodes of :meth:`robotmeta.adaptation.episodes.EpisodesFile.arrays`.

        Args:
            arrays: The arrays, and optionally ``qpos``, ``qvel`` and ``act`` before each step, ``[S, ...]``, with
                ``last_qpos`` and so on after the last step of each episode, ``[E, ...]``.
            phase: What the episodes were for; None for all.
        """
        lengths = arrays["lengths"]
        ends = np.cumsum(lengths)
        chosen = [e for e, n in enumerate(lengths) if n and phase in (None, str(arrays["phases"][e]))]
        longest = int(max((lengths[e] for e in chosen), default=0))

        def padded(values: np.ndarray, last: np.ndarray | None) -> torch.Tensor:
            found = np.zeros((len(chosen), longest + (last is not None), *values.shape[1:]), values.dtype)
            for row, e in enumerate(chosen):
                found[row, : lengths[e]] = values[ends[e] - lengths[e] : ends[e]]
                if last is not None:
                    found[row, lengths[e]] = last[e]
            return torch.from_numpy(found)

        states = {
            name: padded(arrays[name], arrays[f"last_{name}"]).double()
            for name in ("qpos", "qvel", "act")
            if name in arrays and f"last_{name}" in arrays
        }
        return cls(
            padded(arrays["observations"], arrays["last_observations"]).float(),
            bounded(padded(arrays["applied_actions"], None).float()),
            padded(arrays["rewards"], None).float(),
            torch.tensor([int(lengths[e]) for e in chosen], dtype=torch.long),
            states or None,
        )

    @classmethod
    def of_file(cls, path: str | Path, family: TaskFamily) -> RecordedEpisodes:
        """The episodes of a file that an adaptation wrote (``episodes_out``), or one of the same layout.

        If the file has adaptation episodes, the evaluation episodes are left out.

        Raises:
            UserError: For a file that cannot be read or has another layout, or episodes of another family, interface
                or control step.
        """
        arrays = _loaded(Path(path))
        name = str(arrays["family"])
        if name != family.name:
            raise UserError(f"{path} holds episodes of family '{name}', not of '{family.name}'")
        for what, signals in (("observation", family.observations), ("action", family.actions)):
            theirs, ours = [str(n) for n in arrays[f"{what}_names"]], [n for n, _ in signals]
            if theirs != ours:
                others = [n for n in theirs if n not in ours] or [n for n in ours if n not in theirs] or theirs
                raise UserError(
                    f"{path}: its {what}s are not those of family '{family.name}', which are {', '.join(ours)}; "
                    f"they differ in {', '.join(others)}"
                )
        dt = float(arrays["dt"])
        if not abs(dt - family.dt) <= 0.01 * family.dt:
            raise UserError(f"{path}: its control step is {dt:g} s, that of family '{family.name}' is {family.dt:g} s")
        phases = {str(phase) for phase in arrays["phases"]}
        return cls.of_arrays(arrays, "adaptation" if "adaptation" in phases else None)

    def check(self, family: TaskFamily) -> None:
        """Raises UserError if a fit of the family cannot use these episodes."""
        sizes = (self.observations.shape[-1], self.actions.shape[-1])
        if sizes != (family.observation_size, family.action_size):
            raise UserError(
                f"these episodes have {sizes[0]} observations and {sizes[1]} actions, family '{family.name}' has "
                f"{family.observation_size} and {family.action_size}"
            )
        if self.steps < FEWEST_STEPS:
            raise UserError(f"a fit needs at least {FEWEST_STEPS} recorded steps, not {self.steps}")
        for name, values in (("observations", self.observations), ("actions", self.actions)):
            if not bool(values.isfinite().all()):
                raise UserError(f"the recorded {name} are not all finite")


_NEEDED = {  # array: number of axes
    **{name: 0 for name in ("format", "family", "dt")},
    **{name: 1 for name in ("observation_names", "action_names", "rewards", "lengths", "phases")},
    **{name: 2 for name in ("observations", "applied_actions", "last_observations")},
}
_FORMAT = 1


def _loaded(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file, which fit together."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise UserError(f"there is no file {path}") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, AttributeError, KeyError) as error:
        raise UserError(f"{path} is not a file of episodes (.npz), or is damaged: {reason(error)}") from None
    for name, axes in _NEEDED.items():
        if name not in arrays:
            raise UserError(f"{path} has no array '{name}'; a file of episodes has {', '.join(_NEEDED)}")
        if arrays[name].ndim != axes:
            raise UserError(f"{path}: array '{name}' must have {axes} axes, not {arrays[name].ndim}")
    if arrays["format"] != _FORMAT:
        raise UserError(f"{path} has layout {arrays['format']}, which this version cannot read; it reads {_FORMAT}")
    lengths = arrays["lengths"]
    if lengths.dtype.kind not in "iu" or (lengths < 0).any():
        raise UserError(f"{path}: lengths must be numbers of steps")
    steps, episodes = int(lengths.sum()), len(lengths)
    for name, rows in (
        *((n, steps) for n in ("observations", "applied_actions", "rewards", "qpos", "qvel", "act")),
        *((n, episodes) for n in ("last_observations", "phases", "last_qpos", "last_qvel", "last_act")),
    ):
        if name in arrays and len(arrays[name]) != rows:
            raise UserError(f"{path}: array '{name}' has {len(arrays[name])} rows, but the lengths ask for {rows}")
        if name in arrays and name != "phases" and arrays[name].dtype.kind not in "fiu":
            raise UserError(f"{path}: array '{name}' must hold numbers")
    return arrays
