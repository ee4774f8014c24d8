"""Writes MJCF files of quadrupeds as vendors write them: other names, axes, signs, orders, units and actuators."""

from __future__ import annotations

import math
from dataclasses import dataclass

_CORNERS = {"fl": (1, 1), "fr": (1, -1), "hl": (-1, 1), "hr": (-1, -1)}


@dataclass(frozen=True)
class Vendor:
    """How a vendor's file of a 12 kg robot looks.

    Attributes:
        corners: The order of the legs in the file.
        names: Joint names; ``{i}`` is the place of the leg, ``{k}`` that of the joint in it.
        degrees: Whether angles are in degrees.
        flip: Signs of the axes of abduction, hip and knee.
        bent: The vendor's hip angle at zero, radians: how far the thigh is swung back in the file.
        ranges: Ranges of hip and knee in radians, straight down being 0 and back positive; None for none.
        actuator: ``"motor"``, ``"position"``, ``"none"``, or another element.
        torque: Torque limits of hip and knee, N m; None for none.
        foot: ``"sphere"``, ``"capsule"``, ``"box"``, ``"fixed"`` (a body of its own) or ``"none"``.
        hip_first: Whether the hip comes before the abduction.
        turn: Roll, pitch and yaw of the robot in its root body, radians.
        lies: The same, of the root body in the file.
        in_trunk: Whether legs hang on bodies that are fixed to the trunk.
        legs: Number of legs; those beyond four are at the sides.
        free: Whether the trunk moves freely.
    """

    corners: tuple[str, ...] = ("fl", "fr", "hl", "hr")
    names: str = "j{i}_{k}"
    degrees: bool = False
    flip: tuple[int, int, int] = (1, 1, 1)
    bent: float = 0.0
    ranges: tuple[tuple[float, float], tuple[float, float]] | None = ((-1.5, 3.0), (-2.7, -0.5))
    actuator: str = "motor"
    torque: tuple[float, float] | None = (25.0, 40.0)
    foot: str = "sphere"
    hip_first: bool = False
    turn: tuple[float, float, float] = (0.0, 0.0, 0.0)
    lies: tuple[float, float, float] = (0.0, 0.0, 0.0)
    in_trunk: bool = False
    legs: int = 4
    free: bool = True

    def name(self, corner: str, kind: str) -> str:
        """The vendor's name of a joint."""
        return self.names.format(i=self.corners.index(corner), k=("abduction", "hip", "knee").index(kind))

    def xml(self, *, body: str = "", world: str = "", more: str = "") -> str:
        """The file. ``body`` is put into the trunk, ``world`` into the world, and ``more`` at the end."""
        free = "<freejoint/>" if self.free else ""
        legs = "".join(map(self._leg, (*self.corners, "m1", "m2")[: self.legs]))
        unit = "degree" if self.degrees else "radian"
        turn, lies = (" ".join(f"{self._angle(angle):.5f}" for angle in angles) for angles in (self.turn, self.lies))
        return f"""<mujoco model="vendor"><compiler angle="{unit}"/>
        <default><default class="leg"><geom rgba=".2 .2 .3 1"/><default class="joint">
        <joint damping=".2" armature=".01"/></default></default></default><worldbody>{world}
        <body name="chassis" pos="0 0 .4" euler="{lies}" childclass="leg">{free}<body euler="{turn}">
        <geom type="box" size=".2 .05 .05" mass="7"/>{body}{legs}</body></body></worldbody>
        <actuator>{self._actuators()}</actuator>{more}</mujoco>"""

    def _leg(self, corner: str) -> str:
        forward, side = _CORNERS.get(corner, (0, 1 if corner == "m1" else -1))
        x, y = 0.19 * forward, 0.06 * side
        abduction = self._joint(corner, "abduction", f"{self.flip[0]} 0 0", (-0.8, 0.8))
        hip = self._joint(corner, "hip", f"0 {self.flip[1]} 0", self.ranges and self.ranges[0], self.bent)
        knee = self._joint(corner, "knee", f"0 {self.flip[2]} 0", self.ranges and self.ranges[1])
        first, second = (hip, abduction) if self.hip_first else (abduction, hip)
        tilt = f"{self._angle(self.bent):.5f}"
        swung = f'euler="0 {tilt} 0"'
        mass = '<geom type="sphere" size=".03" mass=".5" contype="0" conaffinity="0"/>'
        thigh = '<geom type="capsule" fromto="0 0 0 0 0 -.2" size=".015" mass=".8" contype="0" conaffinity="0"/>'
        lower = f'<body pos="0 0 -.2">{knee}{self._foot()}<site name="tip_{corner}" pos="0 0 -.2"/></body>'
        outer, inner = (swung, "") if self.hip_first else ("", swung)
        upper = f'<body pos="0 {0.08 * side} 0" {inner}>{second}{thigh}{lower}</body>'
        leg = f'<body pos="{x} {y} 0" {outer}>{first}{mass}{upper}</body>'
        return f"<body>{leg}</body>" if self.in_trunk else leg

    def _foot(self) -> str:
        calf = '<geom type="capsule" fromto="0 0 0 0 0 -.2" size=".01" mass=".15" {}/>'
        no_contact = 'contype="0" conaffinity="0"'
        if self.foot == "capsule":
            return calf.format("").replace(".01", ".02")
        end = {
            "sphere": '<geom type="sphere" size=".02" pos="0 0 -.2" mass=".05"/>',
            "box": '<geom type="box" size=".03 .02 .02" pos="0 0 -.2" mass=".05"/>',
            "fixed": '<body pos="0 0 -.2"><geom type="sphere" size=".02" mass=".05"/></body>',
            "none": "",
        }[self.foot]
        return calf.format(no_contact) + end

    def _joint(self, corner: str, kind: str, axis: str, limits: tuple[float, float] | None, zero: float = 0.0) -> str:
        sign = self.flip[("abduction", "hip", "knee").index(kind)]
        name = self.names.format(
            i=(*self.corners, "m1", "m2").index(corner), k=("abduction", "hip", "knee").index(kind)
        )
        ends = "" if limits is None else sorted(sign * (limit - zero) for limit in limits)
        span = "" if not ends else f'range="{self._angle(ends[0]):.5f} {self._angle(ends[1]):.5f}"'
        return f'<joint class="joint" name="{name}" axis="{axis}" {span}/>'

    def _actuators(self) -> str:
        if self.actuator == "none":
            return ""
        said = []
        for corner in reversed(self.corners):
            for kind in ("knee", "abduction", "hip"):
                limit = self.torque and self.torque[kind == "knee"]
                force = "" if limit is None else f'forcerange="{-limit} {limit}"'
                gain = 'kp="60"' if self.actuator == "position" else ""
                said.append(f'<{self.actuator} joint="{self.name(corner, kind)}" {force} {gain}/>')
        return "".join(said)

    def _angle(self, radians: float) -> float:
        return math.degrees(radians) if self.degrees else radians
