"""The search for the tasks that explain recorded episodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from robotmeta.adaptation.fitting.coordinates import KNOWN, Coordinates
from robotmeta.adaptation.fitting.joint_filter import Filtered, JointFilter
from robotmeta.adaptation.fitting.population import Candidates, Population, gaussian, joined
from robotmeta.adaptation.fitting.profile import SPREAD, Profile, profiled
from robotmeta.adaptation.fitting.scan import scanned
from robotmeta.adaptation.fitting.segments import Segments
from robotmeta.adaptation.posterior import TaskPosterior

CYCLES = 5
"""Most cycles of a search."""

WIDE_CYCLES = 8
"""Most cycles of one that has parameters too that only fits search."""

Z90 = 1.645  # standard deviations from the mean of a Gaussian to the end of its 90 % interval
CANDIDATES = 160
_WIDTHS = (0.25, 0.125, 0.1, 0.1, 0.1)  # of the differences in each cycle, in standard deviations before any episode
_ERROR = 0.3  # how far the task may be wrong in the first cycle; see JointFilter
_ERRORS = (0.02, 0.5)  # least and most of it in later cycles
_SENSORS = (0.003, 0.02, 0.1)  # noise of the signals that the filter tries, in standard deviations of the signals
_RIVALS = (0, 2, 1, 0, 0, 0, 0, 0)  # other kinds that the filter tries in each cycle
# Whether the filter tries the next smaller and larger noise in each cycle.
_TRIES_SENSORS = (True, False, False, True, False, True, True, True)
_UNINFORMATIVE = 0.9  # standard deviation after a pass, as a share of that before, at which it shows nothing
_TEMPERATURE = 10.0  # of the filter's likelihood, which takes all steps and signals for independent
_SAMPLES = 96
_LEAST_CYCLES = 3
_RISING = 300.0  # of the filter's likelihood in a cycle, after which numbers that are far away are still on their way
_STILL = 0.02  # a last move, in standard deviations before any episode, after which the search ends


@dataclass(frozen=True)
class Start:
    """What is believed before the fit: mean and standard deviation of the numbers, and kinds."""

    mean: np.ndarray
    std: np.ndarray
    kinds: Mapping[str, float]


@dataclass
class Found:
    """The state of a search after a cycle.

    Attributes:
        at: Numbers at which the filter's last pass differentiated.
        width: Half the width of each of its differences.
        error: How far it took the task to be wrong; see :class:`JointFilter`.
        sensor: Its noise of the signals.
        filtered: States of the episodes at the best task.
        numbers: Of the best task.
        kinds: Of the best task.
        mean: Of the numbers, ``[number]``.
        covariance: Of the numbers, ``[number, number]``.
        spread: Standard deviation of each number away from the nominal one, ``[number]``; larger than that of the
            covariance where the episodes tell the side of the nominal number alone.
        differs: bool ``[number]``, numbers that are constant in meta-training, and that cannot be nominal here.
        frequencies: Probability of each kind by parameter.
        steps: Control steps that were simulated.
    """

    at: np.ndarray
    width: np.ndarray
    error: float
    sensor: float
    filtered: Filtered
    numbers: np.ndarray
    kinds: dict[str, float]
    mean: np.ndarray
    covariance: np.ndarray
    spread: np.ndarray
    differs: np.ndarray
    frequencies: dict[str, np.ndarray]
    steps: int


@dataclass
class _Progress:
    """Where a search is: the best task so far, and the settings of the filter's next pass."""

    numbers: np.ndarray
    kinds: dict[str, float]
    width: np.ndarray
    noise: int = 0
    error: float = _ERROR
    likelihood: float = -np.inf
    penalties: dict[tuple[float, ...], float] = field(default_factory=dict)
    steps: int = 0
    proposed: np.ndarray | None = None


class Search:
    """Cycles of passes of the joint filter and rounds of the population.

    The filter follows smooth dynamics to the digit, but hard contacts mislead it. The population is robust, but slow,
    and its replays start from states that belong to the best task so far. Each proposes to the other.

    Args:
        coordinates: What is searched.
        joint: The filter.
        segments: The replays.
        rng: Draws candidates.
        cycles: How many there are at most.
    """

    def __init__(
        self, coordinates: Coordinates, joint: JointFilter, segments: Segments, rng: np.random.Generator, cycles: int
    ) -> None:
        self._coordinates, self._joint, self._segments, self._rng = coordinates, joint, segments, rng
        self._prior = np.sqrt(np.diag(coordinates.covariance))
        self._population = Population(coordinates, segments, joint.spread, rng)
        self._cycles = cycles

    def __call__(self, belief: Start, on_cycle: Callable[[int], None] | None = None) -> Found:
        """Searches from a belief, until the last cycle, or until one hardly moves what the episodes tell.

        Args:
            belief: Where to start.
            on_cycle: Called after each cycle with its number, from 1, and after the last one with that of all.
        """
        c, population = self._coordinates, self._population
        now = _Progress(
            np.clip(belief.mean, c.low, c.high),
            {name: float(belief.kinds.get(name, values[0])) for name, values in c.kinds.items()},
            np.maximum(_WIDTHS[0] * self._prior, np.minimum(belief.std, self._prior)),
        )
        before = now.numbers
        found: Found | None = None
        for cycle in range(self._cycles):
            likely_before = now.likelihood
            filtered = self._filtered(now, cycle)
            rising = c.constant.any() and now.likelihood > likely_before + _RISING
            at, width = now.numbers, now.width
            std = np.sqrt(np.diag(filtered.covariance))
            unseen = std > _UNINFORMATIVE * self._prior
            proposal = self._proposal(filtered, now, found, unseen & (cycle > 0))
            now.proposed = proposal[0]
            if cycle == 0:
                candidates = population.first(belief.mean, belief.std, belief.kinds)
                population.evaluate(joined([candidates[1:], _one(proposal[0], now.kinds)]), filtered)
            else:
                population.evaluate(population.following([proposal, population.regression()], now.kinds), filtered)
            population.evaluate(population.following([proposal, population.regression()], now.kinds), filtered)
            profile = profiled(population, c, filtered, proposal[1], now.kinds)
            differs = scanned(population, c, filtered, now.kinds)

            best = population.explaining(now.kinds)[0]
            now.numbers, now.kinds = best.numbers[0], best.kinds_of(0)
            differs &= now.numbers != c.nominal
            moved, before = now.numbers - before, now.numbers
            same = found is not None and found.kinds == now.kinds
            mean, covariance = self._estimate(profile, moved, now.kinds)
            spread = np.sqrt(np.diag(covariance))
            mean, covariance = self._beyond_nominal(differs, now.numbers, mean, covariance)
            likely = population.probabilities(now.penalties)
            steps = now.steps + population.steps
            settings = (at, width, now.error, _SENSORS[now.noise])
            found = Found(*settings, filtered, now.numbers, now.kinds, mean, covariance, spread, differs, likely, steps)
            narrower = np.maximum(_WIDTHS[min(cycle + 1, CYCLES - 1)] * self._prior, np.minimum(std, now.width))
            # A difference that tells nothing may be too narrow: latency counts whole steps of the physics.
            now.width = np.where(unseen, np.minimum(2.0 * now.width, 0.5 * self._prior), narrower)
            settled = same and not rising and cycle + 1 >= _LEAST_CYCLES and self._settled(moved, covariance)
            over = settled or cycle + 1 == self._cycles
            if on_cycle is not None:
                on_cycle(self._cycles if over else cycle + 1)
            if over:
                break
        assert found is not None
        return found

    def _settled(self, moved: np.ndarray, covariance: np.ndarray) -> bool:
        """Whether a cycle hardly moved the numbers that the episodes tell."""
        known = np.sqrt(np.diag(covariance)) < KNOWN
        return bool(known.any()) and bool((np.abs(moved)[known] < _STILL * self._prior[known]).all())

    def _filtered(self, now: _Progress, cycle: int) -> Filtered:
        """The likeliest pass of the filter, among some kinds and some noises of the sensors."""
        trials = [(now.numbers, now.kinds, now.noise)]
        if now.proposed is not None:  # the replays may prefer another task, because their states are of a wrong one
            trials.append((now.proposed, now.kinds, now.noise))
        own = len(trials)
        rivals = self._population.rivals(now.kinds, _RIVALS[cycle]) if cycle else []
        trials += [(at, of, now.noise) for at, of in rivals]
        if _TRIES_SENSORS[cycle]:
            levels = range(len(_SENSORS))
            nearby = [level for level in levels if level != now.noise and (cycle == 0 or abs(level - now.noise) == 1)]
            trials += [(now.numbers, now.kinds, level) for level in nearby]
        passes: list[Filtered] = []
        best = 0
        for place, (at, of, level) in enumerate(trials):
            # A pass nearer to the truth can be far behind at first, so only other kinds and noises are given up.
            rival = passes[best] if place >= own else None
            sensor = _SENSORS[level]
            passes.append(self._joint(at, of, now.width, error=now.error, sensor=sensor, rival=rival))
            if passes[place].likelihood > passes[best].likelihood:
                best = place
        filtered = passes[best]
        now.steps += sum(tried.steps for tried in passes)
        now.numbers, now.kinds, now.noise = trials[best]
        likeliest: dict[tuple[float, ...], float] = {}
        for tried, (_, of, _) in zip(passes, trials, strict=True):  # replays hardly tell a limp joint from a locked one
            key = tuple(of.values())
            likeliest[key] = max(tried.likelihood, likeliest.get(key, -np.inf))
        now.penalties |= {key: (filtered.likelihood - likely) / _TEMPERATURE for key, likely in likeliest.items()}
        # A task that is nearer to the truth explains more; then the filter may trust it more.
        error = now.error / 2.0 if filtered.likelihood > now.likelihood else 2.0 * now.error
        now.error, now.likelihood = float(np.clip(error, *_ERRORS)), max(now.likelihood, filtered.likelihood)
        return filtered

    def _proposal(
        self, filtered: Filtered, now: _Progress, found: Found | None, unseen: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean and covariance of candidates near those of the filter; numbers that it cannot tell stay as they are."""
        mean = np.where(unseen, now.numbers, np.clip(filtered.mean, self._coordinates.low, self._coordinates.high))
        covariance = filtered.covariance + np.diag((0.3 * now.width) ** 2)
        if found is not None and unseen.any():
            covariance = _narrowed(covariance, unseen, np.sqrt(np.diag(found.covariance)))
        return mean, covariance

    def _estimate(
        self, profile: Profile, moved: np.ndarray, kinds: Mapping[str, float]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean and covariance of the numbers: of the profile, of the best candidates, and of the last move."""
        mean, among = self._population.moments(kinds)
        mean, kept = profile.kept(mean)
        covariance = kept + profile.within(SPREAD**2 * (among + np.outer(moved, moved)))
        missing = (profile.level / Z90) ** 2 - np.diag(covariance)
        return mean, covariance + np.diag(missing.clip(0.0))

    def _beyond_nominal(
        self, differs: np.ndarray, best: np.ndarray, mean: np.ndarray, covariance: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The estimate, in which numbers that differ from the nominal ones stay on their side of it.

        Often only one end of their interval is known: a joint goes on past the end of its range.
        """
        std = np.sqrt(np.diag(covariance))
        farthest = np.abs(best - self._coordinates.nominal) / Z90
        wide = differs & (std > farthest)
        share = np.where(wide, farthest / std.clip(1e-12), 1.0)
        return np.where(wide, best, mean), covariance * np.outer(share, share)

    def posterior(self, found: Found) -> TaskPosterior:
        """Tasks drawn from what was found."""
        c, rng = self._coordinates, self._rng
        numbers = gaussian(found.mean, found.covariance, _SAMPLES, rng)
        kinds = {name: rng.choice(c.kinds[name], _SAMPLES, p=share) for name, share in found.frequencies.items()}
        return TaskPosterior.of(c.tasks(np.clip(numbers, c.low, c.high), kinds))


def _one(numbers: np.ndarray, kinds: Mapping[str, float]) -> Candidates:
    return Candidates(numbers[None], {name: np.array([value]) for name, value in kinds.items()})


def _narrowed(covariance: np.ndarray, which: np.ndarray, std: np.ndarray) -> np.ndarray:
    """The covariance, with some numbers independent of the others, of given standard deviations."""
    kept = np.where(which, 0.0, 1.0)
    return kept[:, None] * covariance * kept + np.diag(np.where(which, std**2, 0.0))
