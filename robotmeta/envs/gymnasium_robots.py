"""What the families over Gymnasium's MuJoCo models share: the models, their interface, what varies, starts, speeds.

The models are loaded from the installed package. All of them are integrated by Euler's method with implicit joint
damping, three to four times as fast as the fourth-order Runge-Kutta method that most of their files ask for.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from importlib.resources import files

import mujoco
import torch
from torch import Tensor

from robotmeta.envs.edits import Edit, Field
from robotmeta.envs.family import Columns, State, Transition
from robotmeta.envs.models import quiet_mujoco
from robotmeta.envs.parameters import Choice, Parameter, Power, Uniform, Union

Robot = Callable[[], mujoco.MjSpec]
"""Builds the specification of a robot in its world; a function of a module, so that its compiled model is kept."""

_MEMORY = 1 << 18  # bytes of scratch a world; the files ask for megabytes, a robot that lies on the floor needs 35 kB
_ROOTS = {"rootx": "x", "rootz": "z", "rooty": "pitch"}  # the joints of a planar robot's torso

# -- model -----------------------------------------------------------------------------------------------------------


def load(file: str) -> mujoco.MjSpec:
    """Loads a model of the installed Gymnasium package, such as ``"ant.xml"``."""
    with quiet_mujoco():  # some of the files use attributes that are being retired
        spec = mujoco.MjSpec.from_file(str(files("gymnasium.envs.mujoco") / "assets" / file))
    spec.memory = _MEMORY
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_EULER
    return spec


@functools.cache
def nominal_model(robot: Robot) -> mujoco.MjModel:
    """The robot's compiled model, for its names and numbers."""
    return robot().compile()


# -- interface -------------------------------------------------------------------------------------------------------


def observation_names(robot: Robot, hidden: int) -> tuple[tuple[str, str], ...]:
    """Name and unit of what :func:`observe` shows: positions without the first ``hidden``, then all velocities."""
    positions: list[tuple[str, str]] = []
    velocities: list[tuple[str, str]] = []
    for name, kind in _joints(robot):
        if kind == int(mujoco.mjtJoint.mjJNT_FREE):
            positions += [(axis, "m") for axis in "xyz"] + [(f"orientation_{part}", "1") for part in "wxyz"]
            velocities += [(f"{axis}_velocity", "m/s") for axis in "xyz"]
            velocities += [(f"{axis}_angular_velocity", "rad/s") for axis in "xyz"]
        else:
            unit = "m" if kind == int(mujoco.mjtJoint.mjJNT_SLIDE) else "rad"
            positions.append((name, unit))
            velocities.append((f"{name}_velocity", f"{unit}/s"))
    return (*positions[hidden:], *velocities)


def action_names(robot: Robot) -> tuple[tuple[str, str], ...]:
    """Name of each motor's torque, and its value at full action as the unit."""
    model, joints = nominal_model(robot), _joints(robot)
    driven = model.actuator_trnid[:, 0]
    return tuple(
        (f"{joints[joint][0]}_torque", f"{gear:g} N m")
        for joint, gear in zip(driven, model.actuator_gear[:, 0], strict=True)
    )


def _joints(robot: Robot) -> list[tuple[str, int]]:
    """Plain name and type of each joint."""
    model = nominal_model(robot)
    names = (model.joint(joint).name for joint in range(model.njnt))
    return [(_ROOTS.get(name, _plain(name)), int(kind)) for name, kind in zip(names, model.jnt_type, strict=True)]


def _plain(name: str) -> str:
    return name.removesuffix("_joint").removesuffix("_geom")


# -- what varies -----------------------------------------------------------------------------------------------------

DIRECTION = Parameter("direction", "way to run: 1 forward, -1 backward", Choice((-1.0, 1.0)), 1.0, (-1.0, 1.0))


def random_parameters(robot: Robot) -> tuple[Parameter, ...]:
    """Multipliers of each link's mass, the friction of the floor and the feet, and each joint's damping.

    They are those of rand_param_envs, the families of random parameters in ProMP and PEARL, but for the friction of
    other links than feet, those that carry no other link: before an episode ends, nothing else touches the floor but a
    shin beside the foot it stands on. Two surfaces slide with the larger one of their frictions.
    """
    model = nominal_model(robot)
    links = range(1, model.nbody)
    touching = {0, *links} - set(model.body_parentid[2:].tolist())  # the world, whose floor it is, and the feet
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
    return Parameter(
        f"{part}_{kind}",
        f"multiplier of the {part.replace('_', ' ')}'s {what}",
        Power(base, Uniform(-3.0, 3.0)),
        1.0,
        (0.05, 20.0),
        ood=Power(base, Union(((-4.0, -3.0), (3.0, 4.0)))),
        edits=edits,
    )


def _mass(body: str) -> tuple[Edit, ...]:
    return Field("body_mass", rows=(body,)), Field("body_inertia", rows=(body,))


def _friction(geom: str) -> tuple[Edit, ...]:
    return (Field("geom_friction", rows=(geom,), column=0),)


def _damping(joint: str) -> tuple[Edit, ...]:
    return (Field("dof_damping", rows=(joint,)),)


# -- physics measurements --------------------------------------------------------------------------------------------


def noisy_start(
    scale: float, *, normal_velocity: bool = False, free: bool = False
) -> Callable[[State, torch.Generator, Columns], State]:
    """Initial states around the nominal pose at rest.

    Args:
        scale: Noise is uniform within ``+-scale``, in the units of each position and velocity.
        normal_velocity: Velocities are normal with this standard deviation instead.
        free: The robot moves in all directions: its orientation is scaled back to a unit quaternion.
    """

    def uniform(shape: torch.Size, generator: torch.Generator) -> Tensor:
        return scale * (2.0 * torch.rand(shape, generator=generator) - 1.0)

    def start(nominal: State, generator: torch.Generator, task: Columns) -> State:
        qpos = nominal["qpos"] + uniform(nominal["qpos"].shape, generator)
        shape = nominal["qvel"].shape
        noise = scale * torch.randn(shape, generator=generator) if normal_velocity else uniform(shape, generator)
        if free:
            qpos[..., 3:7] /= qpos[..., 3:7].norm(dim=-1, keepdim=True)
        return {"qpos": qpos, "qvel": nominal["qvel"] + noise}

    return start


def observe(hidden: int, *, fastest: float = math.inf) -> Callable[[State, Columns], Tensor]:
    """Observations: positions without the first ``hidden``, then velocities, clipped to ``+-fastest``."""

    def observed(state: State, task: Columns) -> Tensor:
        velocity = state["qvel"] if math.isinf(fastest) else state["qvel"].clamp(-fastest, fastest)
        return torch.cat([state["qpos"][..., hidden:], velocity], dim=-1)

    return observed


def speed(step: Transition, dt: float) -> Tensor:
    """Mean velocity along x over a control step of ``dt`` seconds, in m/s, ``[task, episode]``."""
    return (step.after["qpos"][..., 0] - step.before["qpos"][..., 0]) / dt


def effort(step: Transition) -> Tensor:
    """Square of the action, summed over motors, ``[task, episode]``."""
    return step.action.square().sum(dim=-1)
