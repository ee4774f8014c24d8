"""One world to look at and to interfere with while a policy acts in it."""

from __future__ import annotations

from typing import NamedTuple

import mujoco
import numpy as np

from robotmeta.envs.family import MujocoWorld, TaskFamily
from robotmeta.envs.models import quiet_mujoco
from robotmeta.envs.rendering import Camera
from robotmeta.envs.scene.nodes import SceneNode, scene_nodes
from robotmeta.envs.scene.viewpoint import Viewpoint, viewpoint
from robotmeta.envs.simulators import cpu_simulator
from robotmeta.envs.simulators.mujoco_cpu import MujocoSimulator
from robotmeta.envs.task_batch import TaskBatchEnv
from robotmeta.envs.tasks import Tasks

_DEEPER = 0.02  # metres that a changed task may push bodies into one another
_LEVEL = 0.05  # smallest horizontal part of a direction


class Poses(NamedTuple):
    """Poses of all bodies in the world's frame, by their numbers."""

    positions: np.ndarray
    """m, ``[body, 3]``."""
    rotations: np.ndarray
    """Quaternions with w first, ``[body, 4]``."""
    centre: np.ndarray
    """The point that the view follows, m, ``[3]``."""


class LiveWorld:
    """One world of a family on the CPU. Its task may change at any time.

    Args:
        family: The family.
        task: Its first task, one row.
        oracle: Whether observations have the encoded task appended.

    Attributes:
        env: The world, as an environment with one task and one episode.
        solid: Whether it has bodies. A world in closed form has a picture alone.
        pushed: Whether :meth:`push` or :meth:`apply` is in effect.

    Raises:
        UserError: For a task that its family refuses.
    """

    def __init__(self, family: TaskFamily, task: Tasks, *, oracle: bool = False) -> None:
        self.env = TaskBatchEnv(family, 1, 1, simulator=cpu_simulator(family), threads=1, oracle=oracle)
        self.env.load(task)
        self.solid = isinstance(self.env.simulator, MujocoSimulator)
        self.pushed = False
        self._drawn: tuple[mujoco.MjModel | None, list[SceneNode]] = None, []

    @property
    def task(self) -> Tasks:
        """The task, one row."""
        return self.env.tasks

    def restart(self, task: Tasks) -> None:
        """Gives the world another task. It takes effect with the next reset.

        Raises:
            UserError: For a task that its family refuses. The world keeps the one that it has.
        """
        before = self.env.tasks
        try:
            self.env.load(task)
        except Exception:
            self.env.load(before)
            raise

    def change(self, task: Tasks) -> bool:
        """Gives the world another task at once, and keeps its state.

        Returns:
            Whether the state fits. It does not if bodies are inside one another now, as after a change of the ground.

        Raises:
            UserError: For a task that its family refuses. The world keeps the one that it has.
        """
        if not self.solid:
            self.restart(task)
            return True
        simulator, deepest = self._simulator(), self._deepest()
        state = simulator.full_state
        try:
            self.restart(task)
        finally:
            simulator.set_full_state(state)
        simulator.switch_constraints()
        return self._deepest() < deepest + _DEEPER

    def state(self) -> tuple[mujoco.MjModel, mujoco.MjData]:
        """Its model, and a copy of its state with all that follows from it.

        Raises:
            TypeError: If it is not solid.
        """
        model, data = self._simulator().world()
        with quiet_mujoco():
            mujoco.mj_kinematics(model, data)
            mujoco.mj_comPos(model, data)
            mujoco.mj_camlight(model, data)
        return model, data

    def nodes(self) -> list[SceneNode]:
        """Its visible parts; none if it is not solid. The same list as long as the task stays."""
        if self.solid:
            model, _ = self._simulator().world()
            if model is not self._drawn[0]:
                self._drawn = model, scene_nodes(model)
        return self._drawn[1]

    def viewpoint(self) -> Viewpoint:
        """From where it is seen, beginning at its present state."""
        world = self.env.family.world
        assert isinstance(world, MujocoWorld)
        return viewpoint(*self.state(), Camera(world.camera, world.lookat_body))

    def poses(self, view: Viewpoint) -> Poses:
        """Where its bodies are now."""
        _, data = self.state()
        return Poses(data.xpos.copy(), data.xquat.copy(), view.centre(data))

    def picture(self, width: int, height: int) -> np.ndarray:
        """Draws it, uint8 ``[height, width, 3]``."""
        return self.env.render(width, height)

    @property
    def weight(self) -> float:
        """Weight of all bodies that move, N."""
        model, _ = self._simulator().world()
        moving = model.body_weldid > 0
        return float(model.body_mass[moving].sum() * 9.81)

    # -- forces --------------------------------------------------------------------------------------------------------

    def push(self, body: int, direction: np.ndarray, newtons: float) -> bool:
        """Applies a horizontal force at the centre of mass of a body, until :meth:`release`.

        Args:
            body: Number of the body.
            direction: Direction in the world's frame, of which the horizontal part counts, ``[3]``.
            newtons: Size of the force.

        Returns:
            Whether the direction has a horizontal part. Otherwise nothing happens.
        """
        level = np.array([direction[0], direction[1], 0.0])
        length = float(np.linalg.norm(level))
        if length < _LEVEL * float(np.linalg.norm(direction)):
            return False
        forces = self._no_forces()
        forces[body, :3] = newtons * level / length
        self.apply(forces)
        return True

    def apply(self, forces: np.ndarray) -> None:
        """Applies forces (N) and torques (N m) to all bodies, ``[body, 6]``, until others replace them."""
        self._simulator().push(forces)
        self.pushed = True

    def release(self) -> None:
        """Ends all forces that were applied."""
        if self.pushed:
            self._simulator().push(self._no_forces())
        self.pushed = False

    def _no_forces(self) -> np.ndarray:
        return np.zeros((self._simulator().world()[0].nbody, 6))

    def _deepest(self) -> float:
        """How far bodies are inside one another, m."""
        model, data = self._simulator().world()
        with quiet_mujoco():
            mujoco.mj_fwdPosition(model, data)
        return max(-float(data.contact.dist.min()), 0.0) if data.ncon else 0.0

    def _simulator(self) -> MujocoSimulator:
        if not isinstance(self.env.simulator, MujocoSimulator):
            raise TypeError(f"family '{self.env.family.name}' has no bodies")
        return self.env.simulator
