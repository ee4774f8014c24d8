"""A small robot whose tasks differ in mass, damping, a motor that may be weak, and a parameter without effect."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import robotmeta as rm
from robotmeta.adaptation.fitting.recorded import RecordedEpisodes
from robotmeta.envs import Choice, TaskBatchEnv, TaskFamily, goal, scale
from robotmeta.envs.family import Columns, State, Transition
from robotmeta.errors import ModelWarning

MJCF = """
<mujoco>
  <option timestep="0.01" gravity="0 0 {gravity}"/>
  <worldbody>
    <body name="cart">
      <joint name="slide" type="slide" axis="1 0 0" damping="0.5"/>
      <geom type="box" size="0.1 0.1 0.05" mass="1" contype="0" conaffinity="0"/>
      <body name="pole" pos="0 0 0.05">
        <joint name="hinge" axis="0 1 0" damping="0.1"/>
        <geom name="pole" type="capsule" fromto="0 0 0 0 0 -0.5" size="0.03" mass="0.3" contype="0" conaffinity="0"/>
      </body>
    </body>
  </worldbody>
  <actuator><motor name="push" joint="slide" gear="5" ctrlrange="-1 1"/></actuator>
</mujoco>
"""


def reward(step: Transition) -> Tensor:
    return step.after["qvel"][..., 0]


def angles(state: State, task: Columns) -> Tensor:
    """Positions alone: velocities have to be estimated."""
    return state["qpos"]


def family(folder: Path, *, gravity: float = -9.81) -> TaskFamily:
    """The arm's family. Trained poles weigh half to twice the nominal one."""
    file = folder / f"arm{gravity:g}.xml"
    file.write_text(MJCF.format(gravity=gravity))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelWarning)  # the parameter that is not read
        return _family(file)


def _family(file: Path) -> TaskFamily:
    return rm.from_mjcf(
        file,
        vary={
            "pole.mass": scale(0.5, 2.0),
            "hinge.damping": scale(0.5, 2.0),
            "push.gear": scale(Choice((0.5, 1.0))),
            "unread": goal(0.0, 1.0),
        },
        reward=reward,
        observe=angles,
        observations=(("slide", "m"), ("hinge", "rad")),
        horizon=60,
        frame_skip=2,
    )


def record(of: TaskFamily, values: Mapping[str, float], *, episodes: int = 2, seed: int = 0) -> RecordedEpisodes:
    """Episodes with smooth random actions."""
    env = TaskBatchEnv(of, 1, episodes, threads=1)
    env.load(of.task(**values))
    rng = np.random.default_rng(seed)
    phases = torch.as_tensor(rng.uniform(0.0, 6.0, (episodes, 1)), dtype=torch.float32)
    seen, actions, rewards = [env.reset(torch.Generator().manual_seed(seed))], [], []
    for t in range(of.horizon):
        actions.append(torch.sin(phases + 0.2 * t + 0.01 * t * torch.arange(episodes).unsqueeze(-1)))
        step = env.step(actions[-1].unsqueeze(0))
        seen.append(step.observation)
        rewards.append(step.reward)
    lengths = torch.full((episodes,), of.horizon)
    return RecordedEpisodes(
        torch.cat(seen).movedim(0, 1), torch.stack(actions, dim=1), torch.cat(rewards).movedim(0, 1), lengths
    )
