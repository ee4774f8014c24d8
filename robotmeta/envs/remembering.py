"""Calls what a family remembers an episode with, see :class:`robotmeta.envs.episode_memory.EpisodeMemory`."""

from __future__ import annotations

import torch
from torch import Tensor

from robotmeta.envs.family import Columns, State, TaskFamily, Transition
from robotmeta.envs.validation import call
from robotmeta.errors import UserError


def advanced(family: TaskFamily, step: Transition, running: Tensor | None) -> State:
    """The memory after a step. That of worlds which did not run stays as it was.

    Args:
        family: A family with a memory.
        step: The step.
        running: bool ``[task, episode]``; None for all.
    """
    assert family.memory is not None
    now: State = call(family, "memory.advance", family.memory.advance, step)
    if running is None:
        return now
    kept = {}
    for name, value in now.items():
        before, mask = step.before[name], running.view(*running.shape, *[1] * (value.ndim - running.ndim))
        kept[name] = value if value is before else torch.where(mask, value, before)
    return kept


def resumed(family: TaskFamily, state: State, observation: Tensor | None, task: Columns) -> State:
    """The memory in the middle of a recorded episode; empty for a family without one.

    Args:
        family: The family.
        state: The state of the simulator.
        observation: What was observed in it, ``[task, episode, observation]``; None if that is not known.
        task: Columns of the tasks.

    Raises:
        UserError: If observations do not tell what the family remembers, or there is none.
    """
    if family.memory is None:
        return {}
    if family.memory.resume is None or observation is None:
        raise UserError(f"family '{family.name}' remembers what observations do not tell: no replay is possible")
    return call(family, "memory.resume", family.memory.resume, state, observation, task)


def followed(family: TaskFamily, memory: State, observation: Tensor) -> State:
    """The memory after a step of a replay, with what came from outside in the recorded episode."""
    if family.memory is None or family.memory.follow is None:
        return memory
    return call(family, "memory.follow", family.memory.follow, memory, observation)
