"""Checks of the arguments of public functions against their type hints, so that a mix-up is told in one line."""

from __future__ import annotations

import functools
import inspect
import numbers
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar

import numpy as np

from robotmeta.errors import UserError

P = ParamSpec("P")
R = TypeVar("R")

_MADE_BY = {
    "Policy": "robotmeta.load(...) returns one",
    "TaskFamily": "robotmeta.make(...) returns one",
    "Tasks": "family.task(...) and family.tasks(...) return them",
    "VendorRobot": "robotmeta.read_robot(...) returns one",
    "Adapted": "robotmeta.adapt(...) returns one",
    "Evaluation": "robotmeta.evaluate(...) returns one",
    "References": "robotmeta.evaluation.references.load_references(...) returns them",
    "TaskPosterior": "robotmeta.fit(...).posterior is one",
}
"""Where objects come from, by the name of their class."""
_WORDS = {int: "a whole number", float: "a number", str: "a string", bool: "True or False", Path: "a path"}
_SEVERAL = ("Tasks", "Changes", "References", "RecordedEpisodes")  # classes whose names are in the plural
_SHOWN = 60  # characters of a value that an error shows


def check_arguments(function: Callable[P, R]) -> Callable[P, R]:
    """Decorates a public function: its arguments are checked against their type hints before it runs.

    A path must not be empty, which would stand for the working folder. NumPy scalars become Python numbers.

    Elements of sequences and mappings, and arguments of callables, are not checked. Hints that a check cannot decide,
    such as a protocol, let anything through.

    The function raises:
        UserError: For an argument of another type. The line says what it must be, and what returns such objects.
    """

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        signature, hints = _hints(function)
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{function.__name__}() {error}") from None
        for name, value in bound.arguments.items():
            if name in hints and not _fits(value, hints[name]):
                raise UserError(f"{name} must be {_wanted(hints[name])}, not {_given(value)}")
            if name in hints and isinstance(value, str) and not value.strip() and Path in parts_of(hints[name]):
                raise UserError(f"{name} is empty: give a file or a folder")
            if isinstance(value, np.generic):
                bound.arguments[name] = value.item()  # which JSON takes, too
        return function(*bound.args, **bound.kwargs)

    return checked


@functools.cache
def _hints(function: Callable[..., Any]) -> tuple[inspect.Signature, dict[str, Any]]:
    signature = inspect.signature(function)
    kinds = {name: parameter.kind for name, parameter in signature.parameters.items()}
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    hints = typing.get_type_hints(function)
    return signature, {name: hints[name] for name in kinds if name in hints and kinds[name] not in several}


def _fits(value: object, hint: Any) -> bool:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, part) for part in typing.get_args(hint))
    if origin is Literal:
        return value in typing.get_args(hint)
    kind = origin or hint
    if kind is type(None):
        return value is None
    if kind is bool:
        return isinstance(value, bool | np.bool_)
    if kind is int:
        return isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if kind is float:
        return isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_)
    if kind is Sequence:  # a string is a sequence of strings, which nobody means
        return isinstance(value, Sequence | np.ndarray) and not isinstance(value, str | bytes)
    if not isinstance(kind, type) or getattr(kind, "_is_protocol", False):
        return True
    return isinstance(value, kind)


def _wanted(hint: Any) -> str:
    parts = parts_of(hint)
    words = list(dict.fromkeys(map(_word, parts)))
    made_by = [_MADE_BY[part.__name__] for part in parts if getattr(part, "__name__", "") in _MADE_BY]
    text = " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
    return f"{text} ({'; '.join(made_by)})" if made_by else text


def parts_of(hint: Any) -> list[Any]:
    """The types of a union; the type itself if it is none."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return [inner for part in typing.get_args(hint) for inner in parts_of(part)]
    return [hint]


def _word(hint: Any) -> str:
    kind = typing.get_origin(hint) or hint
    if kind is type(None):
        return "None"
    if kind is Literal:
        return " or ".join(map(repr, typing.get_args(hint)))
    if kind is Sequence:
        return "a sequence"
    if kind is Mapping:
        return "a mapping"
    if kind is Callable or getattr(kind, "__name__", "") == "Callable":
        return "a function"
    name = getattr(kind, "__name__", str(kind))
    return _WORDS.get(kind, name if name in _SEVERAL else f"an {name}" if name[0] in "AEIO" else f"a {name}")


def _given(value: object) -> str:
    text = repr(value)
    kind = type(value).__name__
    if isinstance(value, str | int | float | type(None)) and len(text) <= _SHOWN:
        return text
    return f"an object of type {kind}"
