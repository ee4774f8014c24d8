"""The episodes of an adaptation: how each went, and the file that holds all their steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from robotmeta.adaptation.lerobot import DatasetWriter
from robotmeta.envs import Observation, TaskFamily
from robotmeta.experience.observations import flatten
from robotmeta.experience.rollout import Rollout
from robotmeta.files import replaced

FORMAT = 1
"""Version of the layout of an episodes file."""

_UNKNOWN = -1


class StepRow(NamedTuple):
    """One step of an episode, as the file holds it."""

    observations: np.ndarray
    actions: np.ndarray
    applied_actions: np.ndarray
    rewards: float


@dataclass(frozen=True)
class Episode:
    """One episode.

    Attributes:
        phase: What it was for: ``"adaptation"``, or an evaluation ``"before"`` or ``"after"`` adaptation, or of the
            ``"fine-tuned"`` policy.
        total_return: Undiscounted return; of an episode that broke, of the steps before.
        length: Control steps; those of a broken episode do not include the step that broke it.
        success: Whether it was a success when it ended; None if the environment does not tell.
        ended: How it ended: ``"terminated"``, ``"time limit"`` (the horizon, or the environment's own), ``"stopped"``
            (by a limit, by ``stop``, or by Ctrl-C), or ``"broke"`` (the environment failed or its simulation
            diverged).
    """

    phase: str
    total_return: float
    length: int
    success: bool | None
    ended: str

    @property
    def whole(self) -> bool:
        """Whether it ran to its end."""
        return self.ended in ("terminated", "time limit")

    def to_json(self) -> dict[str, Any]:
        """The episode as a JSON object."""
        return {
            "phase": self.phase,
            "return": self.total_return,
            "length": self.length,
            "success": self.success,
            "ended": self.ended,
        }


class EpisodesFile:
    """All steps of all episodes as one ``.npz`` file of arrays, which ``numpy.load`` reads without pickles.

    ``S`` is the number of steps of all episodes together, ``E`` the number of episodes. The steps of an episode follow
    one another. A step that broke an episode has no row, because nothing is known of its result. What a fit needs of
    these arrays is in :meth:`robotmeta.adaptation.fitting.recorded.RecordedEpisodes.of_file`.

    ====================  ============================  ==========================================================
    array                 type and shape                content
    ====================  ============================  ==========================================================
    format                int                           1, the version of this layout
    family                str                           name of the policy's family
    dt                    float                         duration of a control step, s
    observation_names     str ``[observation]``         in the order of the policy, as are the units
    observation_units     str ``[observation]``
    action_names          str ``[action]``
    action_units          str ``[action]``              what 1 stands for is the environment's upper bound
    observations          float32 ``[S, observation]``  observation before each step
    actions               float32 ``[S, action]``       as the policy gave them, before clipping
    applied_actions       float32 ``[S, action]``       after clipping to [-1, 1] and to the limits
    rewards               float32 ``[S]``
    terminated            bool ``[S]``                  the episode ended in this step by what happened
    truncated             bool ``[S]``                  the episode ended in this step by a time limit
    starts                bool ``[S]``                  first step of an episode
    lengths               int64 ``[E]``                 steps of each episode
    last_observations     float32 ``[E, observation]``  observation after the last step of each episode
    phases                str ``[E]``                   see :class:`Episode`
    ended                 str ``[E]``                   see :class:`Episode`
    successes             int8 ``[E]``                  1, 0, or -1 if the environment does not tell
    ====================  ============================  ==========================================================

    Args:
        family: The policy's family.
        dt: Duration of a control step, s.
        file: Where :meth:`write` writes; None for nowhere.
        dataset: The LeRobot dataset that gets the episodes, too; None for none.
    """

    def __init__(
        self, family: TaskFamily, dt: float, file: Path | None = None, dataset: DatasetWriter | None = None
    ) -> None:
        self.family, self.dt, self.file, self.dataset = family, dt, file, dataset
        self.episodes: list[Episode] = []
        self._rows: list[StepRow] = []
        self._lasts: list[np.ndarray] = []

    def add(self, episode: Episode, rows: Sequence[StepRow], last: np.ndarray) -> None:
        """Adds an episode.

        Args:
            episode: How it went.
            rows: Its steps.
            last: Observation after the last one, ``[observation]``.
        """
        self.episodes.append(episode)
        self._rows += rows
        self._lasts.append(last)

    def arrays(self) -> dict[str, np.ndarray]:
        """The content of the file."""
        lengths = np.array([episode.length for episode in self.episodes], np.int64)
        firsts, finals = (np.zeros(len(self._rows), bool) for _ in range(2))
        finals[np.cumsum(lengths)[lengths > 0] - 1] = True
        firsts[(np.cumsum(lengths) - lengths)[lengths > 0]] = True
        ended = np.array([episode.ended for episode in self.episodes], str)
        ends = np.repeat(ended, lengths)
        observation, action = (self.family.observation_size,), (self.family.action_size,)
        shapes = zip(StepRow._fields, (observation, action, action, ()), strict=True)
        series = {
            name: np.array([getattr(row, name) for row in self._rows], np.float32).reshape(-1, *shape)
            for name, shape in shapes
        }
        return {
            "format": np.array(FORMAT),
            "family": np.array(self.family.name),
            "dt": np.array(self.dt),
            **_signals("observation", self.family.observations),
            **_signals("action", self.family.actions),
            **series,
            "terminated": finals & (ends == "terminated"),
            "truncated": finals & (ends == "time limit"),
            "starts": firsts,
            "lengths": lengths,
            "last_observations": np.array(self._lasts, np.float32).reshape(-1, self.family.observation_size),
            "phases": np.array([episode.phase for episode in self.episodes], str),
            "ended": ended,
            "successes": np.array([_UNKNOWN if e.success is None else e.success for e in self.episodes], np.int8),
        }

    def write(self) -> None:
        """Writes the file in full or not at all, and the new episodes of the dataset.

        Raises:
            UserError: If it cannot be written.
        """
        if self.file is not None:
            with replaced(self.file) as partial, partial.open("wb") as opened:
                arrays: dict[str, Any] = dict(self.arrays())
                np.savez_compressed(opened, allow_pickle=False, **arrays)
        if self.dataset is not None:
            self.dataset.write(self.arrays())


def _signals(what: str, signals: tuple[tuple[str, str], ...]) -> dict[str, np.ndarray]:
    return {
        f"{what}_names": np.array([name for name, _ in signals], str),
        f"{what}_units": np.array([unit for _, unit in signals], str),
    }


def episodes_of(rollout: Rollout, phase: str = "adaptation") -> list[Episode]:
    """How the episodes of the first task of a rollout went."""
    ends = ("time limit", "terminated", "broke")
    return [
        Episode(
            phase,
            float(rollout.returns[0, i]),
            int(rollout.mask[0, i].sum()),
            None if rollout.success is None else bool(rollout.success[0, i]),
            ends[2 if bool(rollout.diverged[0, i]) else int(rollout.terminated[0, i])],
        )
        for i in range(rollout.returns.shape[1])
    ]


def vector(observation: Observation) -> np.ndarray:
    """The observation of the only world, float32 ``[observation]``."""
    return flatten(observation)[0, 0].cpu().numpy().copy()
