"""Consoles that print every name as it is, and what a terminal would act on as an escape sequence of Python."""

from __future__ import annotations

import unicodedata
from typing import Any

from rich.console import Console
from rich.text import Text

# Control characters, formats such as a change of direction, halves of surrogate pairs, and separators of lines.
_ESCAPED = ("Cc", "Cf", "Cs", "Zl", "Zp")


def printable(text: str, *, keep: str = "") -> str:
    """Text without characters that a terminal would act on: those are written as in a string of Python.

    Args:
        text: The text.
        keep: Characters that stay as they are.
    """
    return "".join(
        c if c in keep or unicodedata.category(c) not in _ESCAPED else c.encode("unicode_escape").decode() for c in text
    )


class _PlainConsole(Console):
    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(printable(text, keep="\n\t"), **options)


def plain_console(*, stderr: bool = False) -> Console:
    """A console without markup, emoji codes and highlighting.

    Families are called ``robots/dog.py:dog``, and folders ``[a]``: rich would read a style or an emoji into them. Lines
    on stdout are not wrapped, so that paths stay whole.
    """
    return _PlainConsole(stderr=stderr, soft_wrap=not stderr, markup=False, emoji=False, highlight=False)
