"""Ant: a quadruped with a hidden direction, a hidden goal or a hidden leg without motors.

The model is ``ant.xml`` of the installed Gymnasium package, with 5 substeps of 0.01 s by Euler's method. The 27
observations are Gymnasium's without contact forces: positions without x and y, then velocities. The family with a goal
also observes x and y.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import mujoco
import numpy as np
import torch
from torch import Tensor

from robotmeta.envs.distributions import Choice, Ring, Uniform
from robotmeta.envs.edits import ModelEdit, Row
from robotmeta.envs.families.locomotion import (
    DIRECTION,
    SpecBuilder,
    action_names,
    effort,
    load_gymnasium,
    noisy_start,
    observation_names,
    observe,
    speed,
)
from robotmeta.envs.family import Columns, MujocoWorld, Source, State, TaskFamily, Transition
from robotmeta.envs.parameters import Parameter, ParameterSpace, numbered

_FRAME_SKIP = 5
_DT = 0.05  # seconds a control step
_LOWEST, _HIGHEST = 0.2, 1.0  # metres, height of the torso
_GOAL_DISTANCE = 2.0  # metres from the start to the nominal goal
_RED = (0.9, 0.2, 0.15, 1.0)
_LEGS = ("front_left", "front_right", "back_left", "back_right")  # hip_1 and ankle_1, hip_2 and ankle_2, ...

# -- model -------------------------------------------------------------------------------------------------------------


def _ant() -> mujoco.MjSpec:
    return load_gymnasium("ant.xml")


def _ant_with_goal() -> mujoco.MjSpec:
    spec = _ant()
    spec.worldbody.add_site(name="goal", pos=(_GOAL_DISTANCE, 0.0, 0.0), size=(0.15,) * 3, rgba=_RED)
    camera = spec.camera("track")  # from above, so that the goal is in the picture
    camera.pos, camera.alt.xyaxes = (0.0, -6.0, 6.0), (1.0, 0.0, 0.0, 0.0, 1.0, 1.0)
    return spec


def _show_goal(model: mujoco.MjModel, value: float, row: Row) -> None:
    distance, angle = row["goal_distance"], row["goal_angle"]
    model.site("goal").pos[:2] = distance * math.cos(angle), distance * math.sin(angle)


def _cripple(model: mujoco.MjModel, leg: float, row: Row) -> None:
    if leg >= 0:
        joints = [model.joint(f"{part}_{round(leg) + 1}").id for part in ("hip", "ankle")]
        model.actuator_gear[np.isin(model.actuator_trnid[:, 0], joints)] = 0.0
        model.geom_rgba[np.isin(model.geom_bodyid, model.jnt_bodyid[joints])] = _RED


# -- what varies -------------------------------------------------------------------------------------------------------

_GOAL = (
    Parameter(
        "goal_distance",
        "distance to the goal",
        train=Ring(0.0, 3.0),
        nominal=_GOAL_DISTANCE,
        bounds=(0.0, 20.0),
        ood=Ring(3.0, 4.0),
        edits=(ModelEdit(_show_goal),),
        unit="m",
    ),
    Parameter(
        "goal_angle",
        "direction of the goal, counter-clockwise from forward",
        train=Uniform(-math.pi, math.pi),
        nominal=0.0,
        bounds=(-2.0 * math.pi, 2.0 * math.pi),
        edits=(ModelEdit(_show_goal),),
        unit="rad",
    ),
)
_CRIPPLED_LEG = Parameter(
    "crippled_leg",
    "leg without motors",
    train=Choice((0.0, 1.0, 2.0)),
    nominal=-1.0,
    bounds=(-1.0, 3.0),
    ood=Choice((3.0,)),
    edits=(ModelEdit(_cripple),),
    labels=numbered(("none", *_LEGS), first=-1),
)

# -- measurements ------------------------------------------------------------------------------------------------------


def _distance_to_goal(state: State, task: Columns) -> Tensor:
    """Sum of the distances along x and along y, m ``[task, episode]``."""
    distance, angle = task["goal_distance"], task["goal_angle"]
    goal = torch.stack([distance * angle.cos(), distance * angle.sin()], dim=-1)
    return (state["qpos"][..., :2] - goal).abs().sum(dim=-1)


def _fallen(state: State, task: Columns) -> Tensor:
    z = state["qpos"][..., 2]
    return ~((z >= _LOWEST) & (z <= _HIGHEST))


def _never(state: State, task: Columns) -> None:
    return None


# -- rewards -----------------------------------------------------------------------------------------------------------


def _reward_direction(step: Transition) -> Tensor:
    return step.task["direction"] * speed(step, _DT) + 1.0 - 0.5 * effort(step)


def _reward_goal(step: Transition) -> Tensor:
    return -_distance_to_goal(step.after, step.task) - 0.1 * effort(step)


def _reward_forward(step: Transition) -> Tensor:
    return speed(step, _DT) + 0.05 - 0.005 * effort(step)


# -- families ----------------------------------------------------------------------------------------------------------


def _family(
    name: str,
    summary: str,
    source: Source,
    parameters: tuple[Parameter, ...],
    reward: Callable[[Transition], Tensor],
    *,
    robot: SpecBuilder = _ant,
    hidden: int = 2,
    terminated: Callable[[State, Columns], Tensor | None] = _never,
    informed: float | None = None,
) -> TaskFamily:
    return TaskFamily(
        name=name,
        summary=summary,
        source=source,
        space=ParameterSpace(parameters),
        world=MujocoWorld(robot, frame_skip=_FRAME_SKIP, camera="track"),
        observations=observation_names(robot, hidden),
        actions=action_names(robot),
        horizon=200,
        dt=_DT,
        reset=noisy_start(robot, 0.1, normal_velocity=True),
        observe=observe(hidden),
        reward=reward,
        terminated=terminated,
        informed=informed,
    )


def direction() -> TaskFamily:
    """The family ``ant-direction``."""
    return _family(
        "ant-direction",
        "A quadruped runs forward or backward; the direction is hidden, and only the reward depends on it.",
        Source(
            "Ant forward/backward of MAML, ProMP and PEARL (two directions), horizon 200, frame skip 5.",
            "Direction times speed plus 1 minus 0.5 |a|^2, a clipped to [-1, 1]. As in Ant-v5, an episode ends where "
            "the torso is not 0.2 to 1 m high.",
            "Euler instead of RK4. No contact cost. 27 observations, without contact forces.",
        ),
        (DIRECTION,),
        _reward_direction,
        terminated=_fallen,
    )


def goal() -> TaskFamily:
    """The family ``ant-goal``."""
    return _family(
        "ant-goal",
        "A quadruped walks to a hidden goal; only the reward depends on the goal.",
        Source(
            "Ant goal of ProMP and PEARL (goals evenly over a disc of radius 3 m), horizon 200, frame skip 5.",
            "Minus the sum of the distances to the goal along x and along y, minus 0.1 |a|^2, a clipped to [-1, 1]. No "
            "termination.",
            "Euler instead of RK4. No contact cost. 29 observations, with x and y, without contact forces.",
        ),
        _GOAL,
        _reward_goal,
        robot=_ant_with_goal,
        hidden=0,
        informed=0.5,  # the reward tells where the goal is only as the robot moves
    )


def crippled() -> TaskFamily:
    """The family ``ant-crippled``."""
    return _family(
        "ant-crippled",
        "A quadruped runs forward on three legs; one hidden leg has no motors.",
        Source(
            "Crippled ant of Nagabandi et al. 2019 (learning_to_adapt). Leg 3 is held out.",
            "Speed plus 0.05 minus 0.005 |a|^2, a clipped to [-1, 1]. No termination.",
            "Gymnasium's ant, frame skip 5, Euler, horizon 200, 27 observations. The crippled leg keeps its size.",
        ),
        (_CRIPPLED_LEG,),
        _reward_forward,
    )
