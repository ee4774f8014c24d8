"""What was understood of a vendor's quadruped, as tables."""

from __future__ import annotations

import math
from collections.abc import Mapping

import mujoco

from robotmeta.envs.families.quadruped.parameters import BODY, NOMINAL
from robotmeta.envs.families.quadruped.robots import ROBOTS
from robotmeta.envs.families.quadruped.vendor.chains import KINDS
from robotmeta.envs.families.quadruped.vendor.legs import Legs
from robotmeta.envs.families.quadruped.vendor.numbers import Numbers
from robotmeta.envs.families.quadruped.vendor.standing import Standing
from robotmeta.envs.families.quadruped.vendor.world import signs
from robotmeta.envs.listing import Listing
from robotmeta.envs.parameters import Parameter, Proportional


def listings(model: mujoco.MjModel, legs: Legs, standing: Standing, numbers: Numbers) -> tuple[Listing, ...]:
    """Tables of the joints, of the whole robot, and of its row beside the nearest published robot."""
    return _joints(model, legs, standing, numbers), _whole(legs, standing, numbers), compared(numbers)


def _joints(model: mujoco.MjModel, legs: Legs, standing: Standing, numbers: Numbers) -> Listing:
    rows = []
    for leg, chain in legs.chains.items():
        pose = standing.legs[leg]
        turned = signs(pose.signs, pose.coupling)
        for kind, joint, angle, sign in zip(KINDS, chain.joints, pose.angles, turned, strict=True):
            ours = f"{leg}_{kind}"
            limits = "none" if not model.jnt_limited[joint] else "{:.2f} to {:.2f}".format(*model.jnt_range[joint])
            coupled = f", {pose.coupling:+.2f} of its knee" if pose.coupling and kind == "hip" else ""
            rows.append(
                (
                    ours,
                    model.joint(joint).name,
                    f"{sign:+.0f}{coupled}",
                    f"{angle + 0.0:.3f}",
                    limits,
                    f"{numbers.torques[ours]:.4g}",
                )
            )
    title = "Joints: ours is sign times (the vendor's minus standing)"
    columns = ("ours", "the vendor's", "sign", "standing, rad", "range, rad", "torque, N m")
    return Listing(title, columns, tuple(rows))


def _whole(legs: Legs, standing: Standing, numbers: Numbers) -> Listing:
    forward = " ".join(f"{value + 0.0:.2g}" for value in legs.axes[:, 0].round(3))
    mirrored = [leg for leg, pose in standing.legs.items() if pose.coupling]
    gains = NOMINAL["stiffness"] * numbers.stiffness, NOMINAL["damping"] * numbers.natural_time * numbers.stiffness
    rows = [
        ("mass", f"{numbers.mass:.2f} kg"),
        ("hips above the ground, standing", f"{standing.height:.3f} m"),
        ("forward, in the frame of the root body", forward),
        ("natural speed, the unit of speeds", f"{numbers.natural_speed:.3f} m/s"),
        ("natural time", f"{numbers.natural_time:.3f} s"),
        ("driven by, in the file", ", ".join(sorted({drive.kind for drive in numbers.drives.values()}))),
        ("gains of our servos", f"{gains[0]:.4g} N m/rad, {gains[1]:.3g} N m s/rad"),
        ("knees that bend the other way", ", ".join(mirrored) or "none"),
    ]
    return Listing("Robot", ("what", "value"), tuple(rows))


def compared(numbers: Numbers) -> Listing:
    """The row of the robot beside the published robot that is nearest to it, and the range of meta-training."""
    near = min(ROBOTS, key=lambda robot: _distance(numbers, robot))
    published = ROBOTS[near].row
    trained = {p.name: "{:.3g} to {:.3g}".format(*_trained(p, numbers.row)) for p in BODY if p.name in numbers.row}
    rows = tuple(
        (name, f"{value:.4g}", f"{published[name]:.4g}", f"{value / published[name] - 1.0:+.0%}", trained[name])
        for name, value in numbers.row.items()
    )
    columns = ("parameter", "model", near, "difference", "training tasks")
    return Listing(f"Row of the family, beside {near}, the nearest published robot", columns, rows)


def _trained(parameter: Parameter, row: Mapping[str, float]) -> tuple[float, float]:
    """The range of a parameter over the training tasks, for a robot with the other numbers of the row."""
    train = parameter.train
    if not isinstance(train, Proportional):
        return train.support
    product = math.prod(row[column.name] for column in train.columns)
    return train.factor.support[0] * product, train.factor.support[1] * product


def _distance(numbers: Numbers, robot: str) -> float:
    published = ROBOTS[robot].row
    parts = ("trunk_mass", "thigh_length", "calf_length", "trunk_length")
    return sum(math.log(numbers.row[part] / published[part]) ** 2 for part in parts)
