"""Height scans: the ground around a robot, in its heading and in its leg lengths."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import Tensor

from robotmeta.envs.terrain.kinds import KINDS, Patch
from robotmeta.envs.terrain.pool import TerrainPool
from robotmeta.envs.terrain.scan import HeightScan, heading

LEG = 0.5
POOL = TerrainPool(Patch(6.0, cell=0.05), scale=LEG, apron=0.5, levels=2, seeds=2)
STAIRS = float(KINDS.index("stairs"))


def task(kind: float = STAIRS, difficulty: float = 1.0, seed: float = 0.0) -> dict[str, Tensor]:
    row = {"terrain": kind, "difficulty": difficulty, "terrain_seed": seed}
    return {name: torch.tensor([[value]], dtype=torch.float64) for name, value in row.items()}


def at(x: float, y: float, z: float, yaw: float = 0.0, pitch: float = 0.0) -> dict[str, Tensor]:
    """A base that is turned about the world's z axis after it is tilted about its own y axis."""
    turn, tilt = (math.cos(yaw / 2), math.sin(yaw / 2)), (math.cos(pitch / 2), math.sin(pitch / 2))
    orientation = (turn[0] * tilt[0], -turn[1] * tilt[1], turn[0] * tilt[1], turn[1] * tilt[0])
    return {"qpos": torch.tensor([[[x, y, z, *orientation]]], dtype=torch.float64)}


def staircase() -> tuple[float, float]:
    """Where the first riser is, and the depth of a tread, m; risers are 0.4 legs high."""
    heights, x = POOL.table[int(POOL.index(task()))], torch.linspace(-6.0, 6.0, 241)
    row = heights[120]
    steps = (row[1:] > row[:-1] + 0.1).nonzero().flatten()
    steps = steps[x[steps] > 0.0]
    return float(x[steps[0]]), float(x[steps[1]] - x[steps[0]])


def test_a_robot_sees_the_heights_of_a_staircase_from_its_base() -> None:
    first, tread = staircase()
    ahead = (0.0, (first + 0.5 * tread) / LEG, (first + 1.5 * tread) / LEG)
    seen = HeightScan(POOL, ahead, (0.0,))(at(0.0, 0.0, 0.4), task())
    torch.testing.assert_close(seen[0, 0], torch.tensor([-0.8, -0.4, 0.0], dtype=torch.float64), atol=1e-5, rtol=0.0)


@pytest.mark.parametrize("yaw", [0.0, math.pi / 2, math.pi, -math.pi / 2])
def test_the_scan_turns_with_the_robot_and_does_not_tilt(yaw: float) -> None:
    first, tread = staircase()
    scan = HeightScan(POOL, (0.0, (first + 0.5 * tread) / LEG), (-0.2, 0.2))
    level = scan(at(0.0, 0.0, 0.4), task())  # stairs are the same in every direction
    torch.testing.assert_close(scan(at(0.0, 0.0, 0.4, yaw, 0.4), task()), level, atol=1e-5, rtol=0.0)
    beside = HeightScan(POOL, (0.0,), (-0.2, (first + 0.5 * tread) / LEG))(at(0.0, 0.0, 0.4), task())
    assert beside[0, 0].tolist() == pytest.approx([-0.8, -0.4], abs=1e-5)


def test_a_robot_half_as_large_on_ground_half_as_large_sees_the_same() -> None:
    pool = dataclasses.replace(
        POOL, scale=2.0 * LEG, apron=1.0, patch=Patch(12.0, cell=0.1), leg=lambda row: row["leg"]
    )
    scan = HeightScan(pool, (0.0, 1.5, 3.0), (-0.5, 0.0))
    seen = [scan(at(0.0, 0.0, 0.8 * leg), {**task(), "leg": torch.tensor([[leg]])}) for leg in (LEG, 2.0 * LEG)]
    torch.testing.assert_close(seen[0], seen[1], atol=1e-4, rtol=0.0)
    assert float(seen[0].max()) > -0.79


def test_what_is_far_above_or_below_is_clipped() -> None:
    scan = HeightScan(POOL, (0.0,), (0.0,))
    assert [float(scan(at(0.0, 0.0, z), task())) for z in (5.0, -5.0)] == [-2.0, 0.5]


def test_each_height_has_a_name_of_its_own_in_the_order_of_the_scan() -> None:
    scan = HeightScan(POOL, (-0.2, 0.0, 0.2), (-0.1, 0.1))
    names = [name for name, _ in scan.signals]
    assert names == [f"ground_{x}_{y}" for x in ("-0.2", "+0.0", "+0.2") for y in ("-0.1", "+0.1")]
    assert scan(at(0.0, 0.0, 0.4), task()).shape == (1, 1, 6)


def test_the_heading_is_where_the_x_axis_points_along_the_ground() -> None:
    points = heading(at(0.0, 0.0, 0.0, yaw=0.7, pitch=0.5)["qpos"][..., 3:7])[0, 0]
    torch.testing.assert_close(points, torch.tensor([math.cos(0.7), math.sin(0.7)], dtype=torch.float64))
