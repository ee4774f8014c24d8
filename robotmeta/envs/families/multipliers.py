"""Parameters that several families vary: multipliers of a robot's mass, friction, damping and motor strength."""

from __future__ import annotations

from robotmeta.envs.distributions import LogUniform, Uniform, Union
from robotmeta.envs.edits import Field
from robotmeta.envs.parameters import Parameter

MASS = Parameter(
    "mass",
    "multiplier of every link's mass and inertia",
    train=LogUniform(0.67, 1.5),
    nominal=1.0,
    bounds=(0.05, 20.0),
    ood=Union(((0.5, 0.67), (1.5, 2.0))),
    edits=(Field("body_mass"), Field("body_inertia")),
)
FRICTION = Parameter(
    "friction",
    "multiplier of sliding friction",
    train=LogUniform(0.4, 2.0),
    nominal=1.0,
    bounds=(0.01, 20.0),  # without friction some simulations diverge
    ood=Union(((0.25, 0.4), (2.0, 3.0))),
    edits=(Field("geom_friction", column=0),),
)
DAMPING = Parameter(
    "damping",
    "multiplier of joint damping",
    train=LogUniform(0.5, 2.0),
    nominal=1.0,
    bounds=(0.0, 20.0),
    ood=Union(((0.33, 0.5), (2.0, 3.0))),
    edits=(Field("dof_damping"),),
)
MOTOR_STRENGTH = Parameter(
    "motor_strength",
    "multiplier of every motor's torque",
    train=Uniform(0.7, 1.2),
    nominal=1.0,
    bounds=(0.0, 10.0),
    ood=Uniform(0.55, 0.7),
    edits=(Field("actuator_gear", column=0),),
)
