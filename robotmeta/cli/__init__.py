"""The command line: ``robotmeta COMMAND``."""

from robotmeta.cli.commands import main

__all__ = ["main"]
