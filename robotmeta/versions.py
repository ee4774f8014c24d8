"""Versions of the software that produced a result."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import platform
from collections.abc import Mapping

_PACKAGES = ("robotmeta", "torch", "mujoco", "numpy", "gymnasium")


def versions() -> dict[str, str]:
    """Versions of Python and of the installed packages that influence numerical results, by name."""
    return dict(_versions())


@functools.cache
def _versions() -> Mapping[str, str]:
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found
