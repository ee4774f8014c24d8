"""The tables of all runs of ``learning.py``: every run, the learners side by side, and the table of the README."""

from __future__ import annotations

from typing import Any

from cells import MEASURES, Result, cell, headline, markdown, millions, pooled, shown_as, with_note
from learning import LONGER
from result_files import first_runs, longer_run, repeated, runs

_LEARNERS = ("task-inference", "rl2", "promp", "maml")
_EPISODES = 3  # adaptation episodes, unless a cell states another number
_EASY = 0.95  # a zero-shot success rate from which the compact table leaves a family out


# -- every run ---------------------------------------------------------------------------------------------------------


def every_run() -> str:
    """One line for each run, split and measure."""
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
    return with_note(markdown(columns, (line for run in runs() for line in _lines(run))), runs())


def _lines(run: Result) -> list[list[str]]:
    """The lines of one run."""
    reached = run["reached"]
    when = "no target" if run["target"] is None else "not reached"
    if reached is not None:
        when = f"{run['target']:g} at {reached['env_steps'] / 1e6:.2f}M, {reached['seconds'] / 60:.1f} min"
    about = shown_as(run["name"], run), millions(run), f"{run['training_seconds'] / 60:.1f}", when
    lines = []
    for split, evaluation in run["evaluations"].items():
        for measure in (m for m in MEASURES if m in evaluation):
            curves = evaluation[measure]
            adapted = ", ".join(
                f"{count}: {cell(measure, curves['adapted'], i)}" for i, count in enumerate(evaluation["episodes"])
            )
            others = _others(measure, curves, ("adapted", "zero_shot"))
            gains = _others(measure, evaluation.get("gain", {}).get(measure, {}), ("from_scratch",))
            zero_shot = cell(measure, curves["zero_shot"])
            lines.append([*about, split, str(evaluation["tasks"]), measure, zero_shot, adapted, others, gains])
    return lines


def _others(measure: str, curves: dict[str, Any], shown: tuple[str, ...]) -> str:
    return ", ".join(
        f"{kind.replace('_', '-')} {cell(measure, curve)}"
        for kind, curve in curves.items()
        if curve is not None and kind not in shown
    )


def made_with() -> str:
    """How the runs by task inference were trained, where the defaults have changed. A missing setting is newer."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for run in (run for run in runs() if run["config"]["learner"] == "task-inference"):
        settings = run["config"]["hyperparameters"]
        steps = settings.get("unroll_length", 0)
        made = (
            f"{steps} steps" if steps else "whole episodes",
            "staggered" if settings.get("staggered", False) else "whole",
            "normalized" if settings.get("normalize_rewards", False) else "as they are",
        )
        groups.setdefault(made, []).append(run["name"].replace("-task-inference", ""))
    columns = "meta-update after", "trials", "rewards in the memory", "runs by task inference"
    newest_first = sorted(groups.items(), key=lambda group: (*group[0][:2], group[0][2] != "normalized"))
    return markdown(columns, ((*made, ", ".join(names)) for made, names in newest_first))


# -- learners side by side ---------------------------------------------------------------------------------------------


def side_by_side() -> str:
    """Each learner's first run on each family's held-out tasks and real robots."""
    firsts = first_runs()
    rows = []
    for family in dict.fromkeys(family for family, _ in firsts):
        by_learner = [firsts.get((family, learner)) for learner in _LEARNERS]
        first = next(run for run in by_learner if run is not None)
        for split in (s for s in first["evaluations"] if s != "ood"):
            measure = headline(first["evaluations"][split])
            cells = ("" if run is None else _gain(run, split, measure) for run in by_learner)
            control = first["evaluations"][split][measure].get("domain_randomized")
            name = family if split == "test" else f"{family}, real {split}"
            rows.append([shown_as(name, first), measure, *cells, cell(measure, control)])
    return with_note(markdown(("family", "measure", *_LEARNERS, "domain-randomized"), rows), firsts.values())


def _gain(run: Result, split: str, measure: str) -> str:
    """Zero-shot and after the last adaptation episode, and the control steps of meta-training."""
    evaluation = run["evaluations"][split]
    scale, form, _ = MEASURES[measure]
    zero_shot = f"{scale * evaluation[measure]['zero_shot']['mean'][-1]:{form}}"
    episodes = evaluation["episodes"][-1]
    took = millions(run) + (f", {episodes} episodes" if episodes != _EPISODES else "")
    return f"{zero_shot} → {cell(measure, evaluation[measure]['adapted'])} ({took})"


def longer() -> str:
    """The shorter and the longer run by task inference of families that have two."""
    kinds = "zero_shot", "adapted", "domain_randomized"
    rows = []
    for family in LONGER:
        both = [run for run in (first_runs()[family, "task-inference"], longer_run(family)) if run is not None]
        for split, run in ((split, run) for split in both[0]["evaluations"] for run in both):
            measure = headline(run["evaluations"][split])
            curves = run["evaluations"][split][measure]
            rows.append([family, split, millions(run), *(cell(measure, curves[kind]) for kind in kinds)])
    columns = "family", "split", "control steps", "zero-shot", f"after {_EPISODES} episodes", "domain-randomized"
    return markdown(columns, rows)


def _learned_nothing(curves: dict[str, Any]) -> bool:
    """Whether the adapted policy is not clearly better than one with random weights."""
    scratch = curves.get("from_scratch")
    return scratch is not None and curves["adapted"]["ci95"][-1][0] <= scratch["mean"][-1]


def compact() -> str:
    """Task inference with both controls on held-out tasks.

    Families that are easy zero-shot, or of which a training learned nothing, are left out.
    Means and intervals are over the seeds of a run and its tasks. A longer run takes the place of a shorter one.
    """
    kinds = "zero_shot", "adapted", "domain_randomized"
    rows = []
    for (family, learner), first in first_runs().items():
        run = longer_run(family) or first
        evaluation = run["evaluations"]["test"]
        if learner != "task-inference" or evaluation["episodes"][-1] != _EPISODES:
            continue
        measure = headline(evaluation)
        easy = measure == "success" and evaluation[measure]["zero_shot"]["mean"][-1] >= _EASY
        if evaluation[measure].get("domain_randomized") is None or easy or _learned_nothing(evaluation[measure]):
            continue
        curves = [seed["evaluations"]["test"][measure] for seed in repeated(run)]
        cells = (cell(measure, pooled([curve[kind] for curve in curves])) for kind in kinds)
        rows.append([shown_as(family, run), str(len(curves)), measure, *cells])
    columns = "family", "seeds", "measure", "zero-shot", f"after {_EPISODES} episodes", "domain-randomized"
    return markdown(columns, rows)
