"""``robotmeta doctor``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.table import Column, Table

from robotmeta.cli.shared import File, check_targets, console, write_json
from robotmeta.progress import stage_bar

if TYPE_CHECKING:
    from robotmeta.doctor.findings import Diagnosis


def doctor(json: File = None) -> None:
    """Say what works on this machine, and what to install for what does not: packages, cores, GPU, pictures, video.

    It takes seconds and needs no network. The exit status is 1 if something that is needed does not work. Pictures,
    videos, a GPU and extras are not needed.

    Example: robotmeta doctor

    Args:
        json: Write what it finds here.
    """
    from robotmeta.doctor.examine import examine

    check_targets(json)
    with stage_bar("examination") as bar:
        bar.show(None)
        found = examine()
    write_json(json, found.to_json())
    _show(found)
    if found.lacking:
        sys.exit(1)


def _show(found: Diagnosis) -> None:
    packages = Table("package", "installed", "needed", "tested with", "")
    for package in found.packages:
        cells = (package.version or "none", package.needed, package.tested or "")
        packages.add_row(package.name, *cells, "" if package.fits else "does not fit")
    checks = Table("what", "status", Column("found", overflow="fold"))
    for check in found.findings:
        checks.add_row(check.name, check.status, check.said)
    console.print(packages, checks, sep="\n")
    for name, fix in found.fixes.items():
        console.print(f"For {name}: {fix}")
    if found.lacking:
        console.print(f"What is needed does not work: {', '.join(found.lacking)}.")
    else:
        console.print("Everything that is needed works.")
