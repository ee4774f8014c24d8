"""What a policy infers from logged episodes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import robotmeta as rm
from robotmeta.adaptation.fitting.recorded import RecordedEpisodes
from robotmeta.adaptation.recall import recalled_estimates
from robotmeta.envs import make
from tests.robots import Robot, point_policy

pytestmark = pytest.mark.filterwarnings("ignore:only the number of observations and actions:UserWarning")
FAMILY = make("point-navigation")


def logged(policy: rm.Policy, folder: Path) -> tuple[rm.Adapted, RecordedEpisodes]:
    """Three episodes that a policy acted in, the last one cut short, and the log of them."""
    file = folder / "episodes.npz"
    with rm.wrap(Robot(), horizon=30, max_steps=75) as world:
        adapted = rm.adapt(policy, world, episodes=3, episodes_out=file)
    return adapted, RecordedEpisodes.of_file(file, policy.family)


def test_a_log_gives_the_policy_the_estimates_that_it_had_in_these_episodes(tmp_path: Path) -> None:
    policy = point_policy("task-inference")
    adapted, recorded = logged(policy, tmp_path)
    found = recalled_estimates(policy, recorded)
    assert found is not None
    assert adapted.inferred is not None
    for name, estimate in adapted.inferred.items():
        assert np.array(found[name][:4]) == pytest.approx(np.array(estimate[:4]), abs=1e-5)
    assert rm.fit(policy, recorded).believed == found


@pytest.mark.parametrize(
    ("learner", "changes"), [("rl2", {}), ("promp", {}), ("domain-randomization", {"oracle": True})]
)
def test_a_policy_without_estimates_infers_nothing(learner: str, changes: dict[str, Any], tmp_path: Path) -> None:
    _, recorded = logged(point_policy("task-inference"), tmp_path)
    assert recalled_estimates(point_policy(learner, **changes), recorded) is None


def test_without_rewards_nothing_is_inferred(tmp_path: Path) -> None:
    policy = point_policy("task-inference")
    _, recorded = logged(policy, tmp_path)
    rewards = recorded.rewards.clone()
    rewards[1, 3] = torch.nan
    assert recalled_estimates(policy, dataclasses.replace(recorded, rewards=rewards)) is None
    assert rm.fit(FAMILY, recorded).believed is None
