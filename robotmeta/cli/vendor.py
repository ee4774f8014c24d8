"""``--robot``: a vendor's robot, read from its MJCF file."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from robotmeta.cli.shared import console, pairs
from robotmeta.errors import UserError
from robotmeta.files import check_target

if TYPE_CHECKING:
    import robotmeta as rm
    from robotmeta.envs.listing import Listing


@functools.cache
def read(source: str, family: str, forward: str | None = None) -> rm.VendorRobot:
    """The robot in a file, which is read once."""
    import robotmeta as rm

    return rm.read_robot(source, family, forward=forward)


def check_options(given: Mapping[str, Any]) -> None:
    """Raises UserError for options of a robot that is not given."""
    for name in ("robot_picture", "robot_forward"):
        if given["robot"] is None and given.get(name) is not None:
            raise UserError(f"--{name.replace('_', '-')} is for --robot")


def check_picture(file: Path | None) -> None:
    """Raises UserError for a picture that is no ``.png`` or cannot be written, before any work is done."""
    if file is not None:
        if file.suffix.lower() != ".png":
            raise UserError(f"--robot-picture is a .png file, not {file.name}")
        check_target(file)


def robot_of(family: rm.TaskFamily, given: Mapping[str, Any]) -> rm.VendorRobot | None:
    """The robot of ``--robot`` under the conditions of ``--task``; None where no robot is given.

    With ``--env`` or ``--log`` it is the model of that robot.

    Raises:
        UserError: For a robot that cannot be read, or an unknown condition.
    """
    check_options(given)
    check_picture(given.get("robot_picture"))
    if given["robot"] is None:
        return None
    return read(given["robot"], family.name, given["robot_forward"]).under(**pairs(given["task"]))


def show_robot(robot: rm.VendorRobot, picture: Path | None = None) -> None:
    """Prints what was understood of a robot, and writes a picture of it if that is asked for."""
    console.print(f"{robot.name}, read as '{robot.reads_as}'")
    show_listings(robot.understood)
    for note in robot.notes:
        console.print(note)
    if picture is not None:
        robot.picture(picture)
        console.print(f"Picture: {picture}")


def show_listings(listings: Iterable[Listing]) -> None:
    """Prints tables."""
    for listing in listings:
        table = Table(*listing.columns, title=listing.title)
        for row in listing.rows:
            table.add_row(*row)
        console.print(table)
