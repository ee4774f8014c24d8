"""How fast policies recover from a change within an episode, beside domain randomization.

    python benchmarks/changing.py quadruped
    python benchmarks/changing.py quadruped --split ood
    python benchmarks/changing.py cheetah-dynamics --run runs/benchmarks/cheetah-dynamics-task-inference

With ``--run``, the domain-randomized control of that run is measured too. The families of the literature list no
parameters that change. Here those of the floor and the motors change.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import robotmeta as rm
from robotmeta.console import plain_console
from robotmeta.files import write_text
from robotmeta.json_values import json_text
from robotmeta.reporting.plots import save_figure
from robotmeta.reporting.recovery_plot import around_change

_RESULTS = Path(__file__).parent / "results"
_CHANGING = {name: ("friction", "motor_strength", "faulty_joint") for name in ("cheetah-dynamics", "walker-faults")}


def measured(name: str, split: str, tasks: int, run: Path | None) -> rm.Evaluation:
    """The shipped policy of a family, where the tasks after the change are those of a split."""
    family = rm.make(name)
    family = dataclasses.replace(family, changing=family.changing or _CHANGING[name])
    control = None if run is None else rm.load(run / "controls" / "domain_randomized", family=family)
    return rm.evaluate(
        rm.load(f"pretrained:{name}", family=family),
        tasks=family.changes(family.tasks(split, tasks)),
        controls=("zero_shot",),
        domain_randomized=control,
    )


def main() -> None:
    """Measures, writes and prints the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family")
    parser.add_argument("--split", default="test", help="the tasks after the change")
    parser.add_argument("--tasks", type=int, default=100)
    parser.add_argument("--run", type=Path, help="run folder with a domain-randomized control")
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    evaluation = measured(options.family, options.split, options.tasks, options.run)
    name = options.family if options.split == "test" else f"{options.family}-{options.split}"
    write_text(_RESULTS / f"changing-{name}.json", json_text(evaluation.to_json(), indent=2))
    assert evaluation.recovery is not None
    if options.plot is not None:
        save_figure(around_change(evaluation.recovery), options.plot)
    plain_console().print(evaluation.table(), evaluation.recovery.table(), evaluation.verdict())


if __name__ == "__main__":
    main()
