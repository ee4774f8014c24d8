"""Consoles that print every name as it is."""

from __future__ import annotations

from rich.console import Console


def plain_console(*, stderr: bool = False) -> Console:
    """A console without markup, emoji codes and highlighting.

    Families are called ``robots/dog.py:dog``, and folders ``[a]``: rich would read a style or an emoji into them. Lines
    on stdout are not wrapped, so that paths stay whole.
    """
    return Console(stderr=stderr, soft_wrap=not stderr, markup=False, emoji=False, highlight=False)
