"""Speed of other vector environments of the half-cheetah with the same policy, in control steps per second."""

from __future__ import annotations

import importlib
import importlib.util
import time
from collections.abc import Callable

import numpy as np
import torch

from robotmeta.bench.timing import Timed
from robotmeta.envs.models import quiet_mujoco
from robotmeta.metalearners.promp import ProMP
from robotmeta.policy import Policy
from robotmeta.threads import one_torch_thread

_GYMNASIUM, _ENVPOOL = "HalfCheetah-v5", "HalfCheetah-v4"  # the same physics as the cheetah families
_STEPS = 100
_ASYNC_WORKERS = 16


def peers(policy: Policy, threads: int) -> dict[str, Timed]:
    """The vector environments that are installed, by name."""
    found = {f"Gymnasium AsyncVectorEnv({_ASYNC_WORKERS}), same policy": _gymnasium(policy)}
    if importlib.util.find_spec("envpool") is not None:
        found["EnvPool, same policy"] = _envpool(policy, threads)
    return found


def _gymnasium(policy: Policy) -> Timed:
    import gymnasium

    def timed() -> float:
        with quiet_mujoco():  # inherited by the workers
            envs = gymnasium.make_vec(_GYMNASIUM, num_envs=_ASYNC_WORKERS, vectorization_mode="async")
        try:
            return _closed_loop(policy, envs.reset()[0], lambda action: envs.step(action)[0])
        finally:
            envs.close()

    return timed


def _envpool(policy: Policy, threads: int) -> Timed:
    envpool = importlib.import_module("envpool")  # optional, so type checkers may not find it

    worlds = policy.config.hyperparameters.meta_batch * policy.config.hyperparameters.episodes
    envs = envpool.make_gymnasium(_ENVPOOL, num_envs=worlds, num_threads=threads)

    def timed() -> float:
        return _closed_loop(policy, envs.reset()[0], lambda action: envs.step(action)[0])

    return timed


@torch.no_grad()
def _closed_loop(policy: Policy, observation: np.ndarray, step: Callable[[np.ndarray], np.ndarray]) -> float:
    """Steps per second with the policy's network in the loop."""
    learner = policy.learner
    assert isinstance(learner, ProMP)
    parameters = learner.begin(1)
    with one_torch_thread():
        began = time.perf_counter()
        for _ in range(_STEPS):
            seen = torch.as_tensor(observation, dtype=torch.float32).unsqueeze(0)
            distribution = learner.policy(parameters, learner.normalizer(seen))
            action = distribution.sample(torch.randn_like(distribution.mean)).clamp(-1.0, 1.0)
            observation = step(action[0].double().numpy())
        return _STEPS * len(observation) / (time.perf_counter() - began)
