"""Writes the tables of learning results from ``benchmarks/results/*.json``: ``python benchmarks/tables.py``.

``benchmarks/README.md`` gets every run, split, measure and control. ``docs/results.md`` gets all learners side by side,
one row per family, and what it is worth to know the task. The project's README gets task inference with its controls.
The page of each learner gets its own runs, and its hyper-parameters.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from cells import MEASURES, Result, cell, first_runs, head, headline, millions, row
from cost import by_machines, by_worlds
from learner_tables import as_control, hyperparameters, measured
from learning import BENCHMARKS, RESULTS
from world_tables import changing, disturbed

from robotmeta.metalearners import CONTROL, LEARNERS

ROOT = Path(__file__).parents[1]
_LEARNERS = ("task-inference", "rl2", "promp", "maml")
_EPISODES = 3  # adaptation episodes, unless a cell states another number
_EASY = 0.95  # a zero-shot success rate from which the compact table leaves a family out


def results() -> list[Result]:
    """The results of all finished runs, in the order of their definitions."""
    files = (RESULTS / f"{name}.json" for name in BENCHMARKS)
    return [json.loads(file.read_text()) for file in files if file.exists()]


# -- every run ---------------------------------------------------------------------------------------------------------


def every_run(runs: Iterable[Result]) -> str:
    """One line for each run, split and measure, as Markdown."""
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
        "other controls",
        "gain over",
    )
    lines = head(columns)
    for run in runs:
        reached = run["reached"]
        when = "no target" if run["target"] is None else "not reached"
        if reached is not None:
            when = f"{run['target']:g} at {reached['env_steps'] / 1e6:.2f}M, {reached['seconds'] / 60:.1f} min"
        size = millions(run), f"{run['training_seconds'] / 60:.1f}"
        for split, evaluation in run["evaluations"].items():
            on = split, str(evaluation["tasks"])
            for measure in (m for m in MEASURES if m in evaluation):
                curves = evaluation[measure]
                adapted = ", ".join(
                    f"{count}: {cell(measure, curves['adapted'], i)}" for i, count in enumerate(evaluation["episodes"])
                )
                zero_shot = cell(measure, curves["zero_shot"])
                others = _others(measure, curves, ("adapted", "zero_shot"))
                gains = _others(measure, evaluation.get("gain", {}).get(measure, {}), ("from_scratch",))
                lines.append(row([run["name"], *size, when, *on, measure, zero_shot, adapted, others, gains]))
    return "\n".join(lines)


def _others(measure: str, curves: dict[str, Any], shown: tuple[str, ...]) -> str:
    return ", ".join(
        f"{kind.replace('_', '-')} {cell(measure, curve)}"
        for kind, curve in curves.items()
        if curve is not None and kind not in shown
    )


# -- learners side by side ---------------------------------------------------------------------------------------------


def side_by_side(runs: Iterable[Result]) -> str:
    """Each learner's first run on each family's held-out tasks and real robots, as Markdown."""
    firsts = first_runs(runs)
    columns = ("family", "measure", *_LEARNERS, "domain-randomized")
    lines = head(columns)
    for family in dict.fromkeys(family for family, _ in firsts):
        by_learner = [firsts.get((family, learner)) for learner in _LEARNERS]
        first = next(run for run in by_learner if run is not None)
        for split in (s for s in first["evaluations"] if s != "ood"):
            measure = headline(first["evaluations"][split])
            cells = ["" if run is None else _gain(run, split, measure) for run in by_learner]
            control = first["evaluations"][split][measure].get("domain_randomized")
            name = family if split == "test" else f"{family}, real {split}"
            lines.append(row([name, measure, *cells, "" if control is None else cell(measure, control)]))
    return "\n".join(lines)


def compact(runs: Iterable[Result]) -> str:
    """Task inference with both controls on held-out tasks, without the families that are easy zero-shot."""
    columns = ("family", "measure", "zero-shot", f"after {_EPISODES} episodes", "domain-randomized")
    lines = head(columns)
    for (family, learner), run in first_runs(runs).items():
        evaluation = run["evaluations"]["test"]
        if learner != "task-inference" or evaluation["episodes"][-1] != _EPISODES:
            continue
        measure = headline(evaluation)
        curves = evaluation[measure]
        control, zero_shot = curves.get("domain_randomized"), curves["zero_shot"]
        easy = measure == "success" and zero_shot["mean"][-1] >= _EASY
        if control is not None and not easy:
            cells = (cell(measure, curve) for curve in (zero_shot, curves["adapted"], control))
            lines.append(row([family, measure, *cells]))
    return "\n".join(lines)


def _gain(run: Result, split: str, measure: str) -> str:
    """Zero-shot and after the last adaptation episode, and the control steps of meta-training."""
    evaluation = run["evaluations"][split]
    scale, form, _ = MEASURES[measure]
    zero_shot = f"{scale * evaluation[measure]['zero_shot']['mean'][-1]:{form}}"
    episodes = evaluation["episodes"][-1]
    took = millions(run) + (f", {episodes} episodes" if episodes != _EPISODES else "")
    return f"{zero_shot} → {cell(measure, evaluation[measure]['adapted'])} ({took})"


# -- what it is worth to know the task -------------------------------------------------------------------------------


def knowing(_runs: Iterable[Result]) -> str:
    """What ``knowing.py`` measured: the policy on its belief, and the difference that other beliefs make."""
    found = [json.loads(file.read_text()) for file in (RESULTS / "knowing").glob("*.json")]
    families = list(dict.fromkeys(benchmark.family for benchmark in BENCHMARKS.values()))
    found.sort(key=lambda result: (families.index(result["family"]), result["split"] == "ood"))
    beliefs = ("truth", "mean", "another task's")
    columns = ("family", "split", "tasks", "measure", "its own belief", *(f"{name}: difference" for name in beliefs))
    lines = head(columns)
    for result in found:
        curves = result["results"]
        for measure, gain in (("return", "gain"), ("success", "success_gain")):
            if measure in curves["belief"]:
                own = cell(measure, curves["belief"][measure])
                cells = (cell(measure, curves[name][gain]) for name in beliefs)
                lines.append(row([result["family"], result["split"], str(result["tasks"]), measure, own, *cells]))
    return "\n".join(lines)


# -- where they are ----------------------------------------------------------------------------------------------------

Table = tuple[Path, str, Callable[[Iterable[Result]], str]]


def _of_learner(learner: str) -> tuple[Table, Table]:
    """Those on the page of a learner."""
    page = ROOT / "docs" / "learners" / f"{learner}.md"
    runs = as_control if learner == CONTROL else partial(measured, learner)
    return (page, "measured", runs), (page, "hyper-parameters", lambda _: hyperparameters(learner))


TABLES: tuple[Table, ...] = (
    (ROOT / "benchmarks" / "README.md", "every run", every_run),
    (ROOT / "docs" / "results.md", "learners", side_by_side),
    (ROOT / "docs" / "results.md", "knowing", knowing),
    (ROOT / "docs" / "results.md", "changing", changing),
    (ROOT / "docs" / "real-world.md", "disturbed", disturbed),
    (ROOT / "docs" / "cost.md", "cost by worlds", by_worlds),
    (ROOT / "docs" / "cost.md", "cost by machines", by_machines),
    (ROOT / "README.md", "results", compact),
    *(table for learner in LEARNERS for table in _of_learner(learner)),
)
"""File, name of the two comments around the table, and the function that makes it."""


def table_in(file: Path, name: str) -> str:
    """The table between the two comments of that name."""
    return _parts(file, name)[1]


def write(file: Path, name: str, table: str) -> None:
    """Replaces the table between the two comments of that name."""
    before, _, after = _parts(file, name)
    file.write_text(f"{before}<!-- {name} -->\n{table}\n<!-- end of {name} -->\n{after}")
    print(file)


def _parts(file: Path, name: str) -> tuple[str, str, str]:
    """The text before the table, the table, and the text after it."""
    before, rest = file.read_text().split(f"<!-- {name} -->\n")
    table, after = rest.split(f"\n<!-- end of {name} -->\n")
    return before, table, after


if __name__ == "__main__":
    for file, name, table in TABLES:
        write(file, name, table(results()))
