"""The result of an evaluation: curves of the policy and its controls, as a table, as JSON and in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from rich.table import Table
from rich.text import Text

from robotmeta.envs import Tasks
from robotmeta.errors import printable
from robotmeta.evaluation import verdict
from robotmeta.evaluation.intervals import Curve
from robotmeta.evaluation.measures import Measures
from robotmeta.evaluation.recovery import Recovery
from robotmeta.evaluation.share import Share
from robotmeta.evaluation.stages import STAGES
from robotmeta.versions import versions

CONTROLS = ("zero_shot", "domain_randomized", "from_scratch", "oracle")
"""Names of the controls."""

Quantity = Literal["return", "success", "distance"]
LABELS: dict[Quantity, str] = {"return": "return", "success": "success rate", "distance": "final distance (cm)"}
"""Names of the quantities in tables and plots."""


@dataclass(frozen=True)
class Evaluation:
    """Adaptation curves of a policy and its controls on one split.

    Attributes:
        family: Name of the family.
        learner: Name of the learner.
        split: ``test``, ``ood``, ``robots`` or ``changing``; ``given`` if the tasks were given.
        tasks: The tasks, without those that were left out; in the split ``changing``, those after the change.
        episodes: Numbers of adaptation episodes, increasing from 0; in the split ``changing``, the last one alone.
        returns: Undiscounted return by curve: ``adapted`` and the controls; None for a control that was not run. With
            references also ``random`` and ``specialist``. A stage of :data:`robotmeta.evaluation.stages.STAGES` that
            was measured has a curve, too. All but its last row are NaN.
        success: Success rate by curve; empty if the family does not define success.
        distance: Distance to the goal at the end of an episode by curve, m; empty if the family does not define it.
        env_steps: Control steps of meta-training.
        seed: Seed of the evaluation.
        inferred: Share of the variance over the tasks that the adapted policy's estimates explain (R^2), of each
            parameter that varies; empty for learners that make no estimates. In the split ``changing``, these are the
            estimates at the end of the episode, of the tasks after the change.
        diverged: Indices of the tasks that were left out because their simulation diverged, under some policy.
        distinct: Tasks in which the specialist is better than a random policy beyond doubt, bool ``[task]``; None
            without specialists. Only these have a share.
        measures: The family's measures of an episode.
        recovery: How fast the policies recover from the change; None in the other splits. The curves then have
            ``unchanged`` too: the adapted policy in the tasks after the change, from the start of the episode on.
    """

    family: str
    learner: str
    split: str
    tasks: Tasks
    episodes: list[int]
    returns: dict[str, Curve | None]
    success: dict[str, Curve | None]
    distance: dict[str, Curve | None]
    env_steps: int
    seed: int
    inferred: dict[str, float] = field(default_factory=dict)
    diverged: tuple[int, ...] = ()
    distinct: np.ndarray | None = None
    recovery: Recovery | None = None
    measures: Measures = field(default_factory=Measures)

    def to_json(self) -> dict[str, Any]:
        """The JSON object that ``evaluate --json`` writes. A control that was not run is null."""

        def curves(named: dict[str, Curve | None]) -> dict[str, Any]:
            return {name: None if curve is None else curve.to_json() for name, curve in named.items()}

        return {
            "family": self.family,
            "learner": self.learner,
            "split": self.split,
            "tasks": len(self.tasks),
            "episodes": self.episodes,
            **{quantity: curves(self._measured(quantity)) for quantity in self.quantities},
            "gain": {quantity: curves(self.gains(quantity)) for quantity in self.quantities},
            "share": {name: None if share is None else share.to_json() for name, share in self.shares().items()},
            **({} if self.distinct is None else {"share_left_out": self._without_share()}),
            **({"inferred": self.inferred} if self.inferred else {}),
            **({} if self.recovery is None else {"recovery": self.recovery.to_json()}),
            **({"measures": self.measures.to_json()} if self.measures else {}),
            "env_steps_meta_train": self.env_steps,
            "seed": self.seed,
            "diverged": list(self.diverged),
            "versions": versions(),
        }

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """What was measured: ``return``, and ``success`` and ``distance`` if the family defines them."""
        return tuple(quantity for quantity in LABELS if self._measured(quantity))

    def curves(self, quantity: Quantity) -> dict[str, Curve]:
        """The curves that were measured, by name."""
        return {name: curve for name, curve in self._measured(quantity).items() if curve is not None}

    def gains(self, quantity: Quantity = "return") -> dict[str, Curve | None]:
        """The adapted policy's value minus that of each control, task by task; None for a control that was not run.

        All curves have the same tasks and initial states. The interval of their difference is therefore narrower than
        their own intervals, which are as wide as tasks differ. A negative gain in distance is an improvement.
        """
        curves = dict(self._measured(quantity))
        adapted = curves.pop("adapted")
        assert adapted is not None
        return {name: None if curve is None else Curve(adapted.values - curve.values) for name, curve in curves.items()}

    def shares(self) -> dict[str, Share | None]:
        """The share of the specialist by curve; None for a curve that was not run, and without specialists.

        Tasks in which the specialist is not better than a random policy beyond doubt are left out.
        """
        random, specialist = self.returns.get("random"), self.returns.get("specialist")
        names = ("adapted", *CONTROLS, *STAGES)
        if random is None or specialist is None or self.distinct is None or not self.distinct.any():
            return dict.fromkeys(names)
        floor, kept = random.values[-1], self.distinct
        possible = (specialist.values[-1] - floor)[kept]
        curves = {name: self.returns.get(name) for name in names}
        return {n: curve and Share((curve.values - floor)[:, kept], possible) for n, curve in curves.items()}

    def _without_share(self) -> list[int]:
        """Places of the evaluated tasks that have no share."""
        return [] if self.distinct is None else np.flatnonzero(~self.distinct).tolist()

    def _measured(self, quantity: Quantity) -> dict[str, Curve | None]:
        return {"return": self.returns, "success": self.success, "distance": self.distance}[quantity]

    def table(self, quantity: Quantity = "return") -> Table:
        """One row per curve: mean over tasks and 95 % interval after each number of episodes."""
        where = f"{len(self.tasks)} {self.split} task{'s' * (len(self.tasks) > 1)}"
        title = f"{self.family}, {self.learner}: {LABELS[quantity]} on {where} (95 % CI)"
        # Any console prints the family's name as it is.
        table = Table(title=Text(printable(title), style="table.title"))
        table.add_column("after episodes")
        for count in self.episodes:
            table.add_column(str(count), justify="right")
        shown = {"return": verdict.number, "success": verdict.percent, "distance": verdict.centimetres}[quantity]
        for name, curve in self.curves(quantity).items():
            table.add_row(name.replace("_", "-"), *(curve.text(shown, place) for place in range(len(self.episodes))))
        if quantity == "return":
            for name, share in self.shares().items():
                if share is not None:
                    cells = (share.text(place) for place in range(len(self.episodes)))
                    table.add_row(f"{name.replace('_', '-')}, share", *cells)
        return table

    def verdict(self) -> str:
        """Whether adaptation helped, judged by the intervals, and which controls are better."""
        return (
            verdict.adaptation(self.episodes[-1], self.returns, self.gains())
            + verdict.success_and_distance(self.success, self.distance)
            + ("" if self.recovery is None else self.recovery.verdict())
            + verdict.stages(self.returns, self.success)
            + verdict.share(self.shares()["adapted"], self._without_share())
            + verdict.left_out(self.diverged, len(self.tasks) + len(self.diverged))
        )

    def insight(self) -> str:
        """Which parameters the adapted policy estimates well; empty for learners that make no estimates."""
        return verdict.explained(self.inferred, len(self.tasks))
