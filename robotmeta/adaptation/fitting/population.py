"""A population of candidate tasks, compared by replaying recorded actions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from robotmeta.adaptation.fitting.coordinates import Coordinates
from robotmeta.adaptation.fitting.joint_filter import Filtered
from robotmeta.adaptation.fitting.segments import Segments
from robotmeta.envs import Tasks

_ELITE = 0.2  # share of the candidates that is kept
_REWARD = 0.3  # weight of the reward beside the mean over all observations
_LEAST = 1e-5  # error that is as good as none
_FLOOR = 0.02  # least standard deviation of a residual in the regression
_CORRELATED = 30.0  # residuals that count as one, because they are of one segment
_EXPLORED = 0.2  # share of the candidates of which one kind is drawn at random


@dataclass(frozen=True)
class Candidates:
    """Candidate tasks.

    Attributes:
        numbers: ``[candidate, number]``.
        kinds: Values by parameter, each ``[candidate]``.
    """

    numbers: np.ndarray
    kinds: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, rows: np.ndarray | slice) -> Candidates:
        return Candidates(self.numbers[rows], {name: values[rows] for name, values in self.kinds.items()})

    def kinds_of(self, row: int) -> dict[str, float]:
        """The kinds of one candidate."""
        return {name: float(values[row]) for name, values in self.kinds.items()}


def joined(parts: list[Candidates]) -> Candidates:
    """Several candidates as one."""
    kinds = {name: np.concatenate([part.kinds[name] for part in parts]) for name in parts[0].kinds}
    return Candidates(np.concatenate([part.numbers for part in parts]), kinds)


def gaussian(mean: np.ndarray, covariance: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draws from a Gaussian, ``[count, number]``; there may be no numbers."""
    values, vectors = np.linalg.eigh(covariance)
    return mean + rng.normal(size=(count, len(mean))) @ (vectors * np.sqrt(values.clip(0.0))).T


@dataclass(frozen=True)
class Round:
    """Candidates, and how well they explain the episodes.

    Attributes:
        candidates: The candidates.
        cost: Minus the logarithm of the posterior probability, up to a constant, ``[candidate]``.
        error: Mean over steps of a robust error, ``[candidate]``.
        residuals: ``[candidate, residual]``.
    """

    candidates: Candidates
    cost: np.ndarray
    error: np.ndarray
    residuals: np.ndarray


def united(rounds: list[Round]) -> Round:
    """Several rounds as one."""
    cost, error, residuals = (np.concatenate([getattr(r, n) for r in rounds]) for n in ("cost", "error", "residuals"))
    return Round(joined([r.candidates for r in rounds]), cost, error, residuals)


class Population:
    """Draws candidates, and compares them by the errors of their replays.

    Half of the candidates follow the elite (the cross-entropy method, Rubinstein 1999), half a regression of all
    errors on the candidates, which is a Gauss-Newton step on a smoothed cost.

    Args:
        coordinates: What is searched.
        segments: The replays.
        spread: Standard deviation of each signal in the episodes, ``[observation + 1]``.
        rng: Draws candidates.

    Attributes:
        size: Number of candidates of a round.
        steps: Control steps that were simulated.
    """

    def __init__(
        self, coordinates: Coordinates, segments: Segments, spread: torch.Tensor, rng: np.random.Generator
    ) -> None:
        self._coordinates, self._segments, self._spread, self._rng = coordinates, segments, spread, rng
        self._precision = np.linalg.inv(coordinates.covariance)
        self._scale: torch.Tensor | None = None
        self._rounds: list[Round] = []
        self.size, self.steps = segments.candidates, 0

    def tasks(self, candidates: Candidates) -> Tasks:
        """The candidates as tasks."""
        return self._coordinates.tasks(candidates.numbers, candidates.kinds)

    def evaluate(self, candidates: Candidates, states: Filtered) -> Round:
        """Replays the candidates from estimated states; the round is remembered together with the one before."""
        errors = self._segments.errors(self.tasks(candidates), states).double()
        self.steps += self._segments.steps
        scaled = errors / self._scaled(errors)
        lost = torch.log1p(scaled.square())  # of a Cauchy distribution, so that chaotic steps do not decide
        known = self._segments.mask.double()
        error = ((lost[..., :-1].mean(dim=-1) + _REWARD * lost[..., -1]) * known).sum(dim=(1, 2)) / known.sum()
        # Steps of a segment are not independent, so each segment counts once. The scale of the errors is not known;
        # its likeliest value makes the likelihood a power of the mean error.
        unlikely = np.einsum("ci,ij,cj->c", candidates.numbers, self._precision, candidates.numbers) / 2.0
        cost = len(self._segments) * np.log(error.numpy() + _LEAST) + unlikely
        found = Round(candidates, cost, error.numpy(), torch.asinh(scaled).flatten(1).numpy())
        self._rounds = [*self._rounds[-1:], found]
        return found

    def evaluate_all(self, candidates: Candidates, states: Filtered, *, joining: bool = False) -> np.ndarray:
        """The costs of any number of candidates. They are remembered as one round, or join the last one."""
        before, last = (self._rounds[:-1], self._rounds[-1:]) if joining else (self._rounds[-1:], [])
        parts = [slice(start, start + self.size) for start in range(0, len(candidates), self.size)]
        found = united([self.evaluate(candidates[part], states) for part in parts])
        self._rounds = [*before, united([*last, found])]
        return found.cost

    def _scaled(self, errors: torch.Tensor) -> torch.Tensor:
        """What counts as a large error of each signal: that of most candidates of the first round."""
        if self._scale is None:
            values = errors.abs()[:, self._segments.mask].flatten(0, 1)
            values = values[:: max(1, len(values) // 20_000)]
            self._scale = torch.maximum(values.quantile(0.6, dim=0), 0.003 * self._spread).clamp(min=1e-6)
        return self._scale

    # -- after a round ---------------------------------------------------------------------------------------------

    def ranked(self) -> tuple[Candidates, np.ndarray, np.ndarray]:
        """The candidates of the last two rounds, their costs and their errors, the best first."""
        both = united(self._rounds)
        order = np.argsort(both.cost, kind="stable")
        return both.candidates[order], both.cost[order], both.error[order]

    def elite(self) -> Candidates:
        """The best candidates of the last two rounds."""
        everyone, _, _ = self.ranked()
        return everyone[: max(4, round(_ELITE * self.size))]

    def frequencies(self) -> dict[str, np.ndarray]:
        """How often each kind is among the elite, ``[kind]`` by parameter."""
        elite = self.elite()
        return {
            name: np.array([(elite.kinds[name] == value).mean() for value in values])
            for name, values in self._coordinates.kinds.items()
        }

    def explaining(self, kinds: Mapping[str, float]) -> tuple[Candidates, np.ndarray, np.ndarray]:
        """The ranked candidates of some kinds; all of them if there is none of these kinds."""
        everyone, cost, error = self.ranked()
        same = np.ones(len(cost), bool)
        for name, values in everyone.kinds.items():
            same &= values == kinds[name]
        rows = np.flatnonzero(same) if same.any() else np.arange(len(cost))
        return everyone[rows], cost[rows], error[rows]

    def rivals(self, kinds: Mapping[str, float], count: int) -> list[tuple[np.ndarray, dict[str, float]]]:
        """Numbers and kinds of the best candidates of other kinds, each of kinds of its own."""
        everyone, _, _ = self.ranked()
        found: list[tuple[np.ndarray, dict[str, float]]] = []
        for row in range(len(everyone)):
            others = everyone.kinds_of(row)
            if len(found) < count and others != kinds and all(others != known for _, known in found):
                found.append((everyone.numbers[row], others))
        return found

    def moments(self, kinds: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray]:
        """Mean and covariance of the numbers of the candidates of some kinds, by probability."""
        candidates, cost, _ = self.explaining(kinds)
        weights = np.exp(cost[0] - cost)
        weights /= weights.sum()
        numbers = candidates.numbers
        mean = weights @ numbers
        return mean, (numbers - mean).T @ ((numbers - mean) * weights[:, None])

    def probabilities(self, penalties: Mapping[tuple[float, ...], float]) -> dict[str, np.ndarray]:
        """Probability of each kind by parameter, from the best candidate that has it.

        Args:
            penalties: What candidates of some kinds cost besides, by these kinds.
        """
        everyone, cost, _ = self.ranked()
        rows = zip(*everyone.kinds.values(), strict=True)
        total = cost + [penalties.get(tuple(map(float, row)), 0.0) for row in rows] if everyone.kinds else cost
        found = {}
        for name, values in self._coordinates.kinds.items():
            least = np.array([total[everyone.kinds[name] == value].min(initial=np.inf) for value in values])
            likely = np.exp(least.min() - least)
            found[name] = likely / likely.sum()
        return found

    def regression(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and covariance of the numbers, if the errors are linear in them among the better half."""
        both = united(self._rounds)
        everyone, cost, residuals = both.candidates, both.cost, both.residuals
        better = np.argsort(cost, kind="stable")[: max(self.size // 2, 60)]
        leading = np.ones(len(better), bool)
        for name, share in self.frequencies().items():
            leading &= everyone.kinds[name][better] == self._coordinates.kinds[name][int(share.argmax())]
        if leading.sum() > 25:
            better = better[leading]
        weights = np.exp(-(cost[better] - cost[better].min()) / (cost[better].std() + 1e-9))
        return self._regressed(everyone.numbers[better], residuals[better], weights / weights.sum())

    def _regressed(
        self, numbers: np.ndarray, residuals: np.ndarray, weights: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        count, size = numbers.shape
        centre = weights @ numbers
        offsets = numbers - centre
        design = np.concatenate([np.ones((count, 1)), offsets], axis=1)
        root = np.sqrt(weights)[:, None]
        ridge = 0.02 / np.sqrt(count) * np.diag(np.concatenate([[0.0], offsets.std(axis=0) + 1e-9]))
        q, r = np.linalg.qr(np.concatenate([root * design, ridge]))
        padded = np.concatenate([root * residuals, np.zeros((size + 1, residuals.shape[1]))])
        at_centre, *slopes = np.linalg.lstsq(r, q.T @ padded, rcond=None)[0]
        slopes = np.stack(slopes) if slopes else np.zeros((0, residuals.shape[1]))
        unexplained = residuals - design @ np.concatenate([at_centre[None], slopes])
        variance = (weights[:, None] * unexplained**2).sum(axis=0) * count / max(count - size - 1, 5) + _FLOOR**2
        weighted = slopes / variance / _CORRELATED
        covariance = np.linalg.inv(weighted @ slopes.T + self._precision)
        return centre + covariance @ (-weighted @ at_centre - self._precision @ centre), covariance

    # -- the next round --------------------------------------------------------------------------------------------

    def first(self, mean: np.ndarray, std: np.ndarray, kinds: Mapping[str, float]) -> Candidates:
        """Candidates from what is believed, and from all that can be before any episode.

        Args:
            mean: Of the numbers, as believed.
            std: Of the numbers, as believed.
            kinds: Kinds, as believed.
        """
        c, rng, size = self._coordinates, self._rng, self.size
        numbers = gaussian(np.zeros(len(mean)), c.covariance, size, rng)
        believed = size // 3
        numbers[:believed] = mean + rng.normal(size=(believed, len(mean))) * np.maximum(2.0 * std, 0.3)
        drawn = c.sample_kinds(size, rng)
        for name, value in kinds.items():
            drawn[name][: believed // 2] = value
        return Candidates(np.clip(numbers, c.low, c.high), drawn)

    def following(self, proposals: list[tuple[np.ndarray, np.ndarray]], favourite: Mapping[str, float]) -> Candidates:
        """Candidates of a next round: the best so far, half from the elite, half from some Gaussians.

        Args:
            proposals: Mean and covariance of the numbers of each Gaussian. Their means are candidates, too.
            favourite: Kinds of these means.
        """
        c, rng, size = self._coordinates, self._rng, self.size
        elite = self.elite()
        mean = elite.numbers.mean(axis=0)
        spread = (elite.numbers - mean).T @ (elite.numbers - mean) / len(elite)
        spread = 0.8 * spread + 0.2 * np.diag(np.diag(spread)) + 1e-4 * np.eye(len(mean))
        numbers = gaussian(mean, 1.2 * spread, size, rng)
        share = round(0.6 * size / max(len(proposals), 1))
        for place, (centre, covariance) in enumerate(proposals):
            rows = slice(place * share, (place + 1) * share)
            numbers[rows] = gaussian(centre, 2.0 * covariance, share, rng)
        kinds = self._varied(elite[rng.integers(len(elite), size=size)].kinds)
        means = [self.explaining(favourite)[0].numbers[0], *(centre for centre, _ in proposals)]
        numbers[-len(means) :] = means
        for name in kinds:
            kinds[name][-len(means) :] = favourite[name]
        return Candidates(np.clip(numbers, c.low, c.high), kinds)

    def _varied(self, kinds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Kinds of which some differ in one parameter, every parameter as often as another."""
        names, rng = list(kinds), self._rng
        for row in np.flatnonzero(rng.random(self.size) < _EXPLORED) if names else ():
            name = names[rng.integers(len(names))]
            kinds[name][row] = rng.choice(self._coordinates.kinds[name])
        return dict(kinds)
