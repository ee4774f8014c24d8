"""Wall clock to the same return, beside other libraries: ``python benchmarks/peers.py [--seeds 3] [--out FILE]``.

All learn to run forward with MuJoCo's half-cheetah in episodes of 100 control steps, by PPO without memory, on the
same cores, one after another:

- robotmeta: our worlds, our PPO.
- Stable-Baselines3 on our Gymnasium id: our worlds one by one, its PPO with its defaults.
- Stable-Baselines3 on EnvPool: EnvPool's worlds, its PPO with its defaults.

A run ends when the mean return of the last 100 episodes of training reaches the target, or at its limit of seconds.
Returns are those of exploring policies. EnvPool's half-cheetah pays the same reward with twice the price of actions.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import statistics
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from learning import RESULTS
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import SubprocVecEnv, VecEnv, VecMonitor

import robotmeta as rm
from robotmeta.evaluation.single_task import untrained
from robotmeta.metalearners.trials import Trials
from robotmeta.seeding import streams
from robotmeta.threads import available_cores, one_torch_thread
from robotmeta.training.train import training_env
from robotmeta.versions import versions

_FAMILY, _TASK, _HORIZON = "cheetah-direction", {"direction": "forward"}, 100
_EPISODES = 100  # whose mean return counts
_WORLDS = 8  # of the other libraries

Curve = list[tuple[float, int, float]]
"""Seconds, control steps and mean return of the last episodes."""


class Goal:
    """When a run ends."""

    def __init__(self, target: float, limit: float) -> None:
        self.target, self.limit = target, limit
        self.returns: deque[float] = deque(maxlen=_EPISODES)
        self.curve: Curve = []
        self._began = time.perf_counter()

    def reached(self, steps: int) -> bool:
        """Notes a point of the learning curve. Whether the run is over."""
        if len(self.returns) < _EPISODES:
            return False
        seconds, mean = time.perf_counter() - self._began, statistics.fmean(self.returns)
        self.curve.append((round(seconds, 2), steps, round(mean, 2)))
        return mean >= self.target or seconds >= self.limit


def ours(goal: Goal, seed: int) -> None:
    """PPO of this package in a batch of its worlds."""
    family = rm.make(_FAMILY)
    policy = untrained(family, seed=seed)
    task = family.task(**_TASK)
    trials, steps, iteration = Trials(training_env(policy), policy.learner), 0, 0
    with one_torch_thread():
        while not goal.reached(steps):
            generator, _ = streams(seed, "iteration", iteration)
            trial = trials.next(task.repeat, generator)
            policy.learner.update(trial, generator)
            steps, iteration = steps + trial.steps, iteration + 1
            goal.returns.extend(trial.rollouts[0].returns.flatten().tolist())


class _Watch(BaseCallback):
    """Ends the training of Stable-Baselines3 when the goal is reached."""

    def __init__(self, goal: Goal) -> None:
        super().__init__()
        self._goal = goal

    def _on_step(self) -> bool:
        ended = [info["episode"]["r"] for info in self.locals["infos"] if "episode" in info]
        self._goal.returns.extend(ended)
        return not ended or not self._goal.reached(self.num_timesteps)


def _stable_baselines(worlds: VecEnv, goal: Goal, seed: int) -> None:
    try:
        model = PPO("MlpPolicy", worlds, seed=seed, device="cpu")
        model.learn(total_timesteps=10**9, callback=_Watch(goal))
    finally:
        worlds.close()


def on_our_id(goal: Goal, seed: int) -> None:
    """Stable-Baselines3 on our Gymnasium id, a process a world."""
    worlds = make_vec_env(
        "robotmeta:robotmeta/CheetahDirection-v0",
        n_envs=_WORLDS,
        seed=seed,
        env_kwargs={"task": _TASK},
        vec_env_cls=SubprocVecEnv,
    )
    _stable_baselines(worlds, goal, seed)


class _EnvPool(VecEnv):
    """EnvPool's half-cheetah as Stable-Baselines3 expects it."""

    def __init__(self, seed: int) -> None:
        envpool = importlib.import_module("envpool")  # optional, so type checkers may not find it
        self._envs: Any = envpool.make_gymnasium(
            "HalfCheetah-v4", num_envs=_WORLDS, seed=seed, max_episode_steps=_HORIZON, num_threads=available_cores()
        )
        action = gymnasium.spaces.Box(-1.0, 1.0, self._envs.action_space.shape, np.float32)
        super().__init__(_WORLDS, self._envs.observation_space, action)

    def reset(self) -> np.ndarray:
        return self._envs.reset()[0].astype(np.float32)

    def step_async(self, actions: np.ndarray) -> None:
        self._actions = actions.astype(np.float64)

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        seen, reward, terminated, truncated, _ = self._envs.step(self._actions)
        ended = terminated | truncated
        infos = [
            {"terminal_observation": seen[i].astype(np.float32), "TimeLimit.truncated": bool(truncated[i])}
            if ended[i]
            else {}
            for i in range(_WORLDS)
        ]
        if ended.any():
            ids = np.flatnonzero(ended)
            seen = seen.copy()
            seen[ids] = self._envs.reset(ids)[0]
        return seen.astype(np.float32), reward.astype(np.float32), ended, infos

    def close(self) -> None:
        self._envs.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [None] * _WORLDS

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise NotImplementedError

    def env_method(self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any) -> list[Any]:
        raise NotImplementedError

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * _WORLDS


def on_envpool(goal: Goal, seed: int) -> None:
    """Stable-Baselines3 on EnvPool."""
    _stable_baselines(VecMonitor(_EnvPool(seed)), goal, seed)


RUNS: dict[str, Callable[[Goal, int], None]] = {
    "robotmeta": ours,
    "Stable-Baselines3 PPO on our Gymnasium id": on_our_id,
    "Stable-Baselines3 PPO on EnvPool": on_envpool,
}


def main() -> None:
    """Runs all, and prints and writes when each reached the target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--target", type=float, default=200.0)
    parser.add_argument("--limit", type=float, default=180.0, help="seconds of one run")
    parser.add_argument("--out", type=Path, default=RESULTS / "peers.json")
    chosen = parser.parse_args()
    results: dict[str, list[Any]] = {}
    for seed in range(chosen.seeds):
        for name, run in RUNS.items():
            if name.endswith("EnvPool") and importlib.util.find_spec("envpool") is None:
                print(f"{name}: not run, because envpool is not installed")
                continue
            goal = Goal(chosen.target, chosen.limit)
            run(goal, seed)
            seconds, steps, mean = goal.curve[-1]
            what = "reached" if mean >= chosen.target else "not reached: "
            print(f"seed {seed}, {name}: {what} {mean:.0f} after {seconds:.0f} s, {steps:,} control steps", flush=True)
            results.setdefault(name, []).append({"seed": seed, "curve": goal.curve[:: max(1, len(goal.curve) // 40)]})
            results[name][-1]["end"] = goal.curve[-1]
    written = {"target": chosen.target, "limit": chosen.limit, "cores": available_cores(), "versions": versions()}
    chosen.out.write_text(json.dumps({**written, "runs": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
