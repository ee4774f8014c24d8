"""Experience for one meta-update."""

from __future__ import annotations

import torch

from robotmeta.envs import TaskBatchEnv
from robotmeta.experience.rollout import Trial, collect
from robotmeta.metalearners.protocol import MetaLearner


def collect_trial(env: TaskBatchEnv, learner: MetaLearner, generator: torch.Generator) -> Trial:
    """Collects one rollout of every task before the first adaptation step, and one after each."""
    belief = learner.begin(env.num_tasks, generator)
    rollouts = []
    for remaining in reversed(range(learner.config.adaptation_steps + 1)):
        rollout, belief = collect(env, learner, belief, generator)
        rollouts.append(rollout)
        if remaining:
            belief = learner.adapt(belief, rollout)
    return Trial(rollouts, env.family.encoding.encode(env.tasks).to(learner.device))
