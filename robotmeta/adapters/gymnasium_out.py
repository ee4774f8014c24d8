"""One task of a family as a standard Gymnasium environment.

One world at a time is slow. :class:`robotmeta.envs.TaskBatchEnv` runs batches of worlds.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces

from robotmeta.argument_types import check_arguments
from robotmeta.envs import Observation, TaskBatchEnv, TaskFamily, Tasks, make
from robotmeta.errors import SimulationDiverged, UserError, unknown
from robotmeta.experience.observations import check_vectors, flatten

_RENDER_MODES = ("rgb_array",)
_OPTIONS = ("task", "sample_task")


class FamilyEnv(gymnasium.Env[np.ndarray, np.ndarray]):
    """One world of one task.

    Observations are a float32 Box ``[observation]``, with the family's names and units. Actions are a float32 Box
    [-1, 1] ``[action]``. ``gymnasium.make`` adds the family's horizon as a time limit.

    ``info`` holds ``"task"`` (the task's values by name), ``"diverged"`` (whether the simulation diverged in this step,
    which truncates the episode), and ``"is_success"`` if the family defines success. ``metadata`` holds ``"dt"``
    (duration of a control step, s), ``"observation_names"`` and ``"action_names"``.

    A copy (:mod:`copy`, :mod:`pickle`) continues from the same state with the same random numbers.

    Args:
        family: The name of a family, or a family.
        task: Parameter values by name, and ``{"robot": NAME}`` for a named robot. The other parameters are nominal.
        sample_task: Whether each reset draws a task of the meta-training distribution, for domain randomization with
            any library. The seed of the environment determines the tasks.
        render_mode: None, or ``"rgb_array"`` for pictures by :meth:`render`.

    Raises:
        UserError: For an unknown family, parameter or render mode, a value outside its physical range, both a task and
            sample_task, an argument of another type, or a family with observation groups that are no vectors.
    """

    metadata = {"render_modes": list(_RENDER_MODES)}  # noqa: RUF012 - not a ClassVar: instances add what their family says

    @check_arguments
    def __init__(
        self,
        family: str | TaskFamily,
        *,
        task: Mapping[str, Any] | None = None,
        sample_task: bool = False,
        render_mode: str | None = None,
    ) -> None:
        if task and sample_task:
            raise UserError("give either task or sample_task, not both")
        self._given = family
        self._sample_task = sample_task
        self.family = make(family) if isinstance(family, str) else family
        check_vectors(self.family.observation_groups)
        if render_mode is not None and render_mode not in _RENDER_MODES:
            raise unknown("render mode", render_mode, _RENDER_MODES)
        self.render_mode = render_mode
        self.metadata = {
            "render_modes": list(_RENDER_MODES),
            "render_fps": max(1, round(1.0 / self.family.dt)),
            "dt": self.family.dt,
            "observation_names": [name for name, _ in self.family.observations],
            "action_names": [name for name, _ in self.family.actions],
        }
        size, actions = self.family.observation_size, self.family.action_size
        self.observation_space = spaces.Box(-np.inf, np.inf, (size,), np.float32)
        self.action_space = spaces.Box(-1.0, 1.0, (actions,), np.float32)
        first = self._row(task or {})  # before the physics is built, so that a mistake is reported at once
        self.worlds = TaskBatchEnv(self.family, 1, 1, threads=1)
        """The world of this environment, for what Gymnasium does not offer, such as setting its state."""
        self.worlds.load(first)
        self._seen = np.zeros(size, dtype=np.float32)

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Starts an episode.

        Args:
            seed: Seed of this and all later initial states.
            options: ``{"task": {...}}`` changes the task, from now on or until the next reset draws one. The other
                parameters are nominal. ``{"sample_task": True}`` draws a task of the meta-training distribution.

        Raises:
            UserError: For another option, an unknown parameter, or a value outside its physical range.
        """
        super().reset(seed=seed)
        for option in options or {}:
            if option not in _OPTIONS:
                raise unknown("reset option", option, _OPTIONS)
        chosen = options or {}
        if chosen.get("task") is not None:
            self.worlds.load(self._row(chosen["task"]))
        elif chosen.get("sample_task", self._sample_task):
            self.worlds.load(self.family.sample(1, self.np_random))
        generator = torch.Generator().manual_seed(int(self.np_random.integers(2**63 - 1)))
        self._seen = _numpy(self.worlds.reset(generator))
        return self._seen.copy(), self._info()

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Advances one control step.

        If the simulation diverges, the episode is truncated with the last finite observation, a reward of 0 and
        ``info["diverged"]``. The next reset starts a new episode.

        Args:
            action: ``[action]``, clipped to [-1, 1].

        Raises:
            UserError: For anything but as many finite numbers.
        """
        try:
            step = self.worlds.step(torch.from_numpy(self._vector(action)).view(1, 1, -1))
        except SimulationDiverged:
            return self._seen.copy(), 0.0, False, True, self._info(diverged=True)
        self._seen = _numpy(step.observation)
        ended = step.terminated is not None and bool(step.terminated)
        return self._seen.copy(), float(step.reward), ended, False, self._info()

    def render(self) -> np.ndarray | None:
        """Draws the world, uint8 ``[height, width, 3]``; None without a render mode."""
        return None if self.render_mode is None else self.worlds.render()

    def _vector(self, action: Any) -> np.ndarray:
        with contextlib.suppress(ValueError, TypeError, RuntimeError), np.errstate(over="ignore"):
            plain = np.asarray(action)  # fails for ragged lists, and for tensors that are not on the CPU
            if plain.dtype.kind in "biuf" and plain.shape == self.action_space.shape:
                vector = plain.astype(np.float32)
                if np.isfinite(vector).all():
                    return vector
        count = self.family.action_size
        raise UserError(f"family '{self.family.name}' takes {count} finite numbers as an action, not {action!s:.80}")

    def _row(self, values: Mapping[str, Any]) -> Tasks:
        if not isinstance(values, Mapping) or not all(isinstance(name, str) for name in values):
            raise UserError(f"a task must be a mapping of names to values, such as {{'mass': 1.2}}, not {values!r:.60}")
        return self.family.task(**values)

    def _info(self, *, diverged: bool = False) -> dict[str, Any]:
        info: dict[str, Any] = {"task": next(iter(self.worlds.tasks)), "diverged": diverged}
        success = self.worlds.success()
        if success is not None:
            info["is_success"] = bool(success) and not diverged
        return info

    def __getstate__(self) -> dict[str, Any]:
        # Physics runs in threads, which cannot be copied, and the functions of a registered family need not be.
        kept = {name: value for name, value in vars(self).items() if name not in ("family", "worlds")}
        return {**kept, "tasks": self.worlds.tasks, "snapshot": self.worlds.snapshot()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        tasks, snapshot = state["tasks"], state["snapshot"]
        vars(self).update({name: value for name, value in state.items() if name not in ("tasks", "snapshot")})
        self.family = make(self._given) if isinstance(self._given, str) else self._given
        self.worlds = TaskBatchEnv(self.family, 1, 1, threads=1)
        self.worlds.load(tasks)
        self.worlds.restore(snapshot)


def _numpy(observation: Observation) -> np.ndarray:
    return flatten(observation)[0, 0].cpu().numpy().copy()  # a family may return its live state
