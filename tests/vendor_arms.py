"""Writes MJCF files of arms as vendors write them: other axes, signs, units, actuators and grippers."""

from __future__ import annotations

from dataclasses import dataclass

# Link after link: where the next joint is, its axis, and its range in radians.
_SIX = (
    ("0 0 .16", "0 0 1", (-2.9, 2.9)),
    ("0 .1 0", "0 1 0", (-2.2, 2.2)),
    ("0 -.08 .4", "0 1 0", (-2.6, 2.6)),
    ("0 0 .36", "0 1 0", (-2.6, 2.6)),
    ("0 .08 0", "0 0 1", (-2.9, 2.9)),
    ("0 0 .09", "0 1 0", (-2.9, 2.9)),
)
_SEVEN = (
    ("0 0 .2", "0 0 -1", (-2.9, 2.9)),
    ("0 0 .13", "0 -1 0", (-1.8, 1.8)),
    ("0 0 .2", "0 0 -1", (-2.9, 2.9)),
    ("0 0 .2", "0 1 0", (-2.5, 2.5)),
    ("0 0 .2", "0 0 -1", (-2.9, 2.9)),
    ("0 0 .2", "0 -1 0", (-2.2, 2.2)),
    ("0 0 .08", "0 0 -1", (-3.0, 3.0)),
)


@dataclass(frozen=True)
class Arm:
    """How a vendor's file of a small arm looks.

    Attributes:
        joints: 6 or 7; fewer leave out those next to the hand.
        scale: Of all lengths.
        actuator: ``"position"``, ``"motor"``, ``"none"`` or another element.
        gripper: ``"slides"``, ``"one axis"`` (the right finger slides toward negative positions), ``"unlimited"``,
            ``"hinges"`` or ``"none"``.
        ranges: Whether the joints of the arm have ranges.
        limits: Whether they have limits of torque.
        base: What is in the root body besides, such as a free joint.
        tilt: Tilt of the hand on the last link, as ``euler``.
    """

    joints: int = 6
    scale: float = 1.0
    actuator: str = "position"
    gripper: str = "slides"
    ranges: bool = True
    limits: bool = True
    base: str = ""
    tilt: str = "0 0 0"

    def body(self, name: str = "base", pos: str = "0 0 0") -> str:
        """The arm's body."""
        inner = f'<body name="{name}_hand" pos="0 0 {0.05 * self.scale}" euler="{self.tilt}">{self._hand(name)}</body>'
        links = (_SEVEN if self.joints == 7 else _SIX)[: self.joints]
        for number, (at, axis, (low, high)) in reversed(list(enumerate(links))):
            place = " ".join(f"{self.scale * float(value):.4f}" for value in at.split())
            limited = f'range="{low} {high}"' if self.ranges else ""
            force = 'actuatorfrcrange="-80 80"' if self.limits else ""
            inner = f"""<body pos="{place}"><joint name="{name}_{number}" axis="{axis}" {limited} {force} armature=".1"
            damping=".5"/><geom type="sphere" size=".04" mass="{1.5 - 0.2 * number:.1f}"/>{inner}</body>"""
        return (
            f'<body name="{name}" pos="{pos}">{self.base}<geom type="cylinder" size=".06 .03" mass="3"/>{inner}</body>'
        )

    def xml(self, *, world: str = "", more: str = "") -> str:
        """The file. ``world`` is put into the world, and ``more`` at the end."""
        return f"""<mujoco model="arm"><compiler angle="radian" autolimits="true"/><option timestep=".002"/>
        <worldbody><geom type="plane" size="2 2 .1"/>{world}{self.body()}</worldbody>
        <actuator>{self._actuators("base")}</actuator>{more}</mujoco>"""

    def _hand(self, name: str) -> str:
        palm = '<geom type="box" size=".02 .06 .02" mass=".3"/>'
        if self.gripper == "none":
            return palm
        if self.gripper == "hinges":
            return palm + "".join(
                f'<body pos="0 {y} .03"><joint name="{name}_{side}" axis="1 0 0" range="-.6 .6"/>'
                f'<geom type="box" size=".01 .005 .03" pos="0 0 .03" mass=".03"/></body>'
                for side, y in (("l", 0.04), ("r", -0.04))
            )
        turned = self.gripper != "one axis"
        unlimited = self.gripper == "unlimited"
        ranges = {"l": "0 .04", "r": "0 .04" if turned else "-.04 0"}
        euler = {"l": "0 0 0", "r": "0 0 3.14159265" if turned else "0 0 0"}
        pad = {"l": ".005", "r": ".005" if turned else "-.005"}
        return palm + "".join(
            f'<body name="{name}_{side}" pos="0 0 .03" euler="{euler[side]}"><joint name="{name}_{side}" type="slide" '
            f'axis="0 1 0" {"" if unlimited else f"range={chr(34)}{ranges[side]}{chr(34)}"}/>'
            f'<geom type="box" size=".01 .005 .03" pos="0 {pad[side]} .03" mass=".03"/></body>'
            for side in ("l", "r")
        )

    def _actuators(self, name: str) -> str:
        if self.actuator == "none":
            return ""
        gain = 'kp="300"' if self.actuator == "position" else ""
        names = [f"{name}_{number}" for number in range(self.joints)]
        return "".join(f'<{self.actuator} joint="{joint}" {gain}/>' for joint in names)
