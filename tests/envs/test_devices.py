"""A family's functions run on the device of the state, whatever that is."""

from __future__ import annotations

import torch
from torch import Tensor

from robotmeta.envs import TaskFamily, scale
from robotmeta.envs.family import MujocoWorld
from robotmeta.envs.terrain.kinds import Patch
from robotmeta.envs.terrain.pool import TerrainPool

ELSEWHERE = torch.device("meta")  # a device that every machine has; it refuses to compute with tensors on the CPU
ROBOT = """
<mujoco><worldbody><body><freejoint/><geom size="0.1"/>
  <body><joint name="hip" axis="0 1 0"/><geom size="0.1" pos="0 0 0.3"/></body></body></worldbody>
<actuator><motor joint="hip" ctrlrange="-2 3"/></actuator>
<keyframe><key name="up" qpos="0 0 1 1 0 0 0 0.5"/></keyframe></mujoco>
"""


def there(*shape: int) -> Tensor:
    return torch.zeros(2, 3, *shape, dtype=torch.float64, device=ELSEWHERE)


def test_the_interface_that_follows_from_a_model_runs_where_the_state_is() -> None:
    family = TaskFamily.from_mjcf(
        ROBOT, {"*.mass": scale(0.5, 2.0)}, lambda step: step.after["qvel"][..., 0], keyframe="up", name="mine"
    )
    assert isinstance(family.world, MujocoWorld)
    assert family.world.control is not None
    state, task = {"qpos": there(8), "qvel": there(7)}, family.space.nominal(2).columns(ELSEWHERE)
    results = [
        family.observe(state, task),
        family.world.control(there(1)),
        *family.reset(state, torch.Generator(), task).values(),
    ]
    assert {result.device for result in results} == {ELSEWHERE}


def test_the_height_of_terrain_is_read_where_the_state_is() -> None:
    pool = TerrainPool(Patch(reach=3.0), levels=2, seeds=2)
    task = {name: torch.ones(2, 1, device=ELSEWHERE) for name in ("terrain", "difficulty", "terrain_seed")}
    assert pool.height_at(task, there(4), there(4)).device == ELSEWHERE
    assert pool.height_at(task, there(4)).shape == (2, 3, 4)
