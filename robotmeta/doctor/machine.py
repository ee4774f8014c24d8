"""Cores, memory and disk."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from robotmeta.doctor.findings import Finding

_ENOUGH = 1e9  # bytes of free disk space


def cores() -> Finding:
    """Cores of the machine, and those that this process may use."""
    machine = os.cpu_count() or 1
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else machine
    set_ = f", OMP_NUM_THREADS={os.environ['OMP_NUM_THREADS']}" if "OMP_NUM_THREADS" in os.environ else ""
    load = os.getloadavg()[0]
    said = f"{usable} of {machine} for physics threads{set_}, load average {load:.1f}"
    values = {"cores": machine, "usable": usable, "load_average": load}
    return Finding("cores", "works", said, needed=True, values=values)


def disk() -> Finding:
    """Free space of the current folder, and whether it can be written."""
    try:
        here = Path.cwd()
        free = shutil.disk_usage(here).free
    except OSError as error:
        return Finding("disk", "fails", f"the current folder cannot be read: {error.strerror}", "cd to another folder")
    said, values = f"{free / 1e9:.1f} GB free in {here}", {"free_bytes": free}
    if not os.access(here, os.W_OK):
        return Finding("disk", "fails", f"{said}, which cannot be written", "cd to another folder", values=values)
    if free < _ENOUGH:
        return Finding("disk", "fails", f"{said}: little for checkpoints and videos", "free some", values=values)
    return Finding("disk", "works", said, values=values)
