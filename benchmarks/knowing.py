"""What it is worth to know the task: how a policy acts on its belief, on the truth, and on wrong numbers.

    python benchmarks/knowing.py POLICY ... --tasks 200

The policies are of task inference. After three adaptation episodes, what the estimator says about the task is replaced,
with everything else as it is. Each policy and split writes ``benchmarks/results/knowing/FAMILY-SPLIT.json``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import robotmeta as rm
from robotmeta.adaptation.worlds import TaskWorlds, adapted_belief, collect_episodes
from robotmeta.evaluation.intervals import Curve
from robotmeta.files import write_text
from robotmeta.json_values import json_text
from robotmeta.metalearners.task_inference import TaskInference
from robotmeta.policies import DiagonalGaussian
from robotmeta.seeding import streams
from robotmeta.versions import versions

_FOLDER = Path(__file__).parent / "results" / "knowing"


class Given(TaskInference):
    """A policy that believes given numbers about the task, as surely as it believes its own."""

    given: Tensor
    """``[task, number]``, encoded."""

    def _policy_features(self, estimate: DiagonalGaussian) -> Tensor:
        task, state = self._split(estimate)
        given = self.given.repeat_interleave(estimate.mean.shape[-2] // len(self.given), dim=0).expand_as(task.mean)
        mean = torch.cat([given, state.mean], dim=-1)
        return super()._policy_features(DiagonalGaussian(mean, estimate.log_std))


def measure(policy: rm.Policy, tasks: rm.Tasks, episodes: int, seed: int) -> dict[str, dict[str, object]]:
    """Returns and successes by what the policy believes, and the paired difference from its own belief."""
    learner = policy.learner
    if type(learner) is not TaskInference:
        raise SystemExit(f"{policy.config.learner} does not tell its policy what it infers")
    believing = Given(learner.sizes, learner.config, torch.Generator())
    believing.load_state_dict(learner.state_dict())
    truth = policy.family.encoding.encode(tasks).float()
    beliefs = {"truth": truth, "mean": torch.zeros_like(truth), "another task's": truth.roll(1, 0)}
    worlds = TaskWorlds(policy, tasks)
    belief = adapted_belief(policy, worlds, 3, seed)
    found: dict[str, tuple[np.ndarray, np.ndarray | None]] = {}
    for name in ("belief", *beliefs):
        if name in beliefs:
            believing.given = beliefs[name]
        actor = learner if name == "belief" else believing
        generator, _ = streams(seed, "trials")
        rollout, _ = collect_episodes(worlds, actor, belief, episodes, generator, explore=False)
        success = None if rollout.success is None else rollout.success.double().mean(dim=1).numpy()
        found[name] = rollout.returns.double().mean(dim=1).numpy(), success
    own, own_success = found["belief"]
    results: dict[str, dict[str, object]] = {}
    for name, (returns, success) in found.items():
        results[name] = {"return": Curve(returns[None]).to_json(), "gain": Curve((returns - own)[None]).to_json()}
        if success is not None and own_success is not None:
            results[name] |= {
                "success": Curve(success[None]).to_json(),
                "success_gain": Curve((success - own_success)[None]).to_json(),
            }
    return results


def main() -> None:
    """Measures some policies on the splits that their families have."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("policies", nargs="+", metavar="POLICY")
    parser.add_argument("--tasks", type=int, default=200)
    parser.add_argument("--episodes", type=int, default=5, help="measured episodes of each task")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for source in given.policies:
        policy = rm.load(source)
        family = policy.family
        for split in (split for split in ("test", "ood") if split in family.splits):
            found = measure(policy, family.tasks(split, given.tasks), given.episodes, given.seed)
            settings = {"policy": source, "family": family.name, "split": split, **vars(given), "results": found}
            settings |= {"env_steps": policy.env_steps, "versions": versions()}
            settings.pop("policies")
            _FOLDER.mkdir(parents=True, exist_ok=True)
            write_text(_FOLDER / f"{family.name}-{split}.json", json_text(settings, indent=1))
            for name, result in found.items():
                print(f"{family.name}, {split}, {name}: {result}", flush=True)


if __name__ == "__main__":
    main()
