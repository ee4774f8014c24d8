"""Tables of what ``real_robots.py`` and ``vendor_robots.py`` measured."""

from __future__ import annotations

from typing import Any

import real_robots
import vendor_robots
from cells import markdown
from result_files import loaded
from vendor_arms import table as arms

import robotmeta as rm

_APART = 0.1  # relative difference from which a model and the published numbers differ
_HEADLINE = {"go2": "Unitree Go2", "aliengo": "Unitree Aliengo", "spot": "Spot"}
_SHOWN = {"reset": "belief reset at every step", "first": "first episode", "adapted": "after 3 episodes"}
_UNITS = {"mass": "kg", "torque": "N m"}
"""Units of what a number's name ends with; metres for all others."""


def real_speeds() -> str:
    """Speeds and falls of each real robot, with and without a load."""
    return real_robots.table(loaded("real-robots-quadruped")["robots"])


def real_errors(family: str) -> str:
    """Errors of the speed over all real robots."""
    return real_robots.summary(loaded(f"real-robots-{family}")["robots"])


def vendor_speeds() -> str:
    """Speeds, falls and drift of each vendor's robot."""
    return vendor_robots.table(loaded("vendor-robots")["robots"])


def vendor_arms(family: str) -> str:
    """Successes and returns of each vendor's arm."""
    return arms(loaded(f"vendor-arms-{family}")["robots"])


def vendor_headline() -> str:
    """Speeds of some vendors' robots in m/s."""
    measured = {line["robot"]: line for line in loaded("vendor-robots")["robots"]}
    lines = ((title, measured[name]) for name, title in _HEADLINE.items())
    rows = [(title, f"{line['commanded']:.2f}", *(_speed(line[kind]) for kind in _SHOWN)) for title, line in lines]
    return markdown(("robot", "commanded", *_SHOWN.values()), rows)


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
