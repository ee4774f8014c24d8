"""What a family remembers from one control step of an episode to the next, besides the physics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, fields

import torch
from torch import Tensor

from robotmeta.envs.state import Columns, State, Transition
from robotmeta.errors import UserError


@dataclass(frozen=True)
class EpisodeMemory:
    """Named tensors that a family keeps during an episode, such as a command and what is left of a path.

    The functions of the family see them in the state, by name, beside the fields of the simulator. The simulator does
    not know of them. Each is ``[task, episode, ...]``, on the device of the state.

    Attributes:
        start: ``(state, generator, task) -> memory``, at the start of an episode. All chance of the episode is drawn
            here, with the generator, which is on the CPU. ``state`` is the initial one.
        advance: ``(transition) -> memory``, after each control step, before the reward. ``transition.before`` has the
            memory until then; ``transition.after`` has the fields of the simulator only.
        resume: ``(state, observation, task) -> memory``, in the middle of a recorded episode. What the functions of the
            family need for the next steps must follow from state and observation. None if that cannot be; then the
            family cannot be fitted.
        follow: ``(memory, observation) -> memory``, in a replay after each step, with the observation that was
            recorded after it. It takes over what came from outside, such as a new command. None if nothing does.

    Raises:
        UserError: For anything but functions.
    """

    start: Callable[[State, torch.Generator, Columns], State]
    advance: Callable[[Transition], State]
    _: KW_ONLY
    resume: Callable[[State, Tensor, Columns], State] | None = None
    follow: Callable[[State, Tensor], State] | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            function = getattr(self, field.name)
            if not callable(function) and not (function is None and field.name in ("resume", "follow")):
                raise UserError(f"{field.name} of an episode memory must be a function, not {function!r}")


@dataclass(frozen=True)
class Measure:
    """A number that says how an episode went, beside its return, such as the energy that it took.

    Attributes:
        name: Its name.
        unit: Its unit.
        of: ``(state, task) -> [task, episode]``, at the end of an episode. NaN where the number has no meaning.
        description: What it is, in a few words.

    Raises:
        UserError: For a name that is no word, or anything but a function.
    """

    name: str
    unit: str
    of: Callable[[State, Columns], Tensor]
    description: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.isidentifier():
            raise UserError(f"the name of a measure must be a word, such as 'drift', not {self.name!r}")
        if not callable(self.of):
            raise UserError(f"the measure '{self.name}' must have a function, not {self.of!r}")
