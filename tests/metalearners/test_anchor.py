"""The anchor of a meta-update: its gradient, its pull, and that nothing changes without it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from robotmeta.metalearners import LEARNERS
from robotmeta.metalearners.anchor import Anchored, add_anchor
from robotmeta.metalearners.gradient import GradientLearner, penalty
from robotmeta.metalearners.parallel import gradients
from robotmeta.metalearners.protocol import Anchor
from robotmeta.metalearners.trials import collect_trial
from robotmeta.policies import DiagonalGaussian
from tests.learning import env_of, generator, learner_of, same, short


def gaussian(seed: int) -> DiagonalGaussian:
    mean, log_std = torch.randn(2, 5, 3, generator=generator(seed), dtype=torch.float64)
    return DiagonalGaussian(mean, 0.3 * log_std)


def finite_differences(values: Tensor, loss: Callable[[Tensor], Tensor], width: float = 1e-6) -> Tensor:
    steps = width * torch.eye(values.numel(), dtype=values.dtype).view(-1, *values.shape)
    return torch.stack([(loss(values + s) - loss(values - s)) / (2 * width) for s in steps]).view_as(values)


def test_the_gradient_of_the_penalty_is_that_of_finite_differences() -> None:
    anchored, mask = Anchored(gaussian(1), weight=0.7), torch.tensor([1.0, 1.0, 0.0, 1.0, 1.0]).double()
    start = gaussian(2)

    def loss(mean: Tensor, log_std: Tensor) -> Tensor:
        nothing = {"loss": torch.zeros(()).double()}
        return add_anchor(nothing, DiagonalGaussian(mean, log_std), anchored, mask / mask.sum())["loss"]

    mean, log_std = (value.clone().requires_grad_() for value in start)
    found = torch.autograd.grad(loss(mean, log_std), [mean, log_std])
    torch.testing.assert_close(found[0], finite_differences(start.mean, lambda m: loss(m, start.log_std)))
    torch.testing.assert_close(found[1], finite_differences(start.log_std, lambda s: loss(start.mean, s)))
    assert not bool(found[0][2].any())  # a step that did not happen


def test_the_penalty_is_the_divergence_from_the_policy_to_its_anchor() -> None:
    mean = torch.tensor([[0.5]])
    anchored = Anchored(DiagonalGaussian(torch.zeros(1, 1), torch.zeros(1)), weight=3.0)
    found = add_anchor({"loss": torch.zeros(())}, DiagonalGaussian(mean, torch.zeros(1)), anchored, 1.0)
    assert float(found["kl_anchor"]) == pytest.approx(0.5 * 0.5**2)
    assert float(found["loss"]) == pytest.approx(3.0 * 0.5 * 0.5**2)


@pytest.mark.parametrize(("name", "of", "sign"), [("promp", "loss", 1.0), ("maml", "objective", -1.0)])
def test_meta_gradients_have_the_gradient_of_the_penalty_before_adaptation(name: str, of: str, sign: float) -> None:
    family = short(8)
    learner, other = learner_of(name, family, 0), learner_of(name, family, 1)
    assert isinstance(learner, GradientLearner)
    trial = collect_trial(env_of(family, learner), learner, generator())
    before, after = learner.before_and_after(trial)
    with torch.no_grad():
        anchored = Anchored(other.distributions(trial), weight=2.0)
    theta = list(learner.theta.values())
    (_, free), (_, held) = (gradients(learner.parts(before, after, to), theta, of=of) for to in (None, anchored))
    expected = torch.autograd.grad(penalty(learner.distributions(trial), anchored, before[0]), theta)
    for one, other_one, part in zip(held, free, expected, strict=True):
        torch.testing.assert_close(sign * (one - other_one), part, rtol=1e-3, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", LEARNERS)
def test_a_large_weight_keeps_the_policy_where_its_anchor_is(name: str) -> None:
    family = short(20)
    distances = []
    for weight in (0.0, 1e3):
        learner, anchor = learner_of(name, family), Anchor(learner_of(name, family), weight)
        env = env_of(family, learner)
        for seed in range(6):
            learner.update(collect_trial(env, learner, generator(seed)), generator(seed), anchor)
        # the anchor reads with its own statistics of observations, those of an untrained policy
        learner.normalizer.load_state_dict(anchor.learner.normalizer.state_dict())
        trial = collect_trial(env, anchor.learner, generator(9))
        with torch.no_grad():
            here, there = learner.distributions(trial), anchor.learner.distributions(trial)
        distances.append(float(here.kl(there).mean()))
    free, held = distances
    assert free > 0.0
    assert held < 0.2 * free


@pytest.mark.parametrize("name", LEARNERS)
def test_an_anchor_without_weight_changes_no_number(name: str) -> None:
    family, after = short(10), []
    for anchor in (None, Anchor(learner_of(name, family, 1), 0.0)):
        learner = learner_of(name, family)
        learner.update(collect_trial(env_of(family, learner), learner, generator()), generator(), anchor)
        after.append(dict(learner.state_dict()))
    assert same(*after)


@pytest.mark.parametrize("name", LEARNERS)
def test_a_policy_would_have_done_what_it_did(name: str) -> None:
    family = short(8)
    learner = learner_of(name, family)
    trial = collect_trial(env_of(family, learner), learner, generator())
    with torch.no_grad():
        mean = learner.distributions(trial).mean
    did = torch.cat([rollout.distribution.mean.flatten(0, 1) for rollout in trial.rollouts], dim=1)
    if isinstance(learner, GradientLearner):
        did, mean = trial.rollouts[0].distribution.mean, mean
    elif name == "rl2":
        mean = mean.transpose(0, 1)  # [trial, time, action]
    else:
        did = torch.cat([rollout.distribution.mean for rollout in trial.rollouts], dim=1)
    torch.testing.assert_close(mean, did, rtol=1e-4, atol=1e-5)
