"""``robotmeta families``."""

from __future__ import annotations

import dataclasses
import shlex
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from rich.table import Column, Table

import robotmeta as rm
from robotmeta.cli.shared import File, Forward, RobotFile, console, default, first_names, write_json
from robotmeta.cli.vendor import check_options, check_picture, read, show_listings, show_robot
from robotmeta.errors import UserError

if TYPE_CHECKING:
    from robotmeta.envs.listing import Listing


def families(
    name: Annotated[str | None, tyro.conf.Positional, default("all families")] = None,
    robot: RobotFile = None,
    robot_forward: Forward = None,
    robot_picture: File = None,
    json: File = None,
) -> None:
    """List the task families, or describe one: its parameters, their ranges, its splits, observations and actions.

    Example: robotmeta families cheetah-dynamics

    Example: robotmeta families quadruped --robot go2.xml --robot-picture go2.png

    Args:
        name: A family, or FILE.py:FUNCTION or MODULE:FUNCTION for one of your own.
        robot: Instead, print what is understood of a vendor's robot, an MJCF file or PACKAGE:PATH, and its numbers
            beside those of the nearest published robot.
        robot_forward: The axis of its trunk that points forward, or of its base toward the table, such as -x.
        robot_picture: Draw that robot here as it was understood (.png).
        json: Also write the answer to this file.
    """
    check_options({"robot": robot, "robot_picture": robot_picture, "robot_forward": robot_forward})
    check_picture(robot_picture)
    if name is None:
        if robot is not None:
            raise UserError("--robot needs a family, such as robotmeta families quadruped --robot FILE")
        write_json(json, _list())
        return
    if robot is not None:
        vendor = read(robot, name, robot_forward)
        show_robot(vendor, robot_picture)
        write_json(json, _read(vendor))
        return
    family = rm.make(name)
    _describe(family)
    write_json(json, _described(family))


def _list() -> dict[str, Any]:
    """Prints a table of all families; returns their descriptions by name."""
    from robotmeta.envs import family_names, family_package

    table = Table(Column("family", no_wrap=True), "parameters", "what it is")
    described: dict[str, Any] = {}
    broken: list[str] = []
    for name in family_names():
        try:
            family = rm.make(name)
        except UserError as error:  # a broken family of another package must not hide the others
            broken.append(str(error))
            continue
        package = family_package(name)
        origin = "" if package == "robotmeta" else f" (package {package})"
        table.add_row(name, str(len(family.space.names)), family.summary + origin)
        described[name] = _described(family)
    console.print(table, *broken, sep="\n")
    return described


def _parameters(space: rm.ParameterSpace) -> Table:
    """A table of the parameters. Tasks out of distribution have a column if they differ."""
    from robotmeta.envs import Choice

    train, ood = (Column(title, overflow="fold") for title in ("train and test", "ood, if it differs"))
    what = Column("what it is", min_width=20)
    table = Table(Column("parameter", no_wrap=True), "nominal", train, *([ood] if space.has_ood else []), what)
    for p in space:
        low, high = p.bounds
        within = f"one of {', '.join(p.labels.values())}" if p.labels else f"from {low:g} to {high:g}"
        drawn = isinstance(p.train, Choice) and set(p.train.values) == set(p.labels)  # which lists all kinds
        differs = [] if not space.has_ood else [""] if p.ood is None else [p.spelled(p.ood, unit=False)]
        said = p.description if drawn else f"{p.description}; {within}"
        table.add_row(p.name, p.text(p.nominal, digits=6), p.spelled(p.train, unit=False), *differs, said)
    return table


def _describe(family: rm.TaskFamily) -> None:
    source = family.source
    console.print(f"{family.name}: {family.summary}")
    for what, text in (("Source", source.citation), ("Reward", source.reward), ("Differences", source.differences)):
        if text:
            console.print(f"{what}: {text}")
    console.print(
        f"Horizon {family.horizon} control steps of {family.dt:g} s. Splits: train, {', '.join(family.splits)}."
    )
    console.print(_parameters(family.space))
    console.print("In the units of the nominal values: U is uniform, logU uniform in the logarithm.")
    for what, signals in (
        ("Observations", family.observations),
        ("Privileged state, which learners may infer", family.privileged_state),
        ("Actions, each in -1 to 1", family.actions),
    ):
        if signals:
            console.print(f"{what}: {', '.join(f'{signal} ({unit})' for signal, unit in signals)}.")
    show_listings((*family.interface, *_sensors(family), *_measures(family)))
    if family.curriculum is not None:
        console.print(f"Curriculum of meta-training: {_levels(family)}.")
    if family.changing:
        console.print(f"Split changing: within an episode changes one of {', '.join(family.changing)}.")
    if family.fit_only:
        only = ", ".join(p.name for p in family.fit_only)
        console.print(f"Searched by fits if nothing else explains a robot: {only}.")
    if family.robots:
        example = shlex.quote(f"robot={next(iter(family.robots))}")
        console.print(f"Robots, as in --task {example}: {', '.join(family.robots)}.")


def _sensors(family: rm.TaskFamily) -> list[Listing]:
    """The sensors as a table, if the family states them."""
    from robotmeta.envs.listing import Listing

    rows = tuple(
        (sensor.group, first_names(sensor.observed(), 3), f"{sensor.noise:g}", f"{sensor.bias:g}")
        for sensor in family.sensors
    )
    title = "Sensors: usual standard deviations, as rm.disturbed takes them"
    return [Listing(title, ("group", "observations", "noise", "bias"), rows)] if rows else []


def _levels(family: rm.TaskFamily) -> str:
    """The levels of the family's curriculum, and how they move."""
    curriculum = family.curriculum
    assert curriculum is not None
    column = None if curriculum.column is None else family.space[curriculum.column]
    levels = ", ".join(f"{level:g}" if column is None else column.text(level) for level in curriculum.levels)
    what = "success" if curriculum.progress is None else "progress"
    rule = f"up from a {what} of {curriculum.promote:g}, down below {curriculum.demote:g}"
    kept = "" if curriculum.kind is None else f" for each {curriculum.kind}"
    named = "distance from the nominal task" if column is None else column.name
    return f"{named} {levels}{kept}; {rule}; off with train --no-curriculum"


def _measures(family: rm.TaskFamily) -> list[Listing]:
    """The measures as a table, if the family has any."""
    from robotmeta.envs.listing import Listing

    rows = tuple((measure.name, measure.unit, measure.description) for measure in family.measures)
    return [Listing("Measures, which evaluate shows", ("measure", "unit", "what it is"), rows)] if rows else []


def _read(robot: rm.VendorRobot) -> dict[str, Any]:
    """A vendor's robot as a JSON object."""
    tables = [_table(listing) for listing in robot.understood]
    return {
        "robot": robot.name,
        "family": robot.reads_as,
        "row": dict(robot.row),
        "tables": tables,
        "notes": list(robot.notes),
    }


def _table(listing: Listing) -> dict[str, Any]:
    rows = [list(row) for row in listing.rows]
    return {"title": listing.title, "columns": list(listing.columns), "rows": rows}


def _described(family: rm.TaskFamily) -> dict[str, Any]:
    """A family as a JSON object."""
    return {
        "summary": family.summary,
        "source": dataclasses.asdict(family.source),
        "horizon": family.horizon,
        "dt": family.dt,
        "splits": ["train", *family.splits],
        "changing": list(family.changing),
        "curriculum": None
        if family.curriculum is None
        else {
            "column": family.curriculum.column,
            "kind": family.curriculum.kind,
            "levels": list(family.curriculum.levels),
            "promote": family.curriculum.promote,
            "demote": family.curriculum.demote,
        },
        "parameters": [
            {
                "name": p.name,
                "unit": p.unit,
                "nominal": p.nominal,
                "train": str(p.train),
                "ood": None if p.ood is None else str(p.ood),
                "bounds": list(p.bounds),
                "labels": {f"{value:g}": label for value, label in p.labels.items()},
                "description": p.description,
            }
            for p in family.space
        ],
        "observations": [list(signal) for signal in family.observations],
        "privileged_state": [list(signal) for signal in family.privileged_state],
        "actions": [list(signal) for signal in family.actions],
        "sensors": [dataclasses.asdict(sensor) for sensor in family.sensors],
        "measures": [{"name": m.name, "unit": m.unit, "description": m.description} for m in family.measures],
        "told": list(family.told),
        "interface": [_table(listing) for listing in family.interface],
        "robots": {name: dict(columns) for name, columns in family.robots.items()},
    }
