"""Consoles that print every name as it is, and what a terminal would act on as an escape sequence of Python."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from robotmeta.errors import printable


class _PlainConsole(Console):
    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(printable(text, keep="\n\t"), **options)


def plain_console(*, stderr: bool = False) -> Console:
    """A console without markup, emoji codes and highlighting.

    Families are called ``robots/dog.py:dog``, and folders ``[a]``: rich would read a style or an emoji into them. Lines
    on stdout are not wrapped, so that paths stay whole.
    """
    return _PlainConsole(stderr=stderr, soft_wrap=not stderr, markup=False, emoji=False, highlight=False)
