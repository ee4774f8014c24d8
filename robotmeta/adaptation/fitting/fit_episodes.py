"""A fit: the tasks that explain recorded episodes."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from robotmeta.adaptation.fitting.coordinates import Coordinates
from robotmeta.adaptation.fitting.joint_filter import JointFilter
from robotmeta.adaptation.fitting.reachable import reachable
from robotmeta.adaptation.fitting.recorded import RecordedEpisodes
from robotmeta.adaptation.fitting.search import CANDIDATES, CYCLES, Z90, Found, Search, Start
from robotmeta.adaptation.fitting.segments import Segments
from robotmeta.adaptation.posterior import TaskPosterior
from robotmeta.envs import Estimate, Parameter, ParameterSpace, TaskFamily, Tasks
from robotmeta.errors import RobotmetaWarning, UserError
from robotmeta.seeding import streams
from robotmeta.versions import versions

_KNOWN = 0.3  # share of a parameter's spread over the training tasks that must be gone before it counts as known
_UNEXPLAINED = 0.15  # of a signal's standard deviation
_REACHABLE = 2.0  # times the error that would be left if the robot were the best task itself
_FEW = 0.2  # share of the signals


@dataclass(frozen=True)
class FittedParameter:
    """What a fit knows of one parameter.

    Attributes:
        value: The most likely value.
        low, high: Ends of the 90 % interval; for kinds, of the plausible ones.
        known: Whether the episodes tell it. If not, value and interval are those of the training distribution.
        kinds: Probability of each kind that is at least 1 %, the most likely first; empty for a number.
    """

    value: float
    low: float
    high: float
    known: bool
    kinds: Mapping[float, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Fit:
    """The result of a fit.

    Attributes:
        posterior: Tasks that explain the episodes.
        parameters: What is known of each parameter.
        best: The task with the smallest error.
        before, after: Error of each signal in replays of ten steps, in standard deviations of the signal, for the task
            that was believed before the fit and for the best one. Three quarters of the steps have a smaller error.
        believed: Estimates before the fit, of the policy; None without one.
        signals: Names of the observations, and ``"reward"``.
        measured: The recorded signals after each step, ``[episode, time, signal]``; NaN after the end of an episode.
        simulated: The same in replays of ten steps, for the task ``"before"`` the fit and the best one ``"after"`` it;
            NaN also where no step was replayed.
        unexplained: Signals that the best task does not explain: their error is above 0.15, and above twice the one
            that would be left if the robot were the best task itself.
        saturated: Share of the recorded actions that were at their limit.
        episodes: Number of episodes.
        steps: Control steps that were simulated.
        seconds: Duration.
    """

    posterior: TaskPosterior
    parameters: dict[str, FittedParameter]
    best: Tasks
    before: dict[str, float]
    after: dict[str, float]
    unexplained: tuple[str, ...]
    saturated: float
    episodes: int
    steps: int
    seconds: float
    believed: Mapping[str, Estimate] | None = None
    signals: tuple[str, ...] = ()
    measured: np.ndarray = field(default_factory=lambda: np.zeros(0), repr=False)
    simulated: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False)

    @property
    def explained(self) -> bool:
        """Whether the robot is like one of the family: the best task explains most signals.

        Hard contacts leave a few signals unexplained in every family.
        """
        return len(self.unexplained) <= _FEW * len(self.after)

    def to_json(self) -> dict[str, Any]:
        """The JSON object that ``robotmeta fit --out`` writes."""
        return {
            "parameters": {
                name: {
                    "value": p.value,
                    "ci90": [p.low, p.high],
                    "known": p.known,
                    **({"kinds": {f"{kind:g}": share for kind, share in p.kinds.items()}} if p.kinds else {}),
                }
                for name, p in self.parameters.items()
            },
            "error": {"before": self.before, "after": self.after},
            "explained": self.explained,
            "unexplained": list(self.unexplained),
            "saturated_actions": self.saturated,
            "episodes": self.episodes,
            "env_steps": self.steps,
            "seconds": self.seconds,
            "posterior": {"names": self.posterior.tasks.names, "tasks": self.posterior.tasks.values.tolist()},
            "versions": versions(),
        }


def fit_episodes(
    family: TaskFamily,
    recorded: RecordedEpisodes,
    *,
    believed: Mapping[str, Estimate] | None = None,
    known: Mapping[str, float | str] | None = None,
    seed: int = 0,
    simulator: str = "auto",
    threads: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Fit:
    """Finds the tasks of a family that explain recorded episodes, anywhere in the physical ranges.

    Recorded actions are replayed in candidate tasks. Nothing runs on the robot. If no task explains the episodes, and
    the family has parameters that only fits search (``fit_only``), a second search has these too.

    Args:
        family: The family.
        recorded: The episodes.
        believed: A policy's estimates, which the search starts from; None to start from the training distribution.
        known: Parameters that are known, by name; they are not searched.
        seed: Determines the candidates.
        simulator: Physics backend.
        threads: Physics threads; the result does not depend on it.
        on_progress: Called at the start and after each cycle, with the number of finished cycles and of all.

    Raises:
        UserError: For episodes of another interface, fewer than ten steps, numbers that are not finite, a family that
            observes images, or an unknown parameter.
    """
    given = check_fit(family, known)
    recorded.check(family)

    def search(wider: TaskFamily, finished: int, cycles: int) -> Fit:
        of_wider = {name: value for name, value in given.items() if name in wider.space.names}

        def show(cycle: int) -> None:
            if on_progress is not None:
                on_progress(finished + cycle, cycles)

        return _fitted(wider, recorded, believed, of_wider, seed, simulator, threads, show)

    narrow = search(family, 0, CYCLES)
    if narrow.explained or not family.fit_only:
        return narrow
    wide = search(family.widened, CYCLES, 2 * CYCLES)
    best = min(wide, narrow, key=lambda fit: np.mean(list(fit.after.values())))
    return replace(best, steps=narrow.steps + wide.steps, seconds=narrow.seconds + wide.seconds)


def _fitted(
    family: TaskFamily,
    recorded: RecordedEpisodes,
    believed: Mapping[str, Estimate] | None,
    given: Mapping[str, float],
    seed: int,
    simulator: str,
    threads: int | None,
    on_cycle: Callable[[int], None],
) -> Fit:
    """One search; ``on_cycle`` is called with the number of finished cycles, from 0."""
    began = time.perf_counter()
    coordinates = Coordinates(family.space, given)
    _, rng = streams(seed, "fit")
    on_cycle(0)
    belief = Start(*coordinates.believed(believed or {}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RobotmetaWarning)  # of candidates that no robot is like
        joint = JointFilter(family, recorded, coordinates, simulator=simulator, threads=threads)
        candidates = max(CANDIDATES, 4 * len(coordinates.numbers))
        segments = Segments(family, recorded, candidates, simulator=simulator, threads=threads)
        search = Search(coordinates, joint, segments, rng)
        found = search(belief, on_cycle)
        kinds = {name: float(belief.kinds.get(name, values[0])) for name, values in coordinates.kinds.items()}
        pair = coordinates.tasks(
            np.stack([belief.mean, found.numbers]),
            {name: np.array([kinds[name], found.kinds[name]]) for name in coordinates.kinds},
        )
        errors = segments.errors(pair, found.filtered).double()
        least = reachable(family, recorded, coordinates, found, simulator=simulator, threads=threads)
    names = [*(name for name, _ in family.observations), "reward"]
    spread = joint.spread.clamp(min=1e-9)
    typical = (errors[:, segments.mask].abs().quantile(0.75, dim=1) / spread).numpy()
    allowed = (_REACHABLE * least.double().abs().quantile(0.75, dim=0) / spread).clamp(min=_UNEXPLAINED).numpy()
    varies = (joint.spread > 1e-9).numpy()
    before, after = (
        {name: float(e) for name, e, shown in zip(names, row, varies, strict=True) if shown} for row in typical
    )
    measured = recorded.signals()
    along = {what: segments.along_episodes(errors[place]) for place, what in enumerate(("before", "after"))}
    parameters = _parameters(family, coordinates, given, found)
    return Fit(
        posterior=_with_constants(family.space, search.posterior(found), parameters),
        parameters=parameters,
        best=pair[1:],
        before=before,
        after=after,
        unexplained=tuple(n for n, most in zip(names, allowed, strict=True) if n in after and after[n] > most),
        saturated=recorded.saturated,
        episodes=len(recorded),
        steps=found.steps,
        seconds=time.perf_counter() - began,
        believed=believed,
        signals=tuple(names),
        measured=measured.numpy(),
        simulated={what: (measured + error).numpy() for what, error in along.items()},
    )


def check_fit(family: TaskFamily, known: Mapping[str, float | str] | None) -> dict[str, float]:
    """Checks that a family can be fitted.

    Args:
        family: The family.
        known: Parameters that are known, by name, or ``robot`` for those of a robot that the family names.

    Returns:
        The known parameters.

    Raises:
        UserError: For a family that observes images, or an unknown parameter, robot or value.
    """
    images = [name for name, group in (family.observation_groups or {}).items() if not group.is_vector]
    if images:
        raise UserError(f"a fit compares numbers, and family '{family.name}' observes {', '.join(images)}")
    family = family.widened
    row = family.task(**(known or {})).values[0]
    robot = (known or {}).get("robot")
    names = {*(known or {}), *(family.robots[str(robot)] if robot is not None else ())} - {"robot"}
    return {name: float(value) for name, value in zip(family.space.names, row, strict=True) if name in names}


def _parameters(
    family: TaskFamily, coordinates: Coordinates, given: Mapping[str, float], found: Found
) -> dict[str, FittedParameter]:
    std = np.sqrt(np.diag(found.covariance))
    ends = np.stack([found.mean, found.mean - Z90 * std, found.mean + Z90 * std])
    kinds = {name: np.full(3, value) for name, value in found.kinds.items()}
    rows = coordinates.tasks(np.clip(ends, coordinates.low, coordinates.high), kinds)
    places = {parameter.name: place for place, parameter in enumerate(coordinates.numbers)}
    fitted = {}
    for column, parameter in enumerate(family.space):
        name = parameter.name
        if name in given:
            fitted[name] = FittedParameter(given[name], given[name], given[name], True)
        elif name in places:
            value, low, high = rows.values[:, column].tolist()
            told = bool(std[places[name]] < 1.0 - _KNOWN)
            if not told and _is_constant(parameter):
                value = low = high = parameter.nominal
            fitted[name] = FittedParameter(value, low, high, told)
        else:
            fitted[name] = _kind(coordinates.kinds[name], found.frequencies[name])
    for parameter in family.space:  # what details a fault tells nothing where there is none
        of = parameter.qualifies
        if of is not None and parameter.name not in given and fitted[of].value == family.space[of].nominal:
            fitted[parameter.name] = replace(fitted[parameter.name], known=False)
    return fitted


def _is_constant(parameter: Parameter) -> bool:
    """Whether training never varies it."""
    low, high = parameter.train.support
    return low == high


def _with_constants(
    space: ParameterSpace, posterior: TaskPosterior, parameters: Mapping[str, FittedParameter]
) -> TaskPosterior:
    """The posterior in which constants of training are nominal where the episodes do not tell otherwise."""
    values = posterior.tasks.values.copy()
    for column, parameter in enumerate(space):
        if _is_constant(parameter) and not parameters[parameter.name].known:
            values[:, column] = parameter.nominal
    return TaskPosterior(Tasks(space.names, values), posterior.weights)


def _kind(values: list[float], shares: np.ndarray) -> FittedParameter:
    order = np.argsort(-shares, kind="stable")
    likely = {values[i]: float(shares[i]) for i in order if shares[i] >= 0.01}
    plausible = [value for value, share in likely.items() if share >= 0.05]
    return FittedParameter(next(iter(likely)), min(plausible), max(plausible), len(plausible) == 1, likely)
