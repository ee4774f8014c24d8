"""The environments of gymnasium-robotics themselves, as families in which only the goal varies: nothing is hidden.

A policy that is trained in one of them can be compared with those of other work on ``FetchPush-v4`` and its like. The
model, the control, the distributions of goals and objects, and the measure of success are the package's.
"""

from __future__ import annotations

from dataclasses import replace

from robotmeta.envs.families.fetch import families
from robotmeta.envs.families.fetch.model import PICK, PUSH, REACH, SLIDE
from robotmeta.envs.family import TaskFamily
from robotmeta.envs.parameters import ParameterSpace

_MADE = {
    "fetch-reach": (families.reach, REACH),
    "fetch-push": (families.push, PUSH),
    "fetch-slide": (families.slide, SLIDE),
    "fetch-pick-and-place": (families.pick_and_place, PICK),
}


def variant(name: str) -> TaskFamily:
    """The family ``NAME-package``: a Fetch family of which each task is a goal in the package's own world."""
    make, scene = _MADE[name]
    family = make(replace(scene, unrest=0.0, ajar=True))
    return replace(
        family,
        name=f"{name}-package",
        summary=f"{family.summary.partition(';')[0]}, in the package's own world: nothing is hidden.",
        space=ParameterSpace(tuple(replace(p, ood=None) for p in family.space if p.name.startswith("goal_"))),
        changing=(),
    )
