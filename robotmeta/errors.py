"""Errors a user can cause, worded so that one line says what is wrong and what exists."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class OneLine:
    """Errors that one line explains."""

    reported: bool = False
    """Whether another one of the processes that train together tells the user."""


class UserError(OneLine, ValueError):
    """A mistake in what was asked for. The command line prints it as one line and exits with status 2."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


def printable(text: str, *, keep: str = "") -> str:
    """A text in which line breaks and other control characters are escaped, as names from files may hold any.

    Args:
        text: The text.
        keep: Characters that stay as they are.
    """
    return "".join(c if c in keep or c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


class SimulationDiverged(OneLine, RuntimeError):
    """Every world of a batch diverged, so there is nothing left to learn from."""


class TrainingDiverged(OneLine, RuntimeError):
    """Weights, or the actions that follow from them, are not finite."""


class RankLost(OneLine, RuntimeError):
    """Another one of the processes that train together has ended, or does not answer."""


class EnvironmentFailed(RuntimeError):
    """An environment of somebody's own raised an error, hung, or returned what no environment may return.

    Args:
        cause: What it did, in one line.
        during: What it was asked for, such as ``"step 37"``, ``"reset"`` or ``"construction"``.

    Attributes:
        episode: The episode, counted from 1, where one was running.
        adapted: In an adaptation, the :class:`robotmeta.Adapted` of what was collected until then; else None.
        episodes: In an adaptation, its episodes until then, the broken one included; see :class:`robotmeta.Adapted`.
    """

    def __init__(self, cause: str, during: str) -> None:
        super().__init__(cause)
        self.cause = printable(cause)
        self.during = during
        self.episode: int | None = None
        self.adapted: Any = None
        self.episodes: tuple[Any, ...] = ()

    def __str__(self) -> str:
        episode = "" if self.episode is None else f" of episode {self.episode}"
        return f"the environment failed in {self.during}{episode}: {self.cause}"


class AdaptationInterrupted(KeyboardInterrupt):
    """Ctrl-C ended an adaptation in an environment.

    Attributes:
        adapted: The :class:`robotmeta.Adapted` of what was collected until then.
        episodes: Its episodes until then, the interrupted one included; see :class:`robotmeta.Adapted`.
    """

    def __init__(self, adapted: Any, episodes: tuple[Any, ...]) -> None:
        super().__init__("stopped")
        self.adapted = adapted
        self.episodes = episodes


class FitFailed(UserError):
    """No fit to the adaptation episodes can be made, for instance because they are too short, or fine-tuning fails.

    Attributes:
        adapted: The :class:`robotmeta.Adapted` of what was done until then.
    """

    def __init__(self, message: str, adapted: Any) -> None:
        super().__init__(message)
        self.adapted = adapted


class RobotmetaWarning(UserWarning):
    """Something in a user's model, functions or files that works, but hardly as intended."""


class ModelWarning(RobotmetaWarning):
    """A robot's model does something that its user may not expect. Training goes on."""


class EnvironmentWarning(RobotmetaWarning):
    """What a user should know about an environment of somebody's own, such as another control step."""


def reason(error: BaseException) -> str:
    """What went wrong, in one line."""
    try:
        text = str(error)
    except Exception:  # of an error class of somebody's own
        text = ""
    line = (text.strip().splitlines() or ["no message"])[0]
    return line if isinstance(error, UserError) else f"{type(error).__name__}: {printable(line)}"


def unknown(kind: str, name: str, existing: Iterable[str], *, where: str = "") -> UserError:
    """The error for a name that does not exist: nearest names first, then the others.

    Args:
        kind: What was looked up, such as ``"parameter"``.
        name: The name that was not found.
        existing: The names that do exist.
        where: Where it was looked up, such as ``"family 'cheetah-dynamics'"``.
    """
    names = list(existing)
    name = name if name.isprintable() else ascii(name)[1:-1]  # errors are one line
    near = difflib.get_close_matches(name, names, n=2, cutoff=0.5)
    others = [other for other in names if other not in near]
    place = f" in {where}" if where else ""
    if not names:
        return UserError(f"no {kind} '{name}'{place}: there are none")
    if not near:
        return UserError(f"no {kind} '{name}'{place}; there are: {', '.join(names)}")
    also = f" (also {', '.join(others)})" if others else ""
    return UserError(f"no {kind} '{name}'{place}; nearest: {', '.join(near)}{also}")
