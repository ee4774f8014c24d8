"""``robotmeta policies``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import tyro
from rich.table import Column, Table
from rich.text import Text

import robotmeta as rm
from robotmeta.cli.shared import File, console, default, write_json
from robotmeta.errors import printable


def policies(
    policy: Annotated[str | None, tyro.conf.Positional, default("all pretrained policies")] = None, json: File = None
) -> None:
    """List the pretrained policies, or say what a policy file knows about its policy: training and results.

    Example: robotmeta policies pretrained:grasp

    Args:
        policy: A policy file, or pretrained:NAME.
        json: Also write the answer to this file.
    """
    from robotmeta.policy_file import PRETRAINED, read_manifest

    if policy is not None:
        found = read_manifest(policy)
        _describe(found)
        write_json(json, found)
        return
    every = {f"{PRETRAINED}{name}": read_manifest(f"{PRETRAINED}{name}") for name in rm.pretrained()}
    table = Table(Column("policy", no_wrap=True), "steps", "held-out tasks", "out of distribution")
    for name, data in every.items():
        results = data.get("about", {}).get("results", {})
        cells = (_adapted(results.get(split)) for split in ("test", "ood"))
        table.add_row(name, _millions(data), *cells)
    console.print(
        table,
        "Control steps of meta-training; return, and how often it succeeds, after the adaptation episodes. "
        "robotmeta policies NAME shows controls and the command.",
        sep="\n",
    )
    write_json(json, every)


def _describe(data: Mapping[str, Any]) -> None:
    config, about, family = data["config"], data.get("about"), printable(data["config"]["family"])
    console.print(
        f"Family: {family}, {len(data['space']['names'])} parameters, {len(data['observations'])} observations, "
        f"{len(data['actions'])} actions.\n"
        f"Training: {config['learner']}, seed {config['seed']}, {data['iteration']} iterations, "
        f"{_millions(data)} control steps.",
        markup=False,
        soft_wrap=True,
    )
    if about is None:
        console.print("The file has no results.")
        return
    console.print(f"Command: {printable(about['command'])}", markup=False, soft_wrap=True)
    for split, results in about["results"].items():
        title = f"{split}: {results['tasks']} tasks, after {results['episodes']} adaptation episodes (95 % CI)"
        table = Table("policy", title=Text(printable(title), style="table.title"))
        quantities = [name for name in ("return", "success") if results.get(name)]
        for quantity in quantities:
            table.add_column(quantity, justify="right")
        for name in results["return"]:
            cells = (_text(results[quantity].get(name), quantity) for quantity in quantities)
            table.add_row(Text(printable(name.replace("_", "-"))), *cells)
        console.print(table)


def _adapted(results: Mapping[str, Any] | None) -> str:
    """Return and success after adaptation; empty where nothing was measured."""
    if results is None:
        return ""
    success = results.get("success") or {}
    shown = [_text(results["return"].get("adapted"), "return"), _text(success.get("adapted"), "success")]
    return "\n".join(filter(None, shown))


def _text(value: Mapping[str, Any] | None, quantity: str) -> str:
    if value is None:
        return ""

    def number(x: float) -> str:
        return f"{x:.0%}" if quantity == "success" else f"{x:.1f}"

    bounds = value.get("ci95")
    return number(value["mean"]) + ("" if bounds is None else f" [{number(bounds[0])}, {number(bounds[1])}]")


def _millions(data: Mapping[str, Any]) -> str:
    return f"{data['env_steps'] / 1e6:.1f}M"
