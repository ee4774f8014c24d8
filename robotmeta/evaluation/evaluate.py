"""Evaluation: adaptation curves on held-out tasks, with controls and confidence intervals."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from rich.table import Table
from rich.text import Text
from scipy.stats import binomtest, bootstrap
from torch import Tensor

from robotmeta.adaptation.worlds import TaskWorlds, adapted_belief, collect_episodes
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.envs import Tasks
from robotmeta.errors import SimulationDiverged, UserError, unknown
from robotmeta.experience.rollout import Rollout
from robotmeta.files import write_text
from robotmeta.metalearners import CONTROL, FROM_SCRATCH
from robotmeta.policy import Policy, new_policy
from robotmeta.seeding import streams
from robotmeta.versions import versions

CONTROLS = ("zero_shot", "domain_randomized", "from_scratch", "oracle")
_RESAMPLES = 2000
_FEWEST = 5  # tasks for a claim about a family
_TOLD = 0.1  # share of a parameter's spread that must be explained for it to be named

Quantity = Literal["return", "success", "distance"]
LABELS: dict[Quantity, str] = {"return": "return", "success": "success rate", "distance": "final distance (cm)"}
"""What each quantity is called in tables and plots."""


@dataclass(frozen=True)
class Curve:
    """A number of each task after each number of adaptation episodes.

    Attributes:
        values: ``[budget, task]``.
        binary: Whether each value is a success (1) or a failure (0), and the mean their rate.
    """

    values: np.ndarray
    binary: bool = False

    @property
    def mean(self) -> np.ndarray:
        """Over tasks, ``[budget]``."""
        return self.values.mean(axis=1)

    @property
    def ci95(self) -> np.ndarray:
        """95 % interval of the mean over tasks, ``[budget, 2]``: percentile bootstrap, of a rate Wilson's (1927)."""
        return np.array([_wilson(row) if self.binary else _interval(row) for row in self.values])

    def to_json(self) -> dict[str, Any]:
        """Mean and interval as lists."""
        return {"mean": self.mean.tolist(), "ci95": self.ci95.tolist()}


def _interval(row: np.ndarray) -> tuple[float, float]:
    if len(row) < 2 or np.ptp(row) == 0.0:
        return float(row.mean()), float(row.mean())
    interval = bootstrap(
        (row,), np.mean, n_resamples=_RESAMPLES, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    return float(interval.low), float(interval.high)


def _wilson(row: np.ndarray) -> tuple[float, float]:
    """Unlike the bootstrap, it does not call 40 successes out of 40 certain."""
    interval = binomtest(round(row.sum()), len(row)).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


@dataclass(frozen=True)
class Evaluation:
    """Adaptation curves of a policy and its controls on one split.

    Attributes:
        family: Name of the family.
        learner: Name of the learner.
        split: ``test``, ``ood`` or ``robots``.
        tasks: The tasks, without those left out.
        episodes: Numbers of adaptation episodes, increasing from 0.
        returns: Undiscounted return by curve: ``adapted`` and the controls; None for one that was not run.
        success: Success rate by curve, where the family defines success; else empty.
        distance: How far from its goal an episode ends by curve, m, where the family defines it; else empty.
        env_steps: Control steps of meta-training.
        seed: Of the evaluation.
        inferred: How much of each parameter's spread over the tasks the adapted policy's estimates explain (R^2), for
            learners that say what they think the task is; else empty.
        diverged: Numbers of the tasks, counted from 0, that were left out of every curve because the simulation broke
            in an episode that was to be measured.
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

    def to_json(self) -> dict[str, Any]:
        """The JSON object that ``evaluate --json`` writes; a control that was not run is null."""

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
            **({"inferred": self.inferred} if self.inferred else {}),
            "env_steps_meta_train": self.env_steps,
            "seed": self.seed,
            "diverged": list(self.diverged),
            "versions": versions(),
        }

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """What was measured: ``return``, and ``success`` and ``distance`` where the family defines them."""
        return tuple(quantity for quantity in LABELS if self._measured(quantity))

    def curves(self, quantity: Quantity) -> dict[str, Curve]:
        """The curves that were measured, by name."""
        return {name: curve for name, curve in self._measured(quantity).items() if curve is not None}

    def gains(self, quantity: Quantity = "return") -> dict[str, Curve | None]:
        """By how much the adapted policy is above each control, task by task; None for a control that was not run.

        All of them meet the same tasks from the same initial states, so the interval of their difference says more than
        their own intervals, which are as wide as tasks differ. Of the final distance, less than 0 is better.
        """
        curves = dict(self._measured(quantity))
        adapted = curves.pop("adapted")
        assert adapted is not None
        return {name: None if curve is None else Curve(adapted.values - curve.values) for name, curve in curves.items()}

    def _measured(self, quantity: Quantity) -> dict[str, Curve | None]:
        return {"return": self.returns, "success": self.success, "distance": self.distance}[quantity]

    def table(self, quantity: Quantity = "return") -> Table:
        """One row a curve: mean over tasks and 95 % interval after each number of episodes."""
        where = f"{len(self.tasks)} {self.split} tasks"
        title = f"{self.family}, {self.learner}: {LABELS[quantity]} on {where} (95 % CI)"
        table = Table(title=Text(title, style="table.title"))  # any console prints the family's name as it is
        table.add_column("after episodes")
        for count in self.episodes:
            table.add_column(str(count), justify="right")
        number = {"return": _number, "success": _percent, "distance": _centimetres}[quantity]
        for name, curve in self.curves(quantity).items():
            cells = [
                f"{number(m)} [{number(low)}, {number(high)}]"
                for m, (low, high) in zip(curve.mean, curve.ci95, strict=True)
            ]
            table.add_row(name.replace("_", "-"), *cells)
        return table

    def verdict(self) -> str:
        """Whether adaptation helped, judged by the intervals, and which controls do better."""
        adapted, control = self.returns["adapted"], self.returns["zero_shot"]
        gains = self.gains()
        gain, over_randomized = gains["zero_shot"], gains["domain_randomized"]
        assert adapted is not None
        if control is None or gain is None:
            return "The zero-shot control was not run, so nothing can be said about adaptation."
        (low, high), (least, most) = adapted.ci95[-1], gain.ci95[-1]
        budget = f"{self.episodes[-1]} episode{'s' * (self.episodes[-1] > 1)}"
        compared = (
            f"After {budget} {adapted.mean[-1]:.1f}, zero-shot {control.mean[-1]:.1f}, "
            f"a gain of {_gain(gain)} on the same tasks"
        )
        tasks = adapted.values.shape[1]
        visible = round(abs(gain.mean[-1]), 1) > 0.0  # what is shown as +0.0 is no gain, however sure
        if tasks < _FEWEST:
            said = f"{tasks} task{'s' * (tasks > 1)} cannot tell whether adaptation helps"
        elif low > control.ci95[-1][1]:
            said = "adaptation helps, the intervals do not overlap"
            if adapted.ci95[0][1] >= low:
                said += "; most of the gain comes within the first episode"
        elif high < control.ci95[-1][0]:
            said = "adaptation does harm, the intervals do not overlap"
        elif least > 0.0 and visible:
            said = "adaptation helps, though tasks differ by more than that"
        elif most < 0.0 and visible:
            said = "adaptation does harm, though tasks differ by more than that"
        else:
            said = "no clear gain from adaptation"
        if over_randomized is not None:
            said += f"; over domain-randomized the gain is {_gain(over_randomized)}"
        ahead = [
            name.replace("_", "-")
            for name, curve in self.returns.items()
            if curve is not None and name not in ("adapted", "zero_shot", "oracle") and curve.ci95[-1][0] > high
        ]
        if ahead and tasks >= _FEWEST:
            said += f". Clearly better: {', '.join(ahead)}"
        return f"{compared}: {said}." + self._rates() + self._left_out()

    def _left_out(self) -> str:
        if not self.diverged:
            return ""
        which = f"task{'s' * (len(self.diverged) > 1)} {', '.join(map(str, self.diverged))}"
        return f" Left out, as the simulation broke: {which} of {len(self.tasks) + len(self.diverged)}."

    def _rates(self) -> str:
        """How often it succeeds and how far from its goal it ends, beside its zero-shot control, where defined."""
        said = ""
        for curves, words, number in (
            (self.success, "It succeeds on {}, zero-shot on {}", _percent),
            (self.distance, "It ends {} cm from its goal, zero-shot {} cm", _centimetres),
        ):
            adapted, control = curves.get("adapted"), curves.get("zero_shot")
            if adapted is None or control is None:
                continue
            (low, high), (least, most) = adapted.ci95[-1], control.ci95[-1]
            apart = (low > most or high < least) and adapted.values.shape[1] >= _FEWEST
            apart = ": the intervals do not overlap" if apart else ""
            said += f" {words.format(number(adapted.mean[-1]), number(control.mean[-1]))}{apart}."
        return said

    def insight(self) -> str:
        """Which parameters the adapted policy can tell, for learners that say; else nothing."""
        if not self.inferred:
            return ""
        told = sorted(
            (name for name, share in self.inferred.items() if share >= _TOLD), key=lambda n: -self.inferred[n]
        )
        listed = ", ".join(f"{name} {_percent(self.inferred[name])}" for name in told) or "nothing"
        return f"What it infers of the tasks' differences: {listed}" + (
            "." if len(told) == len(self.inferred) else f"; of the rest less than {_percent(_TOLD)}."
        )


def evaluate(
    policy: Policy,
    *,
    split: str = "test",
    tasks: int | Tasks = 40,
    episodes: int | Sequence[int] = 3,
    seed: int = 0,
    explore: bool = False,
    controls: Sequence[str] = ("zero_shot", "from_scratch"),
    domain_randomized: Policy | None = None,
    oracle: Policy | None = None,
    threads: int | None = None,
) -> Evaluation:
    """Measures the return of fresh episodes after 0..K adaptation episodes, and what controls achieve.

    Adaptation episodes explore. The measured episodes act by the mean of the policy unless ``explore``.

    Args:
        policy: A meta-trained policy.
        split: ``test`` (held-out), ``ood`` or ``robots``; ignored where tasks are given.
        tasks: How many tasks of the split, or the tasks themselves.
        episodes: K, or the numbers of adaptation episodes to measure at, increasing from 0.
        seed: Fixes initial states and exploration; the same for every curve.
        explore: Measure with sampled actions, as most published numbers do.
        controls: ``zero_shot`` (the belief is reset at every step) and ``from_scratch`` (a random policy, fine-tuned
            by policy gradient on the same episodes).
        domain_randomized: A policy trained over the family without adaptation, where there is one.
        oracle: A policy that sees the task row, where there is one.
        threads: Physics threads.

    Raises:
        UserError: For an unknown split or control, fewer than one episode or task, tasks of another family, or a policy
            that is not the control it is given as.
        SimulationDiverged: Where the simulation of every task breaks.
    """
    budgets = list(range(episodes + 1)) if isinstance(episodes, int) else list(episodes)
    if len(budgets) < 2 or budgets != sorted({0, *budgets}):
        raise UserError(f"episodes must be at least 1, or numbers that increase from 0, not {episodes}")
    check_controls(controls)
    given = {"domain_randomized": domain_randomized, "oracle": oracle}
    for name, control in given.items():
        if control is not None:
            _check_control(name, control, policy)
    chosen = tasks if isinstance(tasks, Tasks) else policy.family.tasks(split, tasks)

    def measured(
        subject: Policy, *, adaptive: bool = True, remember: bool = True
    ) -> tuple[list[Rollout], dict[str, float]]:
        """An episode of each task after each budget, and what the belief after the last one tells of the tasks."""
        worlds = TaskWorlds(subject, chosen, threads=threads)
        rollouts: list[Rollout] = []
        belief = subject.begin(len(chosen))
        for budget in budgets:
            if budget and not adaptive:
                rollouts.append(rollouts[0])  # nothing changed, so nothing is measured anew
                continue
            belief = adapted_belief(subject, worlds, budget, seed)
            fresh = streams(seed, "trials")[0]
            rollouts.append(
                collect_episodes(worlds, subject.learner, belief, 1, fresh, explore=explore, remember=remember)[0]
            )
        posterior = subject.learner.infer(belief)
        return rollouts, {} if posterior is None else subject.family.encoding.explained(chosen, posterior.mean)

    adapted, inferred = measured(policy)
    runs: dict[str, list[Rollout] | None] = {"adapted": adapted, **dict.fromkeys(CONTROLS)}
    if "zero_shot" in controls:
        runs["zero_shot"], _ = measured(policy, adaptive=False, remember=False)
    if "from_scratch" in controls:
        runs["from_scratch"], _ = measured(scratch(policy, seed))
    if domain_randomized is not None:
        runs["domain_randomized"], _ = measured(domain_randomized, adaptive=False)
    if oracle is not None:
        runs["oracle"], _ = measured(oracle, adaptive=False)

    # Where a simulation broke there is no return to compare: such a task is left out everywhere.
    broken = np.zeros(len(chosen), dtype=bool)
    for rollout in itertools.chain.from_iterable(run for run in runs.values() if run is not None):
        broken |= rollout.diverged.any(dim=1).cpu().numpy()
    if broken.all():
        raise SimulationDiverged(f"the simulation of every task of family '{policy.family.name}' broke")

    def curves(measure: Callable[[Rollout], Tensor | None], binary: bool = False) -> dict[str, Curve | None]:
        """Nothing where the family does not define it."""
        if measure(adapted[0]) is None:
            return {}
        return {name: None if run is None else _curve(map(measure, run), ~broken, binary) for name, run in runs.items()}

    return Evaluation(
        family=policy.family.name,
        learner=policy.config.learner,
        split="given" if isinstance(tasks, Tasks) else split,
        tasks=chosen[~broken],
        episodes=budgets,
        returns=curves(lambda rollout: rollout.returns),
        success=curves(lambda rollout: rollout.success, binary=True),
        distance=curves(lambda rollout: rollout.distance),
        env_steps=policy.env_steps,
        seed=seed,
        inferred=inferred,
        diverged=tuple(np.flatnonzero(broken).tolist()),
    )


def _number(value: float) -> str:
    """Three digits say what an interval leaves certain."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}"


def _percent(value: float) -> str:
    return f"{value:.0%}"


def _centimetres(value: float) -> str:
    return _number(100.0 * value)


def _gain(curve: Curve) -> str:
    low, high = curve.ci95[-1]
    return f"{curve.mean[-1]:+.1f} [{low:+.1f}, {high:+.1f}]"


def check_controls(names: Sequence[str]) -> None:
    """Raises UserError for a control that does not exist."""
    for name in names:
        if name not in CONTROLS:
            raise unknown("control", name, CONTROLS)


def scratch(policy: Policy, seed: int) -> Policy:
    """The from-scratch control: random weights, fine-tuned by plain policy gradient with the default step size."""
    chosen = hyperparameters(FROM_SCRATCH, {})
    config = RunConfig(policy.family.name, FROM_SCRATCH, chosen, seed=seed + 1, simulator=policy.config.simulator)
    return new_policy(config, policy.learner.device, policy.family)


def _check_control(name: str, control: Policy, policy: Policy) -> None:
    """Raises UserError where a policy is not that control of the other one."""
    if control.family.name != policy.family.name:
        raise UserError(
            f"the {name} control was trained on family '{control.family.name}', the policy on '{policy.family.name}'"
        )
    config, wants_task = control.config, name == "oracle"
    if control.learner.adapts or config.hyperparameters.oracle != wants_task:
        observes = " and observes its task" if config.hyperparameters.oracle else ""
        wanted = f"--learner {CONTROL}" + " --hyper oracle=true" * wants_task
        raise UserError(
            f"the {name} control is trained with {wanted}; this one learned with {config.learner}{observes}"
        )


def _curve(measured: Iterable[Tensor | None], kept: np.ndarray, binary: bool) -> Curve:
    """Of one episode a task at each budget, as :func:`evaluate` measures."""
    return Curve(np.stack([v.double().mean(dim=1).cpu().numpy()[kept] for v in measured if v is not None]), binary)


def save_json(evaluation: Evaluation, file: Path) -> None:
    """Writes the JSON object of an evaluation."""
    write_text(file, json.dumps(evaluation.to_json(), indent=2) + "\n")
