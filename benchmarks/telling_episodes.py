"""Whether episodes that are chosen to tell more make a fit better than those that the policy runs by itself.

    python benchmarks/telling_episodes.py pretrained:grasp --tasks 4 --out benchmarks/results/telling-grasp.json

Before each of three episodes, tasks are drawn from the belief, and the policy runs in a few of them with several kinds
of exploration side by side. All tasks then replay these episodes. The exploration is chosen whose replays differ most
between tasks (the logarithm of the determinant of their covariance over that of the noise, which is the information of
a linear Gaussian model), among those whose return is not much below the policy's own. The control starts from the same
states and has the same random numbers. The file is written after each task, and the same command goes on from there.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fit import compared, untrained
from torch import Tensor
from true_states import RememberingEnv

import robotmeta as rm
from robotmeta.adaptation.fitting.coordinates import Coordinates
from robotmeta.adaptation.fitting.fit_episodes import Fit, check_fit, fit_episodes
from robotmeta.adaptation.fitting.recorded import RecordedEpisodes
from robotmeta.adaptation.fitting.segments import Segments
from robotmeta.envs import TaskBatchEnv
from robotmeta.evaluation.intervals import Curve
from robotmeta.experience.rollout import Belief, PolicyInput, collect
from robotmeta.files import write_text
from robotmeta.policies import ActionDistribution
from robotmeta.seeding import streams
from robotmeta.versions import versions

_EPISODES, _TRUTHS, _TASKS = 3, 4, 32
_NOISE = 0.05  # of a signal, in its standard deviation
_LOSS = 0.3  # share of the policy's own return that an episode may cost
_SMOOTH = 8  # control steps


class Excited:
    """A policy whose actions have something added, and whose own exploration is scaled.

    Args:
        policy: The policy.
        added: ``[episode, time, action]``.
        scale: Factor on the standard deviation, ``[episode]``.
    """

    def __init__(self, policy: rm.Policy, added: Tensor, scale: Tensor) -> None:
        self._learner, self._added, self._scale = policy.learner, added, scale
        self.device, self._t = policy.learner.device, 0

    def act(
        self, belief: Belief, policy_input: PolicyInput, generator: torch.Generator | None = None
    ) -> tuple[ActionDistribution, Belief]:
        """What the policy does, and more."""
        self._t = 0 if policy_input.start else self._t + 1
        distribution, belief = self._learner.act(belief, policy_input, generator)
        own = distribution.parameters()
        log_std = own["log_std"] + self._scale.log().view(1, -1, 1)
        mean = own["mean"] + self._added[:, self._t]
        return distribution.from_parameters({"mean": mean, "log_std": log_std.expand_as(mean)}), belief


def explorations(family: rm.TaskFamily, rng: np.random.Generator) -> tuple[list[str], Tensor, Tensor]:
    """Names, added actions ``[exploration, time, action]`` and scales ``[exploration]``; the first is the policy's."""
    steps, size = family.horizon, family.action_size
    nothing = np.zeros((steps, size))
    found = [("own", nothing, 1.0), ("own noise, doubled", nothing, 2.0)]
    for amplitude in (0.3, 0.6):
        for number in (1, 2):
            white = rng.normal(size=(steps + _SMOOTH, size))
            smooth = np.stack([white[t : t + _SMOOTH].sum(axis=0) for t in range(steps)]) / np.sqrt(_SMOOTH)
            found.append((f"smooth noise {amplitude:g}, {number}", amplitude * smooth, 1.0))
        rate = np.linspace(0.5 * family.dt, 0.15, steps)  # periods a step
        phase = 2.0 * np.pi * (np.cumsum(rate)[:, None] + rng.random(size))
        found.append((f"sweep {amplitude:g}", amplitude * np.sin(phase), 1.0))
    names, added, scales = zip(*found, strict=True)
    return list(names), torch.tensor(np.array(added)).float(), torch.tensor(scales)


def chosen(
    policy: rm.Policy, belief: Belief, before: Sequence[int], coordinates: Coordinates, seed: int
) -> tuple[int, list[float]]:
    """The exploration that tells most beside those before, and the information of each."""
    generator, rng = streams(seed, "telling", len(before))
    names, added, scale = explorations(policy.family, np.random.default_rng(seed))
    mean, std, kinds = coordinates.believed(policy.estimates(belief) or {})
    numbers = mean + rng.normal(size=(_TASKS, len(mean))) * np.maximum(2.0 * std, 0.3)
    drawn = coordinates.sample_kinds(_TASKS, rng)
    for name, value in kinds.items():
        drawn[name][: _TASKS // 2] = value
    tasks = coordinates.tasks(np.clip(numbers, coordinates.low, coordinates.high), drawn)
    env = RememberingEnv(policy.family, tasks[:_TRUTHS], len(names))
    same = {name: value.expand(_TRUTHS, *value.shape[1:]) for name, value in belief.items()}
    rollout, _ = collect(env, Excited(policy, added, scale), same, generator)
    covariance = torch.zeros(_TRUTHS, len(names), _TASKS, _TASKS, dtype=torch.float64)
    for truth in range(_TRUTHS):
        parts = {name: value[truth : truth + 1] for name, value in vars(rollout).items() if isinstance(value, Tensor)}
        recorded = RecordedEpisodes.of([_replaced(rollout, parts)])
        segments = Segments(policy.family, recorded, _TASKS)
        errors = segments.errors(tasks, env.states(truth)).double()
        scaled = torch.asinh(errors / (_NOISE * recorded.spread().clamp(min=1e-9)))
        shown = torch.stack([segments.along_episodes(e) for e in scaled], dim=1).nan_to_num(0.0).flatten(2).double()
        shown = shown - shown.mean(dim=1, keepdim=True)
        covariance[truth] = shown @ shown.mT / _TASKS
    together = covariance + covariance[:, list(before)].sum(dim=1, keepdim=True)
    gains = torch.logdet(torch.eye(_TASKS, dtype=torch.float64) + together).mean(dim=0) / 2.0
    returns = rollout.returns.mean(dim=0)
    allowed = returns >= returns[0] - _LOSS * returns[0].abs()
    return int(gains.masked_fill(~allowed, -torch.inf).argmax()), gains.tolist()


def _replaced(rollout: rm.Rollout, parts: dict[str, Tensor]) -> rm.Rollout:
    return rollout.__class__(**{**vars(rollout), **parts})


def fitted(policy: rm.Policy, task: rm.Tasks, known: dict[str, float], seed: int, choose: bool) -> tuple[Fit, Any]:
    """Runs three episodes, and fits."""
    family = policy.family
    coordinates = Coordinates(family.space, check_fit(family, known))
    env, (generator, _) = TaskBatchEnv(family, 1, 1), streams(seed, "adaptation")
    env.load(task)
    names, added, scale = explorations(family, np.random.default_rng(seed))
    belief, rollouts, used, gains = policy.begin(1, generator), [], list[int](), []
    for _ in range(_EPISODES):
        number, gain = chosen(policy, belief, used, coordinates, seed) if choose else (0, [])
        one = slice(number, number + 1)
        rollout, belief = collect(env, Excited(policy, added[one], scale[one]), belief, generator)
        belief = policy.learner.adapt(belief, rollout)
        rollouts.append(rollout)
        used.append(number)
        gains.append(gain)
    believed = policy.estimates(belief)
    found = fit_episodes(family, RecordedEpisodes.of(rollouts), believed=believed, known=known, seed=seed)
    how = {"explorations": [names[n] for n in used], "information": gains}
    return found, {**how, "returns": [r.mean_return() for r in rollouts], "env_steps": sum(r.steps for r in rollouts)}


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Of the parameters that the fit knows in either way: means over tasks of what choosing changes, with intervals."""
    errors, widths, returns = [], [], []
    covered: dict[str, list[bool]] = {"own": [], "chosen": []}
    for row in rows:
        own, told = (row[arm]["parameters"] for arm in ("own", "chosen"))
        names = [name for name in own if own[name]["known"] or told[name]["known"]]
        errors.append(float(np.mean([told[n]["error"] - own[n]["error"] for n in names])))
        widths.append(float(np.mean([np.log(told[n]["width"] / own[n]["width"]) for n in names])))
        returns.append(float(np.mean(row["chosen"]["returns"]) - np.mean(row["own"]["returns"])))
        for arm, parameters in (("own", own), ("chosen", told)):
            covered[arm] += [parameters[n]["covered"] for n in names]
    medians = {
        arm: float(np.median([p["error"] for row in rows for p in row[arm]["parameters"].values() if p["known"]]))
        for arm in ("own", "chosen")
    }
    known = {arm: sum(p["known"] for row in rows for p in row[arm]["parameters"].values()) for arm in medians}
    change = {"error": errors, "log_width": widths, "return": returns}
    return {
        "median_error": medians,
        "known": known,
        "coverage": {arm: float(np.mean(inside)) for arm, inside in covered.items()},
        "change": {name: {**Curve(np.array([v])).to_json(), "tasks": v} for name, v in change.items()},
    }


def main() -> None:
    """Measures one policy on OOD tasks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("policy", help="a policy, or a family for a policy that is not trained")
    parser.add_argument("--split", default="ood")
    parser.add_argument("--tasks", type=int, default=4)
    parser.add_argument("--known", nargs="*", default=[], help="parameters that are given")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    policy = untrained(given.policy) if given.policy in rm.FAMILIES else rm.load(given.policy)
    rows: list[dict[str, Any]] = json.loads(given.out.read_text())["tasks"] if given.out.exists() else []
    for index in range(len(rows), given.tasks):
        task = policy.family.tasks(given.split, index + 1)[index : index + 1]
        row = next(iter(task))
        known = {name: row[name] for name in given.known}
        found = {}
        for arm in ("own", "chosen"):
            fit, how = fitted(policy, task, known, given.seed, arm == "chosen")
            found[arm] = {**compared(policy.family, fit, task, known), **how}
        rows.append({"task": index, **found})
        settings = {name: getattr(given, name) for name in ("policy", "split", "known", "seed")}
        result = {**settings, "summary": summary(rows), "tasks": rows, "versions": versions()}
        write_text(given.out, json.dumps(result, indent=1) + "\n")
        print(index, json.dumps(result["summary"]), flush=True)


if __name__ == "__main__":
    main()
