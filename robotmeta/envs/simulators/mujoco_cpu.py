"""Physics by MuJoCo on CPU threads: one model per task, one world per episode, all stepped in one call."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import mujoco
import numpy as np
import torch
from mujoco.batch import DATA_FIELDS, Batch, SimulationError
from torch import Tensor

from robotmeta.envs.family import MujocoWorld, State, TaskFamily
from robotmeta.envs.faults import find_faults
from robotmeta.envs.models import ModelBuilder, initial_positions, keyframe_id, quiet_mujoco, worlds_of
from robotmeta.envs.rendering import Camera, render
from robotmeta.envs.state_space import StateSpace
from robotmeta.envs.tasks import Tasks
from robotmeta.errors import UserError
from robotmeta.threads import available_cores

# After these warnings MuJoCo resets the world to its initial state and goes on. That is a jump and not physics.
_DIVERGED = slice(int(mujoco.mjtWarning.mjWARN_BADQPOS), int(mujoco.mjtWarning.mjWARN_BADQACC) + 1)

_NONE, _VELOCITY = mujoco.mjtStage.mjSTAGE_NONE, mujoco.mjtStage.mjSTAGE_VEL
_STATE = ("qpos", "qvel", "act", "ctrl")  # fields that are state; MuJoCo derives the others from them
_MORE_STATE = ("act", "ctrl", "mocap_pos", "mocap_quat")  # that a family's reset may set beside its fields
_INPUTS = {  # inputs that a rollout in C takes, in its order
    "ctrl": int(mujoco.mjtState.mjSTATE_CTRL),
    "mocap_pos": int(mujoco.mjtState.mjSTATE_MOCAP_POS),
    "mocap_quat": int(mujoco.mjtState.mjSTATE_MOCAP_QUAT),
}


class MujocoSimulator:
    """Worlds on the threads of ``mujoco.batch.Batch``. Results are bit-identical at any number of threads.

    Args:
        family: A family whose world is a :class:`MujocoWorld`.
        num_tasks: Tasks, each with a model of its own.
        num_episodes: Worlds of each task.
        threads: Physics threads; None for the cores that this process may use.
    """

    def __init__(self, family: TaskFamily, num_tasks: int, num_episodes: int, *, threads: int | None = None) -> None:
        assert isinstance(family.world, MujocoWorld)
        self.device = torch.device("cpu")
        self._family, self._world = family, family.world
        self._shape = (num_tasks, num_episodes)
        self._build = ModelBuilder(family.world.spec, family.space)
        self._models = [self._build.nominal] * num_tasks
        worlds = num_tasks * num_episodes
        # If derived fields must be current after a step, each world keeps its own memory, and its next step continues
        # from them at no extra cost. Otherwise the worlds of a thread share memory, which stays in the cache.
        self._derived = not set(family.world.fields) <= set(_STATE)
        self._current = self._derived and not family.world.lagging
        self._batch = Batch(
            self._build.nominal, worlds, nthread=min(threads or available_cores(), worlds), persistent=self._current
        )
        self._keyframe = keyframe_id(self._build.nominal, family.world.keyframe)
        self._views: dict[str, Tensor] = {}
        self._fields = {name: self._bound(name) for name in ("qpos", "qvel", *family.world.fields)}
        self._tasks = family.space.nominal(num_tasks)
        self._columns = self._tasks.columns(self.device)

    def load(self, tasks: Tasks) -> None:
        self._tasks, self._columns = tasks, tasks.columns(self.device)
        self._models = self._build(tasks)
        if all(model is self._build.nominal for model in self._models):
            self._batch.set_models(None)  # the tasks differ in goals only
        else:
            try:
                self._batch.set_models(worlds_of(self._models, self._shape[1]))
            except mujoco.FatalError:
                raise UserError(
                    "a task changes the layout of the state: all tasks of a family must have the same bodies, joints, "
                    "actuators and sensors"
                ) from None

    def refresh(self) -> None:
        if self._derived:
            with quiet_mujoco():
                self._batch.forward()

    @property
    def nominal(self) -> State:
        qpos = torch.from_numpy(initial_positions(self._models)).unsqueeze(1)
        qvel = torch.zeros(self._shape[0], 1, self._build.nominal.nv, dtype=torch.float64)
        if self._keyframe < 0:
            return {"qpos": qpos, "qvel": qvel}
        # The pose is relative to that of the task, because a robot with longer legs starts higher.
        shift = qpos - torch.from_numpy(self._build.nominal.qpos0)
        poses, speeds = ([getattr(m, f)[self._keyframe] for m in self._models] for f in ("key_qpos", "key_qvel"))
        return {
            "qpos": torch.from_numpy(np.stack(poses)).unsqueeze(1) + shift,
            "qvel": torch.from_numpy(np.stack(speeds)).unsqueeze(1),
        }

    @property
    def state(self) -> State:
        return self._fields

    def reset(self, state: State) -> None:
        self._batch.reset(keyframe=self._keyframe, stage=_NONE)  # activations, controls, bodies in motion and the time
        for name, value in state.items():
            (self._bound(name) if name in _MORE_STATE else self._fields[name]).copy_(value)
        if self._derived:
            self._batch.forward()  # every field: in shared memory, a field left out would be another world's

    def step(self, action: Tensor, active: Tensor | None) -> Tensor | None:
        inputs = self._world.inputs(self._fields, action, self._columns)
        faults = self._faults(inputs, active)
        for name, value in inputs.items():
            self._bound(name).copy_(value if faults is None else value.nan_to_num(0.0, 0.0, 0.0))
        ids = None if active is None else np.flatnonzero(active.numpy())
        stage = _VELOCITY if self._current else _NONE
        try:
            with quiet_mujoco():
                self._batch.step(ids, nstep=self._world.frame_skip, stage=stage)
            raised = np.empty(0, dtype=int)
        except SimulationError as error:  # these worlds kept their last state, the others were stepped
            raised = error.ids
        failed = np.any(self._batch.warning[:, _DIVERGED, 1], axis=1)
        failed[raised] = True
        diverged = torch.from_numpy(failed).view(self._shape) if failed.any() else None
        return diverged if faults is None else faults if diverged is None else diverged | faults

    def end_episode(self) -> None:
        """There is nothing to report: the CPU reports at once."""

    def snapshot(self) -> Mapping[str, Any]:
        fields = {name: value.clone() for name, value in self._fields.items()}
        return {"physics": self._batch.state.copy(), "fields": fields}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        self._batch.state[:] = snapshot["physics"]
        if self._derived:
            self._batch.forward(stage=_VELOCITY)
        for name, value in snapshot["fields"].items():  # some derived fields are those of the substep before
            self._fields[name].copy_(value)

    @property
    def coordinates(self) -> State:
        names = ("qpos", "qvel", "act") if self._build.nominal.na else ("qpos", "qvel")
        return {name: self._bound(name) for name in names}

    @property
    def full_state(self) -> Tensor:
        return torch.from_numpy(self._batch.state.copy()).view(*self._shape, -1)

    def set_full_state(self, full_state: Tensor, coordinates: State | None = None) -> None:
        rows = full_state.expand(*self._shape, full_state.shape[-1])
        diverged = np.flatnonzero(self._batch.warning[:, _DIVERGED, 1].any(axis=1))
        if len(diverged):
            self._batch.reset(diverged, stage=_NONE)  # clears the warnings
        torch.from_numpy(self._batch.state).view(*self._shape, -1).copy_(rows)
        for name, value in (coordinates or {}).items():
            self._bound(name).copy_(value)
        self.refresh()

    @property
    def state_space(self) -> StateSpace:
        return StateSpace.of_model(self._build.nominal)

    def open_loop(self, actions: Tensor) -> None:
        """Advances all worlds over a sequence of actions in one C call. No collection can be faster.

        Inputs that depend on the state (``drive``) are computed from the state at the call.

        Args:
            actions: ``[task, episode, time, action]``, each held for one control step.
        """
        steps = [self._world.inputs(self._fields, action, self._columns) for action in actions.unbind(dim=2)]
        given = [name for name in _INPUTS if name in steps[0]]
        inputs = torch.cat([torch.stack([s[n] for s in steps], dim=2).flatten(3) for n in given], dim=-1)
        held = inputs.flatten(0, 1).double().repeat_interleave(self._world.frame_skip, dim=1)
        spec = sum(_INPUTS[name] for name in given)
        self._batch.rollout(held.shape[1], held.numpy(), control_spec=spec, record=())

    def render(self, width: int, height: int, task: int = 0, episode: int = 0) -> np.ndarray:
        camera = Camera(self._world.camera, self._world.lookat_body)
        return render(*self.world(task, episode), camera, width, height)

    def world(self, task: int = 0, episode: int = 0) -> tuple[mujoco.MjModel, mujoco.MjData]:
        """The model of a world, as it looks, and a copy of its state. Derived fields need not be those of the state."""
        row = next(iter(self._tasks[task : task + 1]))
        return self._build.drawn(row), self._batch.get_data(task * self._shape[1] + episode)

    def push(self, forces: np.ndarray) -> None:
        """Applies forces and torques to the bodies of every world until other ones replace them, or a reset.

        Args:
            forces: Forces (N) and torques (N m) at the centres of mass in the world's frame, ``[body, 6]``.
        """
        self._bound("xfrc_applied").copy_(torch.from_numpy(forces))

    def switch_constraints(self) -> None:
        """Switches equality constraints, such as locks of joints, on or off as the tasks have them at a reset."""
        if self._build.nominal.neq:
            active = np.stack([model.eq_active0 for model in self._models]).astype(np.float64)
            self._bound("eq_active").copy_(torch.from_numpy(active).unsqueeze(1))

    def _faults(self, inputs: State, active: Tensor | None) -> Tensor | None:
        """Worlds in which ``drive`` or ``control`` returned numbers that are not finite; None if there are none."""
        function = "control" if self._world.drive is None else "drive"
        if self._world.drive is None and self._world.control is None:
            return None
        faults = [find_faults(self._family, {function: value}, self._tasks, active) for value in inputs.values()]
        found = [worlds for named in faults for worlds in named.values()]
        return torch.stack(found).any(dim=0) if found else None

    def _bound(self, name: str) -> Tensor:
        """Returns a live view of an ``MjData`` field, ``[task, episode, ...]``."""
        if name not in self._views:
            if name not in DATA_FIELDS:
                raise UserError(f"'{name}' of MjData is not an array of a fixed size, such as sensordata or cfrc_ext")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # derived fields are read-only, torch tensors are not
                array = torch.from_numpy(self._batch.bind(name))
            self._views[name] = array.view(*self._shape, *array.shape[1:])
        return self._views[name]
