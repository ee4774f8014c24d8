"""A Kalman filter over the state and the parameters of a robot, from several starts at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch

from robotmeta.adaptation.fitting.coordinates import Coordinates
from robotmeta.adaptation.fitting.filter_pass import Filtered, FilterPass, Trial
from robotmeta.adaptation.fitting.recorded import RecordedEpisodes
from robotmeta.envs import TaskFamily
from robotmeta.envs.models import quiet_mujoco
from robotmeta.metalearners.parallel import run
from robotmeta.threads import available_cores

_AT_ONCE = 4  # passes


class JointFilter:
    """Passes of the filter over recorded episodes, see :class:`FilterPass`.

    Several run side by side, so that one computes while the physics of another advances.

    Args:
        family: The family.
        recorded: The episodes.
        coordinates: What is searched.
        simulator: Physics backend.
        threads: Physics threads.

    Attributes:
        steps: Control steps that one pass simulates.
        spread: Standard deviation of each observation and of the reward in the episodes, ``[observation + 1]``.
    """

    def __init__(
        self,
        family: TaskFamily,
        recorded: RecordedEpisodes,
        coordinates: Coordinates,
        *,
        simulator: str = "auto",
        threads: int | None = None,
    ) -> None:
        cores = threads or available_cores()
        side_by_side = min(cores, _AT_ONCE)
        self._pass = partial(FilterPass, family, recorded, coordinates, simulator, cores // side_by_side)
        self._passes = [self._pass()]
        self._most = side_by_side if self._passes[0].on_cpu else 1
        self.steps = self._passes[0].steps
        self.spread = self._passes[0].spread

    def __call__(self, trials: Sequence[Trial], width: np.ndarray, *, error: float) -> list[Filtered]:
        """One pass for each trial; see :meth:`FilterPass.__call__`."""
        count = min(len(trials), self._most)
        while len(self._passes) < count:
            self._passes.append(self._pass())
        works = [partial(self._several, self._passes[i], trials[i::count], width, error) for i in range(count)]
        with quiet_mujoco():  # within it, each pass leaves MuJoCo's warnings as they are
            found = run(works, torch.device("cpu"))
        return [found[place % count][place // count] for place in range(len(trials))]

    @staticmethod
    def _several(one: FilterPass, trials: Sequence[Trial], width: np.ndarray, error: float) -> list[Filtered]:
        return [one(trial, width, error) for trial in trials]
