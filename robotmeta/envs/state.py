"""The state of worlds and what happens to it in a control step, as the functions of a family see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

State = Mapping[str, Tensor]
"""Named physical quantities of all worlds, each ``[task, episode, ...]``, such as ``qpos`` and ``qvel``."""

Columns = Mapping[str, Tensor]
"""The task row by column name, each ``[task, 1]``."""


@dataclass(frozen=True)
class Transition:
    """One control step of all worlds, as rewards see it.

    Attributes:
        before: State at the start of the step.
        action: Action of the policy, clipped to [-1, 1], ``[task, episode, action]``.
        after: State at the end of the step.
        task: The task row, each column ``[task, 1]``.
    """

    before: State
    action: Tensor
    after: State
    task: Columns
