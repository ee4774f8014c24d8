"""Quadrupeds on stairs, gaps and uneven ground, with a curriculum: one blind family, and one with a height scan.

All kinds of ground are in meta-training. What is held out are higher stairs and wider gaps. The difficulty goes up in
ten levels to risers of 0.4 leg lengths and trenches of 0.5 leg lengths. In meta-training, each place of the meta-batch
starts on flat ground, and moves up or down by what its robot walked.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from robotmeta.envs.curriculum import Curriculum
from robotmeta.envs.distributions import Uniform
from robotmeta.envs.families.legged.measurements import DT, leg_length, natural_speed
from robotmeta.envs.families.quadruped.family import reward, slack
from robotmeta.envs.families.quadruped.measurements import feet
from robotmeta.envs.families.quadruped.model import FOOT_RADIUS
from robotmeta.envs.families.quadruped.parameters import BODY, CONDITIONS, SPEED
from robotmeta.envs.families.quadruped.terrain import APRON, LONGEST_LEG, leg, on_ground
from robotmeta.envs.family import Columns, State, TaskFamily, Transition
from robotmeta.envs.sensors import Sensor
from robotmeta.envs.terrain.kinds import KINDS, Patch
from robotmeta.envs.terrain.pool import TerrainPool
from robotmeta.envs.terrain.scan import HeightScan

LEVELS = 10
SIZES = {"stairs": 0.4, "gaps": 0.5}
"""Height of risers and width of trenches at difficulty 1, in leg lengths."""

_BLIND, _SIGHTED = 6, 8  # highest levels of meta-training
_HARDEST = {"gaps": 0.625}  # of the kinds of terrain

_POOL = TerrainPool(
    Patch(18.5, cell=0.0625),
    scale=LONGEST_LEG,
    apron=APRON,
    levels=LEVELS,
    seeds=3,
    hardest=_HARDEST,
    leg=leg,
)

# -- what varies -------------------------------------------------------------------------------------------------------

_SLOW = replace(SPEED, train=Uniform(0.15, 0.4), ood=Uniform(0.4, 0.5), bounds=(-0.5, 0.5))
"""The command. It is slower than that of ``quadruped``, so that a smaller patch with smaller cells is enough."""
_ROBOT = (*BODY, *(p for p in CONDITIONS if p.name not in ("faulty_joint", "fault")), _SLOW)
"""A robot without joints that are limp or locked, with which stairs cannot be climbed."""

# -- measurements ------------------------------------------------------------------------------------------------------

_SEEN = HeightScan(_POOL, tuple(0.2 * i for i in range(-4, 7)), tuple(0.3 * i for i in range(-2, 3)))
"""What the sighted robot observes."""
_UNDER = HeightScan(_POOL, (-0.8, -0.4, 0.0, 0.4, 0.8, 1.2), (-0.3, 0.3))
"""What the critic of the blind robot knows, and its estimator infers: the ground under its legs and ahead."""


def _walked(seconds: float, state: State, task: Columns) -> Tensor:
    """The share of the commanded distance that a robot has walked in an episode; to walk too far is as bad."""
    speed = state["qpos"][..., 0] / (seconds * natural_speed(task))
    return (1.0 - (speed - task["speed"]).abs() / slack(task)).clamp(min=0.0)


# -- rewards -----------------------------------------------------------------------------------------------------------


_LIFT = 0.2  # leg lengths above the ground at which a foot moves freely


def steps_high(step: Transition) -> Tensor:
    """1 for feet that move along only while they are lifted, falling linearly to a half, ``[task, episode]``.

    A foot that moves near the ground is caught by the next edge. The share of its motion that is too low is compared
    with the commanded speed, which the feet have on average.
    """
    dt, task = DT * natural_speed(step.task), step.task
    before, after = feet({"qpos": torch.stack([step.before["qpos"], step.after["qpos"]])}, task)
    moving = (after - before)[..., :2].norm(dim=-1) / dt.unsqueeze(-1)
    radius = (FOOT_RADIUS * task["calf_length"]).unsqueeze(-1)
    height = after[..., 2] - radius - _POOL.height_at(task, after[..., 0], after[..., 1])
    low = (1.0 - height / (_LIFT * leg_length(task)).unsqueeze(-1)).clamp(0.0, 1.0)
    return 1.0 - 0.5 * ((moving * low).mean(dim=-1) / slack(task)).clamp(max=1.0)


# -- families ----------------------------------------------------------------------------------------------------------


def _on_stairs(highest: int) -> TaskFamily:
    """Both families, up to a level of the difficulty in meta-training."""
    reached, above = highest / LEVELS, (highest + 1) / LEVELS
    columns = _POOL.parameters(KINDS[1:], (0.0, reached), seeds=2, ood=(), ood_difficulty=(above, 1.0))
    family = on_ground(_POOL, (*_ROBOT, *columns))
    seconds = family.horizon * family.dt
    levels = tuple(level / LEVELS for level in range(highest + 1))

    return replace(
        family,
        reward=lambda step: reward(step, steps_high(step)),
        source=replace(
            family.source,
            reward="Upright times (0.1 + 0.9 forward sideways turning lift) minus 0.05 times the mean squared change "
            "of action, as in quadruped. Lift falls from 1 to 0.5 where feet move along while they are less than "
            f"{_LIFT:g} leg lengths above the ground. An episode ends as in quadruped.",
            citation=f"{family.source.citation} All kinds of ground are in meta-training up to difficulty "
            f"{reached:g}, on 2 seeds: risers of {SIZES['stairs'] * reached:.2g} and trenches of "
            f"{SIZES['gaps'] * reached:.2g} leg lengths. "
            f"Ood tasks have difficulty {above:g} to 1 on another seed. Heights are measured from the ground under the "
            "trunk. The curriculum is that of Rudin et al. 2022 (arXiv:2109.11978).",
        ),
        curriculum=Curriculum(
            "difficulty",
            levels,
            kind="terrain",
            progress=lambda state, task: _walked(seconds, state, task),
            promote=0.75,
        ),
    )


def blind() -> TaskFamily:
    """The family ``quadruped-stairs``."""
    family = _on_stairs(_BLIND)
    measure = family.observe_privileged_state
    assert measure is not None
    return replace(
        family,
        name="quadruped-stairs",
        summary="A blind quadruped walks at a commanded speed over stairs, gaps and uneven ground that get harder as "
        "it learns; robot, load, floor and strength of the legs are hidden; higher stairs and wider gaps are held out.",
        privileged_state=(*family.privileged_state, *_UNDER.signals),
        observe_privileged_state=lambda state, task: torch.cat(
            [measure(state, task), _UNDER(state, task).to(state["qpos"])], dim=-1
        ),
    )


def sighted() -> TaskFamily:
    """The family ``quadruped-stairs-sighted``."""
    family = _on_stairs(_SIGHTED)
    observe = family.observe
    return replace(
        family,
        name="quadruped-stairs-sighted",
        summary="As quadruped-stairs, but the robot sees the ground around it, as heights on a grid; it meets higher "
        "stairs and wider gaps in meta-training.",
        observations=(*family.observations, *_SEEN.signals),
        observe=lambda state, task: torch.cat([observe(state, task), _SEEN(state, task).to(state["qpos"])], dim=-1),
        sensors=(*family.sensors, Sensor("scan", tuple(name for name, _ in _SEEN.signals), noise=0.05, bias=0.03)),
    )
