"""Tables of the stages of an adaptation: episodes, fit and fine-tuning."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import share
from cells import cell, interval, markdown
from result_files import loaded

from robotmeta.evaluation.intervals import bootstrapped, wilson

_STAGES = {
    "zero_shot": "zero-shot",
    "adapted": "after 3 episodes",
    "fine_tuned_without_fit": "fine-tuned without a fit",
    "fitted_and_fine_tuned": "fitted and fine-tuned",
}
_CAPSULE_SEEDS = (0, 1, 2)


# -- OOD tasks of grasp ------------------------------------------------------------------------------------------------


def ood_tasks() -> str:
    """Return and success in the first OOD tasks of grasp."""
    result = loaded("stages-grasp-ood")
    rows = [[f"mean {measure}", *_ood_cells(result, measure)] for measure in ("return", "success")]
    return markdown((f"{result['tasks']} tasks", *_STAGES.values()), rows)


def _ood_cells(result: dict[str, Any], measure: str) -> list[str]:
    curves = result[measure] | {
        "fine_tuned_without_fit": result[measure]["fine_tuned"],
        "fitted_and_fine_tuned": result[measure]["fit_fine_tuned"],
    }
    return [cell(measure, curves[stage]) for stage in _STAGES]


# -- a capsule that arrives late ---------------------------------------------------------------------------------------


def capsule() -> str:
    """Return and success with a capsule and a long latency by seed, and their means over all episodes."""
    rows = []
    for seed, stages in enumerate(_capsules()):
        rows.append([str(seed), *(f"{v['return'].mean():.1f}, {v['success'].mean():.0%}" for v in stages)])
    return markdown(("seed", *_STAGES.values()), [*rows, *_capsule_means()])


def _capsule_means() -> list[list[str]]:
    """Means over the episodes of all seeds with 95 % intervals."""
    by_stage = zip(*_capsules(), strict=True)
    every = [{m: np.concatenate([seed[m] for seed in seeds]) for m in seeds[0]} for seeds in by_stage]
    returns = (interval(".1f", v["return"].mean(), bootstrapped(v["return"])) for v in every)
    successes = (interval(".0%", v["success"].mean(), wilson(v["success"])) for v in every)
    return [["mean return", *returns], ["success", *successes]]


@cache
def _capsules() -> list[list[dict[str, np.ndarray]]]:
    """Returns and successes of the evaluation episodes, ``[seed][stage]``."""
    found = []
    for seed in _CAPSULE_SEEDS:
        fitted, control = (loaded(f"adapt-grasp-capsule-{seed}{end}")["history"] for end in ("", "-without-fit"))
        phases = (fitted, "before"), (fitted, "after"), (control, "fine-tuned"), (fitted, "fine-tuned")
        found.append([_evaluated(history, phase) for history, phase in phases])
    return found


def _evaluated(history: list[dict[str, Any]], phase: str) -> dict[str, np.ndarray]:
    episodes = [episode for episode in history if episode["phase"] == phase]
    return {name: np.array([float(episode[name]) for episode in episodes]) for name in ("return", "success")}


def headline() -> str:
    """Both of the above in three lines."""
    returns, successes = _capsule_means()
    ood = loaded("stages-grasp-ood")
    rows = [
        ["this command, success", *successes[1:]],
        ["this command, return", *returns[1:]],
        [f"{ood['tasks']} OOD tasks, success", *_ood_cells(ood, "success")],
    ]
    return markdown(("`grasp`", *_STAGES.values()), rows)


# -- another simulator -------------------------------------------------------------------------------------------------


def sim_to_sim(name: str) -> str:
    """Returns in another simulator by seed, the error of the fit, and means over all episodes."""
    result = loaded(f"sim-to-sim-{name}")
    summary = {stage: result["summary"][stage] for stage in _STAGES}
    rows = []
    for place, run in enumerate(result["seeds"]):
        error = "{before:.2g}, {after:.2g}".format(**run["fit"]["mean_error"])
        rows.append([str(run["seed"]), error, *(f"{curve['by_seed'][place]:.1f}" for curve in summary.values())])
    means = (interval(".1f", curve["mean"], curve["ci95"]) for curve in summary.values())
    return markdown(("seed", "error before, after the fit", *_STAGES.values()), [*rows, ["mean return", "", *means]])


# -- the share of the specialist ---------------------------------------------------------------------------------------


def shares() -> str:
    """Share of the specialist of every policy that was measured."""
    return share.table(share.results())


def specialist_share(family: str, split: str) -> str:
    """Return and share of the specialist, a line for each policy."""
    result = loaded(f"share/{family}-{split}")
    rows = [
        [title, f"{result['return'][name]['mean'][-1]:.0f}", share.shown(result["share"][name], result["tasks"])]
        for name, title in share.CURVES.items()
    ]
    return markdown(("policy", "return", "share of the specialist"), rows)
