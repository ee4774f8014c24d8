"""Quadrupeds: a task is a robot, its load, the floor, and the faults of its motors.

One policy controls robots of 3 to 70 kg, because observations and actions are in units of the robot. With leg length L
(thigh plus calf) and gravity g, the natural time of a robot is sqrt(L / g) and its natural speed sqrt(g L): 0.21 s and
2.0 m/s for a Go2. Speeds in this unit are Froude speeds. Animals and robots of all sizes change gaits at the same ones.

A policy observes what a real robot measures: an inertial measurement unit and joint encoders. No sensor measures the
robot's speed. A policy with a memory can estimate it from the motion of the legs and from the reward.
"""

from __future__ import annotations

import torch
from torch import Tensor

from robotmeta.envs.distributions import Choice, Distribution, LogUniform, Uniform, Union
from robotmeta.envs.draws import uniform_like
from robotmeta.envs.edits import Field, ModelEdit, SpecEdit, delay
from robotmeta.envs.families.quadruped.model import (
    FRICTION,
    GRAVITY,
    JOINTS,
    LEGS,
    NUMBERS,
    REACH,
    TIMESTEP,
    break_joint,
    carry,
    quadruped,
    standing_height,
)
from robotmeta.envs.families.quadruped.robots import ROBOTS
from robotmeta.envs.family import Columns, MujocoWorld, Source, State, TaskFamily, Transition
from robotmeta.envs.parameters import Parameter, ParameterSpace, Proportional, numbered
from robotmeta.envs.rewards import tolerance

_FRAME_SKIP = 4
_DT = _FRAME_SKIP * TIMESTEP  # 50 control steps a second
_HORIZON = 250  # 5 seconds
_NOMINAL = {**ROBOTS["go2"].row, "stiffness": 1.0, "damping": 0.1}
_TILT = 0.5  # cosine of the largest tilt of a robot that has not fallen
_CROUCH = 0.5  # lowest height of the trunk of a robot that has not fallen, as a share of the standing height

_OBSERVATIONS = (
    *((f"gravity_{axis}", "g, in the trunk's frame") for axis in "xyz"),
    *((f"angular_velocity_{axis}", "rad/sqrt(L/g), in the trunk's frame") for axis in "xyz"),
    *((joint, "rad from standing") for joint in JOINTS),
    *((f"{joint}_velocity", "rad/sqrt(L/g)") for joint in JOINTS),
    *((f"{joint}_target", "last action") for joint in JOINTS),
    ("speed", "sqrt(g L)"),
)
_ACTIONS = tuple((f"{joint}_target", f"{REACH[joint.split('_')[1]]:g} rad from standing") for joint in JOINTS)

# -- what varies -------------------------------------------------------------------------------------------------------


def _number(
    name: str,
    description: str,
    unit: str,
    train: Distribution,
    bounds: tuple[float, float],
    ood: Distribution | None = None,
) -> Parameter:
    return Parameter(
        name,
        description,
        train=train,
        nominal=_NOMINAL[name],
        bounds=bounds,
        ood=ood,
        edits=(SpecEdit(NUMBERS[name]),),
        unit=unit,
    )


# The ranges of the factors are those of the real robots, rounded outwards.
_THIGH = _number(
    "thigh_length",
    "distance from hip to knee",
    "m",
    LogUniform(0.16, 0.36),
    (0.05, 1.0),
    ood=Union(((0.12, 0.16), (0.36, 0.45))),
)
_TRUNK = _number(
    "trunk_mass",
    "mass of the trunk without legs",
    "kg",
    Proportional(LogUniform(380.0, 1250.0), (_THIGH,) * 3),
    (0.1, 500.0),
)


def _length(name: str, description: str, low: float, high: float, shortest: float = 0.01) -> Parameter:
    return _number(name, description, "m", Proportional(Uniform(low, high), (_THIGH,)), (shortest, 3.0))


def _mass(name: str, description: str, low: float, high: float) -> Parameter:
    return _number(name, description, "kg", Proportional(LogUniform(low, high), (_TRUNK,)), (0.001, 100.0))


_TORQUES = (0.1, 2000.0)  # MuJoCo reads 0 as no limit
_TORQUE = _number(
    "hip_torque",
    "torque limit of abduction and hip joints",
    "N m",
    Proportional(LogUniform(8.0, 36.0), (_TRUNK, _THIGH)),
    _TORQUES,
)
_ROBOT = (
    _THIGH,
    _length("calf_length", "distance from knee to foot", 0.83, 1.26, shortest=0.05),
    _length("trunk_length", "distance between the front and hind hip axes", 1.7, 2.75, shortest=0.05),
    _length("trunk_width", "distance between the left and right abduction axes", 0.34, 1.31),
    _length("hip_offset", "distance from the abduction axis to the plane of the leg", 0.13, 0.7, shortest=0.005),
    _TRUNK,
    _mass("hip_mass", "mass of each link between trunk and thigh", 0.066, 0.19),
    _mass("thigh_mass", "mass of each thigh", 0.056, 0.22),
    _mass("calf_mass", "mass of each calf with its foot", 0.013, 0.05),
    _TORQUE,
    _number("knee_torque", "torque limit of the knees", "N m", Proportional(Uniform(1.0, 2.6), (_TORQUE,)), _TORQUES),
    _number("stiffness", "gain of the servos on position", "weight L/rad", Uniform(0.8, 1.5), (0.0, 20.0)),
    _number("damping", "gain of the servos on velocity", "stiffness sqrt(L/g)", Uniform(0.06, 0.15), (0.0, 2.0)),
)
_LEG_NAMES = {"fl": "front left", "fr": "front right", "hl": "hind left", "hr": "hind right"}


def _strength(leg: str) -> Parameter:
    servos = tuple(joint for joint in JOINTS if joint.startswith(leg))
    return Parameter(
        f"strength_{leg}",
        f"multiplier of torque limits and gains of the {_LEG_NAMES[leg]} leg",
        train=Uniform(0.7, 1.0),
        nominal=1.0,
        bounds=(0.0, 3.0),
        ood=Uniform(0.5, 0.7),
        edits=tuple(Field(f"actuator_{name}", rows=servos) for name in ("gainprm", "biasprm", "forcerange")),
    )


_CONDITIONS = (
    Parameter(
        "payload_mass",
        "mass of the crate on the trunk",
        train=Proportional(Uniform(0.0, 0.4), (_TRUNK,)),
        nominal=0.0,
        bounds=(0.0, 500.0),
        edits=(ModelEdit(carry),),
        unit="kg",
    ),
    Parameter(
        "payload_x",
        "position of the crate, from -0.5 (hind hips) to 0.5 (front hips)",
        train=Uniform(-0.4, 0.4),
        nominal=0.0,
        bounds=(-1.0, 1.0),
        qualifies="payload_mass",
    ),
    Parameter(
        "payload_y",
        "position of the crate, from -0.5 (right hips) to 0.5 (left hips)",
        train=Uniform(-0.4, 0.4),
        nominal=0.0,
        bounds=(-2.0, 2.0),
        qualifies="payload_mass",
    ),
    Parameter(
        "friction",
        "coefficient of friction of the floor",
        train=LogUniform(0.4, 1.2),
        nominal=FRICTION,
        bounds=(0.01, 5.0),  # without friction the simulation diverges
        ood=Union(((0.25, 0.4), (1.2, 1.5))),
        edits=(Field("geom_friction", "set", rows=("floor",), column=0),),
    ),
    *(_strength(leg) for leg in LEGS),
    Parameter(
        "faulty_joint",
        "joint with a fault",
        train=Choice((0.0,) * len(JOINTS) + tuple(float(i + 1) for i in range(len(JOINTS)))),
        nominal=0.0,
        bounds=(0.0, float(len(JOINTS))),
        edits=(ModelEdit(break_joint),),
        labels=numbered(("none", *JOINTS)),
    ),
    Parameter(
        "fault",
        "kind of fault: limp, or locked in the standing pose",
        train=Choice((0.0, 1.0)),
        nominal=0.0,
        bounds=(0.0, 1.0),
        labels=numbered(("limp", "locked")),
        qualifies="faulty_joint",
    ),
    Parameter(
        "latency",
        "delay from an action to the servos",
        train=Uniform(0.0, 30.0),
        nominal=0.0,
        bounds=(0.0, 60.0),
        ood=Uniform(30.0, 40.0),
        edits=(ModelEdit(delay),),
        unit="ms",
    ),
    Parameter(
        "speed",
        "commanded forward speed, observed",
        train=Uniform(0.15, 0.5),
        nominal=0.3,
        bounds=(-1.5, 1.5),
        ood=Uniform(0.5, 0.65),
        unit="sqrt(g L)",
    ),
)

# -- measurements ------------------------------------------------------------------------------------------------------


def _leg_length(task: Columns) -> Tensor:
    return task["thigh_length"] + task["calf_length"]


def _natural_speed(task: Columns) -> Tensor:
    return (GRAVITY * _leg_length(task)).sqrt()


def _natural_time(task: Columns) -> Tensor:
    return (_leg_length(task) / GRAVITY).sqrt()


def _in_trunk(state: State, vector: Tensor) -> Tensor:
    """Rotates vectors ``[..., 3]`` from the world's to the trunk's frame."""
    w, axis = state["qpos"][..., 3:4], -state["qpos"][..., 4:7]
    twice = 2.0 * torch.linalg.cross(axis, vector)
    return vector + w * twice + torch.linalg.cross(axis, twice)


def _velocity(state: State, task: Columns) -> Tensor:
    """Velocity of the trunk in its own frame, in natural speeds, ``[task, episode, 3]``."""
    return _in_trunk(state, state["qvel"][..., :3]) / _natural_speed(task).unsqueeze(-1)


def _upright(state: State) -> Tensor:
    """Cosine of the trunk's tilt, ``[task, episode]``."""
    x, y = state["qpos"][..., 4], state["qpos"][..., 5]
    return 1.0 - 2.0 * (x * x + y * y)


def _observe(state: State, task: Columns) -> Tensor:
    qvel, time = state["qvel"], _natural_time(task).unsqueeze(-1)
    down = torch.zeros_like(qvel[..., :3])
    down[..., 2] = -1.0
    speed = task["speed"].unsqueeze(-1).expand(*qvel.shape[:2], 1)
    return torch.cat(
        [
            _in_trunk(state, down),
            qvel[..., 3:6] * time,
            state["qpos"][..., 7:],
            qvel[..., 6:] * time,
            state["ctrl"],
            speed,
        ],
        dim=-1,
    )


def _stand(nominal: State, generator: torch.Generator, task: Columns) -> State:
    """Standing at the origin along x, with noise on the joints."""
    qpos = nominal["qpos"].clone()
    joints = qpos[..., 7:]
    joints += uniform_like(joints, generator, scale=0.05, dtype=torch.float32)
    return {"qpos": qpos, "qvel": nominal["qvel"]}


def _fallen(state: State, task: Columns) -> Tensor:
    height = standing_height(task["thigh_length"], task["calf_length"])
    return (_upright(state) < _TILT) | (state["qpos"][..., 2] < _CROUCH * height)


def _slack(task: Columns) -> Tensor:
    """Error of the speed from which the reward for it is 0, in natural speeds."""
    return task["speed"].abs().clamp(min=0.1)


def _on_time(state: State, task: Columns) -> Tensor:
    """Whether the robot stands and its mean speed over a whole episode is within a quarter of the command."""
    speed = state["qpos"][..., 0] / (_HORIZON * _DT * _natural_speed(task))
    return ((speed - task["speed"]).abs() < 0.25 * _slack(task)) & ~_fallen(state, task)


# -- rewards -----------------------------------------------------------------------------------------------------------


def _reward(step: Transition) -> Tensor:
    velocity, goal = _velocity(step.after, step.task), step.task["speed"]
    forward = tolerance(velocity[..., 0], (goal, goal), _slack(step.task), sigmoid="linear", value_at_margin=0.0)
    sideways = tolerance(velocity[..., 1], (0.0, 0.0), 0.3)
    turning = tolerance(step.after["qvel"][..., 5] * _natural_time(step.task), (0.0, 0.0), 0.4)
    upright = _upright(step.after).clamp(min=0.0)
    change = (step.action - step.before["ctrl"]).square().mean(dim=-1)
    return upright * (0.1 + 0.9 * forward * sideways * turning) - 0.05 * change


# -- families ----------------------------------------------------------------------------------------------------------


def walk() -> TaskFamily:
    """The family ``quadruped``."""
    return TaskFamily(
        name="quadruped",
        summary="A quadruped walks at a commanded speed and does not observe its own speed; robot, load, floor, faults "
        "and latency are hidden.",
        source=Source(
            "Our own: 12 position servos, 4 substeps of 5 ms, implicit integration. Only the feet touch the floor. In "
            "units, L is the length of thigh and calf.",
            "Upright times (0.1 + 0.9 forward sideways turning) minus 0.05 times the mean squared change of action. "
            "The factors are in [0, 1]. Forward falls linearly from 1 at the commanded speed to 0 at standstill. An "
            "episode ends at a tilt of 60 degrees or half the standing height.",
        ),
        space=ParameterSpace((*_ROBOT, *_CONDITIONS)),
        world=MujocoWorld(lambda: quadruped(_NOMINAL), frame_skip=_FRAME_SKIP, fields=("ctrl",), camera="track"),
        observations=_OBSERVATIONS,
        actions=_ACTIONS,
        horizon=_HORIZON,
        dt=_DT,
        reset=_stand,
        observe=_observe,
        reward=_reward,
        terminated=_fallen,
        success=_on_time,
        robots={name: robot.row for name, robot in ROBOTS.items()},
        privileged_state=tuple((f"velocity_{axis}", "sqrt(g L), in the trunk's frame") for axis in "xy"),
        observe_privileged_state=lambda state, task: _velocity(state, task)[..., :2],
        init_std=0.15,  # with more noise on the servos, policies learn a gait that needs the noise
    )
