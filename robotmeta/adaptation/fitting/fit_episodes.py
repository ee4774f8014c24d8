"""A fit: the tasks that explain recorded episodes."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from robotmeta.adaptation.fitting.coordinates import Coordinates
from robotmeta.adaptation.fitting.joint_filter import JointFilter
from robotmeta.adaptation.fitting.parameters import fitted_parameters, with_constants
from robotmeta.adaptation.fitting.reachable import reachable
from robotmeta.adaptation.fitting.recorded import RecordedEpisodes
from robotmeta.adaptation.fitting.result import Fit
from robotmeta.adaptation.fitting.search import CANDIDATES, CYCLES, WIDE_CYCLES, Search, Start
from robotmeta.adaptation.fitting.segments import Segments
from robotmeta.adaptation.known import known_values
from robotmeta.envs import Estimate, TaskFamily
from robotmeta.errors import RobotmetaWarning, UserError
from robotmeta.seeding import streams

_UNEXPLAINED = 0.15  # of a signal's standard deviation
_REACHABLE = 2.0  # times the error that would be left if the robot were the best task itself


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

    Recorded actions are replayed in candidate tasks. Nothing runs on the robot. If no task explains the episodes, there
    is a second search. Where the family has parameters that only fits search (``fit_only``), it has these too, and
    begins where the first one ended. Elsewhere it begins at the training distribution, with other candidates, because
    the first one may have ended at a wrong task.

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

    def search(among: TaskFamily, attempt: int, cycles: int, start: Mapping[str, Estimate] | None) -> Fit:
        of_family = {name: value for name, value in given.items() if name in among.space.names}
        _, rng = streams(seed, "fit", attempt)

        def show(cycle: int) -> None:
            if on_progress is not None:
                on_progress(attempt * CYCLES + cycle, attempt * CYCLES + cycles)

        return _fitted(among, recorded, believed, start, of_family, rng, cycles, simulator, threads, show)

    first = search(family, 0, CYCLES, believed)
    if first.explained:
        return first
    if family.fit_only:
        second = search(family.widened, 1, WIDE_CYCLES, _widened(first))
    else:
        second = search(family, 1, CYCLES, None)
    best = min(second, first, key=lambda fit: np.mean(list(fit.after.values())))
    return replace(best, steps=first.steps + second.steps, seconds=first.seconds + second.seconds)


def _fitted(
    family: TaskFamily,
    recorded: RecordedEpisodes,
    believed: Mapping[str, Estimate] | None,
    start: Mapping[str, Estimate] | None,
    given: Mapping[str, float],
    rng: np.random.Generator,
    cycles: int,
    simulator: str,
    threads: int | None,
    on_cycle: Callable[[int], None],
) -> Fit:
    """One search from ``start``; ``on_cycle`` is called with the number of finished cycles, from 0."""
    began = time.perf_counter()
    coordinates = Coordinates(family.space, given)
    on_cycle(0)
    belief = Start(*coordinates.believed(believed or {}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RobotmetaWarning)  # of candidates that no robot is like
        joint = JointFilter(family, recorded, coordinates, simulator=simulator, threads=threads)
        candidates = max(CANDIDATES, 4 * len(coordinates.numbers))
        segments = Segments(family, recorded, candidates, simulator=simulator, threads=threads)
        search = Search(coordinates, joint, segments, rng, cycles)
        found = search(Start(*coordinates.believed(start or {})), on_cycle)
        kinds = {name: float(belief.kinds.get(name, values[0])) for name, values in coordinates.kinds.items()}
        pair = coordinates.tasks(
            np.stack([belief.mean, found.numbers]),
            {name: np.array([kinds[name], found.kinds[name]]) for name in coordinates.kinds},
        )
        errors = segments.errors(pair, found.filtered).double()
        spread, varies = joint.spread.clamp(min=1e-9), (joint.spread > 1e-9).numpy()
        typical = (errors[:, segments.mask].abs().quantile(0.75, dim=1) / spread).numpy()
        allowed = np.full(len(varies), _UNEXPLAINED)
        if (typical[1, varies] > _UNEXPLAINED).any():
            least = reachable(family, recorded, coordinates, found, simulator=simulator, threads=threads)
            left = least.double().abs().quantile(0.75, dim=0) / spread
            allowed = (_REACHABLE * left).clamp(min=_UNEXPLAINED).numpy()
    names = [*(name for name, _ in family.observations), "reward"]
    before, after = (
        {name: float(e) for name, e, shown in zip(names, row, varies, strict=True) if shown} for row in typical
    )
    measured = recorded.signals()
    along = {what: segments.along_episodes(errors[place]) for place, what in enumerate(("before", "after"))}
    parameters = fitted_parameters(family, coordinates, given, found)
    return Fit(
        posterior=with_constants(family.space, search.posterior(found), parameters),
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


def _widened(fit: Fit) -> dict[str, Estimate]:
    """What a fit found, with its 90 % intervals in place of standard deviations, because it did not find the robot."""
    return {n: Estimate(p.value, p.low, p.high, float(p.known), tuple(p.kinds)) for n, p in fit.parameters.items()}


def check_fit(family: TaskFamily, known: Mapping[str, float | str] | None) -> dict[str, float]:
    """Checks that a family can be fitted.

    Args:
        family: The family.
        known: Parameters that are known, by name, or ``robot`` for those of a robot that the family names.

    Returns:
        The known parameters. Those that the policy is told do not have to be found: observations have them.

    Raises:
        UserError: For a family that observes images or remembers what observations do not tell, or an unknown
            parameter, robot or value.
    """
    images = [name for name, group in (family.observation_groups or {}).items() if not group.is_vector]
    if images:
        raise UserError(f"a fit compares numbers, and family '{family.name}' observes {', '.join(images)}")
    if family.memory is not None and family.memory.resume is None:
        raise UserError(f"a fit replays observations, and family '{family.name}' remembers what they do not tell")
    told = {name: family.widened.space[name].nominal for name in family.told}
    return told | known_values(family, known or {})
