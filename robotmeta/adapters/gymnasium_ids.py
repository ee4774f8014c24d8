"""Gymnasium ids of our families. This module imports neither MuJoCo nor a family."""

from __future__ import annotations

from typing import Any

import gymnasium
from gymnasium.envs.registration import EnvSpec

from robotmeta.envs.families import FAMILIES, VARIANTS


class FamilySpec(EnvSpec):
    """The registration of a family. The time limit is the family's horizon, which is read when it is first needed."""

    def __getattribute__(self, name: str) -> Any:
        if name == "max_episode_steps" and super().__getattribute__(name) is None:
            families = FAMILIES | VARIANTS
            family = next(name for name in families if environment_id(name) == self.id)  # make_vec empties kwargs
            self.max_episode_steps = families[family]().horizon
        return super().__getattribute__(name)


def environment_id(name: str) -> str:
    """Returns the Gymnasium id of a family: ``"cheetah-direction"`` is ``"robotmeta/CheetahDirection-v0"``."""
    return f"robotmeta/{''.join(word.capitalize() for word in name.split('-'))}-v0"


def register_families() -> None:
    """Makes ``gymnasium.make("robotmeta/CheetahDirection-v0", task={"direction": -1})`` and its like work.

    No model is built before an environment is made. Calling it again changes nothing.
    """
    for name in (*FAMILIES, *VARIANTS):
        if environment_id(name) not in gymnasium.registry:
            gymnasium.registry[environment_id(name)] = FamilySpec(
                environment_id(name), entry_point="robotmeta.adapters.gymnasium_out:FamilyEnv", kwargs={"family": name}
            )
