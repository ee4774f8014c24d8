"""The tables of the pages about learners: what was measured, and hyper-parameters as the code has them."""

from __future__ import annotations

from collections.abc import Iterable

from cells import Result, cell, first_runs, head, headline, millions, row

from robotmeta.cli.flags import hyperparameters_of
from robotmeta.metalearners import CONTROL, DEFAULT, LEARNERS

_SPLITS = ("test", "ood")


def hyperparameters(learner: str) -> str:
    """The hyper-parameters of a learner with their flags and defaults, and its presets, as Markdown."""
    lines = head(("flag", "default", "what it is"))
    lines += [row((f"`{h.flag}`", h.default_text, h.description)) for h in hyperparameters_of(learner)]
    presets = [
        f"`--preset {name}`: {', '.join(f'{key} = {value}' for key, value in values.items())}."
        for name, values in LEARNERS[learner].Config.presets.items()
    ]
    return "\n\n".join(("\n".join(lines), *presets))


def measured(learner: str, runs: Iterable[Result]) -> str:
    """The first run of a learner in each family, on held-out and on out-of-distribution tasks, as Markdown."""
    columns = (
        "family",
        "split",
        "tasks",
        "measure",
        "zero-shot",
        "adapted",
        "episodes",
        "domain-randomized",
        "trained",
    )
    lines = head(columns)
    for (family, other), run in first_runs(runs).items():
        if other != learner:
            continue
        for split in (s for s in _SPLITS if s in run["evaluations"]):
            evaluation = run["evaluations"][split]
            measure, episodes = headline(evaluation), str(evaluation["episodes"][-1])
            curves = evaluation[measure]
            control = curves.get("domain_randomized")
            cells = cell(measure, curves["zero_shot"]), cell(measure, curves["adapted"]), episodes
            beside = "" if control is None else cell(measure, control)
            lines.append(row((family, split, str(evaluation["tasks"]), measure, *cells, beside, millions(run))))
    return "\n".join(lines)


def as_control(runs: Iterable[Result]) -> str:
    """The domain-randomized policy beside the adapted policy of the default learner, as Markdown."""
    lines = head(("family", "split", "tasks", "measure", CONTROL, DEFAULT, "trained"))
    for (family, learner), run in first_runs(runs).items():
        for split in (s for s in _SPLITS if learner == DEFAULT and s in run["evaluations"]):
            evaluation = run["evaluations"][split]
            measure = headline(evaluation)
            curves = evaluation[measure]
            if curves.get("domain_randomized") is not None:
                cells = cell(measure, curves["domain_randomized"]), cell(measure, curves["adapted"])
                lines.append(row((family, split, str(evaluation["tasks"]), measure, *cells, millions(run))))
    return "\n".join(lines)
