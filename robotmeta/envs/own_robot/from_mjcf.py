"""A task family from a user's robot: an MJCF file, what varies in it, and a reward."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace

import mujoco
import torch
from torch import Tensor

from robotmeta.envs import checks
from robotmeta.envs.curriculum import Curriculum
from robotmeta.envs.edits import Field
from robotmeta.envs.family import Columns, MujocoWorld, Source, State, TaskFamily, Transition
from robotmeta.envs.models import keyframe_id
from robotmeta.envs.own_robot.actuators import Drive
from robotmeta.envs.own_robot.loading import Model, compiled, loader
from robotmeta.envs.own_robot.settings import Setting, in_words, settle
from robotmeta.envs.own_robot.space import edits_structure, parameter_space
from robotmeta.envs.own_robot.variations import Variation
from robotmeta.envs.parameters import Parameter, ParameterSpace
from robotmeta.envs.signals import FloatingBase, Signals, controlled, noisy_start, observed
from robotmeta.envs.validation import check_edits, check_family
from robotmeta.errors import ModelWarning, UserError, unknown

_CONTROL_STEP = 0.04  # seconds of a control step, about, by default


def from_mjcf(
    model: Model,
    vary: Mapping[str, Variation | Parameter],
    reward: Callable[[Transition], Tensor],
    *,
    actuators: Mapping[str, Drive] | None = None,
    name: str | None = None,
    summary: str | None = None,
    source: str | Source | None = None,
    frame_skip: int | None = None,
    horizon: int = 200,
    keyframe: str | None = None,
    reset_noise: float = 0.01,
    reset: Callable[[State, torch.Generator, Columns], State] | None = None,
    observe: Callable[[State, Columns], Tensor] | None = None,
    observations: Signals | None = None,
    fields: tuple[str, ...] = (),
    terminated: Callable[[State, Columns], Tensor | None] | None = None,
    success: Callable[[State, Columns], Tensor] | None = None,
    success_lasts: float = 0.0,
    shaping_reward: Callable[[Transition], Tensor] | None = None,
    distance: Callable[[State, Columns], Tensor] | None = None,
    robots: Mapping[str, Mapping[str, float]] | None = None,
    observe_privileged_state: Callable[[State, Columns], Tensor] | None = None,
    privileged_state: Signals | None = None,
    init_std: float | None = None,
    camera: str | None = None,
    changing: tuple[str, ...] = (),
    curriculum: Curriculum | None = None,
) -> TaskFamily:
    """Builds a task family from a robot's model.

    By default, policies observe all positions, except those of the robot as a whole along the ground, and all
    velocities. Actions are controls of all actuators; [-1, 1] is scaled to the control range of each. Unnamed elements
    are named after their body, unnamed actuators after the joint or tendon that they drive.

    Args:
        model: An MJCF or URDF file, its text, an ``MjSpec``, or a function without arguments that returns one.
        vary: What varies, such as ``{"torso.mass": scale(0.5, 2.0), "goal_speed": goal(0.0, 2.0)}``. See
            :mod:`robotmeta.envs.own_robot.targets` for the keys, and :mod:`robotmeta.envs.own_robot.variations` for the
            values. The parameter of ``torso.mass`` is called ``torso_mass``. A body's inertia scales with its mass.
        reward: ``(step) -> [task, episode]``, the reward of one control step.
        actuators: Motors and servos to add, by name or pattern of joints that have none, such as
            ``{"gripper": motor(5), "*": servo(kp=40)}``. A URDF has no actuators.
        name: Name of the family; by default that of the file or the model.
        summary: One sentence that says what the robot does and what is hidden from the policy.
        source: Where the robot and the task come from; a string is the citation.
        frame_skip: Physics substeps per control step; by default as many as take about 0.04 s.
        horizon: Control steps per episode.
        keyframe: Keyframe to start from, with its velocities, activations, controls, mocap poses and time; by default
            the model's initial pose at rest. The pose shifts with that of a robot whose structure varies.
        reset_noise: Size of the noise on initial positions and velocities, in m, rad, m/s and rad/s.
        reset: ``(nominal state, generator, task) -> initial state``, in place of that noise.
        observe: ``(state, task) -> [task, episode, observation]``, in place of positions and velocities.
        observations: Name and unit of each quantity that ``observe`` returns.
        fields: Fields of ``MjData`` that the functions read, besides ``qpos`` and ``qvel``, such as ``"sensordata"``.
        terminated: ``(state, task) -> bool [task, episode]``; by default no episode ends early.
        success: ``(state, task) -> bool [task, episode]``, whether an episode that ends now is a success.
        success_lasts: Seconds at the end of an episode for which ``success`` must hold; 0 for the last step alone.
        shaping_reward: ``(step) -> [task, episode]``, added to the reward in meta-training, such as a term for a hand
            near the object. Policies do not observe it and evaluations do not count it.
        distance: ``(state, task) -> [task, episode]``, distance from the goal, m.
        robots: Named robots, each by the parameters that differ from the nominal task.
        observe_privileged_state: ``(state, task) -> [task, episode, privileged_state]``, quantities that no sensor of
            the robot measures and that task inference estimates, such as its speed.
        privileged_state: Name and unit of each quantity that ``observe_privileged_state`` returns.
        init_std: Initial standard deviation of exploration; None for the learner's default.
        camera: Name of a camera for pictures; by default the model's first, or one that follows the robot.
        changing: Parameters that may change within an episode, such as ``("torso_mass",)``; see
            :meth:`robotmeta.TaskFamily.changes`.
        curriculum: The parameter that is the difficulty, and its levels; see :class:`robotmeta.Curriculum`.

    Raises:
        UserError: For a file that does not exist or compile, a model without actuators, an actuator without a control
            range, a name that does not exist, a value that would have no effect, a variant whose state has another
            layout, or a function that does not work.

    Warns:
        ModelWarning: If settings of the file were switched off that derive some values from others, or a parameter had
            no effect in a short rollout.
    """
    load, robot = loader(model, actuators)
    spec, nominal, switched_off = _settled(load, robot, vary)
    if (observe is None) != (observations is None):
        raise UserError("observe and observations must be given together")
    signals, default = observed(nominal)
    actions, control = controlled(nominal, robot)
    keyframe_id(nominal, keyframe)
    timestep = float(nominal.opt.timestep)
    if timestep <= 0.0:
        raise UserError(f"the timestep of {robot} must be positive, not {timestep:g}")
    world = MujocoWorld(
        spec,
        frame_skip=max(1, round(_CONTROL_STEP / timestep)) if frame_skip is None else frame_skip,
        fields=fields,
        camera=_camera(nominal, camera),
        lookat_body=FloatingBase(nominal).root,
        control=control,
        keyframe=keyframe,
    )
    space = parameter_space(vary, nominal, robot)
    if switched_off and _changes_inertia(space):
        warnings.warn(
            f"{robot}: {in_words(switched_off)} would let values change with the masses and lengths that vary; "
            "what results for the nominal robot is kept",
            ModelWarning,
            stacklevel=2,
        )
    noise = noisy_start(nominal, checks.not_negative("reset_noise", reset_noise))
    if isinstance(source, str) or source is None:
        source = Source(source or f"{robot}, {world.frame_skip} substeps of {timestep:g} s")
    family = TaskFamily(
        name=re.sub(r"\.(xml|urdf|mjz|zip)$", "", robot).replace(" ", "-") if name is None else name,
        summary=f"A robot that varies in {', '.join(space.names)}." if summary is None else summary,
        source=source,
        space=space,
        world=world,
        observations=signals if observations is None else observations,
        actions=actions,
        horizon=horizon,
        dt=timestep * world.frame_skip,
        reset=noise if reset is None else reset,
        observe=default if observe is None else observe,
        reward=reward,
        shaping_reward=shaping_reward,
        success=success,
        success_lasts=success_lasts,
        distance=distance,
        robots={} if robots is None else robots,
        privileged_state=() if privileged_state is None else privileged_state,
        observe_privileged_state=observe_privileged_state,
        init_std=init_std,
        changing=changing,
        curriculum=curriculum,
    )
    if terminated is not None:
        family = replace(family, terminated=terminated)
    if any(edits_structure(way) for way in vary.values()):
        check_edits(family, nominal)
    check_family(family)
    return family


def _settled(
    load: Callable[[], mujoco.MjSpec], robot: str, vary: Mapping[str, Variation | Parameter]
) -> tuple[Callable[[], mujoco.MjSpec], mujoco.MjModel, list[Setting]]:
    """Returns a function that loads the spec without settings that derive values, the model, and these settings."""
    edited = isinstance(vary, Mapping) and any(edits_structure(way) for way in vary.values())
    first = load()
    original = compiled(first, robot)

    def settled() -> mujoco.MjSpec:
        spec = load()
        settle(spec, original, edited=edited)
        return spec

    switched_off = settle(first, original, edited=edited)
    return settled, compiled(first, robot) if switched_off else original, switched_off


def _changes_inertia(space: ParameterSpace) -> bool:
    edits = [edit for parameter in space for edit in parameter.edits]
    return any(not isinstance(edit, Field) or edit.name.startswith(("body_", "dof_armature")) for edit in edits)


def _camera(model: mujoco.MjModel, name: str | None) -> str | None:
    existing = [model.camera(i).name for i in range(model.ncam)]
    if name is not None and not (isinstance(name, str) and name in existing):
        raise unknown("camera", str(name), filter(None, existing))
    return name or next(filter(None, existing), None)
