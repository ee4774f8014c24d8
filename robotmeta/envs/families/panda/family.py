"""Panda grasp: an arm picks an object up and holds it; the object's and the arm's properties are hidden.

Actions move the targets of the servos of the joints and the fingers. Policies observe the joints, the hand, the object
and the goal. The object and the reward are those of the family ``grasp``. The arm has a load on its hand, dry and
viscous friction in its joints and a weak motor.
"""

from __future__ import annotations

import math
from dataclasses import replace

import mujoco
import torch
from torch import Tensor

from robotmeta.envs.devices import per_device
from robotmeta.envs.distributions import Choice, LogUniform, Uniform
from robotmeta.envs.draws import uniform_like
from robotmeta.envs.edits import Field, ModelEdit
from robotmeta.envs.families import lifting, object_state, objects
from robotmeta.envs.families.gripper.model import LATENCY, TIMESTEP, add_goal, show_goal
from robotmeta.envs.families.panda.model import (
    CLOSING_SPEED,
    GRIP,
    HOME,
    JOINTS,
    OPENING,
    READY,
    SPEED,
    add_object,
    carry,
    dampen,
    panda,
    weaken_joint,
)
from robotmeta.envs.families.panda.sensors import SENSORS
from robotmeta.envs.family import Columns, MujocoWorld, Source, State, TaskFamily, Transition
from robotmeta.envs.parameters import Parameter, ParameterSpace, numbered

_FRAME_SKIP = 4
_DT = _FRAME_SKIP * TIMESTEP  # 25 control steps a second
_ARM = len(JOINTS)
_UNREST = 0.01  # radians, the noise on each joint at the start
_AROUND = 0.05  # metres along x and y around the middle of the table, where objects start
_TABLE = 0.3  # metres around the middle of the table, within which an object has to stay
_HELD_OUT = 4.0  # the joint with faults in the ood split only: the elbow

_XYZ = ("x", "y", "z")
_OBSERVATIONS = (
    *((name, "rad") for name in JOINTS),
    ("closure", "m"),
    *((f"{name}_velocity", "rad/s") for name in JOINTS),
    ("closure_velocity", "m/s"),
    *((f"{name}_target", "rad from the joint") for name in JOINTS),
    ("closure_target", "m from the closure"),
    ("left_touch", "N"),
    ("right_touch", "N"),
    *((f"tool_{axis}", "m") for axis in _XYZ),
    *((f"up_{axis}", "1, in the tool's frame") for axis in _XYZ),
    *((f"object_{axis}", "m, in the tool's frame") for axis in _XYZ),
    *((f"object_along_{axis}", "1, in the tool's frame") for axis in _XYZ),
    *((f"object_up_{axis}", "1, in the tool's frame") for axis in _XYZ),
    *((f"object_{axis}_velocity", "m/s, in the tool's frame") for axis in _XYZ),
    *((f"object_half_{side}", "m") for side in ("length", "width", "height")),
    ("to_lift", "m"),
)
_ACTIONS = (
    *((f"{name}_target", f"{SPEED * _DT:g} rad a step") for name in JOINTS),
    ("closure_target", f"{CLOSING_SPEED * _DT:g} m a step"),
)

# -- model -------------------------------------------------------------------------------------------------------------


def _picker() -> mujoco.MjSpec:
    spec = panda()
    add_object(spec)
    add_goal(spec, mujoco.mjtGeom.mjGEOM_CAPSULE, (0.004, 0.15, 0.0), [-0.12, 0.0, 0.1])
    spec.site("goal").quat = [math.sqrt(0.5), math.sqrt(0.5), 0.0, 0.0]
    return spec


# -- what varies -------------------------------------------------------------------------------------------------------


# No hand could lift an object with every parameter at its worst. Out of distribution are a shape, sizes, masses, the
# load and the elbow's motor.
_SPACE = ParameterSpace(
    (
        objects.SHAPE,
        replace(objects.HALF_WIDTH, bounds=(0.008, 0.47 * OPENING)),
        replace(objects.ASPECT, bounds=(1.05, 1.8), ood=None),  # a taller object reaches the hand at the start
        objects.MASS,
        replace(objects.OFFSET, ood=None),
        replace(objects.FRICTION, ood=None),
        objects.FINGER_FRICTION,
        objects.TABLE_FRICTION,
        Parameter(
            "finger_strength",
            f"multiplier of gain and force limit of the fingers, which squeeze with up to {GRIP:g} N",
            train=LogUniform(0.7, 1.4),
            nominal=1.0,
            bounds=(0.05, 5.0),
            edits=tuple(Field(f"actuator_{name}", rows=("closure",)) for name in ("gainprm", "biasprm", "forcerange")),
        ),
        Parameter(
            "payload",
            "mass of the load on the hand",
            train=Uniform(0.0, 1.0),
            nominal=0.0,
            bounds=(0.0, 3.0),
            ood=Uniform(1.0, 1.5),
            edits=(ModelEdit(carry),),
            unit="kg",
        ),
        Parameter(
            "joint_friction",
            "multiplier of the dry friction of the arm's joints",
            train=LogUniform(0.3, 3.0),
            nominal=1.0,
            bounds=(0.0, 10.0),
            edits=(Field("dof_frictionloss", rows=JOINTS),),
        ),
        Parameter(
            "joint_damping",
            "viscous friction of the four large joints; that of the wrist is in proportion to its torque limits",
            train=Uniform(0.0, 10.0),
            nominal=0.0,
            bounds=(0.0, 200.0),
            edits=(ModelEdit(dampen),),
            unit="N m s/rad",
        ),
        Parameter(
            "faulty_joint",
            "joint with a weak motor, numbered from the base to the hand",
            train=Choice((0.0,) * (_ARM - 1) + tuple(float(i + 1) for i in range(_ARM) if i + 1 != _HELD_OUT)),
            nominal=0.0,
            bounds=(0.0, float(_ARM)),
            ood=Choice((_HELD_OUT,)),
            edits=(ModelEdit(weaken_joint),),
            labels=numbered(("none", *JOINTS)),
        ),
        Parameter(
            "fault_strength",
            "share of its torque that the weak motor gives",
            train=Uniform(0.5, 0.8),
            nominal=0.5,
            bounds=(0.0, 1.0),
            ood=Uniform(0.45, 0.5),
            qualifies="faulty_joint",
        ),
        replace(LATENCY, ood=None),
        Parameter(
            "goal_z",
            "height to lift to",
            train=Uniform(0.06, 0.16),
            nominal=0.1,
            bounds=(0.03, 0.3),
            edits=(show_goal(2),),
            unit="m",
        ),
    )
)

# -- measurements ------------------------------------------------------------------------------------------------------

_INITIAL_TARGETS = per_device(torch.tensor([*HOME, 0.0], dtype=torch.float64))
_FULL_SPEEDS = per_device(torch.tensor([SPEED] * _ARM + [CLOSING_SPEED], dtype=torch.float64))
_PARTS = {"touch": 2, "tool": 3, "up": 3, "object": 3, "along": 3, "object_up": 3, "velocity": 3}


def _sensed(state: State) -> dict[str, Tensor]:
    """The sensors by name. All vectors except ``tool`` are in the tool's frame."""
    return dict(zip(_PARTS, state["sensordata"].split(tuple(_PARTS.values()), dim=-1), strict=True))


def _closure(joints: Tensor) -> Tensor:
    """Distance by which both fingers together are closed, m; for velocities, m/s."""
    return joints[..., _ARM : _ARM + 2].sum(dim=-1)


def _targets(state: State) -> Tensor:
    """Targets of the servos: the joints, rad, and the closure of both fingers, m, ``[..., 8]``."""
    act = state["act"]
    return _INITIAL_TARGETS(act.device) + act * _FULL_SPEEDS(act.device)


def _start(nominal: State, generator: torch.Generator, task: Columns) -> State:
    """The open hand above the table, at rest, and an object below it."""
    qpos = nominal["qpos"]
    unrest, place, turn = uniform_like(qpos[..., : _ARM + 3], generator).split((_ARM, 2, 1), dim=-1)
    arm = qpos.new_tensor(READY) + _UNREST * unrest
    fingers = torch.zeros_like(place)
    lying = object_state.at_rest(_AROUND * place, math.pi / 4 * turn.squeeze(-1), task)
    act = torch.cat([(arm - arm.new_tensor(HOME)) / SPEED, fingers[..., :1]], dim=-1)
    return {"qpos": torch.cat([arm, fingers, lying], dim=-1), "qvel": nominal["qvel"], "act": act}


def _observe(state: State, task: Columns) -> Tensor:
    qpos, qvel, sensed = state["qpos"], state["qvel"], _sensed(state)
    sensed["along"] = object_state.observed_along(sensed["along"], task)
    joints, speeds = (torch.cat([v[..., :_ARM], _closure(v).unsqueeze(-1)], dim=-1) for v in (qpos, qvel))
    to_lift = task["goal_z"] - object_state.rise(state, task)
    return torch.cat(
        [
            joints,
            speeds,
            _targets(state) - joints,
            *sensed.values(),
            object_state.half_extents(task).expand(*qpos.shape[:2], 3),
            to_lift.unsqueeze(-1),
        ],
        dim=-1,
    )


def _off_table(state: State, task: Columns) -> Tensor:
    return object_state.off_table(state, _TABLE)


def _lifted(state: State, task: Columns) -> Tensor:
    return lifting.lifted(state, task, _sensed(state)["touch"])


# -- rewards -----------------------------------------------------------------------------------------------------------


def _reward(step: Transition) -> Tensor:
    state, sensed = step.after, _sensed(step.after)
    distance, gap = sensed["object"].norm(dim=-1), OPENING - _closure(state["qpos"])
    seen = object_state.observed_along(sensed["along"], step.task)
    return lifting.reward(state, step.task, distance, seen, gap, sensed["touch"], GRIP)


def _shaping_reward(step: Transition) -> Tensor:
    return lifting.exactness(step.after, step.task, _sensed(step.after)["touch"])


# -- families ----------------------------------------------------------------------------------------------------------


def grasp() -> TaskFamily:
    """The family ``panda-grasp``."""
    return TaskFamily(
        name="panda-grasp",
        summary="A Franka Emika Panda picks an object up and holds it at a commanded height; the object's properties "
        "and the arm's load, friction, damping, weak motor, fingers and latency are hidden.",
        source=Source(
            "Our own, with published kinematics, inertias, friction and torque limits: "
            f"{_FRAME_SKIP} substeps of {1e3 * TIMESTEP:g} ms, implicit integration. Actions move the targets of joint "
            f"servos. Gravity on the arm is compensated. {object_state.OBSERVED}",
            f"{lifting.IN_WORDS.format(grip=GRIP)} An episode ends where the object is {100 * _TABLE:g} cm from "
            "the middle of the table. Meta-training adds a shaping reward for the exact height.",
        ),
        space=_SPACE,
        world=MujocoWorld(_picker, frame_skip=_FRAME_SKIP, fields=("act", "sensordata"), camera="front"),
        observations=_OBSERVATIONS,
        actions=_ACTIONS,
        horizon=100,
        dt=_DT,
        reset=_start,
        observe=_observe,
        reward=_reward,
        shaping_reward=_shaping_reward,
        terminated=_off_table,
        success=_lifted,
        success_lasts=0.5,
        changing=("mass", "finger_friction", "finger_strength", "payload", "faulty_joint", "latency"),
        sensors=SENSORS,
    )
