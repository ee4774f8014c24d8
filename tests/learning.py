"""Small families and learners, and comparisons, that tests of learning share."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robotmeta.config import hyperparameters
from robotmeta.envs import ObservationGroup, Parameter, ParameterSpace, TaskBatchEnv, TaskFamily, make
from robotmeta.envs.distributions import Uniform
from robotmeta.envs.family import ClosedFormWorld
from robotmeta.experience.rollout import Rollout
from robotmeta.metalearners import MetaLearner, Sizes, learner_class
from robotmeta.training.train import Run, meta_train

_SMALL = {"meta_batch": 4, "adaptation_steps": 1, "init_std": 0.6}
HYPER: dict[str, dict[str, Any]] = {
    "promp": {**_SMALL, "episodes": 3},
    "maml": {**_SMALL, "episodes": 3},
    "rl2": {**_SMALL, "episodes": 1, "epochs": 2, "hidden_size": 16},
    "task-inference": {**_SMALL, "episodes": 1, "epochs": 2, "hidden_size": 16},
    "domain-randomization": {**_SMALL, "adaptation_steps": 0, "episodes": 2, "epochs": 2},
}
"""Small batches, so that learning takes seconds."""
IN_CONTEXT = ("rl2", "task-inference")
ONE_FAMILY_A_KIND = (
    "point-navigation",
    "cheetah-dynamics",
    "cheetah-terrain",
    "dm-walker",
    "quadruped",
    "fetch-push",
    "grasp",
    "panda-grasp",
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def short(horizon: int = 12, **changes: Any) -> TaskFamily:
    """Point navigation with short episodes."""
    return dataclasses.replace(make("point-navigation"), horizon=horizon, **changes)


def ending_early(horizon: int = 12) -> TaskFamily:
    """Episodes end where the point is 5 cm to the right of its start: some soon, some never."""
    return short(horizon, terminated=lambda state, task: state["position"][..., 0] > 0.05)


def diverging(horizon: int = 12) -> TaskFamily:
    """The simulation of a world diverges where the point is 15 cm to the right of its start."""
    world = make("point-navigation").world
    assert isinstance(world, ClosedFormWorld)

    def dynamics(state, action, task):
        position = world.dynamics(state, action, task)["position"]
        return {"position": position.masked_fill(position[..., :1] > 0.15, float("nan"))}

    return short(horizon, world=dataclasses.replace(world, dynamics=dynamics))


def partly_observed(horizon: int = 12) -> TaskFamily:
    """A point that does not observe one of its coordinates; some episodes end soon, some never."""
    return dataclasses.replace(
        ending_early(horizon),
        observations=(("x", "m"),),
        observe=lambda state, task: state["position"][..., :1],
        privileged_state=(("y", "m"),),
        observe_privileged_state=lambda state, task: state["position"][..., 1:],
    )


def stepping(horizon: int = 12, **changes: Any) -> TaskFamily:
    """A point that is told how far to walk along x, and succeeds if it walks as far. It sees both."""
    far = Parameter("far", "how far to walk", train=Uniform(0.1, 1.0), nominal=0.5, bounds=(0.0, 5.0), unit="m")
    options: dict[str, Any] = {
        "name": "stepping",
        "space": ParameterSpace((far,)),
        "observe": lambda state, task: torch.stack(
            [state["position"][..., 0], task["far"].expand(state["position"].shape[:2])], dim=-1
        ),
        "reward": lambda step: step.after["position"][..., 0] - step.before["position"][..., 0],
        "terminated": lambda state, task: None,
        "success": lambda state, task: state["position"][..., 0] >= task["far"],
        "distance": None,
    }
    return short(horizon, **(options | changes))


def in_groups(family: TaskFamily) -> TaskFamily:
    """The same observations, each coordinate a group of its own. The mapping has another order than the family."""
    return dataclasses.replace(
        family,
        observe=lambda state, task: {"y": state["position"][..., 1:], "x": state["position"][..., :1]},
        observation_groups={"x": ObservationGroup((1,)), "y": ObservationGroup((1,))},
    )


def diverging_cheetah() -> TaskFamily:
    """The first world starts at a velocity at which the simulation diverges."""
    family = dataclasses.replace(make("cheetah-direction"), horizon=6)

    def reset(nominal, noise, task):
        state = family.reset(nominal, noise, task)
        state["qvel"][0, 0, 0] = 1e12
        return state

    return dataclasses.replace(family, reset=reset)


def learner_of(name: str, family: TaskFamily, seed: int = 0, **hyper: Any) -> MetaLearner:
    config = hyperparameters(name, {**HYPER[name], **hyper})
    sizes = Sizes(
        family.observation_size,
        family.action_size,
        family.encoding.size,
        len(family.privileged_state),
        family.observation_groups,
    )
    return learner_class(name)(sizes, config, generator(seed))


def env_of(family: TaskFamily, learner: MetaLearner, *, seed: int = 0, threads: int | None = None) -> TaskBatchEnv:
    env = TaskBatchEnv(family, learner.config.meta_batch, learner.config.episodes, threads=threads)
    env.load(family.sample(env.num_tasks, np.random.default_rng(seed)))
    return env


def same(one: Any, other: Any) -> bool:
    """Whether nested containers hold equal numbers, tensors bit for bit."""
    if isinstance(one, Tensor):
        return isinstance(other, Tensor) and one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def tensors(rollout: Rollout) -> dict[str, Tensor | None]:
    return dict(vars(rollout))


def all_finite(module: torch.nn.Module) -> bool:
    return all(bool(value.isfinite().all()) for value in module.state_dict().values())


def train(learner: str, folder: Path, *, iterations: int = 4, seed: int = 0) -> Run:
    return meta_train(
        short(30), learner, iterations=iterations, seed=seed, out=folder, hyper=HYPER[learner], progress=False
    )


def weights(run: Run) -> dict[str, Tensor]:
    return dict(run.policy.learner.state_dict())
