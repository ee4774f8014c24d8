"""The numbers of a vendor's quadruped: the family's row, torque limits and gains."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import mujoco
import numpy as np

from robotmeta.envs.families.legged.world import GRAVITY
from robotmeta.envs.families.quadruped.model import JOINTS
from robotmeta.envs.families.quadruped.vendor.chains import KINDS
from robotmeta.envs.families.quadruped.vendor.legs import Legs
from robotmeta.envs.families.quadruped.vendor.standing import Standing
from robotmeta.envs.vendor.drives import Drive, drive
from robotmeta.errors import UserError

# Of the published robots, in N m for each kg of the trunk and m of the thigh; used where a model has no limits.
_USUAL_TORQUE: Mapping[str, float] = {"abduction": 17.0, "hip": 17.0, "knee": 27.0}
_LEAST_MASS = 0.001  # kg; a link of two joints in one body has none


@dataclass(frozen=True)
class Numbers:
    """The numbers of a robot.

    Attributes:
        row: Columns of the family and their values.
        mass: Mass of the whole robot, kg.
        torques: Torque limit of each joint by our names, N m.
        drives: What drives each joint in the vendor's model.
        notes: What was assumed, one sentence each.
    """

    row: Mapping[str, float]
    mass: float
    torques: Mapping[str, float]
    drives: Mapping[str, Drive]
    notes: tuple[str, ...]

    @property
    def leg_length(self) -> float:
        return self.row["thigh_length"] + self.row["calf_length"]

    @property
    def natural_speed(self) -> float:
        """The unit of speeds, m/s."""
        return math.sqrt(GRAVITY * self.leg_length)

    @property
    def stiffness(self) -> float:
        """Gain on position for a relative gain of 1, N m/rad."""
        return self.mass * GRAVITY * self.leg_length

    @property
    def natural_time(self) -> float:
        """The unit of time, s."""
        return math.sqrt(self.leg_length / GRAVITY)


def measure(model: mujoco.MjModel, legs: Legs, standing: Standing, name: str) -> Numbers:
    """Measures a robot.

    Raises:
        UserError: For actuators that cannot be converted, or some joints that have none.
    """
    masses = np.array([[model.body_mass[list(link)].sum() for link in c.links] for c in legs.chains.values()])
    mass = float(sum(model.body_mass[b] for b in range(model.nbody) if int(model.body_rootid[b]) == legs.root))
    hip, thigh, calf = (max(float(m), _LEAST_MASS) for m in masses.mean(axis=0))
    mean = {
        part: float(np.mean([getattr(leg, part) for leg in standing.legs.values()]))
        for part in ("thigh", "calf", "offset")
    }
    trunk = mass - float(masses.sum())
    understood = f"{name}: four legs, {standing.height:.2f} m high"
    joints = {
        f"{leg}_{kind}": joint
        for leg, chain in legs.chains.items()
        for kind, joint in zip(KINDS, chain.joints, strict=True)
    }
    drives = {joint: drive(model, joints[joint], understood) for joint in JOINTS}
    idle = [model.joint(joints[joint]).name for joint in JOINTS if drives[joint].kind == "none"]
    if idle and len(idle) < len(JOINTS):
        raise UserError(f"{understood}; no actuator on {', '.join(idle)}: give all 12 joints one, or none")
    usual = {joint: _USUAL_TORQUE[joint.split("_")[1]] * trunk * mean["thigh"] for joint in JOINTS}
    torques = {joint: drives[joint].torque or usual[joint] for joint in JOINTS}
    row = {
        "trunk_mass": trunk,
        "trunk_length": standing.length,
        "trunk_width": standing.width,
        "hip_offset": mean["offset"],
        "hip_mass": hip,
        "thigh_length": mean["thigh"],
        "thigh_mass": thigh,
        "calf_length": mean["calf"],
        "calf_mass": calf,
        "hip_torque": float(np.mean([torques[joint] for joint in JOINTS if joint.endswith("hip")])),
        "knee_torque": float(np.mean([torques[joint] for joint in JOINTS if joint.endswith("knee")])),
    }
    return Numbers(row, mass, torques, drives, tuple(_assumed(model, legs, drives, torques, bool(idle))))


def _assumed(
    model: mujoco.MjModel, legs: Legs, drives: Mapping[str, Drive], torques: Mapping[str, float], idle: bool
) -> list[str]:
    notes = ["No actuators in the file: position servos with the family's gains are added."] if idle else []
    free = [joint for joint in JOINTS if drives[joint].torque is None]
    if free:
        values = ", ".join(f"{joint} {torques[joint]:.3g}" for joint in free[:3])
        more = f" and {len(free) - 3} more" if len(free) > 3 else ""
        notes.append(f"No torque limit in the file: those usual for this mass and size, N m: {values}{more}.")
    unlimited = [j for chain in legs.chains.values() for j in chain.joints if not model.jnt_limited[j]]
    if unlimited:
        notes.append(
            f"No range in the file, so that nothing stops them: {_first([model.joint(j).name for j in unlimited])}."
        )
    locked = [model.joint(joint).name for joint in (*legs.others, *legs.balls)]
    if locked:
        notes.append(f"Joints that belong to no leg are locked: {_first(locked)}.")
    return notes


def _first(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
