"""Writes the tables of learning results: ``python benchmarks/tables.py`` renews those of both READMEs.

``benchmarks/README.md`` has every run, split, measure and control; the project's README what each learner came to on
each family.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from learning import BENCHMARKS, RESULTS

ROOT = Path(__file__).parents[1]
_LEARNERS = ("task-inference", "rl2", "promp", "maml")
_MEASURES = {"return": (1.0, ".1f", ""), "success": (1.0, ".0%", ""), "distance": (100.0, ".1f", " cm")}
"""How each is written: factor, format, unit."""
_EPISODES = 3  # of adaptation, where the tables do not say otherwise

Result = dict[str, Any]
"""What ``learning.py`` wrote of a run."""


def results() -> list[Result]:
    """Of the runs there are, in the order of their definitions."""
    files = (RESULTS / f"{name}.json" for name in BENCHMARKS)
    return [json.loads(file.read_text()) for file in files if file.exists()]


def headline(evaluation: dict[str, Any]) -> str:
    """What a family is judged by: its success rate where it has one, else the return."""
    return "success" if "success" in evaluation else "return"


# -- every run ---------------------------------------------------------------------------------------------------------


def every_run(runs: Iterable[Result]) -> str:
    """Each run's splits and measures, a line each, as Markdown."""
    columns = (
        "run",
        "control steps",
        "minutes",
        "target reached",
        "split",
        "tasks",
        "measure",
        "zero-shot",
        "adapted, after episodes",
        "others",
        "gain over",
    )
    lines = [_row(columns), _row(["---"] * len(columns))]
    for run in runs:
        reached = run["reached"]
        when = "no target" if run["target"] is None else "not reached"
        if reached is not None:
            when = f"{run['target']:g} at {reached['env_steps'] / 1e6:.2f}M, {reached['seconds'] / 60:.1f} min"
        size = _millions(run), f"{run['training_seconds'] / 60:.1f}"
        for split, evaluation in run["evaluations"].items():
            on = split, str(evaluation["tasks"])
            for measure in (m for m in _MEASURES if m in evaluation):
                curves = evaluation[measure]
                adapted = ", ".join(
                    f"{count}: {_cell(measure, curves['adapted'], i)}" for i, count in enumerate(evaluation["episodes"])
                )
                zero_shot = _cell(measure, curves["zero_shot"])
                others = _others(measure, curves, ("adapted", "zero_shot"))
                gains = _others(measure, evaluation.get("gain", {}).get(measure, {}), ("from_scratch",))
                lines.append(_row([run["name"], *size, when, *on, measure, zero_shot, adapted, others, gains]))
    return "\n".join(lines)


def _others(measure: str, curves: dict[str, Any], shown: tuple[str, ...]) -> str:
    return ", ".join(
        f"{kind.replace('_', '-')} {_cell(measure, curve)}"
        for kind, curve in curves.items()
        if curve is not None and kind not in shown
    )


# -- learners side by side ---------------------------------------------------------------------------------------------


def side_by_side(runs: Iterable[Result]) -> str:
    """What each learner's first run came to on each family's held-out tasks and real robots, as Markdown."""
    firsts: dict[tuple[str, str], Result] = {}
    for run in runs:
        firsts.setdefault((run["config"]["family"], run["config"]["learner"]), run)
    columns = ("family", "measure", *_LEARNERS, "domain-randomized")
    lines = [_row(columns), _row(["---"] * len(columns))]
    for family in dict.fromkeys(family for family, _ in firsts):
        by_learner = [firsts.get((family, learner)) for learner in _LEARNERS]
        first = next(run for run in by_learner if run is not None)
        for split in (s for s in first["evaluations"] if s != "ood"):
            measure = headline(first["evaluations"][split])
            cells = ["" if run is None else _gain(run, split, measure) for run in by_learner]
            control = first["evaluations"][split][measure].get("domain_randomized")
            name = family if split == "test" else f"{family}, real {split}"
            lines.append(_row([name, measure, *cells, "" if control is None else _cell(measure, control)]))
    return "\n".join(lines)


def _gain(run: Result, split: str, measure: str) -> str:
    """From without adaptation to after all of it, and what that took."""
    evaluation = run["evaluations"][split]
    scale, form, _ = _MEASURES[measure]
    zero_shot = f"{scale * evaluation[measure]['zero_shot']['mean'][-1]:{form}}"
    episodes = evaluation["episodes"][-1]
    took = _millions(run) + (f", {episodes} episodes" if episodes != _EPISODES else "")
    return f"{zero_shot} → {_cell(measure, evaluation[measure]['adapted'])} ({took})"


# -- Markdown ----------------------------------------------------------------------------------------------------------


def _millions(run: Result) -> str:
    return f"{run['env_steps'] / 1e6:.1f}M"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(measure: str, curve: dict[str, Any], index: int = -1) -> str:
    """Mean and interval, after all adaptation episodes if not said otherwise."""
    mean, (low, high) = curve["mean"][index], curve["ci95"][index]
    scale, form, unit = _MEASURES[measure]
    return f"{scale * mean:{form}} [{scale * low:{form}}, {scale * high:{form}}]{unit}"


def write(file: Path, name: str, table: str) -> None:
    """Puts a table in place of the one between the two comments of that name."""
    before, rest = file.read_text().split(f"<!-- {name} -->\n")
    _, after = rest.split(f"<!-- end of {name} -->\n")
    file.write_text(f"{before}<!-- {name} -->\n{table}\n<!-- end of {name} -->\n{after}")
    print(file)


if __name__ == "__main__":
    write(ROOT / "benchmarks" / "README.md", "every run", every_run(results()))
    write(ROOT / "README.md", "learners", side_by_side(results()))
