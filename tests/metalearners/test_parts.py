"""Meta-updates after parts of episodes: what each gets, and that nothing else changes."""

from __future__ import annotations

import itertools
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import robotmeta as rm
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.envs import TaskFamily
from robotmeta.experience.rollout import Rollout, Trial
from robotmeta.metalearners import MetaLearner
from robotmeta.metalearners.ppo import ActorCriticConfig, last_values
from robotmeta.metalearners.trials import Trials
from robotmeta.metalearners.updates import Updates
from robotmeta.policy import Policy
from robotmeta.training.train import training_env
from tests.learning import HYPER, diverging, ending_early, generator, learner_of, partly_observed, same, short, weights

_LENGTH = 5  # of a part; episodes have 12 steps
LEARNERS = pytest.mark.parametrize("name", ["task-inference", "domain-randomization"])


def begun(name: str, family: TaskFamily, **hyper: Any) -> tuple[MetaLearner, Trials]:
    learner = learner_of(name, family, **{"unroll_length": _LENGTH, **hyper})
    env = training_env(Policy(family, RunConfig(family.name, name, learner.config), learner))
    return learner, Trials(env, learner)


def parts_of(trials: Trials, family: TaskFamily, seed: int = 0) -> list[Trial]:
    return list(trials.parts(partial(family.sample, rng=np.random.default_rng(seed)), generator(seed)))


def experience(rollout: Rollout) -> dict[str, torch.Tensor]:
    happened = rollout.mask > 0
    series = {name: getattr(rollout, name)[happened] for name in ("observations", "actions", "rewards")}
    return {**series, "mask": rollout.mask, "mean": rollout.distribution.mean[happened]}


@LEARNERS
def test_parts_without_updates_are_the_episode(name: str) -> None:
    family = ending_early()
    _, trials = begun(name, family)
    parts = parts_of(trials, family)
    assert [trial.rollouts[0].mask.shape[-1] for trial in parts] == [5, 5, 2]
    assert [trial.resumed for trial in parts] == [False, True, True]
    assert [trial.rollouts[0].goes_on for trial in parts] == [True, True, False]
    whole = begun(name, family, unroll_length=0)[1].next(
        partial(family.sample, rng=np.random.default_rng(0)), generator(0)
    )
    for rollout in (trials.whole.rollouts[0], whole.rollouts[0]):
        assert rollout.success is not None or family.success is None
        joined = torch.cat([trial.rollouts[0].mask for trial in parts], dim=-1)
        assert torch.equal(joined, rollout.mask)
        for key, value in experience(rollout).items():
            if key != "mask":
                flat = [getattr(trial.rollouts[0], key, trial.rollouts[0].distribution.mean) for trial in parts]
                assert torch.equal(torch.cat(flat, dim=2)[joined > 0], value), key
    for part, follows in itertools.pairwise(parts):
        (before,), (after,) = part.rollouts, follows.rollouts
        running = after.mask[..., 0] > 0
        assert torch.equal(before.last_observations[running], after.observations[:, :, 0][running])


@LEARNERS
@pytest.mark.parametrize("family", [ending_early(), partly_observed()], ids=["seen", "partly-observed"])
def test_the_policy_is_trained_on_what_it_acted_on_while_weights_change(name: str, family: TaskFamily) -> None:
    learner, trials = begun(name, family)
    seen = 0
    for update in range(3):
        updates = Updates(learner, generator(update))
        for trial in trials.parts(partial(family.sample, rng=np.random.default_rng(update)), generator(update)):
            (rollout,) = trial.rollouts
            happened = rollout.mask > 0
            with torch.no_grad():
                means = learner.distributions(trial).mean
            torch.testing.assert_close(means[happened], rollout.distribution.mean[happened], rtol=1e-4, atol=1e-5)
            updates(trial)
            seen += 1
    assert seen == 9


@pytest.mark.parametrize("bootstrap", [True, False])
def test_the_value_of_what_follows_a_part_counts_and_that_of_an_end_does_not(bootstrap: bool) -> None:
    family = ending_early()
    learner, trials = begun("domain-randomization", family, bootstrap=bootstrap)
    first, _, last = parts_of(trials, family)
    network = learner.network
    assert isinstance(network, torch.nn.Module)
    for trial, follows in ((first, True), (last, bootstrap)):
        (rollout,) = trial.rollouts
        inputs = learner.observe(rollout.last_observations)
        with torch.no_grad():
            values = last_values(learner.config, network, rollout, inputs)  # type: ignore[arg-type]
            expected = network.value(inputs) * follows  # type: ignore[operator]
        assert bool(rollout.terminated.any())
        assert torch.equal(values[~rollout.terminated], expected[~rollout.terminated])
        assert not bool(values[rollout.terminated].any())


@pytest.mark.filterwarnings("ignore::robotmeta.errors.RobotmetaWarning")
def test_a_world_that_diverges_in_a_part_stays_out_of_the_next_ones() -> None:
    family = diverging()
    learner, trials = begun("task-inference", family, meta_batch=8)
    updates = Updates(learner, generator())
    for trial in trials.parts(partial(family.sample, rng=np.random.default_rng(0)), generator()):
        (rollout,) = trial.rollouts
        assert bool(rollout.last_observations.isfinite().all())
        updates(trial)
    (whole,) = trials.whole.rollouts
    assert bool(whole.diverged.any())
    assert not bool(whole.diverged.all())
    assert all(np.isfinite(value) for value in updates.metrics().values())


@LEARNERS
def test_a_part_after_the_end_of_all_episodes_changes_nothing(name: str) -> None:
    family = short(12, terminated=lambda state, task: torch.ones(state["position"].shape[:2], dtype=torch.bool))
    learner, trials = begun(name, family)
    updates, sizes = Updates(learner, generator()), []
    for trial in trials.parts(partial(family.sample, rng=np.random.default_rng(0)), generator()):
        before = {key: value.clone() for key, value in learner.state_dict().items()}
        updates(trial)
        sizes.append(trial.steps)
        changed = any(not torch.equal(value, before[key]) for key, value in learner.state_dict().items())
        assert changed == (trial.steps > 0)
    assert sizes[1:] == [0, 0]
    assert trials.whole.steps == sizes[0] > 0


@LEARNERS
def test_a_training_with_parts_that_is_resumed_equals_one_that_was_not(name: str, tmp_path: Path) -> None:
    family, hyper = ending_early(), {**HYPER[name], "unroll_length": _LENGTH}
    whole = rm.meta_train(family, name, iterations=4, out=tmp_path / "whole", hyper=hyper, progress=False)
    rm.meta_train(family, name, iterations=2, out=tmp_path / "parts", hyper=hyper, progress=False)
    resumed = rm.resume(tmp_path / "parts", family=family, iterations=4, progress=False)
    assert same(weights(whole), weights(resumed))


def test_a_learner_of_ones_own_gets_all_rollouts_of_a_trial_by_default() -> None:
    config = ActorCriticConfig()
    assert config.rollouts == 2
    assert config.part_length == config.fine_tuning().part_length == 0


@LEARNERS
def test_fine_tuning_makes_twice_as_many_updates_with_half_as_many_passes(name: str) -> None:
    tuned = {}
    for length in (_LENGTH, 1, 0):
        trained = hyperparameters(name, {**HYPER[name], "unroll_length": length, "epochs": 8})
        assert isinstance(trained, ActorCriticConfig)
        config = trained.fine_tuning()
        tuned[length] = config.part_length, config.epochs
    assert tuned == {_LENGTH: (_LENGTH // 2, 4), 1: (1, 4), 0: (100, 8)}


def test_trials_of_several_episodes_an_update_have_no_parts() -> None:
    with pytest.raises(rm.UserError, match="unroll_length must be 0, not 5"):
        ActorCriticConfig(unroll_length=_LENGTH)
    with pytest.raises(rm.UserError, match="unroll_length must be 0, not 5, if a meta-update takes whole trials"):
        learner_of("task-inference", short(), unroll_length=_LENGTH, staggered=False)
