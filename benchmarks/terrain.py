"""Success of held-out robots on each kind and difficulty of ground, beside controls.

    python benchmarks/terrain.py runs/benchmarks/quadruped-stairs-task-inference
    python benchmarks/terrain.py POLICY CONTROL ... --kinds stairs gaps --tasks 100

The robots, loads, faults and commands are those of the held-out tasks; only the kind and the difficulty of the ground
are set. The result is written to ``benchmarks/results/terrain-FAMILY.json``, and drawn in
``docs/images/terrain-success-FAMILY.svg``. Intervals are 95 % Wilson intervals over the robots.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

import robotmeta as rm
from robotmeta.envs.families.quadruped.stairs import LEVELS, SIZES
from robotmeta.files import write_text
from robotmeta.json_values import json_text
from robotmeta.reporting.plots import INK, STYLES, decorate, save_figure, with_legend
from robotmeta.versions import versions

_HERE = Path(__file__).parent
_COLOURS = list(STYLES.values())


def ground(family: rm.TaskFamily, kind: str, difficulty: float, count: int) -> rm.Tasks:
    """The held-out tasks on one kind of ground."""
    tasks = family.tasks("test", count)
    for column, value in (("terrain", family.space["terrain"].read(kind)), ("difficulty", difficulty)):
        tasks.values[:, tasks.names.index(column)] = value
    return tasks


def measured(policies: dict[str, rm.Policy], tasks: rm.Tasks, episodes: int) -> dict[str, Any]:
    """Success of each policy before and after its adaptation episodes."""
    rows = {}
    for name, policy in policies.items():
        found = rm.evaluate(policy, tasks=tasks, episodes=[0, episodes], controls=())
        rows[name] = found.to_json()["success"]["adapted"] | {"diverged": list(found.diverged)}
    return rows


def by_difficulty(rows: list[dict[str, Any]], family: rm.TaskFamily) -> Figure:
    """Success against difficulty, a panel for each kind of ground; a line marks the end of meta-training."""
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    figure = Figure((4.0 * len(kinds), 3.2), dpi=200, layout="constrained")
    panels = figure.subplots(1, len(kinds), sharey=True, squeeze=False)[0]
    for axes, kind in zip(panels, kinds, strict=True):
        decorate(axes)
        of_kind = [row for row in rows if row["kind"] == kind]
        sizes = [row["leg_lengths"] or row["difficulty"] for row in of_kind]
        for place, name in enumerate(of_kind[0]["success"]):
            curves = [row["success"][name] for row in of_kind]
            colour, line, marker = _COLOURS[place % len(_COLOURS)]
            low, high = zip(*(curve["ci95"][-1] for curve in curves), strict=True)
            axes.fill_between(sizes, low, high, color=colour, alpha=0.16, linewidth=0)
            axes.plot(sizes, [curve["mean"][-1] for curve in curves], line, color=colour, marker=marker, label=name)
        trained = family.space["difficulty"].train.support[1] * SIZES.get(kind, 1.0)
        axes.axvline(trained, color=INK, linewidth=0.8, linestyle=":")
        axes.set_xlabel(f"{kind}: leg lengths" if kind in SIZES else f"{kind}: difficulty")
        axes.set_ylim(0.0, 1.0)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    panels[0].set_ylabel("success")
    return with_legend(figure, panels[0])


def main() -> None:
    """Measures, prints, writes and draws each kind and difficulty."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("policy")
    parser.add_argument("controls", nargs="*", metavar="CONTROL")
    parser.add_argument("--kinds", nargs="+", default=["stairs", "gaps"])
    parser.add_argument("--levels", nargs="+", type=int, default=range(1, LEVELS + 1), help=f"of {LEVELS}")
    parser.add_argument("--tasks", type=int, default=100)
    parser.add_argument("--episodes", type=int, default=3, help="adaptation episodes")
    options = parser.parse_args()
    policies: dict[str, rm.Policy] = {}
    for source in (options.policy, *options.controls):
        policy = rm.load(source)
        name = policy.config.learner
        policies[name if name not in policies else f"{name}, {Path(source).name}"] = policy
    family = next(iter(policies.values())).family
    rows = []
    for kind in options.kinds:
        for level in options.levels:
            difficulty = level / LEVELS
            size = difficulty * SIZES[kind] if kind in SIZES else None
            success = measured(policies, ground(family, kind, difficulty, options.tasks), options.episodes)
            rows.append({"kind": kind, "difficulty": difficulty, "leg_lengths": size, "success": success})
            shown = ", ".join(f"{name} {curve['mean'][-1]:.0%}" for name, curve in success.items())
            print(f"{kind} {difficulty:g} ({size or 0:.2g} leg lengths): {shown}", flush=True)
    result = {"family": family.name, "tasks": options.tasks, "episodes": [0, options.episodes], "rows": rows}
    result |= {"env_steps": {name: policy.env_steps for name, policy in policies.items()}, "versions": versions()}
    write_text(_HERE / "results" / f"terrain-{family.name}.json", json_text(result, indent=1))
    save_figure(by_difficulty(rows, family), _HERE.parent / "docs" / "images" / f"terrain-success-{family.name}.svg")


if __name__ == "__main__":
    main()
