"""``robotmeta learners``."""

from __future__ import annotations

from typing import Annotated, Any

import tyro
from rich.table import Column, Table

from robotmeta.cli.flags import hyperparameters_of
from robotmeta.cli.shared import File, console, default, write_json


def learners(
    name: Annotated[str | None, tyro.conf.Positional, default("all learners")] = None, json: File = None
) -> None:
    """List the meta-learners, or the hyper-parameters and presets of one.

    Example: robotmeta learners promp

    Args:
        name: A learner.
        json: Also write the answer to this file.
    """
    if name is not None:
        _describe(name)
        write_json(json, _described(name))
        return
    from robotmeta.metalearners import LEARNERS

    _list()
    write_json(json, {learner: _described(learner) for learner in LEARNERS})


def _list() -> None:
    from robotmeta.metalearners import DEFAULT, LEARNERS

    table = Table("learner", "how it adapts", "hyper-parameters", "source")
    for name, learner in LEARNERS.items():
        shown = f"{name} (default)" if name == DEFAULT else name
        table.add_row(shown, learner.adaptation, str(len(hyperparameters_of(name))), learner.source)
    console.print(table)


def _describe(name: str) -> None:
    from robotmeta.metalearners import learner_class

    learner = learner_class(name)
    console.print(f"{name} adapts {learner.adaptation}.\nSource: {learner.source}.")
    table = Table(Column("flag", no_wrap=True), "type", "default", "what it is")
    for h in hyperparameters_of(name):
        table.add_row(h.flag, h.type_name, h.default_text, h.description)
    console.print(table)
    console.print("A bool is set by its flag and cleared by the same flag with --no-, as in --oracle and --no-oracle.")
    for preset, values in learner.Config.presets.items():
        console.print(f"--preset {preset}: {', '.join(f'{key} = {value}' for key, value in values.items())}.")


def _described(name: str) -> dict[str, Any]:
    """A learner as a JSON object."""
    from robotmeta.metalearners import learner_class

    learner = learner_class(name)
    return {
        "adaptation": learner.adaptation,
        "source": learner.source,
        "hyperparameters": [
            {
                "name": h.name,
                "flag": h.flag,
                "type": h.type_name,
                "default": h.default,
                "default_by_family": h.by_family,
                "description": h.description,
            }
            for h in hyperparameters_of(name)
        ],
        "presets": {preset: dict(values) for preset, values in learner.Config.presets.items()},
    }
