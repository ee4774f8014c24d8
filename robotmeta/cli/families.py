"""``robotmeta families``."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import tyro
from rich.table import Column, Table

import robotmeta as rm
from robotmeta.cli.shared import File, console, default, first_names, write_json
from robotmeta.errors import UserError


def families(
    name: Annotated[str | None, tyro.conf.Positional, default("all families")] = None, json: File = None
) -> None:
    """List the task families, or describe one: its parameters, their ranges, its splits, observations and actions.

    Example: robotmeta families cheetah-dynamics

    Args:
        name: A family, or FILE.py:FUNCTION or MODULE:FUNCTION for one of your own.
        json: Also write the answer to this file.
    """
    if name is None:
        write_json(json, _list())
        return
    family = rm.make(name)
    _describe(family)
    write_json(json, _described(family))


def _list() -> dict[str, Any]:
    """Prints a table of all families; returns their descriptions by name."""
    from robotmeta.envs import family_names, family_package

    table = Table("family", "parameters", "horizon", "what it is")
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
        table.add_row(name, first_names(family.space.names), str(family.horizon), family.summary + origin)
        described[name] = _described(family)
    console.print(table, *broken, sep="\n")
    return described


def _describe(family: rm.TaskFamily) -> None:
    source = family.source
    console.print(f"{family.name}: {family.summary}")
    for what, text in (("Source", source.citation), ("Reward", source.reward), ("Differences", source.differences)):
        if text:
            console.print(f"{what}: {text}")
    console.print(
        f"Horizon {family.horizon} control steps of {family.dt:g} s. Splits: train, {', '.join(family.splits)}."
    )
    train = Column("train and test", overflow="fold")
    table = Table(Column("parameter", no_wrap=True), "nominal", train, "ood", "what it is")
    for p in family.space:
        ood = "as train" if p.ood is None else p.spelled(p.ood)
        low, high = p.bounds
        within = f"one of {', '.join(p.labels.values())}" if p.labels else f"from {low:g} to {high:g}"
        table.add_row(p.name, p.text(p.nominal, digits=6), p.spelled(p.train), ood, f"{p.description}; {within}")
    console.print(table)
    for what, signals in (
        ("Observations", family.observations),
        ("Privileged state, which learners may infer", family.privileged_state),
        ("Actions, each in -1 to 1", family.actions),
    ):
        if signals:
            console.print(f"{what}: {', '.join(f'{signal} ({unit})' for signal, unit in signals)}.")
    if family.fit_only:
        only = ", ".join(p.name for p in family.fit_only)
        console.print(f"Searched by fits if nothing else explains a robot: {only}.")
    if family.robots:
        console.print(f"Robots, as in --task robot={next(iter(family.robots))}: {', '.join(family.robots)}.")


def _described(family: rm.TaskFamily) -> dict[str, Any]:
    """A family as a JSON object."""
    return {
        "summary": family.summary,
        "source": dataclasses.asdict(family.source),
        "horizon": family.horizon,
        "dt": family.dt,
        "splits": ["train", *family.splits],
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
        "robots": {name: dict(columns) for name, columns in family.robots.items()},
    }
