"""One Gymnasium environment as a BatchEnv with one task and one episode."""

from __future__ import annotations

import contextlib
import warnings
import weakref
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import gymnasium
import numpy as np
import torch
from torch import Tensor

from robotmeta.adapters.declared import names_of
from robotmeta.adapters.guard import guarded
from robotmeta.adapters.limits import Limits
from robotmeta.adapters.names import renamed
from robotmeta.adapters.returned import Outcome, read_reset, read_step
from robotmeta.adapters.spaces import ActionVector, ObservationVector
from robotmeta.adapters.timing import ControlStep, attribute, control_step, layers, unreadable_step
from robotmeta.envs import Step
from robotmeta.errors import EnvironmentFailed, EnvironmentWarning, UserError


class GymnasiumWorld:
    """One Gymnasium environment as a :class:`robotmeta.envs.BatchEnv`. Its tensors are on the CPU.

    Observations are flattened (``gymnasium.spaces.utils.flatten``). Actions in [-1, 1] are scaled to the environment's
    bounds. A truncation before the horizon counts as a termination. The simulation has diverged if
    ``info["diverged"]`` is true.

    It is a context manager, which closes the environment. If :func:`robotmeta.wrap` made the environment, it is also
    closed when the world is no longer used, at the latest when Python exits. An environment that somebody else made
    stays open until :meth:`close`.

    Args:
        env: The environment.
        horizon: Control steps per episode.
        names: New names of observations and actions; see :func:`robotmeta.wrap`.
        limits: Limits of actions, steps and time.
        owned: Whether nobody else closes the environment.

    Attributes:
        observation_names: Names of the observations; None if the environment does not name them.
        action_names: Names of the actions; None if the environment does not name them.
        control_step: Duration of a control step; None if the environment does not tell.
        steps: Control steps until now, over all episodes.
        remarks: What a user should know about the environment, one line each.

    Raises:
        UserError: For actions that are not bounded real numbers, observations without a fixed size, or names that do
            not fit.
    """

    num_tasks: int = 1
    num_episodes: int = 1

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        horizon: int,
        *,
        names: Mapping[str, str | Sequence[str]] | None = None,
        limits: Limits | None = None,
        owned: bool = False,
    ) -> None:
        self.env = env
        self.horizon = horizon
        self.limits = limits or Limits()
        self._actions = ActionVector(attribute(env, "action_space"))
        self._observations = ObservationVector(attribute(env, "observation_space"))
        self.action_size, self.observation_size = self._actions.size, self._observations.size
        observed, acted = names_of(env, "observation", self._observations), names_of(env, "action", self._actions)
        self.observation_names, self.action_names = renamed(observed.names, acted.names, names or {})
        self.control_step: ControlStep | None = control_step(env)
        self.remarks = tuple(filter(None, (observed.doubt, acted.doubt, unreadable_step(env), *_scaled(env))))
        self.steps = 0
        self._time = 0
        self._applied = np.zeros(self.action_size)
        self._seen = torch.zeros(1, 1, self.observation_size)
        self._success: bool | None = None
        self._closing = weakref.finalize(self, _close_quietly, env) if owned else None

    def reset(self, generator: torch.Generator) -> Tensor:
        """Starts an episode with a seed from the generator, and returns observations, ``[1, 1, observation]``.

        Raises:
            EnvironmentFailed: If the environment raises an error, is late, or returns anything but a finite observation
                of its space and an info.
            UserError: If all steps that its limit allows are made.
        """
        self._check_steps()
        seed = int(torch.randint(2**31, (), generator=generator))
        seen = guarded("reset", lambda: read_reset(self.env.reset(seed=seed), self._observations), self.limits.timeout)
        self._time = 0
        self._applied = np.zeros(self.action_size)
        self._success = None if self._success is None else False
        self._seen = torch.from_numpy(seen).view(1, 1, -1)
        return self._seen

    def step(self, action: Tensor, active: Tensor | None = None) -> Step:
        """Advances one control step.

        Args:
            action: ``[1, 1, action]``; clipped to [-1, 1] and to the limits.
            active: Not used; the only world is active.

        Raises:
            EnvironmentFailed: If the environment raises an error, is late, or returns anything but a finite observation
                of its space, a finite number as the reward, two truth values, and an info.
            TrainingDiverged: If the actions are not finite.
            UserError: If all steps that its limit allows are made.
        """
        self._check_steps()
        wanted = action.detach().double().cpu().numpy().ravel()
        self._applied = self.limits.applied(wanted, self._applied)
        self._time += 1
        outcome, stop = guarded(f"step {self._time}", self._outcome, self.limits.timeout)
        self.steps += 1
        if not outcome.diverged:
            self._seen = torch.from_numpy(outcome.observation).view(1, 1, -1)
        self._success = self._success if outcome.success is None else outcome.success
        # Every episode is truncated at the horizon, so a truncation there is not a termination.
        cut = outcome.truncated and not outcome.terminated and self._time < self.horizon
        ended = (outcome.terminated or cut) and not outcome.diverged
        return Step(
            self._seen,
            torch.full((1, 1), outcome.reward),
            _flag(ended),
            _flag(outcome.diverged),
            truncated=_flag(cut and ended),
            applied=torch.from_numpy(self._applied.astype(np.float32)).view(1, 1, -1),
            stopped=self._why_stopped(stop),
        )

    def end_episode(self) -> None:
        """Does nothing; a foreign environment reports at once."""

    def measures(self) -> Mapping[str, Tensor]:
        """Nothing: an environment has no measures of episodes."""
        return {}

    def distance(self) -> None:
        """Returns None; Gymnasium does not define a distance from the goal."""

    def success(self) -> Tensor | None:
        """The last ``info["is_success"]`` or ``info["success"]``, bool ``[1, 1]``; None if there was none."""
        return None if self._success is None else torch.full((1, 1), self._success)

    def privileged_state(self) -> Tensor:
        """Returns an empty tensor, ``[1, 1, 0]``; a foreign environment does not tell its privileged state."""
        return torch.zeros(1, 1, 0)

    def close(self) -> None:
        """Closes the environment, whoever made it.

        Raises:
            EnvironmentFailed: If the environment raises an error or is late.
        """
        if self._closing is not None and self._closing.detach() is None:
            return  # closed before
        guarded("close", self.env.close, self.limits.timeout)

    def __enter__(self) -> GymnasiumWorld:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self.close()
        except EnvironmentFailed as failure:
            if error is None:
                raise
            warnings.warn(str(failure), EnvironmentWarning, stacklevel=2)  # the first error says more

    def _outcome(self) -> tuple[Outcome, bool]:
        returned = self.env.step(self._actions.write(self._applied))
        outcome = read_step(returned, self._observations)
        return outcome, self.limits.stops(returned[0], outcome.reward, outcome.info)

    def _check_steps(self) -> None:
        if self.limits.max_steps is not None and self.steps >= self.limits.max_steps:
            raise UserError(f"all {self.limits.max_steps} steps that max_steps allows are made")

    def _why_stopped(self, stop: bool) -> str | None:
        if stop:
            return "the stop function said so"
        most = self.limits.max_steps
        return f"the limit of {most} steps (max_steps) is reached" if most is not None and self.steps >= most else None


def _flag(value: bool) -> Tensor | None:
    return torch.ones(1, 1, dtype=torch.bool) if value else None


def _scaled(env: gymnasium.Env[Any, Any]) -> tuple[str, ...]:
    scaled = (gymnasium.wrappers.NormalizeObservation, gymnasium.wrappers.NormalizeReward)
    return tuple(
        f"the environment is wrapped in {type(layer).__name__}, which changes the units that a policy expects"
        for layer in layers(env)
        if isinstance(layer, scaled)
    )


def _close_quietly(env: gymnasium.Env[Any, Any]) -> None:
    with contextlib.suppress(Exception):
        env.close()
