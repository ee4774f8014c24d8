"""What environments around another one have in common."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from robotmeta.envs.task_batch import BatchEnv


class WrappedEnv:
    """Answers as the environment inside does. Subclasses add reset and step, and are then a ``BatchEnv``.

    Args:
        env: The environment inside.
    """

    def __init__(self, env: BatchEnv) -> None:
        self._env = env
        self.num_tasks, self.num_episodes, self.horizon = env.num_tasks, env.num_episodes, env.horizon
        self.observation_size, self.action_size = env.observation_size, env.action_size

    def end_episode(self) -> None:
        self._env.end_episode()

    def success(self) -> Tensor | None:
        return self._env.success()

    def distance(self) -> Tensor | None:
        return self._env.distance()

    def measures(self) -> Mapping[str, Tensor]:
        return self._env.measures()

    def privileged_state(self) -> Tensor:
        return self._env.privileged_state()
