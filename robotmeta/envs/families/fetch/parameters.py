"""What varies in the Fetch families: the goal, the object, and the gripper's motion."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import mujoco
import numpy as np
import torch

from robotmeta.envs.distributions import Distribution, LogUniform, Uniform, Union
from robotmeta.envs.edits import ModelEdit, Row
from robotmeta.envs.families.fetch.measurements import goal_position
from robotmeta.envs.families.fetch.model import MASS, SIZE, Scene
from robotmeta.envs.parameters import Parameter

# -- goals -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OnTableOrAbove:
    """A height: 0 or uniform on [0, highest], each with probability 1/2."""

    highest: float

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray:
        return rng.uniform(0.0, self.highest, count) * (rng.uniform(size=count) < 0.5)

    @property
    def support(self) -> tuple[float, float]:
        return 0.0, self.highest

    def __str__(self) -> str:
        return f"0 or U(0, {self.highest:g})"


def goal_of_row(scene: Scene, row: Row) -> np.ndarray:
    """Position of a task's goal, m ``[3]``."""
    task = {name: torch.tensor([[value]], dtype=torch.float64) for name, value in row.items()}
    return goal_position(scene, task)[0, 0].numpy()


def _show_goal(scene: Scene, model: mujoco.MjModel, value: float, row: Row) -> None:
    model.site("goal").pos[:] = goal_of_row(scene, row)


def goal_column(
    scene: Scene,
    axis: str,
    where: str,
    nominal: float,
    train: Distribution,
    ood: Distribution,
    bounds: tuple[float, float],
) -> Parameter:
    """A coordinate of the goal, m, which moves the red dot in pictures."""
    edits = (ModelEdit(partial(_show_goal, scene)),)
    return Parameter(
        f"goal_{axis}", f"goal {where}", train=train, nominal=nominal, bounds=bounds, ood=ood, edits=edits, unit="m"
    )


_FAR = Union(((-0.2, -0.15), (0.15, 0.2)))


def near_start(scene: Scene, axis: str, where: str, bounds: tuple[float, float], far: Distribution = _FAR) -> Parameter:
    """A coordinate of a goal near the gripper's start, m."""
    return goal_column(scene, axis, f"{where} the gripper's start", 0.1, Uniform(-0.15, 0.15), far, bounds)


def on_table(scene: Scene) -> tuple[Parameter, Parameter]:
    """Goals on the table. Its edges are 0.2 m ahead of the gripper's start and 0.35 m to the sides."""
    return near_start(scene, "x", "ahead of", (-0.25, 0.2)), near_start(scene, "y", "to the left of", (-0.3, 0.3))


# -- object ------------------------------------------------------------------------------------------------------------


def _weigh(model: mujoco.MjModel, mass: float, row: Row) -> None:
    """Sets the object's mass, kg, and scales its inertia with it."""
    body = model.body("object0").id
    model.body_mass[body] *= mass / MASS
    model.body_inertia[body] *= mass / MASS


def _resize(model: mujoco.MjModel, size: float, row: Row) -> None:
    """Sets the object's size, m, and scales its shape and inertia with it. Its mass does not change."""
    body, geom, scale = model.body("object0").id, model.geom("object0").id, size / SIZE
    boxes = slice(model.body_bvhadr[body], model.body_bvhadr[body] + model.body_bvhnum[body])
    for array, rows in (
        (model.geom_size, geom),
        (model.geom_rbound, geom),
        (model.geom_aabb, geom),
        (model.bvh_aabb, boxes),
    ):
        array[rows] *= scale
    model.body_inertia[body] *= scale**2


def object_parameters(what: str) -> tuple[Parameter, ...]:
    """Mass and size of the object; ``what`` describes the size."""
    return (
        Parameter(
            "mass",
            "mass of the object",
            train=LogUniform(0.5, 4.0),
            nominal=MASS,
            bounds=(0.02, 20.0),
            ood=Union(((0.25, 0.5), (4.0, 8.0))),
            edits=(ModelEdit(_weigh),),
            unit="kg",
        ),
        Parameter(
            "size",
            what,
            train=Uniform(0.035, 0.065),
            nominal=SIZE,
            bounds=(0.02, 0.09),  # the gripper opens to 0.1 m
            ood=Union(((0.025, 0.035), (0.065, 0.08))),
            edits=(ModelEdit(_resize),),
            unit="m",
        ),
    )


def _rub(others: tuple[str, ...], model: mujoco.MjModel, friction: float, row: Row) -> None:
    """Sets the sliding friction of the object on other geoms. Of two surfaces, MuJoCo takes the larger friction."""
    model.geom_friction[model.geom("object0").id, 0] = 0.0
    for other in others:
        model.geom_friction[model.geom(other).id, 0] = friction


def _friction(nominal: float, train: Distribution, ood: Distribution) -> Parameter:
    return Parameter(
        "friction",
        "sliding friction between object and table",
        train=train,
        nominal=nominal,
        bounds=(0.0, 3.0),
        ood=ood,
        edits=(ModelEdit(partial(_rub, ("table0",))),),
    )


ROUGH = _friction(1.0, LogUniform(0.25, 1.0), Union(((0.1, 0.25), (1.0, 1.5))))
SMOOTH = _friction(0.1, LogUniform(0.05, 0.2), Union(((0.02, 0.05), (0.2, 0.4))))
FINGER_FRICTION = Parameter(
    "finger_friction",
    "sliding friction between object and fingers",
    train=LogUniform(0.25, 1.0),
    nominal=1.0,
    bounds=(0.0, 3.0),
    ood=Union(((0.1, 0.25), (1.0, 1.5))),
    edits=(ModelEdit(partial(_rub, ("robot0:r_gripper_finger_link", "robot0:l_gripper_finger_link"))),),
)

# -- motion ------------------------------------------------------------------------------------------------------------

HEADING = Parameter(
    "heading",
    "angle by which the gripper moves to the left of the action",
    train=Uniform(-120.0, 120.0),
    nominal=0.0,
    bounds=(-180.0, 180.0),
    ood=Union(((-180.0, -120.0), (120.0, 180.0))),
    unit="deg",
)
GAIN = Parameter(
    "gain",
    "multiplier of the gripper's motion",
    train=LogUniform(0.4, 1.5),
    nominal=1.0,
    bounds=(0.0, 3.0),
    ood=Union(((0.25, 0.4), (1.5, 2.0))),
)
