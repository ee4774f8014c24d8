"""The Control Suite's quadruped: it walks along a hidden heading, with a load and a weak leg.

The model is ``quadruped.xml`` of the installed ``dm_control`` package on flat ground, with 4 substeps of 5 ms. The 78
observations are the suite's: joints, servo activations, and the sensors on the torso and the toes. The accelerometer,
forces and torques are one substep old, as in the suite, and 0 at the start of an episode.
"""

from __future__ import annotations

import math

import mujoco
import torch
from torch import Tensor

from robotmeta.envs.devices import per_device
from robotmeta.envs.distributions import Choice, Uniform, Union
from robotmeta.envs.draws import uniform_like
from robotmeta.envs.edits import Field, ModelEdit, Row
from robotmeta.envs.families.suite.control_suite import HORIZON, load, named
from robotmeta.envs.family import Columns, MujocoWorld, Source, State, TaskFamily, Transition
from robotmeta.envs.parameters import Parameter, ParameterSpace, numbered
from robotmeta.envs.rewards import tolerance

_SPEED = 0.5  # metres a second from which the suite's reward for moving is 1
_WEAK = 0.4  # share of their strength that the servos of a weak leg keep
_LEGS = ("front_left", "front_right", "back_right", "back_left")
_JOINTS = tuple(f"{joint}_{leg}" for leg in _LEGS for joint in ("yaw", "pitch", "knee", "ankle"))
# Lowest and highest target of a leg's three servos. Lift and extend are weighted sums of joint angles.
_TARGETS = {"yaw": (-1.0, 1.0), "lift": (-1.0, 1.1), "extend": (-0.8, 0.8)}
_SERVOS = {f"{servo}_{leg}": targets for leg in _LEGS for servo, targets in _TARGETS.items()}
_MIDDLE = per_device(torch.tensor([(high + low) / 2 for low, high in _SERVOS.values()], dtype=torch.float64))
_REACH = per_device(torch.tensor([(high - low) / 2 for low, high in _SERVOS.values()], dtype=torch.float64))

_OBSERVATIONS = (
    *named(_JOINTS, "rad"),
    *named(_JOINTS, "rad/s", "_velocity"),
    *named(tuple(_SERVOS), "rad", "_activation"),
    *named(("torso_x", "torso_y", "torso_z"), "m/s", "_velocity"),  # in the torso's frame, as all below
    ("torso_upright", "1"),
    *named(("torso_x", "torso_y", "torso_z"), "m/s^2", "_acceleration"),
    *named(("torso_x", "torso_y", "torso_z"), "rad/s", "_angular_velocity"),
    *((f"toe_{leg}_{axis}_force", "asinh N") for leg in _LEGS for axis in "xyz"),
    *((f"toe_{leg}_{axis}_torque", "asinh N m") for leg in _LEGS for axis in "xyz"),
)
_ACTIONS = tuple((f"{servo}_target", f"{(high - low) / 2:g} rad") for servo, (low, high) in _SERVOS.items())

# -- model -------------------------------------------------------------------------------------------------------------


def _model() -> mujoco.MjSpec:
    spec = load("quadruped")
    # The walk task does not use the other tasks' objects and the rangefinders, which take two thirds of a step's time.
    unused = [spec.site("target"), spec.body("ball"), spec.hfield("terrain")]
    unused += [geom for geom in spec.geoms if geom.name.startswith("wall_") or geom.name == "terrain"]
    unused += [sensor for sensor in spec.sensors if sensor.name.startswith("rf_") or sensor.name == "center_of_mass"]
    unused += [site for site in spec.sites if site.name.startswith("rf_")]
    for element in unused:
        spec.delete(element)
    # Actions of -1 and 1 are the ends of a servo's range. The force is proportional to
    # middle + reach * action - position.
    for servo in spec.actuators:
        low, high = _SERVOS[servo.name]
        servo.biasprm[0] += servo.gainprm[0] * (high + low) / 2
        servo.gainprm[0] *= (high - low) / 2
        servo.ctrlrange = -1.0, 1.0
    return spec


def _weaken_leg(model: mujoco.MjModel, leg: float, row: Row) -> None:
    if leg > 0:
        servos = slice(3 * (round(leg) - 1), 3 * round(leg))
        model.actuator_gainprm[servos] *= _WEAK
        model.actuator_biasprm[servos] *= _WEAK


# -- what varies -------------------------------------------------------------------------------------------------------

_SPACE = ParameterSpace(
    (
        Parameter(
            "heading",
            "direction to walk in the torso's frame: 0 ahead, pi/2 to the left",
            train=Uniform(-2.0, 2.0),
            nominal=0.0,
            bounds=(-math.pi, math.pi),
            ood=Union(((-3.14, -2.0), (2.0, 3.14))),
            unit="rad",
        ),
        Parameter(
            "payload",
            "mass carried at the torso's centre; the robot itself weighs 107 kg",
            train=Uniform(0.0, 40.0),
            nominal=0.0,
            bounds=(0.0, 200.0),
            ood=Uniform(40.0, 60.0),
            edits=(Field("body_mass", "add", rows=("torso",)),),
            unit="kg",
        ),
        Parameter(
            "weak_leg",
            f"leg whose servos keep {_WEAK:.0%} of their strength",
            train=Choice((0.0, 1.0, 2.0, 3.0)),
            nominal=0.0,
            bounds=(0.0, 4.0),
            ood=Choice((4.0,)),
            edits=(ModelEdit(_weaken_leg),),
            labels=numbered(("none", *_LEGS)),
        ),
    )
)

# -- measurements ------------------------------------------------------------------------------------------------------


def _start(nominal: State, generator: torch.Generator, task: Columns) -> State:
    qvel = nominal["qvel"] + uniform_like(nominal["qvel"], generator, scale=0.05)
    qpos = nominal["qpos"] + uniform_like(nominal["qpos"], generator, scale=0.1)
    qpos[..., :3] = nominal["qpos"][..., :3]
    qpos[..., 2] += 0.1  # m: the toes stay above the ground
    turn = torch.cat([torch.ones_like(qpos[..., :1]), 0.2 * qpos[..., 4:7]], dim=-1)  # a few degrees
    qpos[..., 3:7] = turn / turn.norm(dim=-1, keepdim=True)
    return {"qpos": qpos, "qvel": qvel}


def _upright(state: State) -> Tensor:
    """Cosine of the torso's tilt, ``[task, episode]``."""
    return 1.0 - 2.0 * state["qpos"][..., 4:6].square().sum(dim=-1)


def _observe(state: State, task: Columns) -> Tensor:
    qpos, qvel, act = state["qpos"], state["qvel"], state["act"]
    imu, velocity, toes = state["sensordata"].split((6, 3, 24), dim=-1)
    activation = _MIDDLE(act.device) + _REACH(act.device) * act
    upright = _upright(state).unsqueeze(-1)
    return torch.cat([qpos[..., 7:], qvel[..., 6:], activation, velocity, upright, imu, toes.asinh()], dim=-1)


# -- rewards -----------------------------------------------------------------------------------------------------------


def _reward(step: Transition) -> Tensor:
    heading, velocity = step.task["heading"], step.after["sensordata"][..., 6:9]
    speed = heading.cos() * velocity[..., 0] + heading.sin() * velocity[..., 1]
    moving = tolerance(speed, (_SPEED, math.inf), _SPEED, sigmoid="linear", value_at_margin=0.5)
    upright = tolerance(_upright(step.after), (1.0, math.inf), 2.0, sigmoid="linear", value_at_margin=0.0)
    return upright * moving


# -- families ----------------------------------------------------------------------------------------------------------


def walk() -> TaskFamily:
    """The family ``dm-quadruped``."""
    return TaskFamily(
        name="dm-quadruped",
        summary="The Control Suite's quadruped walks along a heading; heading, payload and a weak leg are hidden.",
        source=Source(
            "quadruped-walk of the DeepMind Control Suite (Tassa et al. 2018), frame skip 4, Euler, "
            f"horizon {HORIZON}. Actions span each servo's range.",
            "In [0, 1]: the reward for an upright torso times the reward for moving, which is 1 from "
            f"{_SPEED:g} m/s along the hidden heading in the torso's frame. No termination.",
            "The heading varies; in quadruped-walk it is 0. Episodes start standing (the suite drops the robot at "
            "random) and are shorter.",
        ),
        space=_SPACE,
        world=MujocoWorld(_model, frame_skip=4, fields=("sensordata", "act"), camera="y"),
        observations=_OBSERVATIONS,
        actions=_ACTIONS,
        horizon=HORIZON,
        dt=0.02,
        reset=_start,
        observe=_observe,
        reward=_reward,
    )
