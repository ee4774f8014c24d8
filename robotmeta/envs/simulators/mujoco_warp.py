"""Physics by MuJoCo Warp, on a GPU: one model of all tasks, and all worlds stepped by the same kernels.

Numbers are float32. Without a GPU, the kernels run on the CPU, which is slow and shows that they are right.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mujoco
import mujoco_warp
import numpy as np
import torch
from torch import Tensor

from robotmeta.envs.devices import reads_at_once
from robotmeta.envs.family import MujocoWorld, State, TaskFamily
from robotmeta.envs.faults import FaultLog
from robotmeta.envs.models import ModelBuilder, in_one_line, initial_positions, keyframe_id
from robotmeta.envs.rendering import Camera, render
from robotmeta.envs.simulators.warp_data import STATE, WarpData
from robotmeta.envs.simulators.warp_launch import Launcher
from robotmeta.envs.simulators.warp_models import WarpModels
from robotmeta.envs.simulators.warp_sizes import Room
from robotmeta.envs.state_space import StateSpace
from robotmeta.envs.tasks import Tasks
from robotmeta.errors import UserError

_MORE_STATE = ("act", "ctrl", "mocap_pos", "mocap_quat")  # that a family's reset may set beside its fields
_FORCES = ("cacc", "cfrc_int", "cfrc_ext")
_CPU = torch.device("cpu")
_RK4 = int(mujoco.mjtIntegrator.mjINT_RK4)


class WarpSimulator:
    """Worlds on the GPU of torch if there is one, else on the CPU.

    Worlds that are not active are stepped with the others and then put back. Worlds that diverge go on from their
    initial state.

    Args:
        family: A family whose world is a :class:`MujocoWorld`.
        num_tasks: Tasks, each with a model of its own.
        num_episodes: Worlds of each task.
        threads: Not used.

    Raises:
        UserError: For a model that MuJoCo Warp does not support, or more worlds than fit into memory.
    """

    def __init__(self, family: TaskFamily, num_tasks: int, num_episodes: int, *, threads: int | None = None) -> None:
        assert isinstance(family.world, MujocoWorld)
        self.device = torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else _CPU
        self._family, self._world = family, family.world
        self._shape = (num_tasks, num_episodes)
        self._build = ModelBuilder(family.world.spec, family.space)
        nominal = self._build.nominal
        self._room = Room.of(nominal)
        self._launcher = Launcher(self.device)
        with self._launcher.scope():
            self._batch = WarpModels(nominal, num_tasks, num_episodes)
            self._worlds = _allocated(nominal, num_tasks * num_episodes, self._room)
        self._data = WarpData(self._worlds, nominal, self._shape)
        self._keyframe = keyframe_id(nominal, family.world.keyframe)
        names = ("qpos", "qvel", *family.world.fields)
        self._fields = {name: self._data[name] for name in names}
        self._put_back = tuple(dict.fromkeys([*STATE, *names]))
        derived = not set(names) <= set(STATE)
        self._current = derived and not family.world.lagging
        # Then the stages of position and velocity are computed after a substep instead of before it.
        self._ahead = self._current and nominal.opt.integrator != _RK4
        self._batch.model.opt.run_rne_postconstraint = bool(set(_FORCES) & set(names))
        self._derived = derived
        self._overflow = torch.zeros(self._shape, dtype=torch.int32, device=self.device)
        self._faults = FaultLog(family, self.device)
        self.load(family.space.nominal(num_tasks))

    def load(self, tasks: Tasks) -> None:
        self._tasks, self._columns = tasks, tasks.columns(self.device)
        self._models = self._build(tasks)
        forces = self._batch.model.opt.run_rne_postconstraint
        with self._launcher.scope():
            if self._batch.load(self._models):
                self._batch.model.opt.run_rne_postconstraint = forces
                self._launcher.forget()
        self._data.load(self._models, self._keyframe)

    def refresh(self) -> None:
        if self._derived:
            with self._launcher.scope():
                mujoco_warp.forward(self._batch.model, self._worlds)

    @property
    def nominal(self) -> State:
        qpos = torch.from_numpy(initial_positions(self._models)).unsqueeze(1)
        state = {"qpos": qpos, "qvel": torch.zeros(self._shape[0], 1, self._build.nominal.nv)}
        if self._keyframe >= 0:
            # The pose is relative to that of the task, because a robot with longer legs starts higher.
            shift = qpos - torch.from_numpy(self._build.nominal.qpos0)
            poses, speeds = ([getattr(m, f)[self._keyframe] for m in self._models] for f in ("key_qpos", "key_qvel"))
            state = {
                "qpos": torch.from_numpy(np.stack(poses)).unsqueeze(1) + shift,
                "qvel": torch.from_numpy(np.stack(speeds)).unsqueeze(1),
            }
        return {name: value.to(self.device, torch.float32) for name, value in state.items()}

    @property
    def state(self) -> State:
        return self._fields

    def reset(self, state: State) -> None:
        self.end_episode()
        self._data.reset()
        for name, value in state.items():
            (self._data[name] if name in _MORE_STATE else self._fields[name]).copy_(value)
        self.refresh()

    def step(self, action: Tensor, active: Tensor | None) -> Tensor | None:
        inputs = self._world.inputs(self._fields, action, self._columns)
        faults = self._unsound(inputs, active)
        before = None if active is None else {name: self._data[name].clone() for name in self._put_back}
        for name, value in inputs.items():
            self._data[name].copy_(value.nan_to_num(0.0, 0.0, 0.0))
        self._launcher.run("advance", self._advance)
        diverged = self._data.diverged()
        if not reads_at_once(self.device) or bool(diverged.any()):
            self._data.restart(diverged)
        if self._current:
            self._launcher.run("refresh", self._refresh)
        overflow = self._data.overflow
        self._overflow |= overflow if active is None else overflow * active
        overflow.zero_()
        if active is not None and before is not None:
            self._data.put_back(before, ~active)
            diverged = diverged & active
        diverged = diverged if faults is None else diverged | faults
        return None if reads_at_once(self.device) and not bool(diverged.any()) else diverged

    def end_episode(self) -> None:
        self._faults.report(self._tasks)
        overflow = self._overflow.cpu().numpy().copy()
        self._overflow.zero_()
        self._room.check(overflow)

    def snapshot(self) -> Mapping[str, Any]:
        fields = {name: value.clone() for name, value in self._fields.items()}
        return {"physics": self._data.state, "fields": fields}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        self._data.set_state(snapshot["physics"])
        self.refresh()
        for name, value in snapshot["fields"].items():  # some derived fields are those of the substep before
            self._fields[name].copy_(value)

    @property
    def coordinates(self) -> State:
        names = ("qpos", "qvel", "act") if self._build.nominal.na else ("qpos", "qvel")
        return {name: self._data[name] for name in names}

    @property
    def full_state(self) -> Tensor:
        return self._data.state

    def set_full_state(self, full_state: Tensor, coordinates: State | None = None) -> None:
        self._data.set_state(full_state)
        for name, value in (coordinates or {}).items():
            self._data[name].copy_(value)
        self.refresh()

    @property
    def state_space(self) -> StateSpace:
        return StateSpace.of_model(self._build.nominal)

    def render(self, width: int, height: int, task: int = 0, episode: int = 0) -> np.ndarray:
        model = self._build.drawn(next(iter(self._tasks[task : task + 1])))
        data = mujoco.MjData(model)
        for name in ("qpos", "qvel", *_MORE_STATE):
            getattr(data, name)[:] = self._data[name][task, episode].cpu().numpy()
        mujoco.mj_forward(model, data)
        return render(model, data, Camera(self._world.camera, self._world.lookat_body), width, height)

    # -- kernels -------------------------------------------------------------------------------------------------------

    def _advance(self) -> None:
        """Advances all worlds by one control step."""
        model, data = self._batch.model, self._worlds
        for substep in range(self._world.frame_skip):
            if not self._ahead:
                mujoco_warp.step(model, data)
                continue
            if substep > 0 or self._world.drive is not None:  # which may have changed positions
                self._refresh()
            data.sensordata.zero_()  # forces are summed up there
            mujoco_warp.step2(model, data)

    def _refresh(self) -> None:
        """Brings what follows from positions and velocities up to date. Forces stay those of the last substep."""
        model, data = self._batch.model, self._worlds
        mujoco_warp.fwd_position(model, data)
        mujoco_warp.sensor_pos(model, data)
        mujoco_warp.fwd_velocity(model, data)
        mujoco_warp.sensor_vel(model, data)

    # -- inputs --------------------------------------------------------------------------------------------------------

    def _unsound(self, inputs: State, active: Tensor | None) -> Tensor | None:
        """Worlds in which ``drive`` or ``control`` returned numbers that are not finite; None if there are none."""
        function = "control" if self._world.drive is None else "drive"
        if self._world.drive is None and self._world.control is None:
            return None
        found = [self._faults.find({function: value}, self._tasks, active) for value in inputs.values()]
        masks = [worlds for named in found for worlds in named.values()]
        return torch.stack(masks).any(dim=0) if masks else None


def _allocated(nominal: mujoco.MjModel, worlds: int, room: Room) -> Any:
    try:
        return mujoco_warp.make_data(nominal, worlds, nconmax=room.contacts, njmax=room.constraints)
    except RuntimeError as error:  # of the allocation
        raise UserError(f"{worlds} worlds do not fit into the memory of the GPU: {in_one_line(error)}") from None
