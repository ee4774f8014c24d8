"""The tables of the pages about learners: what was measured, and hyper-parameters as the code has them."""

from __future__ import annotations

from cells import cell, headline, markdown, millions, shown_as, with_note
from result_files import first_runs

from robotmeta.cli.flags import hyperparameters_of
from robotmeta.metalearners import CONTROL, DEFAULT, LEARNERS

_SPLITS = ("test", "ood")


def hyperparameters(learner: str) -> str:
    """The hyper-parameters of a learner with their flags and defaults, and its presets."""
    rows = [(f"`{h.flag}`", h.default_text, h.description) for h in hyperparameters_of(learner)]
    presets = [
        f"`--preset {name}`: {', '.join(f'{key} = {value}' for key, value in values.items())}."
        for name, values in LEARNERS[learner].Config.presets.items()
    ]
    return "\n\n".join((markdown(("flag", "default", "what it is"), rows), *presets))


def measured(learner: str) -> str:
    """The first run of a learner in each family, on held-out and on out-of-distribution tasks."""
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
    rows = []
    for (family, other), run in first_runs().items():
        for split in (s for s in _SPLITS if other == learner and s in run["evaluations"]):
            evaluation = run["evaluations"][split]
            measure, episodes = headline(evaluation), str(evaluation["episodes"][-1])
            curves = evaluation[measure]
            cells = cell(measure, curves["zero_shot"]), cell(measure, curves["adapted"]), episodes
            beside = cell(measure, curves.get("domain_randomized"))
            about = shown_as(family, run), split, str(evaluation["tasks"]), measure
            rows.append((*about, *cells, beside, millions(run)))
    return with_note(markdown(columns, rows), (run for (_, other), run in first_runs().items() if other == learner))


def as_control() -> str:
    """The domain-randomized policy beside the adapted policy of the default learner."""
    rows, shown = [], []
    for (family, learner), run in first_runs().items():
        for split in (s for s in _SPLITS if learner == DEFAULT and s in run["evaluations"]):
            evaluation = run["evaluations"][split]
            measure = headline(evaluation)
            curves = evaluation[measure]
            if curves.get("domain_randomized") is not None:
                cells = cell(measure, curves["domain_randomized"]), cell(measure, curves["adapted"])
                rows.append((shown_as(family, run), split, str(evaluation["tasks"]), measure, *cells, millions(run)))
                shown.append(run)
    return with_note(markdown(("family", "split", "tasks", "measure", CONTROL, DEFAULT, "trained"), rows), shown)
