"""Tables of some runs of ``learning.py``: the seeds of a family, and MAML and ProMP after three episodes."""

from __future__ import annotations

from cells import cell, headline, markdown, millions
from result_files import first_runs, seeds

_POLICIES = {"zero_shot": "zero-shot", "adapted": "adapted", "domain_randomized": "domain-randomized"}
_SPLITS = {"test": "held-out", "ood": "ood", "robots": "real robots"}
_LOCOMOTION = ("walker-faults", "cheetah-terrain", "ant-crippled", "quadruped")
_GRADIENT = ("promp", "maml")


def by_seed(family: str, *splits: str) -> str:
    """The main measure of task inference and its controls, a line for each seed."""
    names = [f"{_SPLITS[split]}: {name}" for split in splits for name in _POLICIES.values()]
    columns = names if len(splits) > 1 else _POLICIES.values()
    rows = []
    for run in seeds(family):
        found = (run["evaluations"][split] for split in splits)
        cells = (cell(headline(e), e[headline(e)][policy]) for e in found for policy in _POLICIES)
        rows.append([str(run["config"]["seed"]), *cells])
    return markdown(("seed", *columns), rows)


def gain_by_seed(family: str, *splits: str) -> str:
    """The paired gain in return over the domain-randomized policy, a line for each seed."""
    rows = []
    for run in seeds(family):
        gains = (run["evaluations"][split]["gain"]["return"]["domain_randomized"] for split in splits)
        rows.append([str(run["config"]["seed"]), *(cell("return", gain) for gain in gains)])
    return markdown(("seed", *(_SPLITS[split] for split in splits)), rows)


def gradient_learners() -> str:
    """MAML and ProMP on held-out tasks of locomotion."""
    columns = ("family", "learner", "control steps", "gain over zero-shot", "return after adaptation", "success")
    rows, firsts = [], first_runs()
    for family, learner in ((family, learner) for family in _LOCOMOTION for learner in _GRADIENT):
        run = firsts[family, learner]
        evaluation = run["evaluations"]["test"]
        gain = cell("return", evaluation["gain"]["return"]["zero_shot"])
        success = cell("success", evaluation["success"]["adapted"]) if "success" in evaluation else ""
        adapted = cell("return", evaluation["return"]["adapted"])
        rows.append([family, learner, millions(run), gain, adapted, success])
    return markdown(columns, rows)
