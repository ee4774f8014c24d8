"""What a legged robot can meet: weak legs, a slippery floor, a faulty joint and latency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from robotmeta.envs.distributions import Choice, LogUniform, Uniform, Union
from robotmeta.envs.edits import Field, ModelEdit, delay
from robotmeta.envs.families.legged.world import FRICTION, break_joint
from robotmeta.envs.parameters import Parameter, numbered

GROUND = Parameter(
    "friction",
    "coefficient of friction of the floor",
    train=LogUniform(0.4, 1.2),
    nominal=FRICTION,
    bounds=(0.01, 5.0),  # without friction the simulation diverges
    ood=Union(((0.25, 0.4), (1.2, 1.5))),
    edits=(Field("geom_friction", "set", rows=("floor",), column=0),),
)

LATENCY = Parameter(
    "latency",
    "delay from an action to the servos",
    train=Uniform(0.0, 30.0),
    nominal=0.0,
    bounds=(0.0, 60.0),
    ood=Uniform(30.0, 40.0),
    edits=(ModelEdit(delay),),
    unit="ms",
)


def strengths(legs: Mapping[str, str], joints: Sequence[str]) -> tuple[Parameter, ...]:
    """The strength of each leg.

    Args:
        legs: What each leg is called, by the beginning of its joints' names.
        joints: Names of the joints and of their servos.
    """
    return tuple(_strength(leg, title, tuple(j for j in joints if j.startswith(leg))) for leg, title in legs.items())


def _strength(leg: str, title: str, servos: tuple[str, ...]) -> Parameter:
    return Parameter(
        f"strength_{leg}",
        f"multiplier of torque limits and gains of the {title} leg",
        train=Uniform(0.7, 1.0),
        nominal=1.0,
        bounds=(0.0, 3.0),
        ood=Uniform(0.5, 0.7),
        edits=tuple(Field(f"actuator_{name}", rows=servos) for name in ("gainprm", "biasprm", "forcerange")),
    )


def faults(joints: Sequence[str], broken: Sequence[str] | None = None) -> tuple[Parameter, Parameter]:
    """Which joint has a fault, and of which kind.

    Args:
        joints: All joints, in the order of the servos.
        broken: Those that have faults in meta-training; None for all.
    """
    healthy = tuple(float(i + 1) for i, joint in enumerate(joints) if broken is None or joint in broken)
    joint = Parameter(
        "faulty_joint",
        "joint with a fault",
        train=Choice((0.0,) * len(healthy) + healthy),
        nominal=0.0,
        bounds=(0.0, float(len(joints))),
        edits=(ModelEdit(break_joint),),
        labels=numbered(("none", *joints)),
    )
    kind = Parameter(
        "fault",
        "kind of fault: limp, or locked in the standing pose",
        train=Choice((0.0, 1.0)),
        nominal=0.0,
        bounds=(0.0, 1.0),
        labels=numbered(("limp", "locked")),
        qualifies="faulty_joint",
    )
    return joint, kind
