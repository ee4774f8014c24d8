"""Height scans: the ground around a robot, as a depth camera or a lidar would see it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from robotmeta.envs.devices import per_device
from robotmeta.envs.family import Columns, State
from robotmeta.envs.terrain.pool import TerrainPool

_LOWEST, _HIGHEST = -2.0, 0.5  # leg lengths, of the ground from the base


@dataclass(frozen=True)
class HeightScan:
    """Heights of the ground on a grid that turns with a robot's heading, from the height of its base.

    The robot's base floats: the first seven numbers of ``qpos`` are its position and its orientation. Lengths and
    heights are in leg lengths of the task's robot, so that robots of all sizes see the same.

    Attributes:
        pool: The ground.
        forward: Places of the grid's rows along the heading, in leg lengths.
        left: Places of its columns to the left.
    """

    pool: TerrainPool
    forward: tuple[float, ...]
    left: tuple[float, ...]

    @property
    def signals(self) -> tuple[tuple[str, str], ...]:
        """Name and unit of each height, in order."""
        names = (f"ground_{x:+.1f}_{y:+.1f}" for x in self.forward for y in self.left)
        return tuple((name, "L, from the trunk") for name in names)

    @functools.cached_property
    def _grid(self) -> Callable[[torch.device], Tensor]:
        return per_device(torch.cartesian_prod(torch.tensor(self.forward), torch.tensor(self.left)).T.contiguous())

    def __call__(self, state: State, task: Columns) -> Tensor:
        """Measures the ground, ``[task, episode, point]``, within -2 to 0.5."""
        qpos = state["qpos"]
        leg = self.pool.leg_length(task).unsqueeze(-1).to(qpos)
        ahead, left = leg * self._grid(qpos.device).to(qpos.dtype)[:, None, None]
        cosine, sine = (part.unsqueeze(-1) for part in heading(qpos[..., 3:7]).unbind(-1))
        x = qpos[..., 0:1] + cosine * ahead - sine * left
        y = qpos[..., 1:2] + sine * ahead + cosine * left
        return ((self.pool.height_at(task, x, y) - qpos[..., 2:3]) / leg).clamp(_LOWEST, _HIGHEST)


def heading(orientation: Tensor) -> Tensor:
    """Returns the direction of a body's x axis along the ground, of unit length, ``[..., 2]``.

    Args:
        orientation: Unit quaternions, w first, ``[..., 4]``.
    """
    w, x, y, z = orientation.unbind(-1)
    along = torch.stack([1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y + w * z)], dim=-1)
    return along / along.norm(dim=-1, keepdim=True).clamp(min=1e-9)
