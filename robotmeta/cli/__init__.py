"""The command line: ``robotmeta COMMAND``."""

from robotmeta.cli.main import main

__all__ = ["main"]
