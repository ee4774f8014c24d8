"""Tables of what ``real_robots.py`` and ``vendor_robots.py`` measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import real_robots
import vendor_robots
from cells import cell, interval, markdown
from result_files import loaded
from vendor_arms import table as arms
from vendor_tuned import COMMANDS

import robotmeta as rm
from robotmeta.evaluation.intervals import bootstrapped

_APART = 0.1  # relative difference from which a model and the published numbers differ
_HEADLINE = {"go2": "Unitree Go2", "aliengo": "Unitree Aliengo", "spot": "Spot"}
_SHOWN = {
    "reset": "zero-shot",
    "domain_randomized": "domain-randomized",
    "first": "first episode",
    "adapted": "after 3 episodes",
}
_NAMES = {"x": "forward", "y": "to the left", "yaw": "turning left"}
_AXES = {axis: (f"{_NAMES[axis]} {command:g}", command) for axis, command in COMMANDS.items()}
_COMPARED = {"reset": "zero-shot", "domain_randomized": "domain-randomized", "adapted": "adapted"}
_TUNED = {"adapted": "adapted", "tuned": "fine-tuned"}
_POLICIES = {"zero_shot": "zero-shot", "adapted": "after 3 episodes", "domain_randomized": "domain-randomized"}
_UNITS = {"mass": "kg", "torque": "N m"}
"""Units of what a number's name ends with; metres for all others."""


def real_speeds(family: str) -> str:
    """Speeds and falls of each real robot, with each load."""
    return real_robots.table(loaded(f"real-robots-{family}")["robots"])


def real_errors(family: str) -> str:
    """Errors of the speed over all real robots."""
    return real_robots.summary(loaded(f"real-robots-{family}")["robots"])


def vendor_speeds() -> str:
    """Speeds, falls and drift of each vendor's robot."""
    return vendor_robots.table(loaded("vendor-robots")["robots"])


def vendor_arms(family: str) -> str:
    """Successes and returns of each vendor's arm."""
    return arms(loaded(f"vendor-arms-{family}")["robots"])


def success_by_ground(family: str) -> str:
    """Success before and after adaptation on each kind of ground, by its size."""
    result = loaded(f"terrain-{family}")
    rows = []
    for row in result["rows"]:
        curve = row["success"]["task-inference"]
        cells = (cell("success", curve, index) for index in (0, -1))
        rows.append((row["kind"], f"{row['difficulty']:g}", f"{row['leg_lengths']:.2g}", *cells))
    columns = ("kind", "difficulty", "height or width, leg lengths", "first episode", "after three episodes")
    return markdown(columns, rows)


def success_by_object() -> str:
    """Success with each kind of object, in the first episode, after adaptation, and of the control."""
    rows = []
    for row in loaded("objects")["rows"]:
        ours, control = (row["success"][name] for name in ("task-inference", "domain-randomization"))
        cells = (cell("success", ours, 0), cell("success", ours), cell("success", control))
        rows.append((row["kind"], "held out" if row["held_out"] else "meta-training", *cells))
    return markdown(("object", "kind", "first episode", "after 3 episodes", "domain-randomized"), rows)


def vendor_headline() -> str:
    """Speeds of some vendors' robots in m/s."""
    measured = {line["robot"]: line for line in loaded("vendor-robots")["robots"]}
    lines = ((title, measured[name]) for name, title in _HEADLINE.items())
    rows = [(title, f"{line['commanded']:.2f}", *(_speed(line[kind]) for kind in _SHOWN)) for title, line in lines]
    return markdown(("robot", "commanded", *_SHOWN.values()), rows)


def vendor_commands() -> str:
    """How each vendor's robot follows a command: its error as a share of it, and the drift in metres."""
    measured = {
        (axis, line["robot"]): line for axis in _AXES for line in loaded(f"vendor-robots-command-{axis}")["robots"]
    }
    robots = {robot: line["mass"] for (_, robot), line in measured.items()}
    columns = [(axis, kind) for axis in _AXES for kind in _COMPARED]
    rows = [
        (robot, f"{mass:.0f}", *(_followed(axis, measured[axis, robot][kind]) for axis, kind in columns))
        for robot, mass in robots.items()
    ]
    titles = (f"{_AXES[axis][0]}, {_COMPARED[kind]}" for axis, kind in columns)
    return markdown(("robot", "mass, kg", *titles), rows)


def vendor_tuned() -> str:
    """How each vendor's robot follows a command before and after fine-tuning in its model, as ``vendor_commands``."""
    robots = loaded("vendor-tuned")["robots"]
    columns = [(axis, kind) for axis in _AXES for kind in _TUNED]
    rows = [(robot, *(_followed(axis, line[kind][axis]) for axis, kind in columns)) for robot, line in robots.items()]
    return markdown(("robot", *(f"{_AXES[axis][0]}, {_TUNED[kind]}" for axis, kind in columns)), rows)


def vendor_tuned_means() -> str:
    """Means over the vendors' robots before and after fine-tuning, and how much each measure changes."""
    robots = loaded("vendor-tuned")["robots"].values()
    rows = []
    for axis, (title, command) in _AXES.items():
        measured = {"error": (f"error_{axis}", command, ".0%"), "drift": ("drift", 1.0, ".2f")}
        measured["success"] = ("success", 1.0, ".0%")
        for name, (key, unit, form) in measured.items():
            before, after = (np.array([line[kind][axis][key] / unit for line in robots]) for kind in _TUNED)
            gain = interval(form, float((after - before).mean()), bootstrapped(after - before))
            rows.append((title, name, *(f"{values.mean():{form}}" for values in (before, after)), gain))
    return markdown(("command", "mean", *_TUNED.values(), "change"), rows)


def measures(name: str) -> str:
    """Success and the further measures of a run on each split, before and after adaptation and of the control."""
    rows = []
    for split, evaluation in loaded(name)["evaluations"].items():
        curves = {"success": evaluation["success"], **evaluation["measures"]}
        for measure, curve in curves.items():
            cells = (_measure(measure, curve[policy]) for policy in _POLICIES)
            rows.append((split, measure, str(curve.get("unit", "")), *cells))
    return markdown(("split", "measure", "unit", *_POLICIES.values()), rows)


def _measure(name: str, curve: dict[str, Any]) -> str:
    form = ".0%" if name == "success" else ".3g"
    return interval(form, curve["mean"][-1], curve["ci95"][-1])


def _followed(axis: str, walked: dict[str, float]) -> str:
    if walked["falls"] == 1.0:
        return "falls"
    falls = f", {walked['falls']:.0%} falls" if walked["falls"] else ""
    return f"{walked[f'error_{axis}'] / _AXES[axis][1]:.0%}{falls}; {walked['drift']:.2f}"


def _speed(walked: dict[str, float]) -> str:
    return "falls" if walked["falls"] == 1.0 else f"{walked['speed']:.2f}"


def vendor_rows() -> str:
    """Numbers in which a vendor's model and the published robot of the same name differ."""
    published = rm.make("quadruped").robots
    rows: list[list[str]] = []
    for line in loaded("vendor-robots")["robots"]:
        robot: dict[str, Any] = dict(published.get(line["robot"].replace("_", "-"), {}))
        for name, model in line["row"].items():
            if name in robot and abs(model / robot[name] - 1.0) > _APART:
                what = f"{name.replace('_', ' ')}, {_UNITS.get(name.split('_')[-1], 'm')}"
                rows.append([line["robot"], what, f"{robot[name]:.3g}", f"{model:.3g}"])
    return markdown(("robot", "number", "published", "model"), rows)
