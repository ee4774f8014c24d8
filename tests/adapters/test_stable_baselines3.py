"""Training with Stable-Baselines3 on a family's Gymnasium id."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest


@pytest.fixture
def ppo() -> Any:
    """The class, imported late, because that takes seconds."""
    return pytest.importorskip("stable_baselines3", reason="needs the extra 'bench'").PPO


@pytest.mark.slow
def test_stable_baselines3_learns_on_tasks_drawn_at_each_reset(ppo: Any) -> None:
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.evaluation import evaluate_policy

    # Goals lie around the start, so a policy that stays near it is better than one that walks at random.
    worlds = make_vec_env("robotmeta:robotmeta/PointNavigation-v0", n_envs=4, seed=0, env_kwargs={"sample_task": True})
    model = ppo("MlpPolicy", worlds, n_steps=200, batch_size=200, seed=0, device="cpu")
    before, _ = evaluate_policy(model, worlds, n_eval_episodes=20, deterministic=False)
    model.learn(12_000)
    after, _ = evaluate_policy(model, worlds, n_eval_episodes=20, deterministic=False)
    assert isinstance(before, float)
    assert isinstance(after, float)
    assert after > before + 20.0


@pytest.mark.slow
def test_its_monitor_reads_whether_an_episode_succeeded() -> None:
    pytest.importorskip("stable_baselines3", reason="needs the extra 'bench'")
    from stable_baselines3.common.monitor import Monitor

    env: Any = Monitor(
        gymnasium.make("robotmeta/PointNavigation-v0", task={"goal_x": 0.1}), info_keywords=("is_success",)
    )
    env.reset(seed=0)
    *_, info = env.step(np.array([1.0, 0.0], dtype=np.float32))
    assert info["episode"]["is_success"] is True
