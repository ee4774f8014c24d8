"""``python -m robotmeta``, which torchrun starts with ``torchrun -m robotmeta``."""

import os
import sys

from robotmeta.cli import main

_ALONE = os.environ.get("WORLD_SIZE", "1") == "1"


def run() -> None:
    """Runs the command. One of several ranks ends without Python's clean-up, in which threads of Gloo can abort."""
    try:
        main()
    except SystemExit as stopped:
        if _ALONE or not isinstance(stopped.code, int):
            raise
        _leave(stopped.code)
    if not _ALONE:
        _leave(0)


def _leave(status: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)


run()
