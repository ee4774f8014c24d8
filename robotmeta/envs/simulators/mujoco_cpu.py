"""Physics by MuJoCo on CPU threads: one model a task, one world an episode, all stepped in one call."""

from __future__ import annotations

import warnings

import mujoco
import numpy as np
import torch
from mujoco.batch import Batch, SimulationError
from torch import Tensor

from robotmeta.envs.family import MujocoWorld, State, TaskFamily
from robotmeta.envs.models import ModelBuilder, initial_positions, quiet_mujoco, worlds_of
from robotmeta.envs.parameters import Tasks
from robotmeta.envs.rendering import Camera, render
from robotmeta.envs.simulators import available_cores

# On these warnings MuJoCo puts the world back to its initial state and goes on: a jump, not physics.
_DIVERGED = slice(int(mujoco.mjtWarning.mjWARN_BADQPOS), int(mujoco.mjtWarning.mjWARN_BADQACC) + 1)


class MujocoSimulator:
    """Worlds on the threads of ``mujoco.batch.Batch``; bit-identical at any number of threads.

    Args:
        family: A family whose world is a :class:`MujocoWorld`.
        num_tasks: Tasks, each with a model of its own.
        num_episodes: Worlds a task.
        threads: Physics threads; None for the cores this process may use.
    """

    def __init__(self, family: TaskFamily, num_tasks: int, num_episodes: int, *, threads: int | None = None) -> None:
        assert isinstance(family.world, MujocoWorld)
        self.device = torch.device("cpu")
        self._world = family.world
        self._shape = (num_tasks, num_episodes)
        self._build = ModelBuilder(family.world.spec, family.space)
        self._models = [self._build.nominal] * num_tasks
        worlds = num_tasks * num_episodes
        # qpos and qvel are state: worlds then share a thread's scratch memory, which stays in its cache. A family that
        # reads derived fields needs them kept for each world, and current after a step (the stage adds no cost then).
        derived = bool(family.world.fields)
        self._stage = mujoco.mjtStage.mjSTAGE_VEL if derived else mujoco.mjtStage.mjSTAGE_NONE
        self._batch = Batch(
            self._build.nominal, worlds, nthread=min(threads or available_cores(), worlds), persistent=derived
        )
        self._fields: dict[str, Tensor] = {}
        for name in ("qpos", "qvel", *family.world.fields):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # torch has no read-only tensors, as derived fields are
                array = torch.from_numpy(self._batch.bind(name))
            self._fields[name] = array.view(*self._shape, *array.shape[1:])
        self._control = torch.from_numpy(self._batch.bind("ctrl")).view(*self._shape, -1)

    def load(self, tasks: Tasks) -> None:
        self._models = self._build(tasks)
        if all(model is self._build.nominal for model in self._models):
            self._batch.set_models(None)  # goals only: nothing to swap
        else:
            self._batch.set_models(worlds_of(self._models, self._shape[1]))

    @property
    def nominal(self) -> State:
        qpos = torch.from_numpy(initial_positions(self._models)).unsqueeze(1)
        return {"qpos": qpos, "qvel": torch.zeros(self._shape[0], 1, self._build.nominal.nv, dtype=torch.float64)}

    @property
    def state(self) -> State:
        return self._fields

    def reset(self, state: State) -> None:
        self._batch.reset(stage=mujoco.mjtStage.mjSTAGE_NONE)
        for name, value in state.items():
            self._fields[name].copy_(value)
        if self._stage != mujoco.mjtStage.mjSTAGE_NONE:
            self._batch.forward(stage=self._stage)

    def step(self, action: Tensor, active: Tensor | None) -> Tensor | None:
        self._control.copy_(action if self._world.control is None else self._world.control(action))
        ids = None if active is None else np.flatnonzero(active.numpy())
        try:
            with quiet_mujoco():
                self._batch.step(ids, nstep=self._world.frame_skip, stage=self._stage)
            raised = np.empty(0, dtype=int)
        except SimulationError as error:  # those worlds kept their last state; the others went on
            raised = error.ids
        failed = self._batch.warning[:, _DIVERGED, 1].any(axis=1)
        failed[raised] = True
        return torch.from_numpy(failed).view(self._shape) if failed.any() else None

    def open_loop(self, controls: Tensor) -> None:
        """Advances all worlds over a whole sequence of controls in one C call: the bound on any collection.

        Args:
            controls: ``[task, episode, time, action]``, each held for a control step.
        """
        controls = controls if self._world.control is None else self._world.control(controls)
        held = controls.flatten(0, 1).double().repeat_interleave(self._world.frame_skip, dim=1)
        control = int(mujoco.mjtState.mjSTATE_CTRL)
        self._batch.rollout(held.shape[1], held.numpy(), control_spec=control, record=())

    def render(self, width: int, height: int, task: int = 0, episode: int = 0) -> np.ndarray:
        world = task * self._shape[1] + episode
        camera = Camera(self._world.camera, self._world.lookat_body)
        return render(self._models[task], self._batch.get_data(world), camera, width, height)
