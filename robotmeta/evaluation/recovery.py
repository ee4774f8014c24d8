"""How fast policies recover from a change within an episode: the numbers, as a table, as JSON and in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.table import Column, Table

from robotmeta.evaluation.intervals import bootstrapped, wilson

WINDOW = 0.25
"""Seconds over which the measure is averaged."""
STEADY = 1.0
"""Seconds at the end of an episode without a change that give the steady level."""
SHARE = 0.9
"""Share of the steady level at which a policy has recovered."""
SOON = 1.0
"""Seconds within which a recovery counts as fast."""


@dataclass(frozen=True)
class Recovered:
    """The recovery of one policy.

    Attributes:
        seconds: From the change to the recovery, ``[task]``; 0 where the change does not lower the measure by a tenth,
            and the rest of the episode where it does not recover.
        lowered: Share of the episodes of each task in which the change lowers the measure by a tenth, ``[task]``.
        soon: Share of the episodes of each task that recover within a second, ``[task]``.
        level: The steady level, ``[task]``; NaN where the episode without a change ended early.
        series: The measure at each control step, ``[task, time]``; 0 after the end of an episode.
    """

    seconds: np.ndarray
    lowered: np.ndarray
    soon: np.ndarray
    level: np.ndarray
    series: np.ndarray

    def __getitem__(self, kept: np.ndarray) -> Recovered:
        return Recovered(self.seconds[kept], self.lowered[kept], self.soon[kept], self.level[kept], self.series[kept])

    @property
    def median(self) -> tuple[float, tuple[float, float]]:
        """Median time to recover, s, and its 95 % bootstrap interval over tasks."""
        return float(np.median(self.seconds)), bootstrapped(self.seconds, np.median)

    @property
    def fast(self) -> tuple[float, tuple[float, float]]:
        """Share of tasks that recover within a second, and its 95 % interval: Wilson's for one episode a task."""
        binary = bool(np.isin(self.soon, (0.0, 1.0)).all())
        return float(self.soon.mean()), (wilson if binary else bootstrapped)(self.soon)

    @property
    def where_lowered(self) -> Recovered | None:
        """The tasks in which the change lowers the measure by a tenth; None if there are none."""
        lowered = self.lowered > 0.0
        return self[lowered] if lowered.any() else None

    def to_json(self) -> dict[str, Any]:
        """Numbers, and the mean of the measure over tasks at each control step."""
        (median, median_ci), (fast, fast_ci), lowered = self.median, self.fast, self.where_lowered
        return {
            "seconds": {"median": median, "ci95": list(median_ci), "tasks": self.seconds.tolist()},
            "within_1s": {"mean": fast, "ci95": list(fast_ci)},
            "lowered": float(self.lowered.mean()),
            "where_lowered": lowered and {"median": lowered.median[0], "within_1s": lowered.fast[0]},
            "level": float(np.nanmean(self.level)) if np.isfinite(self.level).any() else None,
            "mean": self.series.mean(axis=0).round(4).tolist(),
        }


@dataclass(frozen=True)
class Recovery:
    """How fast the policies of an evaluation recover from a change.

    Attributes:
        measure: What recovers: ``reward``, or the quantity that the family names as its performance.
        parameters: What changes in each task.
        step: Control step of the change.
        dt: Seconds a control step.
        policies: By curve: ``adapted``, the controls that were measured, and ``unchanged``, which is the adapted policy
            in the tasks after the change from the start on. It shows what the measure gives where nothing changes.
            From-scratch is left out: a policy that has learned nothing returns to nothing at once.
    """

    measure: str
    parameters: tuple[str, ...]
    step: int
    dt: float
    policies: Mapping[str, Recovered]

    def by_parameter(self, name: str = "adapted") -> dict[str, Recovered]:
        """The recovery of one policy in the tasks in which each parameter changes."""
        return {p: self.policies[name][np.array(self.parameters) == p] for p in dict.fromkeys(self.parameters) if p}

    def to_json(self) -> dict[str, Any]:
        """The recovery as JSON."""
        return {
            "measure": self.measure,
            "change_step": self.step,
            "change_seconds": self.step * self.dt,
            "parameters": list(self.parameters),
            "policies": {name: recovered.to_json() for name, recovered in self.policies.items()},
            "by_parameter": {
                name: {"tasks": len(r.seconds), "median": r.median[0], "within_1s": r.fast[0]}
                for name, r in self.by_parameter().items()
            },
        }

    def table(self) -> Table:
        """A row for each policy, and one for each parameter that changes.

        *Lowered* is the share of the tasks in which the change lowers the measure by a tenth, *level* the steady level.
        """
        title = f"time until {self.measure} is back at {SHARE:.0%} of its steady level (95 % CI)"
        table = Table(Column("policy", no_wrap=True), title=title)
        for column in ("median, s", f"within {SOON:g} s", "lowered", "level"):
            table.add_column(column, justify="right", no_wrap=True)
        for name, recovered in self.policies.items():
            table.add_row(name.replace("_", "-"), *_row(recovered))
        table.add_section()
        table.add_row("adapted, by change:")
        for name, recovered in self.by_parameter().items():
            table.add_row(f"  {name}", *_row(recovered))
        return table

    def verdict(self) -> str:
        """The time to recover beside those of the controls, in a sentence."""
        adapted = self.policies["adapted"]
        others = [
            f"{name.replace('_', '-')} {_cells(recovered)[1]}"
            for name, recovered in self.policies.items()
            if name not in ("adapted", "unchanged")
        ]
        median, fast = _cells(adapted)
        beside = f" ({', '.join(others)})" if others else ""
        lowered, felt = adapted.where_lowered, "The change lowers it by a tenth in none of the tasks."
        if lowered is not None:
            of = f"{len(lowered.seconds)} of {len(adapted.seconds)} tasks"
            felt = f"The change lowers it by a tenth in {of}, and {lowered.fast[0]:.0%} of these recover in that time."
        return (
            f" After the change, {self.measure} is back at {SHARE:.0%} of its steady level in {median} s (median), and "
            f"within {SOON:g} s in {fast} of the tasks{beside}. {felt} Where nothing changes, the same measure gives "
            f"{_cells(self.policies['unchanged'])[1]}."
        )


def _row(recovered: Recovered) -> tuple[str, ...]:
    level = f"{np.nanmean(recovered.level):.2f}" if np.isfinite(recovered.level).any() else "none"
    return (*_cells(recovered), f"{recovered.lowered.mean():.0%}", level)


def _cells(recovered: Recovered) -> tuple[str, str]:
    (median, (first, last)), (fast, (low, high)) = recovered.median, recovered.fast
    return f"{median:.2f} [{first:.2f}, {last:.2f}]", f"{fast:.0%} [{low:.0%}, {high:.0%}]"


def seconds_to_recover(series: np.ndarray, level: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
    """Time from a change to the end of the first window at the level again, after the first window below it.

    Windows last :data:`WINDOW` seconds, and begin at each control step. A level of ``L`` is reached at
    ``L - 0.1 |L|``, which is 90 % of it if it is positive.

    Args:
        series: The measure from the change on, ``[..., time]``. A window with NaN is below the level.
        level: Steady levels, ``[...]``. Where it is NaN, nothing recovers.
        dt: Seconds a control step.

    Returns:
        Seconds, 0 where no window is below the level, and all that are left where the level is not reached again; and
        whether a window is below it, both ``[...]``.
    """
    steps = series.shape[-1]
    width = min(max(1, round(WINDOW / dt)), steps)
    windows = np.lib.stride_tricks.sliding_window_view(series, width, axis=-1).mean(axis=-1)
    enough = windows >= (level - (1.0 - SHARE) * np.abs(level))[..., None]  # False where the level is NaN
    lowered = ~enough.all(axis=-1)
    again = enough & (np.cumsum(~enough, axis=-1) > 0)
    ends = np.where(again.any(axis=-1), again.argmax(axis=-1) + width, steps)
    return np.where(lowered, ends, 0) * dt, lowered
