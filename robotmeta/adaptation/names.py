"""An environment's observations and actions in the order of a policy's, matched by name."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from robotmeta.adapters.names import Names, canonical, listed
from robotmeta.envs import BatchEnv, Step, TaskFamily
from robotmeta.envs.wrapped_env import WrappedEnv
from robotmeta.errors import UserError
from robotmeta.experience.observations import flatten


def matched(env: BatchEnv, family: TaskFamily) -> tuple[BatchEnv, list[str]]:
    """The environment with the observations and actions of a family, in its order.

    Args:
        env: The environment. If it names its observations and actions, these names are its attributes
            ``observation_names`` and ``action_names``, each a :class:`robotmeta.adapters.names.Names`.
        family: The policy's family.

    Returns:
        The environment, and what a user should know about the match, one line each.

    Raises:
        UserError: If an observation that the policy needs is missing, if the actions are others, or if without names
            the numbers differ.
    """
    observations, actions = (
        _Match(what, size, theirs, tuple(name for name, _ in signals))
        for what, size, theirs, signals in (
            ("observations", env.observation_size, getattr(env, "observation_names", None), family.observations),
            ("actions", env.action_size, getattr(env, "action_names", None), family.actions),
        )
    )
    _check(observations, actions, family)
    notes = []
    if observations.by_name and observations.unused:
        notes.append(f"observations that the policy does not need: {listed(observations.unused)}")
    counted = [match.what for match in (observations, actions) if not match.by_name]
    if counted:
        what = " and ".join(counted)
        notes.append(
            f"only the number of {what} could be checked, because the environment does not name them as the policy "
            f"does; their order must be that of family '{family.name}'"
        )
    if observations.in_order and actions.in_order:
        return env, notes
    return _Reordered(env, observations.order, actions.order), notes


@dataclass(frozen=True)
class _Match:
    """How a vector of the environment becomes one of the policy."""

    what: str
    size: int
    theirs: Names | None
    ours: tuple[str, ...]

    @property
    def missing(self) -> list[str]:
        """Entries of the policy that the environment does not have."""
        return _beyond(self.ours, self.theirs.entries if self.theirs else ())

    @property
    def unused(self) -> list[str]:
        """Entries of the environment that the policy does not have."""
        return _beyond(self.theirs.entries if self.theirs else (), self.ours)

    @property
    def by_name(self) -> bool:
        """Whether names are compared; else numbers are. Where the order counts, all names must be the policy's."""
        return self.theirs is not None and not (self.theirs.ordered and self.missing)

    @property
    def order(self) -> list[int]:
        """Where each of the policy's entries is in the environment's vector."""
        if self.theirs is None or not self.by_name:
            return list(range(self.size))
        places = {canonical(name): place for place, name in enumerate(self.theirs.entries)}
        return [places[canonical(name)] for name in self.ours]

    @property
    def in_order(self) -> bool:
        return self.order == list(range(self.size))


def _beyond(names: tuple[str, ...], known: tuple[str, ...]) -> list[str]:
    spelled = {canonical(name) for name in known}
    return [name for name in names if canonical(name) not in spelled]


def _check(observations: _Match, actions: _Match, family: TaskFamily) -> None:
    for match, signals in ((observations, family.observations), (actions, family.actions)):
        if not match.by_name and match.size != len(match.ours):
            listed = ", ".join(f"{name} [{unit}]" for name, unit in signals)
            raise UserError(
                f"the environment has {match.size} {match.what}, a policy of family '{family.name}' needs these "
                f"{len(match.ours)}: {listed}"
            )
    faults = []
    if observations.by_name and observations.missing:
        faults.append(_fault(observations))
    if actions.by_name and (actions.missing or actions.unused):
        faults.append(_fault(actions))
    if faults:
        raise UserError(
            f"the environment does not fit a policy of family '{family.name}': {'; '.join(faults)}; where only a name "
            "differs, give --map THEIRS=OURS, in Python names={theirs: ours}"
        )


def _fault(match: _Match) -> str:
    return f"{match.what} it lacks: {listed(match.missing)}, {match.what} of its own: {listed(match.unused)}"


class _Reordered(WrappedEnv):
    """An environment whose observations and actions are in another order, or of which some are left out."""

    def __init__(self, env: BatchEnv, observations: list[int], actions: list[int]) -> None:
        super().__init__(env)
        self.observation_size, self.action_size = len(observations), len(actions)
        self._observations, self._applied = torch.tensor(observations), torch.tensor(actions)
        self._actions = torch.argsort(self._applied)

    def reset(self, generator: torch.Generator) -> Tensor:
        return flatten(self._env.reset(generator))[..., self._observations]

    def step(self, action: Tensor, active: Tensor | None = None) -> Step:
        step = self._env.step(action[..., self._actions], active)
        applied = None if step.applied is None else step.applied[..., self._applied]
        return step._replace(observation=flatten(step.observation)[..., self._observations], applied=applied)
