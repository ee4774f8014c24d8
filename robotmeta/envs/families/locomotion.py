"""Parts of the families that run, walk or hop: models, interface, parameters, initial states and speeds.

Models of the Gymnasium package are integrated by Euler's method with implicit joint damping. This is three to four
times as fast as the fourth-order Runge-Kutta method that most of their files specify.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from importlib.resources import files

import mujoco
import torch
from torch import Tensor

from robotmeta.envs import signals as interface
from robotmeta.envs.distributions import Choice, Power, Uniform, Union
from robotmeta.envs.edits import Edit, Field, ModelEdit, Row
from robotmeta.envs.family import Columns, State, Transition
from robotmeta.envs.models import quiet_mujoco
from robotmeta.envs.parameters import Parameter, numbered

SpecBuilder = Callable[[], mujoco.MjSpec]
"""Builds the specification of a robot in its world. A function of a module, so that its compiled model is cached."""

_MEMORY = 1 << 18  # bytes of scratch for each world; the files ask for megabytes, a robot on the floor needs 35 kB
_ROOTS = {"rootx": "x", "rootz": "z", "rooty": "pitch"}  # the joints of a planar robot's torso

# -- model -------------------------------------------------------------------------------------------------------------


def load_gymnasium(file: str) -> mujoco.MjSpec:
    """Loads a model of the installed Gymnasium package, such as ``"ant.xml"``."""
    with quiet_mujoco():  # some files use deprecated attributes
        spec = mujoco.MjSpec.from_file(str(files("gymnasium.envs.mujoco") / "assets" / file))
    spec.memory = _MEMORY
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_EULER
    return spec


@functools.cache
def nominal_model(robot: SpecBuilder) -> mujoco.MjModel:
    """The robot's compiled model, for its names and numbers."""
    return robot().compile()


# -- interface ---------------------------------------------------------------------------------------------------------


def observation_names(robot: SpecBuilder, hidden: int) -> tuple[tuple[str, str], ...]:
    """Name and unit of each observation: positions without the first ``hidden``, then all velocities."""
    positions, velocities = interface.joint_signals(nominal_model(robot), _called)
    return (*positions[hidden:], *velocities)


def action_names(robot: SpecBuilder) -> tuple[tuple[str, str], ...]:
    """Name of each motor's torque, with the torque at full action as the unit."""
    gears = nominal_model(robot).actuator_gear[:, 0]
    return tuple((f"{joint}_torque", f"{gear:g} N m") for joint, gear in zip(_driven(robot), gears, strict=True))


def _driven(robot: SpecBuilder) -> list[str]:
    """Name of the joint that each motor drives."""
    model = nominal_model(robot)
    return [_called(model.joint(joint).name) for joint in model.actuator_trnid[:, 0]]


def _called(joint: str) -> str:
    """Name of a joint without its suffix. A free joint is the robot itself and adds no name."""
    return "" if joint == "root" else _ROOTS.get(joint, _plain(joint))


def _plain(name: str) -> str:
    return name.removesuffix("_joint").removesuffix("_geom")


# -- what varies -------------------------------------------------------------------------------------------------------

DIRECTION = Parameter(
    "direction",
    "direction to run",
    train=Choice((-1.0, 1.0)),
    nominal=1.0,
    bounds=(-1.0, 1.0),
    labels={1.0: "forward", -1.0: "backward"},
)


def fault(robot: SpecBuilder) -> tuple[Parameter, Parameter]:
    """Which joint's motor is weak, limp or reversed, and the multiplier of its torque."""
    joints = _driven(robot)
    return (
        Parameter(
            "faulty_joint",
            "joint with a fault",
            train=Choice(tuple(float(joint) for joint in range(len(joints) + 1))),
            nominal=0.0,
            bounds=(0.0, float(len(joints))),
            edits=(ModelEdit(_weaken_joint),),
            labels=numbered(("none", *joints)),
        ),
        Parameter(
            "fault_strength",
            "multiplier of the faulty joint's torque: 0 is limp, -1 reversed",
            train=Uniform(-1.0, 0.5),
            nominal=0.0,
            bounds=(-1.0, 1.0),
            qualifies="faulty_joint",
        ),
    )


def _weaken_joint(model: mujoco.MjModel, joint: float, row: Row) -> None:
    if joint > 0:
        model.actuator_gear[round(joint) - 1] *= row["fault_strength"]


def random_parameters(robot: SpecBuilder) -> tuple[Parameter, ...]:
    """Multipliers of each link's mass, the friction of the floor and the feet, and each joint's damping.

    They are the parameters of rand_param_envs, which ProMP and PEARL use, without the friction of links other than the
    feet. A foot is a link that carries no other link. Before an episode ends, only the feet touch the floor, and
    sometimes the shin of the supporting foot. The friction of two surfaces is the larger one of theirs.
    """
    model = nominal_model(robot)
    links = range(1, model.nbody)
    touching = {0, *links} - set(model.body_parentid[2:].tolist())  # the world, which has the floor, and the feet
    damped = [joint for joint in range(model.njnt) if model.dof_damping[model.jnt_dofadr[joint]] > 0]
    bodies = [model.body(link).name for link in links]
    geoms = [model.geom(geom).name for geom in range(model.ngeom) if model.geom_bodyid[geom] in touching]
    joints = [model.joint(joint).name for joint in damped]
    return (
        *(_multiplier(body, "mass", "mass and inertia", 1.5, _mass(body)) for body in bodies),
        *(_multiplier(geom, "friction", "sliding friction", 1.5, _friction(geom)) for geom in geoms),
        *(_multiplier(joint, "damping", "joint damping", 1.3, _damping(joint)) for joint in joints),
    )


def _multiplier(part: str, kind: str, what: str, base: float, edits: tuple[Edit, ...]) -> Parameter:
    part = _plain(part)
    spoken = " ".join(reversed(part.split("_")))  # the left foot is called foot_left
    return Parameter(
        f"{part}_{kind}",
        f"multiplier of the {spoken}'s {what}",
        train=Power(base, Uniform(-3.0, 3.0)),
        nominal=1.0,
        bounds=(0.05, 20.0),
        ood=Power(base, Union(((-4.0, -3.0), (3.0, 4.0)))),
        edits=edits,
    )


def _mass(body: str) -> tuple[Edit, ...]:
    return Field("body_mass", rows=(body,)), Field("body_inertia", rows=(body,))


def _friction(geom: str) -> tuple[Edit, ...]:
    return (Field("geom_friction", rows=(geom,), column=0),)


def _damping(joint: str) -> tuple[Edit, ...]:
    return (Field("dof_damping", rows=(joint,)),)


# -- measurements ------------------------------------------------------------------------------------------------------


def noisy_start(
    robot: SpecBuilder, scale: float, *, normal_velocity: bool = False
) -> Callable[[State, torch.Generator, Columns], State]:
    """Draws initial states around the nominal pose at rest; see :func:`robotmeta.envs.signals.noisy_start`."""
    return interface.noisy_start(nominal_model(robot), scale, normal_velocity=normal_velocity)


def observe(hidden: int, *, fastest: float = math.inf) -> Callable[[State, Columns], Tensor]:
    """Observes positions without the first ``hidden``, then velocities, clipped to ``+-fastest``."""

    def observed(state: State, task: Columns) -> Tensor:
        velocity = state["qvel"] if math.isinf(fastest) else state["qvel"].clamp(-fastest, fastest)
        return torch.cat([state["qpos"][..., hidden:], velocity], dim=-1)

    return observed


def speed(step: Transition, dt: float) -> Tensor:
    """Mean velocity along x over a control step of ``dt`` seconds, in m/s, ``[task, episode]``."""
    return (step.after["qpos"][..., 0] - step.before["qpos"][..., 0]) / dt


def effort(step: Transition) -> Tensor:
    """Squared norm of the action, ``[task, episode]``."""
    return step.action.square().sum(dim=-1)
