"""Whether there is a screen."""

from __future__ import annotations

import os
import sys


def has_screen() -> bool:
    """Whether there is a screen to open a window on."""
    if sys.platform == "linux":
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True
