"""The family's measures of episodes: their means by policy, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from rich.table import Table

from robotmeta.envs import TaskFamily
from robotmeta.evaluation.intervals import Curve
from robotmeta.experience.rollout import Rollout


@dataclass(frozen=True)
class Measures:
    """Measures of the episodes of policies.

    Attributes:
        curves: Curves by policy of each measure, by name. A curve has the tasks in which the measure has a meaning for
            every number of adaptation episodes.
        units: Unit of each measure, by name.
    """

    curves: Mapping[str, Mapping[str, Curve]] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, family: TaskFamily, measured: Mapping[str, Sequence[Rollout]], kept: np.ndarray) -> Measures:
        """The measures in some rollouts.

        Args:
            family: The family.
            measured: Rollouts after each number of adaptation episodes, by policy.
            kept: bool ``[task]``, the tasks that count.
        """
        curves: dict[str, dict[str, Curve]] = {}
        for measure in family.measures:
            values = {policy: _values(rollouts, measure.name)[:, kept] for policy, rollouts in measured.items()}
            known = {policy: rows[:, np.isfinite(rows).all(axis=0)] for policy, rows in values.items()}
            curves[measure.name] = {policy: Curve(rows) for policy, rows in known.items() if rows.shape[1]}
        return cls(curves, {measure.name: measure.unit for measure in family.measures})

    def __bool__(self) -> bool:
        return bool(self.curves)

    def to_json(self) -> dict[str, Any]:
        """Of each measure its unit, and the curve and the number of tasks of each policy."""
        return {
            name: {
                "unit": self.units[name],
                **{policy: {**c.to_json(), "tasks": c.values.shape[1]} for policy, c in curves.items()},
            }
            for name, curves in self.curves.items()
        }

    def table(self, episodes: int) -> Table:
        """A row for each measure and a column for each policy: the mean after the last adaptation episode.

        A cell says of how many tasks it is the mean where the measure has no meaning in some.
        """
        policies = list(dict.fromkeys(policy for curves in self.curves.values() for policy in curves))
        table = Table(title=f"measures after {episodes} episodes (95 % CI)")
        table.add_column("measure")
        for policy in policies:
            table.add_column(policy.replace("_", "-"), justify="right")
        tasks = (curve.values.shape[1] for curves in self.curves.values() for curve in curves.values())
        most = max(tasks, default=0)  # none if no measure has a meaning in any task
        for name, curves in self.curves.items():
            cells = (_cell(curves[policy], most) if policy in curves else "" for policy in policies)
            unit = "" if self.units[name] == "1" else f", {self.units[name]}"
            table.add_row(f"{name}{unit}", *cells)
        return table


def _values(rollouts: Sequence[Rollout], name: str) -> np.ndarray:
    """Mean over the episodes of each task in which the measure has a meaning, ``[budget, task]``; NaN for none."""
    rows = np.stack([rollout.measures[name].double().cpu().numpy() for rollout in rollouts])
    known = np.isfinite(rows)
    counts = known.sum(axis=-1)
    return np.where(counts > 0, np.where(known, rows, 0.0).sum(axis=-1) / counts.clip(min=1), np.nan)


def _cell(curve: Curve, most: int) -> str:
    count = curve.values.shape[1]
    return curve.text(_number) + (f", {count} of {most} tasks" if count < most else "")


def _number(value: float) -> str:
    return f"{value:.3g}"
