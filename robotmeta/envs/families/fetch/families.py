"""Fetch: an arm reaches, pushes, slides, or picks and places; its motion or the object's properties are hidden.

The worlds are those of ``FetchReach-v4``, ``FetchPush-v4``, ``FetchSlide-v4`` and ``FetchPickAndPlace-v4`` of
gymnasium-robotics (Plappert et al. 2018, arXiv:1802.09464). Observations are the package's, flattened as by Gymnasium's
``FlattenObservation``, so that a policy also fits the package's environments.
"""

from __future__ import annotations

from functools import partial

from robotmeta.envs.distributions import Uniform, Union
from robotmeta.envs.families.fetch.measurements import DT, actions, arrived, distance, observations, observe, start
from robotmeta.envs.families.fetch.model import FIELDS, PICK, PUSH, REACH, SLIDE, START, SUBSTEPS, Scene, build, drive
from robotmeta.envs.families.fetch.parameters import (
    FINGER_FRICTION,
    GAIN,
    HEADING,
    ROUGH,
    SMOOTH,
    OnTableOrAbove,
    goal_column,
    goal_of_row,
    near_start,
    object_parameters,
    on_table,
)
from robotmeta.envs.families.fetch.rewards import reward, shaping_reward
from robotmeta.envs.families.fetch.sensors import sensors
from robotmeta.envs.family import MujocoWorld, Source, TaskFamily
from robotmeta.envs.parameters import Parameter, ParameterSpace

_HORIZON = 50


def _family(scene: Scene, name: str, original: str, summary: str, *varies: Parameter) -> TaskFamily:
    space = ParameterSpace(varies)
    return TaskFamily(
        name=name,
        summary=summary,
        source=Source(
            f"{original}Dense-v4 of gymnasium-robotics (Plappert et al. 2018), 20 substeps of 2 ms.",
            "Minus the distance to the goal in metres. Success is a distance below 5 cm at the end."
            + ("" if scene.object is None else " Meta-training adds a shaping reward for a gripper near the object."),
            "The goal is a task parameter, while the package samples a goal for each episode.",
        ),
        space=space,
        world=MujocoWorld(
            lambda: build(scene, goal_of_row(scene, next(iter(space.nominal())))),
            frame_skip=SUBSTEPS,
            fields=FIELDS,
            camera="front",
            drive=partial(drive, scene),
            keyframe=START,
            lagging=scene.grips,  # the package updates derived fields only where it puts the fingers back
        ),
        observations=observations(scene),
        actions=actions(scene),
        horizon=_HORIZON,
        dt=DT,
        reset=partial(start, scene),
        observe=partial(observe, scene),
        reward=partial(reward, scene),
        shaping_reward=None if scene.object is None else partial(shaping_reward, scene),
        success=partial(arrived, scene),
        distance=partial(distance, scene),
        changing=tuple(name for name in ("mass", "friction", "finger_friction") if name in space.names),
        sensors=sensors(scene),
    )


def reach(scene: Scene = REACH) -> TaskFamily:
    """The family ``fetch-reach``."""
    return _family(
        scene,
        "fetch-reach",
        "FetchReach",
        "Fetch's gripper moves to an observed goal; the direction and the gain of its motion are hidden.",
        HEADING,
        GAIN,
        near_start(scene, "x", "ahead of", (-0.3, 0.25)),
        near_start(scene, "y", "to the left of", (-0.3, 0.3)),
        near_start(scene, "z", "above", (-0.15, 0.3), Uniform(0.15, 0.2)),  # the table is the lower limit
    )


def push(scene: Scene = PUSH) -> TaskFamily:
    """The family ``fetch-push``."""
    return _family(
        scene,
        "fetch-push",
        "FetchPush",
        "Fetch pushes a cube to an observed goal; the cube's mass, size and friction are hidden.",
        *object_parameters("edge of the cube"),
        ROUGH,
        FINGER_FRICTION,
        *on_table(scene),
    )


def slide(scene: Scene = SLIDE) -> TaskFamily:
    """The family ``fetch-slide``."""
    wide = Union(((-0.4, -0.3), (0.3, 0.4)))
    return _family(
        scene,
        "fetch-slide",
        "FetchSlide",
        "Fetch hits a puck, which slides to an observed goal out of reach; the puck's mass, size and friction are "
        "hidden.",
        *object_parameters("diameter of the puck; its height is scaled with it"),
        SMOOTH,
        FINGER_FRICTION,
        goal_column(
            scene, "x", "ahead of the gripper's start", 0.4, Uniform(0.1, 0.7), Uniform(0.7, 0.85), (-0.2, 0.9)
        ),
        goal_column(scene, "y", "to the left of the gripper's start", 0.0, Uniform(-0.3, 0.3), wide, (-0.42, 0.42)),
    )


def pick_and_place(scene: Scene = PICK) -> TaskFamily:
    """The family ``fetch-pick-and-place``."""
    return _family(
        scene,
        "fetch-pick-and-place",
        "FetchPickAndPlace",
        "Fetch picks a cube up and brings it to an observed goal; the cube's mass, size and friction are hidden.",
        *object_parameters("edge of the cube"),
        ROUGH,
        FINGER_FRICTION,
        *on_table(scene),
        goal_column(
            scene,
            "height",
            "above the cube's initial position",
            0.2,
            OnTableOrAbove(0.45),
            Uniform(0.45, 0.55),
            (0.0, 0.6),
        ),
    )
