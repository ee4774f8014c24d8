"""Completion in bash, zsh and fish, with scripts that tyro writes. Options complete to the names that exist."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from robotmeta.errors import UserError, unknown

_FLAGS = ("--tyro-print-completion", "--tyro-write-completion")
_SHELLS = ("bash", "zsh", "fish", "tcsh")


def check_completion(arguments: Sequence[str]) -> bool:
    """Whether a script for completion is asked for.

    Raises:
        UserError: For an unknown shell, or arguments that are missing.
    """
    if not arguments or arguments[0] not in _FLAGS:
        return False
    needed = ("SHELL",) if arguments[0] == _FLAGS[0] else ("SHELL", "FILE")
    if len(arguments) != 1 + len(needed):
        raise UserError(f"it is: robotmeta {arguments[0]} {' '.join(needed)}")
    if arguments[1] not in _SHELLS:
        raise unknown("shell", arguments[1], _SHELLS)
    return True


def completable(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose options take the names that exist and no others, as tyro needs to complete them.

    Otherwise an unknown name gets an error of ours, which has the nearest one.
    """

    @functools.wraps(command)
    def shown(*args: Any, **named: Any) -> None:
        command(*args, **named)

    hints, parameters = get_type_hints(command, include_extras=True), []
    for name, parameter in inspect.signature(command).parameters.items():
        if name in _NAMES and _takes_a_name(hints[name]):
            names = tuple(_NAMES[name]())
            hints[name] = Annotated[Literal[names], *getattr(hints[name], "__metadata__", ("",))]
            parameter = parameter.replace(default=names[0])
        parameters.append(parameter)
    del shown.__wrapped__
    shown.__annotations__ = hints
    shown.__doc__ = re.sub(r"\n {8,}", " ", inspect.getdoc(command) or "")  # tyro completes only first lines well
    shown.__signature__ = inspect.Signature(parameters)  # pyright: ignore[reportAttributeAccessIssue]
    return shown


def _takes_a_name(hint: Any) -> bool:
    return (get_args(hint)[0] if get_origin(hint) is Annotated else hint) in (str, str | None)


def _families() -> list[str]:
    from robotmeta.envs import family_names

    return list(family_names())


def _learners() -> list[str]:
    from robotmeta.metalearners import LEARNERS

    return list(LEARNERS)


def _simulators() -> list[str]:
    from robotmeta.envs.simulators import SIMULATORS

    return ["auto", *SIMULATORS]


_NAMES: Mapping[str, Callable[[], Sequence[str]]] = {
    "learner": _learners,
    "family": _families,
    "run_family": _families,
    "simulator": _simulators,
    "split": lambda: ("test", "ood", "robots", "changing"),
    "device": lambda: ("auto", "cpu", "cuda"),
}
