"""Worlds of the gripper's families for tests, and a script that grasps."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
import torch
from torch import Tensor

from robotmeta.envs import TaskBatchEnv, TaskFamily, Tasks, make
from robotmeta.envs.families import object_state, objects
from robotmeta.envs.families.gripper.model import HEIGHT, SPEEDS
from robotmeta.envs.family import MujocoWorld
from robotmeta.envs.models import ModelBuilder
from robotmeta.envs.simulators.mujoco_cpu import MujocoSimulator

REACH, PUSH, SLIDE, GRASP = make("reach"), make("push"), make("slide"), make("grasp")
GRAVITY = 9.81
SHAPES = range(len(objects.SHAPES))


def builder(family: TaskFamily) -> ModelBuilder:
    assert isinstance(family.world, MujocoWorld)
    return ModelBuilder(family.world.spec, family.space)


BUILD = {family.name: builder(family) for family in (REACH, PUSH, SLIDE, GRASP)}


def model_of(family: TaskFamily, **values: float) -> mujoco.MjModel:
    (model,) = BUILD[family.name](family.task(**values))
    return model


def together(*tasks: Tasks) -> Tasks:
    return Tasks(tasks[0].names, np.concatenate([t.values for t in tasks]))


def worlds(family: TaskFamily, *tasks: Tasks, episodes: int = 1, seed: int = 0) -> TaskBatchEnv:
    rows = together(*tasks)
    env = TaskBatchEnv(family, len(rows), episodes)
    env.load(rows)
    env.reset(torch.Generator().manual_seed(seed))
    return env


def acting(env: TaskBatchEnv, *action: float) -> Tensor:
    """The same action in every world; zero where none is given."""
    values = torch.tensor(action or (0.0,) * env.action_size)
    return values.expand(env.num_tasks, env.num_episodes, -1)


def seen(env: TaskBatchEnv, task: int = 0) -> dict[str, float]:
    names = [name for name, _ in env.family.observations]
    return dict(zip(names, env._observation()[task, 0].tolist(), strict=True))


def data_of(env: TaskBatchEnv, task: int = 0) -> mujoco.MjData:
    """What MuJoCo makes of the state that a world is in."""
    assert isinstance(env.simulator, MujocoSimulator)
    batch = env.simulator._batch
    data = batch.get_data(task * env.num_episodes)
    mujoco.mj_forward(batch.get_model(task * env.num_episodes), data)
    return data


def with_values(tasks: Tasks, **values: float) -> Tasks:
    changed = tasks.values.copy()
    for name, value in values.items():
        changed[:, tasks.names.index(name)] = value
    return Tasks(tasks.names, changed)


# -- a script that grasps ----------------------------------------------------------------------------------------------


def put_between_the_pads(env: TaskBatchEnv) -> None:
    """Lowers the open hand around an object in the middle of the table."""
    state = env.simulator.state
    state["qpos"][..., :-7] = state["act"][:] = 0.0
    zero = torch.zeros(env.num_tasks, env.num_episodes, dtype=torch.float64)
    state["qpos"][..., -7:] = object_state.at_rest(torch.stack([zero, zero], dim=-1), zero, env._columns)


@dataclass
class Script:
    """Goes above the object, down, closes, and lifts; looks at the true state.

    Attributes:
        squeeze: How far the fingers' target goes beyond where the object stops them, m.
        balanced: Whether it grips at the centre of mass, which a policy has to find out, or in the middle.
    """

    env: TaskBatchEnv
    squeeze: float = 0.05
    balanced: bool = False

    def __post_init__(self) -> None:
        shape = (self.env.num_tasks, self.env.num_episodes)
        self.stage = torch.zeros(shape, dtype=torch.long)
        self.full = torch.tensor(list(SPEEDS.values()), dtype=torch.float64) * GRASP.dt
        self.wanted = self.env.simulator.state["act"] * self.full / GRASP.dt

    def __call__(self) -> Tensor:
        state, task, wanted = self.env.simulator.state, self.env._columns, self.wanted
        target, hand = state["act"] * self.full / GRASP.dt, state["qpos"][..., :4]
        place, along = object_state.position(state), object_state.along(state)
        if self.balanced:
            centre = torch.tensor([model.body("object").ipos[0] for model in BUILD["grasp"](self.env.tasks)])
            place = place + centre[:, None, None] * along
        free = self.stage < 2
        wanted[..., :2] = torch.where(free.unsqueeze(-1), place[..., :2], wanted[..., :2])
        wanted[..., 3] = torch.where(free, torch.atan2(along[..., 1], along[..., 0]), wanted[..., 3])
        above = (place[..., :2] - hand[..., :2]).norm(dim=-1) < 0.004
        down = (place[..., 2] - HEIGHT).clamp(min=0.0)
        wanted[..., 2] = torch.where(self.stage == 1, down, wanted[..., 2])
        closed, touched = state["qpos"][..., 4:6].sum(dim=-1), state["sensordata"].amin(dim=-1) > 0.0
        tight = touched & (target[..., 4] - closed >= self.squeeze)
        closing = torch.where(touched, torch.maximum(target[..., 4], closed) + 0.006, target[..., 4] + 0.008)
        wanted[..., 4] = torch.where((self.stage == 2) & ~tight, closing, target[..., 4])
        missing = 0.4 * (task["goal_z"] - object_state.rise(state, task))
        wanted[..., 2] = torch.where(self.stage == 3, target[..., 2] + missing.clamp(-0.012, 0.012), wanted[..., 2])
        done = torch.stack([above, (down - hand[..., 2]).abs() < 0.006, tight, torch.zeros_like(tight)])
        self.stage += done.gather(0, self.stage.unsqueeze(0)).squeeze(0)
        gain = torch.tensor([0.3, 0.3, 0.6, 0.3, 1.0])  # gently where latency would make it swing
        return (gain * (wanted - target) / self.full).clamp(-1.0, 1.0).float()


def grasped(env: TaskBatchEnv, squeeze: float = 0.05, balanced: bool = False) -> tuple[Tensor, Tensor]:
    """Plays the script; rewards and stages ``[time, task, episode]``."""
    script, rewards, stages = Script(env, squeeze, balanced), [], []
    for _ in range(GRASP.horizon):
        stages.append(script.stage.clone())
        rewards.append(env.step(script()).reward)
    return torch.stack(rewards), torch.stack(stages)


def share(env: TaskBatchEnv) -> float:
    success = env.success()
    assert success is not None
    return float(success.float().mean())
