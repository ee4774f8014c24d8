"""Recorded episodes, as a fit reads them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from robotmeta.adaptation.fitting.episodes_log import read_episodes
from robotmeta.adaptation.interface import check_log_step
from robotmeta.adaptation.lerobot import read_dataset
from robotmeta.envs import TaskFamily
from robotmeta.envs.family import bounded
from robotmeta.errors import EnvironmentWarning, UserError
from robotmeta.experience.observations import flatten
from robotmeta.experience.rollout import Rollout, concatenate_episodes

FEWEST_STEPS = 10
_ADAPTATION = "adaptation"
_ROUNDED = 1.0 + 1e-6  # an action at its limit, as a float32


@dataclass(frozen=True)
class RecordedEpisodes:
    """Episodes of one robot.

    Attributes:
        observations: Before each step and after the last one, ``[episode, time + 1, observation]``.
        actions: As they were applied, in [-1, 1], ``[episode, time, action]``.
        rewards: ``[episode, time]``; NaN where they are not known.
        lengths: Steps of each episode, long ``[episode]``. What follows them is zero.
    """

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    lengths: Tensor

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
    def of_arrays(cls, arrays: Mapping[str, np.ndarray]) -> RecordedEpisodes:
        """The episodes of :meth:`robotmeta.adaptation.episodes.EpisodesFile.arrays`.

        Args:
            arrays: The arrays. Without ``rewards``, the rewards are not known. Where ``phases`` has adaptation
                episodes, the others are left out.
        """
        lengths = arrays["lengths"]
        ends = np.cumsum(lengths)
        phases = [str(phase) for phase in arrays.get("phases", np.full(len(lengths), _ADAPTATION))]
        chosen = [e for e, n in enumerate(lengths) if n and (phases[e] == _ADAPTATION or _ADAPTATION not in phases)]
        longest = int(max((lengths[e] for e in chosen), default=0))

        def padded(values: np.ndarray, last: np.ndarray | None = None) -> torch.Tensor:
            found = np.zeros((len(chosen), longest + (last is not None), *values.shape[1:]), values.dtype)
            for row, e in enumerate(chosen):
                found[row, : lengths[e]] = values[ends[e] - lengths[e] : ends[e]]
                if last is not None:
                    found[row, lengths[e]] = last[e]
            return torch.from_numpy(found)

        actions = padded(arrays["applied_actions"]).float()
        rewards = arrays.get("rewards", np.full(int(lengths.sum()), np.nan, np.float32))
        return cls(
            padded(arrays["observations"], arrays["last_observations"]).float(),
            bounded(actions).where(actions.isfinite(), torch.nan),  # an infinite one is refused, and not clipped
            padded(rewards).float(),
            torch.tensor([int(lengths[e]) for e in chosen], dtype=torch.long),
        )

    @classmethod
    def of_file(cls, path: str | Path, family: TaskFamily) -> RecordedEpisodes:
        """The episodes that an adaptation wrote (``episodes_out``, ``dataset_out``), or others of the same layout.

        The file needs ``format``, ``family``, ``dt``, ``observation_names``, ``action_names``, ``lengths``,
        ``observations``, ``applied_actions`` and ``last_observations``, and may have ``rewards`` and ``phases``; see
        :class:`robotmeta.adaptation.episodes.EpisodesFile`. A reward that was not measured is NaN. Other arrays are not
        read; a fit estimates states from the observations. If the file has adaptation episodes, the others are left
        out. Actions outside [-1, 1] are clipped, with a warning.

        A folder is read as a LeRobot dataset; see :func:`robotmeta.adaptation.lerobot.read_dataset`.

        Raises:
            UserError: For a file that cannot be read or has another layout, or episodes of another family, interface
                or control step.
        """
        arrays = read_dataset(Path(path), family) if Path(path).is_dir() else read_episodes(Path(path))
        name = str(arrays["family"])
        if Path(name).name != Path(family.name).name:  # a family in a file may have moved with it
            raise UserError(f"{path} holds episodes of family '{name}', not of '{family.name}'")
        for what, signals in (("observation", family.observations), ("action", family.actions)):
            _check_names(f"{path}: its {what}s", arrays[f"{what}_names"].tolist(), [n for n, _ in signals], name)
        check_log_step(Path(path), float(arrays["dt"]), family)
        sizes = np.abs(arrays["applied_actions"])
        outside = int(((sizes > _ROUNDED) & np.isfinite(sizes)).sum())
        if outside:
            warnings.warn(
                f"{path}: {outside} of {arrays['applied_actions'].size} values of actions are outside [-1, 1]; "
                "they are clipped, and count as saturated",
                EnvironmentWarning,
                stacklevel=2,
            )
        recorded = cls.of_arrays(arrays)
        recorded.check(family)
        return recorded

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
        for what, signals, values in (
            ("observations", family.observations, self.observations),
            ("actions", family.actions, self.actions),
            ("rewards", (("reward", "1"),), self.rewards.nan_to_num(nan=0.0, posinf=torch.inf, neginf=-torch.inf)),
        ):
            bad = ~values.reshape(-1, len(signals)).isfinite().all(dim=0)
            if bool(bad.any()):
                names = ", ".join(name for (name, _), found in zip(signals, bad, strict=True) if found)
                raise UserError(f"the recorded {what} are not all finite: {names}")


def _check_names(whose: str, theirs: list[str], ours: list[str], family: str) -> None:
    """Raises UserError for other names, or another order of them."""
    if theirs == ours:
        return
    differ = [n for n in theirs if n not in ours] or [n for n in ours if n not in theirs]
    said = f"they differ in {', '.join(differ)}" if differ else f"in this order; here the order is {', '.join(theirs)}"
    raise UserError(f"{whose} are not those of family '{family}', which are {', '.join(ours)}; {said}")
