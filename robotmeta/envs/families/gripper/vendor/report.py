"""What was understood of a vendor's arm, as tables."""

from __future__ import annotations

import math

import mujoco
import numpy as np

from robotmeta.envs.families.gripper.vendor.chain import Arm
from robotmeta.envs.families.gripper.vendor.hand import Hand
from robotmeta.envs.families.gripper.vendor.mounting import Mounting
from robotmeta.envs.families.gripper.vendor.servos import Servos
from robotmeta.envs.listing import Listing

_SLIDE = int(mujoco.mjtJoint.mjJNT_SLIDE)


def listings(
    model: mujoco.MjModel, data: mujoco.MjData, arm: Arm, hand: Hand, mounting: Mounting, servos: Servos
) -> tuple[Listing, ...]:
    """Tables of the joints and of the whole arm."""
    return _joints(model, arm, mounting, servos), _whole(model, data, arm, hand, mounting, servos)


def _joints(model: mujoco.MjModel, arm: Arm, mounting: Mounting, servos: Servos) -> Listing:
    rows = []
    for i, joint in enumerate(arm.joints):
        limited, (low, high) = bool(model.jnt_limited[joint]), model.jnt_range[joint]
        slide = int(model.jnt_type[joint]) == _SLIDE
        rows.append(
            (
                model.joint(joint).name,
                "slide" if slide else "hinge",
                servos.drives[i].kind,
                f"{low:.2f} to {high:.2f}" if limited else "none",
                f"{mounting.home[i] + 0.0:.3f}",
                f"{servos.torques[i]:.4g}" if math.isfinite(servos.torques[i]) else "none",
                f"{servos.stiffness[i]:.3g}",
                f"{servos.damping[i]:.3g}",
            )
        )
    columns = ("the vendor's", "kind", "driven by, in the file", "range, rad", "home, rad", "limit, N m")
    gains = ("stiffness, N m/rad", "damping, N m s/rad")
    return Listing("Joints, from the base to the hand; slides in m and N", (*columns, *gains), tuple(rows))


def _whole(
    model: mujoco.MjModel, data: mujoco.MjData, arm: Arm, hand: Hand, mounting: Mounting, servos: Servos
) -> Listing:
    inside = data.xmat[arm.hand].reshape(3, 3).T
    mass = sum(float(model.body_mass[b]) for b in range(model.nbody) if int(model.body_rootid[b]) == arm.root)
    rows = [
        ("mass", f"{mass:.2f} kg"),
        ("reach from the shoulder", f"{mounting.reach:.2f} m"),
        (
            "hand",
            f"'{model.body(arm.hand).name}', which approaches along {_axis(inside @ -hand.axes[:, 2])} of its frame",
        ),
    ]
    if arm.fingers is not None:
        names = " and ".join(f"'{model.joint(joint).name}'" for joint in arm.fingers.joints)
        pads = ", ".join(f"'{model.geom(g).name}'" for side in arm.fingers.pads for g in side[:3])
        rows += [
            ("gripper", f"{names}, along {_axis(inside @ arm.fingers.across)} of the hand's frame"),
            ("pads", f"{pads}; {1e3 * hand.width:.0f} mm wide"),
            ("opening", f"{1e3 * arm.fingers.closed:.0f} to {1e3 * arm.fingers.opening:.0f} mm"),
            ("force of the fingers", f"up to {servos.grip:.3g} N"),
        ]
    turned = f", turned by {math.degrees(mounting.turn):.0f} degrees" if abs(mounting.turn) > 1e-6 else ""
    above = (
        f"{100 * abs(mounting.raised):.0f} cm {'above' if mounting.raised > 0 else 'below'}" if mounting.raised else ""
    )
    rows += [
        ("base", f"{mounting.ahead:.2f} m behind the middle of the table{turned}"),
        ("table", f"{above or 'level with'} the origin of body '{model.body(arm.root).name}'"),
        ("load that it can hold at home", f"{servos.holds:.1f} kg" if math.isfinite(servos.holds) else "not limited"),
        ("home", "the hand points down, 15 cm above the middle of the table"),
    ]
    return Listing("Arm", ("what", "value"), tuple(rows))


def _axis(direction: np.ndarray) -> str:
    """A direction in words: an axis, or its components."""
    largest = int(np.abs(direction).argmax())
    if abs(direction[largest]) > 0.99:
        return f"{'-' if direction[largest] < 0 else ''}{'xyz'[largest]}"
    return " ".join(f"{value + 0.0:.2f}" for value in direction)
