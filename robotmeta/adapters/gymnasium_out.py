"""One task of a family as a standard Gymnasium environment, for everything that already speaks Gymnasium.

One world at a time is slow; whoever can take batches uses :class:`robotmeta.envs.TaskBatchEnv`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces

from robotmeta.envs import FAMILIES, Observation, TaskBatchEnv, TaskFamily, Tasks, make
from robotmeta.errors import SimulationDiverged, UserError, unknown
from robotmeta.experience.observations import check_vectors, flatten

_RENDER_MODES = ("rgb_array",)
_OPTIONS = ("task",)


class FamilyEnv(gymnasium.Env[np.ndarray, np.ndarray]):
    """One world of one task.

    Observations are a float32 Box ``[observation]`` with the family's names and units; actions a float32 Box [-1, 1]
    ``[action]``. The time limit is the family's horizon where the environment comes from ``gymnasium.make``.

    ``info`` holds ``"task"`` (the task row, by name), ``"diverged"`` (whether the simulation broke in this step, which
    truncates the episode), and ``"success"`` where the family defines it.

    Args:
        family: A registered name, or a family of your own.
        task: Named parameter values, and ``{"robot": NAME}`` where the family knows robots by name; the others, or all
            for None, are nominal.
        render_mode: None, or ``"rgb_array"`` for :meth:`render` to return a picture.

    Raises:
        UserError: For an unknown family, parameter or render mode, a value outside its physical range, or a family with
            observation groups that are no vectors.
    """

    metadata = {"render_modes": list(_RENDER_MODES)}  # noqa: RUF012 - not a ClassVar: instances add their frame rate

    def __init__(
        self,
        family: str | TaskFamily,
        *,
        task: Mapping[str, Any] | None = None,
        render_mode: str | None = None,
    ) -> None:
        self.family = make(family) if isinstance(family, str) else family
        check_vectors(self.family.observation_groups)
        if render_mode is not None and render_mode not in _RENDER_MODES:
            raise unknown("render mode", render_mode, _RENDER_MODES)
        self.render_mode = render_mode
        self.metadata = {"render_modes": list(_RENDER_MODES), "render_fps": max(1, round(1.0 / self.family.dt))}
        size, actions = self.family.observation_size, self.family.action_size
        self.observation_space = spaces.Box(-np.inf, np.inf, (size,), np.float32)
        self.action_space = spaces.Box(-1.0, 1.0, (actions,), np.float32)
        first = self._row(task or {})  # before the physics is built, so that a mistake is answered at once
        self.worlds = TaskBatchEnv(self.family, 1, 1, threads=1)
        """The one world behind this environment, for what Gymnasium has no word for, such as setting its state."""
        self.worlds.load(first)
        self._seen = np.zeros(size, dtype=np.float32)

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Starts an episode.

        Args:
            seed: Fixes this and all later initial states.
            options: ``{"task": {...}}`` changes the task from now on; parameters that are not named are nominal.

        Raises:
            UserError: For another option, an unknown parameter, or a value outside its physical range.
        """
        super().reset(seed=seed)
        for option in options or {}:
            if option not in _OPTIONS:
                raise unknown("reset option", option, _OPTIONS)
        if options and options["task"] is not None:
            self.worlds.load(self._row(options["task"]))
        generator = torch.Generator().manual_seed(int(self.np_random.integers(2**63 - 1)))
        self._seen = _numpy(self.worlds.reset(generator))
        return self._seen.copy(), self._info()

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Advances one control step.

        Where the simulation breaks, the episode is truncated with the last observation that was whole, a reward of 0
        and ``info["diverged"]``; the next reset starts afresh.

        Args:
            action: ``[action]``, clipped to [-1, 1].

        Raises:
            UserError: For an action of another shape, or with numbers that are not finite.
        """
        action = np.asarray(action, dtype=np.float32)
        if action.shape != self.action_space.shape or not np.isfinite(action).all():
            raise UserError(
                f"family '{self.family.name}' takes {self.family.action_size} finite numbers as an action, not {action}"
            )
        try:
            step = self.worlds.step(torch.from_numpy(action).view(1, 1, -1))
        except SimulationDiverged:
            return self._seen.copy(), 0.0, False, True, self._info(diverged=True)
        self._seen = _numpy(step.observation)
        ended = step.terminated is not None and bool(step.terminated)
        return self._seen.copy(), float(step.reward), ended, False, self._info()

    def render(self) -> np.ndarray | None:
        """A picture, uint8 ``[height, width, 3]``; None without a render mode."""
        return None if self.render_mode is None else self.worlds.render()

    def _row(self, values: Mapping[str, Any]) -> Tasks:
        return self.family.task(**values)

    def _info(self, *, diverged: bool = False) -> dict[str, Any]:
        info: dict[str, Any] = {"task": next(iter(self.worlds.tasks)), "diverged": diverged}
        success = self.worlds.success()
        if success is not None:
            info["success"] = bool(success) and not diverged
        return info


def _numpy(observation: Observation) -> np.ndarray:
    return flatten(observation)[0, 0].numpy().copy()  # a family may hand out its live state


def environment_id(name: str) -> str:
    """The Gymnasium id of a family of this package: ``"cheetah-direction"`` is ``"robotmeta/CheetahDirection-v0"``."""
    return f"robotmeta/{''.join(word.capitalize() for word in name.split('-'))}-v0"


def register_families() -> None:
    """Makes ``gymnasium.make("robotmeta/CheetahDirection-v0", task={"direction": -1})`` and its like work.

    No model is built before one is made. Calling it again changes nothing.
    """
    for name, build in FAMILIES.items():
        if environment_id(name) not in gymnasium.registry:
            gymnasium.register(
                environment_id(name),
                entry_point="robotmeta.adapters.gymnasium_out:FamilyEnv",
                max_episode_steps=build().horizon,
                kwargs={"family": name},
            )
