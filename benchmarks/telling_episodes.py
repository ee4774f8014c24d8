"""Whether a fit is better after episodes that are chosen to tell more than after the policy's own.

    python benchmarks/telling_episodes.py pretrained:grasp --tasks 4 --out benchmarks/results/telling-grasp.json

Before each of three episodes, the policy runs in a few tasks of its belief, with several kinds of exploration side by
side. More tasks of the belief replay these episodes. The exploration is chosen whose replays differ most between tasks
(half the log-determinant of their covariance over that of the noise), among those that cost little return.
"""

from __future__ import annotations

import argparse
import dataclasses
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
from robotmeta.adaptation.fitting.fit_episodes import fit_episodes
from robotmeta.adaptation.fitting.recorded import RecordedEpisodes
from robotmeta.adaptation.fitting.segments import Segments
from robotmeta.envs import TaskBatchEnv
from robotmeta.evaluation.intervals import Curve
from robotmeta.experience.rollout import Belief, PolicyInput, collect
from robotmeta.files import write_text
from robotmeta.seeding import streams
from robotmeta.versions import versions

_SEED, _EPISODES, _TRUTHS, _TASKS = 0, 3, 4, 32
_NOISE = 0.05  # of a signal, in its standard deviation
_LOSS, _SMOOTH = 0.3, 8  # share of the policy's own return that an episode may cost; control steps


class Excited:
    """A policy with something added to its actions ``[episode, time, action]``, and its noise scaled, ``[episode]``."""

    def __init__(self, policy: rm.Policy, added: Tensor, scale: Tensor) -> None:
        self._learner, self._added, self._scale = policy.learner, added, scale
        self.device, self._t = policy.learner.device, 0

    def act(self, belief: Belief, policy_input: PolicyInput, generator: Any = None) -> tuple[Any, Belief]:
        """What the policy does, and more."""
        self._t = 0 if policy_input.start else self._t + 1
        distribution, belief = self._learner.act(belief, policy_input, generator)
        mean = distribution.mean + self._added[:, self._t]
        log_std = distribution.parameters()["log_std"] + self._scale.log().view(1, -1, 1)
        return distribution.from_parameters({"mean": mean, "log_std": log_std.expand_as(mean)}), belief


def explorations(family: rm.TaskFamily, rng: np.random.Generator) -> tuple[list[str], Tensor, Tensor]:
    """Names, added actions ``[exploration, time, action]`` and scales ``[exploration]``; the first is the policy's."""
    steps, size = family.horizon, family.action_size
    found = [("own", np.zeros((steps, size)), 1.0), ("own noise, doubled", np.zeros((steps, size)), 2.0)]
    for amplitude in (0.3, 0.6):
        for number in (1, 2):
            white = rng.normal(size=(steps + _SMOOTH, size))
            smooth = np.stack([white[t : t + _SMOOTH].sum(axis=0) for t in range(steps)]) / np.sqrt(_SMOOTH)
            found.append((f"smooth noise {amplitude:g}, {number}", amplitude * smooth, 1.0))
        phase = 2.0 * np.pi * (np.cumsum(np.linspace(0.5 * family.dt, 0.15, steps))[:, None] + rng.random(size))
        found.append((f"sweep {amplitude:g}", amplitude * np.sin(phase), 1.0))
    names, added, scales = zip(*found, strict=True)
    return list(names), torch.tensor(np.array(added)).float(), torch.tensor(scales)


def chosen(policy: rm.Policy, belief: Belief, before: Sequence[int], coordinates: Coordinates) -> int:
    """The exploration that tells most beside those before."""
    generator, rng = streams(_SEED, "telling", len(before))
    names, added, scale = explorations(policy.family, np.random.default_rng(_SEED))
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
        recorded = RecordedEpisodes.of([dataclasses.replace(rollout, **parts)])
        segments = Segments(policy.family, recorded, _TASKS)
        scaled = torch.asinh(segments.errors(tasks, env.states(truth)) / (_NOISE * recorded.spread().clamp(min=1e-9)))
        shown = torch.stack([segments.along_episodes(e) for e in scaled], dim=1).nan_to_num(0.0).flatten(2).double()
        shown = shown - shown.mean(dim=1, keepdim=True)
        covariance[truth] = shown @ shown.mT / _TASKS
    together = covariance + covariance[:, list(before)].sum(dim=1, keepdim=True)
    gains = torch.logdet(torch.eye(_TASKS, dtype=torch.float64) + together).mean(dim=0) / 2.0
    returns = rollout.returns.mean(dim=0)
    gains[returns < returns[0] - _LOSS * returns[0].abs()] = -torch.inf
    return int(gains.argmax())


def measure(policy: rm.Policy, task: rm.Tasks, choose: bool) -> dict[str, Any]:
    """Runs three episodes, and fits."""
    family, (generator, _) = policy.family, streams(_SEED, "adaptation")
    env = TaskBatchEnv(family, 1, 1)
    env.load(task)
    names, added, scale = explorations(family, np.random.default_rng(_SEED))
    belief, rollouts, used = policy.begin(1, generator), [], list[int]()
    for _ in range(_EPISODES):
        number = chosen(policy, belief, used, Coordinates(family.space)) if choose else 0
        one = slice(number, number + 1)
        rollout, belief = collect(env, Excited(policy, added[one], scale[one]), belief, generator)
        belief = policy.learner.adapt(belief, rollout)
        rollouts.append(rollout)
        used.append(number)
    found = fit_episodes(family, RecordedEpisodes.of(rollouts), believed=policy.estimates(belief), seed=_SEED)
    return {**compared(family, found, task, {}), "explorations": [names[number] for number in used]}


def changes(rows: list[dict[str, Any]]) -> dict[str, list[float]]:
    """What choosing changes on each task: means over the parameters that one of the two fits knows."""
    found: dict[str, list[float]] = {"error": [], "log_width": []}
    for row in rows:
        both = known_pairs(row)
        found["error"].append(float(np.mean([q["error"] - p["error"] for p, q in both])))
        found["log_width"].append(float(np.mean([np.log(q["width"] / p["width"]) for p, q in both])))
    return found


def known_pairs(row: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The parameters that one of the two fits of a task knows, by the policy's own episodes and by chosen ones."""
    own, chosen = (row[arm]["parameters"] for arm in ("own", "chosen"))
    return [(own[name], chosen[name]) for name in own if own[name]["known"] or chosen[name]["known"]]


def main() -> None:
    """Measures one policy on OOD tasks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("policy", help="a policy, or a family for a policy that is not trained")
    parser.add_argument("--tasks", type=int, default=4)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    policy = untrained(given.policy) if given.policy in rm.FAMILIES else rm.load(given.policy)
    rows: list[dict[str, Any]] = json.loads(given.out.read_text())["tasks"] if given.out.exists() else []
    for index in range(len(rows), given.tasks):
        task = policy.family.tasks("ood", index + 1)[index : index + 1]
        rows.append({"task": index, **{arm: measure(policy, task, arm == "chosen") for arm in ("own", "chosen")}})
        summary = {name: {"tasks": v, **Curve(np.array([v])).to_json()} for name, v in changes(rows).items()}
        result = {"policy": given.policy, "summary": summary, "tasks": rows, "versions": versions()}
        write_text(given.out, json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
