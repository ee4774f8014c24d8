"""Speed of collection, of whole training, and of the physics alone, in control steps per second."""

from __future__ import annotations

import time
from functools import partial

import torch

from robotmeta.bench.timing import Timed
from robotmeta.envs.simulators.mujoco_cpu import MujocoSimulator
from robotmeta.errors import UserError
from robotmeta.experience.rollout import collect
from robotmeta.metalearners.trials import Trials
from robotmeta.metalearners.updates import Updates
from robotmeta.policy import Policy
from robotmeta.seeding import streams
from robotmeta.threads import one_torch_thread
from robotmeta.training.train import training_env


def collection(policy: Policy, threads: int) -> Timed:
    """Collection of one rollout of the policy's meta-batch."""
    env = training_env(policy, threads)

    def timed() -> float:
        generator, _ = streams(0, "bench")
        began = time.perf_counter()
        rollout, _ = collect(env, policy.learner, policy.learner.begin(env.num_tasks), generator)
        return rollout.steps / (time.perf_counter() - began)

    return timed


def training(policy: Policy, threads: int) -> Timed:
    """Whole iterations of meta-training: tasks, collection and update."""
    learner, family = policy.learner, policy.family
    trials = Trials(training_env(policy, threads), learner)
    generator, rng = streams(0, "bench")

    def timed() -> float:
        with one_torch_thread():
            began = time.perf_counter()
            updates = Updates(learner, generator)
            for part in trials.parts(partial(family.sample, rng=rng), generator):
                updates(part)
            return trials.whole.steps / (time.perf_counter() - began)

    return timed


def physics(policy: Policy, threads: int) -> Timed:
    """The physics alone: a whole episode in one C call, with random actions and without observations."""
    env = training_env(policy, threads)
    if not isinstance(env.simulator, MujocoSimulator):
        raise UserError(f"bench compares with MuJoCo's bare physics; family '{policy.family.name}' has none")
    simulator = env.simulator

    def timed() -> float:
        generator, _ = streams(0, "bench")
        env.reset(generator)
        controls = 2.0 * torch.rand(env.num_tasks, env.num_episodes, env.horizon, env.action_size) - 1.0
        began = time.perf_counter()
        simulator.open_loop(controls)
        return env.num_tasks * env.num_episodes * env.horizon / (time.perf_counter() - began)

    return timed
