"""The table of targets of learning: what was to be reached, and what the result files say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cells import Result, cell, headline, markdown, millions, shown_as, with_note
from learning import BENCHMARKS
from result_files import runs

_CONTROLS = {"zero_shot": "zero-shot", "domain_randomized": "domain randomization"}


@dataclass(frozen=True)
class Target:
    """What a run should reach on held-out tasks."""

    run: str
    """Name of the run with seed 0; its other seeds count too."""
    text: str = "adaptation matters"
    least: float | None = None
    """Mean to be reached after at most the adaptation episodes of the run; None: better than the controls."""
    measure: str | None = None
    """The main measure of the family if None."""


TARGETS = (
    Target("point-navigation-promp-3-steps", "-3.23 within 5 %", -3.23 * 1.05, "return"),
    Target("cheetah-direction-task-inference", "260 within 3M, aim 1M", 260),
    Target("cheetah-direction-rl2", "260 within 3M", 260),
    Target("cheetah-direction-rl2-2-episodes-long", "400 by 10M", 400),
    Target("cheetah-direction-promp", "260 within 24M, aim 5M", 260),
    Target("cheetah-direction-maml", "260 within 24M, aim 5M", 260),
    Target("cheetah-direction-promp-3-episodes", "200", 200),
    Target("cheetah-direction-maml-3-episodes", "200", 200),
    *(
        Target(f"cheetah-velocity-{learner}", "-37 (PEARL), aim -30", -37)
        for learner in ("task-inference", "rl2", "promp", "maml")
    ),
    Target("cheetah-dynamics-task-inference"),
    Target("cheetah-dynamics-rl2"),
    Target("cheetah-terrain-task-inference"),
    Target("cheetah-terrain-rl2"),
    Target("walker-dynamics-task-inference"),
    Target("walker-dynamics-rl2"),
    Target("walker-faults-task-inference"),
    Target("ant-crippled-task-inference"),
    Target("ant-crippled-rl2"),
    Target("quadruped-task-inference"),
    Target("quadruped-rl2"),
    Target("quadruped-terrain-task-inference"),
    Target("push-task-inference", "the final distance halves", measure="distance"),
    Target("slide-task-inference"),
    Target("grasp-task-inference", "90 % after at most 3 episodes", 0.9),
    Target("fetch-pick-and-place-task-inference"),
)


def learning() -> str:
    """Task and controls of each run on held-out tasks, and whether the target was reached, a line for each seed."""
    columns = (
        "run",
        "target",
        "in training at",
        "zero-shot",
        "adapted",
        "domain-randomized",
        "control steps",
        "verdict",
    )
    found = [(target, run) for target in TARGETS for run in _seeds(target.run)]
    return with_note(markdown(columns, (_line(target, run) for target, run in found)), (run for _, run in found))


def _seeds(name: str) -> Iterator[Result]:
    """The run of that name and those with other seeds."""
    return (run for run in runs() if run["name"] in (name, f"{name}-seed-{BENCHMARKS[run['name']].seed}"))


def _line(target: Target, run: Result) -> list[str]:
    evaluation = run["evaluations"]["test"]
    measure = target.measure or headline(evaluation)
    curves = evaluation[measure]
    cells = (cell(measure, curves.get(policy)) for policy in ("zero_shot", "adapted", "domain_randomized"))
    passed = "" if run["reached"] is None else f"{run['reached']['env_steps'] / 1e6:.2f}M"
    verdict = _verdict(target.least, curves, sign=-1.0 if measure == "distance" else 1.0)
    return [shown_as(run["name"], run), target.text, passed, *cells, millions(run), verdict]


def _verdict(least: float | None, curves: dict[str, Any], sign: float) -> str:
    """Whether the mean reaches a number, or how the 95 % interval lies beside those of the controls."""
    if least is not None:
        return "reached" if max(curves["adapted"]["mean"]) >= least else "**missed**"
    verdicts = []
    for name, title in _CONTROLS.items():
        if curves.get(name) is not None:
            ours, theirs = (sorted(sign * end for end in curves[policy]["ci95"][-1]) for policy in ("adapted", name))
            word = "better than" if ours[0] > theirs[1] else "**worse than**" if ours[1] < theirs[0] else "level with"
            verdicts.append(f"{word} {title}")
    return ", ".join(verdicts)
