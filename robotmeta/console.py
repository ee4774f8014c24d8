"""Consoles that print every name as it is, and what a terminal would act on as an escape sequence of Python."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from rich.console import Console
from rich.text import Text

from robotmeta.errors import printable

_quiet = False
_results: TextIO | None = None


class _PlainConsole(Console):
    def __init__(self, *, chatter: bool, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)
        self._chatter = chatter

    def print(self, *objects: Any, **options: Any) -> None:
        if not (self._chatter and is_quiet()):
            super().print(*objects, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(printable(text, keep="\n\t"), **options)


def plain_console(*, stderr: bool = False, chatter: bool = False) -> Console:
    """A console without markup, emoji codes and highlighting.

    Families are called ``robots/dog.py:dog``, and folders ``[a]``: rich would read a style or an emoji into them. Lines
    on stdout are not wrapped, so that paths stay whole.

    Args:
        stderr: Whether it prints on stderr.
        chatter: Whether it is silent with :func:`quieted`.
    """
    return _PlainConsole(chatter=chatter, stderr=stderr, soft_wrap=not stderr)


def is_quiet() -> bool:
    """Whether there is no progress and no chatter to be shown."""
    return _quiet


@contextlib.contextmanager
def quieted() -> Iterator[None]:
    """Shows neither progress nor chatter meanwhile: errors, warnings and results alone."""
    global _quiet
    before, _quiet = _quiet, True
    try:
        yield
    finally:
        _quiet = before


@contextlib.contextmanager
def stdout_for_results() -> Iterator[None]:
    """Keeps stdout for what goes to :func:`results`. Everything else is on stderr meanwhile."""
    global _results
    before, _results = _results, sys.stdout
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        _results = before


def results() -> TextIO:
    """Where a result that is asked for on stdout goes."""
    return sys.stdout if _results is None else _results
