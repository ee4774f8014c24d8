"""A learner that draws what it believes, as Thompson sampling does, gets its draws from the seed of whoever calls."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

import robotmeta as rm
from robotmeta.envs import TaskFamily
from robotmeta.experience.rollout import Belief, PolicyInput
from robotmeta.metalearners import LEARNERS
from robotmeta.metalearners.domain_randomization import DomainRandomization
from robotmeta.policies import DiagonalGaussian
from robotmeta.training.train import Run

HYPER = {"meta_batch": 4, "episodes": 2, "epochs": 1}


class Sampling(DomainRandomization):
    """Adds an offset to its actions that it draws anew at the start of every episode."""

    def begin(self, num_tasks: int, generator: torch.Generator | None = None) -> Belief:
        return {"offset": self._offset((num_tasks, 1), generator)}

    def act(
        self, belief: Belief, policy_input: PolicyInput, generator: torch.Generator | None = None
    ) -> tuple[DiagonalGaussian, Belief]:
        if policy_input.start:
            belief = {"offset": self._offset(policy_input.reward.shape, generator)}
        distribution, _ = super().act(belief, policy_input)
        return DiagonalGaussian(distribution.mean + belief["offset"], distribution.log_std), belief

    def _offset(self, worlds: tuple[int, ...], generator: torch.Generator | None) -> torch.Tensor:
        shape = (*worlds, self.sizes.action)
        return torch.zeros(shape) if generator is None else torch.randn(shape, generator=generator)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LEARNERS, "sampling", Sampling)


def family() -> TaskFamily:
    return dataclasses.replace(rm.make("point-navigation"), horizon=6)


def train(out: Path, seed: int = 0) -> Run:
    return rm.meta_train(family(), "sampling", iterations=1, hyper=HYPER, seed=seed, out=out, progress=False)


def test_the_seed_fixes_what_a_learner_draws_in_training(tmp_path: Path) -> None:
    first, again, other = (train(tmp_path / name, seed) for name, seed in (("a", 0), ("b", 0), ("c", 1)))
    weights, same, different = (run.policy.learner.state_dict() for run in (first, again, other))
    assert all(torch.equal(weights[name], same[name]) for name in weights)
    assert any(not torch.equal(weights[name], different[name]) for name in weights)


def test_the_seed_fixes_what_a_learner_draws_in_adaptation_and_evaluation(tmp_path: Path) -> None:
    policy = train(tmp_path).policy
    task = policy.family.task(goal_x=0.3)
    adapted = [rm.adapt(policy, task, seed=seed, evaluation_episodes=2) for seed in (0, 0, 1)]
    assert adapted[0].return_after == adapted[1].return_after != adapted[2].return_after
    beliefs = [result.policy.belief for result in adapted]
    assert beliefs[0] is not None
    assert beliefs[1] is not None
    assert torch.equal(beliefs[0]["offset"], beliefs[1]["offset"])
    measured = [rm.evaluate(policy, tasks=2, episodes=1, seed=seed, controls=()) for seed in (0, 0, 1)]
    means = [float(evaluation.curves("return")["adapted"].mean[0]) for evaluation in measured]
    assert means[0] == means[1] != means[2]
