"""A Kalman filter over the state and the parameters of a robot."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from robotmeta.adaptation.fitting.coordinates import Coordinates
from robotmeta.adaptation.fitting.recorded import RecordedEpisodes
from robotmeta.envs import TaskBatchEnv, TaskFamily
from robotmeta.envs.family import State
from robotmeta.errors import SimulationDiverged
from robotmeta.experience.observations import flatten
from robotmeta.threads import one_torch_thread

_DRAWS = 32  # initial states that the family's reset draws, which give mean and covariance of the first state
_PASSES = 4  # over the first observation, because the spread of initial states is wide
_OUTLIER = 3.0  # standard deviations
_WORST = 1e3  # replaces numbers that are not finite
_BEHIND = 300.0  # of the logarithm of the likelihood: a pass that is so far behind is given up


@dataclass(frozen=True)
class Filtered:
    """What one pass over recorded episodes finds.

    Attributes:
        full: Full states of the simulator before each step and after the last, ``[episode, time + 1, number]``.
        coordinates: Estimated states by quantity, each ``[episode, time + 1, ...]``.
        mean: Of the numbers of the task, ``[number]``.
        covariance: Of the numbers of the task, ``[number, number]``.
        likelihoods: Logarithm of the likelihood of all observations up to each step, at the task that the pass started
            from, ``[time]``. For a pass that was given up, as if it had done as well as its rival from there on.
        steps: Control steps that were simulated.
    """

    full: Tensor
    coordinates: State
    mean: np.ndarray
    covariance: np.ndarray
    likelihoods: np.ndarray
    steps: int

    @property
    def likelihood(self) -> float:
        """Logarithm of the likelihood of the episodes."""
        return float(self.likelihoods[-1])


class _Joint(NamedTuple):
    """The estimate during a pass: state and parameters of each episode."""

    full: Tensor
    state: State
    numbers: Tensor  # difference from the numbers that the pass started from, [episode, number]
    covariance: Tensor  # [episode, number + size, number + size]


class JointFilter:
    """Estimates the states of recorded episodes, and the numbers of the task with them.

    An extended Kalman filter on the joint state, whose derivatives are central differences over about one standard
    deviation (the divided difference filter of Nørgaard et al. 2000). What the differences do not explain counts as
    noise, so that signals of hard contacts weigh less. One batch of worlds holds all points of all differences.

    Args:
        family: The family.
        recorded: The episodes.
        coordinates: What is searched.
        simulator: Physics backend.
        threads: Physics threads.

    Attributes:
        spread: Standard deviation of each observation and of the reward in the episodes, ``[observation + 1]``.
    """

    def __init__(
        self,
        family: TaskFamily,
        recorded: RecordedEpisodes,
        coordinates: Coordinates,
        *,
        simulator: str = "auto",
        threads: int | None = None,
    ) -> None:
        self._family, self._recorded, self._coordinates = family, recorded, coordinates
        self._space = TaskBatchEnv(family, 1, 1, simulator=simulator, threads=1).simulator.state_space
        self._numbers, self._size = len(coordinates.numbers), self._space.size
        self._points = 1 + 2 * (self._numbers + self._size)
        self._env = TaskBatchEnv(family, self._points, len(recorded), simulator=simulator, threads=threads)
        self.spread = recorded.spread()
        self._noise = self.spread

    def __call__(
        self,
        numbers: np.ndarray,
        kinds: dict[str, float],
        width: np.ndarray,
        *,
        error: float,
        sensor: float,
        rival: Filtered | None = None,
    ) -> Filtered:
        """One pass over the episodes.

        Args:
            numbers: Where the parameters are differentiated, ``[number]``.
            kinds: Kinds of the task.
            width: Half the width of each difference, ``[number]``.
            error: How far the task may be wrong: standard deviation of the error of a step, as a share of the root
                mean square of what changes in a step.
            sensor: Standard deviation of the noise of each signal, in standard deviations of the signal.
            rival: Another pass. The new one is given up as soon as it is far less likely, and is then less likely.
        """
        self._noise = (sensor * self.spread).clamp(min=1e-5).square()
        self._load(numbers, kinds, width)
        with torch.no_grad(), one_torch_thread():
            return self._filtered(numbers, error, rival)

    def _load(self, numbers: np.ndarray, kinds: dict[str, float], width: np.ndarray) -> None:
        n, low, high = self._numbers, self._coordinates.low, self._coordinates.high
        points = np.repeat(numbers[None], self._env.num_tasks, axis=0)
        points[1 : 1 + n] += np.diag(width)
        points[1 + n : 1 + 2 * n] -= np.diag(width)
        points = np.clip(points, low, high)
        gaps = np.diagonal(points[1 : 1 + n] - points[1 + n : 1 + 2 * n]).clip(1e-9)
        self._gaps = torch.as_tensor(gaps.copy())
        self._env.load(self._coordinates.tasks(points, {k: np.full(len(points), v) for k, v in kinds.items()}))

    def _filtered(self, numbers: np.ndarray, error: float, rival: Filtered | None) -> Filtered:
        now = self._first(numbers)
        changed = torch.zeros(len(self._recorded), self._size, dtype=torch.float64)
        fulls, states, likelihoods = [now.full], [now.state], np.zeros(self._recorded.actions.shape[1])
        for t in range(len(likelihoods)):
            drift = (error * (changed / max(t, 1)).sqrt()).clamp(min=1e-7)
            before, gained = now, 0.0
            with contextlib.suppress(SimulationDiverged):  # nothing is learned from such a step
                now, gained = self._step(now, drift, t)
            likelihoods[t:] += gained
            changed = changed + self._space.minus(now.state, before.state).square()
            fulls.append(now.full)
            states.append(now.state)
            if rival is not None and likelihoods[t] < rival.likelihoods[t] - _BEHIND:
                likelihoods[t:] += rival.likelihoods[t:] - rival.likelihoods[t]
                break
        mean, covariance = self._combined(numbers, now)
        coordinates = {name: torch.stack([state[name] for state in states], dim=1) for name in states[0]}
        steps = self._points * int(self._recorded.lengths.clamp(max=len(fulls) - 1).sum())
        return Filtered(torch.stack(fulls, dim=1), coordinates, mean, covariance, likelihoods, steps)

    def _combined(self, numbers: np.ndarray, now: _Joint) -> tuple[np.ndarray, np.ndarray]:
        """Mean and covariance of the numbers, from all episodes. Each started from the same prior, counted once."""
        n = self._numbers
        prior = torch.linalg.inv(torch.as_tensor(self._coordinates.covariance))
        centre = torch.as_tensor(-numbers)
        precision, weighted = prior.clone(), prior @ centre
        for mean, covariance in zip(now.numbers, now.covariance[:, :n, :n], strict=True):
            found = torch.linalg.inv(covariance + 1e-12 * torch.eye(n))
            precision += found - prior
            weighted += found @ mean - prior @ centre
        covariance = torch.linalg.inv((precision + precision.mT) / 2.0)
        return numbers + (covariance @ weighted).numpy(), covariance.numpy()

    # -- the first state -------------------------------------------------------------------------------------------

    def _first(self, numbers: np.ndarray) -> _Joint:
        """The estimate after the first observation of each episode."""
        n, episodes = self._numbers, len(self._recorded)
        full, mean, spread, slopes = self._starts()
        prior = torch.as_tensor(self._coordinates.covariance)
        covariance = torch.zeros(episodes, n + self._size, n + self._size, dtype=torch.float64)
        covariance[:, :n, :n] = prior
        covariance[:, n:, :n] = slopes @ prior
        covariance[:, :n, n:] = covariance[:, n:, :n].mT
        covariance[:, n:, n:] = spread + slopes @ prior @ slopes.mT
        offset = torch.as_tensor(-numbers).expand(episodes, -1)
        expected = self._space.plus(mean, offset @ slopes.mT)
        state, narrow, wide = expected, covariance, covariance
        seen, noise = self._recorded.observations[:, 0].double(), self._noise[:-1]
        at = offset
        for _ in range(_PASSES):  # Gauss-Newton: derivatives at the estimate so far, errors from the expectation
            root = _root(narrow[:, n:, n:])
            self._set(full, state, root, 0)
            values = self._observed()
            jacobian, curved = self._jacobian(values, root)
            back = torch.cat([offset - at, self._space.minus(expected, state)], dim=-1)
            total = jacobian @ wide @ jacobian.mT + torch.diag_embed(noise + curved)
            gain = torch.linalg.solve(total, jacobian @ wide).mT
            error = seen - values[0] - _times(jacobian[..., :n], at) - _times(jacobian, back)
            move = back + _times(gain, error)
            at, state = at + move[:, :n], self._space.plus(state, move[:, n:])
            narrow = _symmetric(wide - gain @ total @ gain.mT)
        return _Joint(full, state, at, narrow)

    def _starts(self) -> tuple[Tensor, dict[str, Tensor], Tensor, Tensor]:
        """What the family's reset draws, with the same random numbers for each task.

        Returns:
            Full states ``[episode, number]``, mean states, covariance of the state ``[size, size]``, and derivatives of
            the state with respect to the numbers ``[size, number]``.
        """
        env, n, episodes = self._env, self._numbers, len(self._recorded)
        simulator, columns = env.simulator, env.tasks.columns()
        draws = max(_DRAWS, episodes)
        drawn = []
        for task in range(1 + 2 * n):
            nominal = {k: v[task : task + 1].expand(1, draws, -1) for k, v in simulator.nominal.items()}
            row = {name: value[task : task + 1] for name, value in columns.items()}
            drawn.append(self._family.reset(nominal, torch.Generator().manual_seed(0), row))
        simulator.reset({name: value[:, :episodes] for name, value in drawn[0].items()})
        full = simulator.full_state[0]
        rest = {name: value[:1, :1].clone() for name, value in simulator.coordinates.items()}
        starts = [{k: d[k][0] if k in d else v[0].expand(draws, -1) for k, v in rest.items()} for d in drawn]
        first = {name: value[:1] for name, value in starts[0].items()}
        offsets = torch.stack([self._space.minus(start, first) for start in starts])
        slopes = (offsets[1 : 1 + n] - offsets[1 + n :]).mean(dim=1) / self._gaps.unsqueeze(-1)
        spread = offsets[0].T.cov() + 1e-6 * torch.eye(self._size)
        mean = self._space.plus(first, offsets[0].mean(dim=0))
        return full, {k: v.expand(episodes, -1) for k, v in mean.items()}, spread, slopes.mT

    # -- a step ----------------------------------------------------------------------------------------------------

    def _step(self, now: _Joint, drift: Tensor, t: int) -> tuple[_Joint, float]:
        """The estimate after a step, and the log-likelihood of what was observed."""
        n, recorded, simulator = self._numbers, self._recorded, self._env.simulator
        alive = t < recorded.lengths
        covariance = now.covariance.clone()
        covariance[:, n:, n:] += torch.diag_embed(drift.square())
        root = _root(covariance[:, n:, n:])
        self._set(now.full, now.state, root, t)
        active, actions = alive.expand(self._env.num_tasks, -1), recorded.actions[:, t]
        following = recorded.observations[:, t + 1]
        step = self._env.step(actions.expand(self._env.num_tasks, -1, -1), active, recorded=following)
        seen = torch.cat([flatten(step.observation), step.reward.unsqueeze(-1)], dim=-1).double()
        seen = seen.nan_to_num(_WORST, _WORST, -_WORST)
        points = {name: value.clone() for name, value in simulator.coordinates.items()}
        centre = {name: value[0] for name, value in points.items()}
        offsets = self._space.minus(points, {name: value.unsqueeze(0) for name, value in centre.items()})
        share = (torch.diagonal(covariance[:, :n, :n], dim1=1, dim2=2) / (self._gaps / 2.0).square()).clamp(max=4.0)
        effects, curved = self._jacobian(seen, root, share)
        transition, bent = self._jacobian(offsets.nan_to_num(0.0, 0.0, 0.0), root, share)
        transition = torch.cat([torch.eye(n, n + self._size).expand(len(recorded), -1, -1), transition], dim=1)

        target = torch.cat([recorded.observations[:, t + 1], recorded.rewards[:, t : t + 1]], dim=-1).double()
        unknown = target.isnan()
        error = torch.where(unknown, 0.0, target - seen[0] - _times(effects[..., :n], now.numbers))
        effects = torch.where(unknown.unsqueeze(-1), 0.0, effects)
        inner = effects @ covariance @ effects.mT
        noise = self._noise + curved
        # An outlier gets as much noise as makes it three standard deviations (Huber's influence function).
        noise = noise + (error.square() / _OUTLIER**2 - torch.diagonal(inner, dim1=1, dim2=2) - noise).clamp(min=0.0)
        total = inner + torch.diag_embed(noise)
        gain = torch.linalg.solve(total, effects @ covariance @ transition.mT).mT
        after = transition @ covariance @ transition.mT - gain @ total @ gain.mT
        after[:, n:, n:] += torch.diag_embed(bent)
        move = _times(gain, error)
        state = self._space.plus(centre, _times(transition[:, n:, :n], now.numbers) + move[:, n:])
        explained = (error * torch.linalg.solve(total, error.unsqueeze(-1)).squeeze(-1)).sum(dim=-1)
        gained = -0.5 * float((explained + torch.linalg.slogdet(total)[1])[alive].sum())
        kept = alive.unsqueeze(-1)
        return (
            _Joint(
                simulator.full_state[0],
                {name: torch.where(kept, value, now.state[name]) for name, value in state.items()},
                torch.where(kept, now.numbers + move[:, :n], now.numbers),
                torch.where(kept.unsqueeze(-1), _symmetric(after), now.covariance),
            ),
            gained,
        )

    # -- points of the differences ---------------------------------------------------------------------------------

    def _set(self, full: Tensor, state: State, root: Tensor, t: int) -> None:
        """Puts the worlds at the points at step t: those of the numbers at the state, the others around it."""
        columns = root.mT.transpose(0, 1)
        same = torch.zeros(1 + 2 * self._numbers, *columns.shape[1:], dtype=torch.float64)
        offsets = torch.cat([same, columns, -columns])
        points = self._space.plus({k: v.unsqueeze(0) for k, v in state.items()}, offsets)
        self._env.start(full, points, recorded=self._recorded.observations[:, t])

    def _observed(self) -> Tensor:
        seen = self._family.observe(self._env.state, self._env.tasks.columns())
        return flatten(seen).double()

    def _jacobian(self, values: Tensor, root: Tensor, share: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Derivatives with respect to numbers and state ``[episode, value, number + size]``, and their error.

        Args:
            values: At all points, ``[point, episode, value]``.
            root: Differences of the state are along its columns.
            share: Variance of each number, as a share of the squared half-width of its difference.
        """
        n = self._numbers
        offsets = values[1:] - values[:1]
        of_numbers, of_state = offsets[: 2 * n].unflatten(0, (2, n)), offsets[2 * n :].unflatten(0, (2, self._size))
        slopes = (of_numbers[0] - of_numbers[1]) / self._gaps[:, None, None]
        sides = ((of_state[0] - of_state[1]) / 2.0).permute(1, 2, 0) @ torch.linalg.inv(root)
        curved = ((of_state[0] + of_state[1]) / 2.0).square().sum(dim=0)
        if share is not None:
            bends = (of_numbers[0] + of_numbers[1]).permute(1, 2, 0) / 2.0
            curved = curved + (bends * share.unsqueeze(1)).square().sum(dim=-1)
        return torch.cat([slopes.permute(1, 2, 0), sides], dim=-1), curved


def _times(matrix: Tensor, vector: Tensor) -> Tensor:
    return (matrix @ vector.unsqueeze(-1)).squeeze(-1)


def _symmetric(matrix: Tensor) -> Tensor:
    return (matrix + matrix.mT) / 2.0


def _root(covariance: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(_symmetric(covariance))
    return vectors * values.clamp(min=1e-16).sqrt().unsqueeze(-2)
