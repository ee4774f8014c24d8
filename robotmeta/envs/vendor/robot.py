"""A vendor's robot, as it was understood."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import mujoco
import numpy as np

from robotmeta.envs.distributions import Uniform
from robotmeta.envs.family import MujocoWorld, TaskFamily
from robotmeta.envs.listing import Listing
from robotmeta.envs.parameters import Parameter, ParameterSpace
from robotmeta.envs.tasks import Tasks


@dataclass(frozen=True)
class VendorRobot:
    """A robot from a vendor's MJCF file, with the interface of a task family.

    Attributes:
        name: Name of the file.
        family: Its world: the vendor's model, with the observations, actions, rewards and control step of the family.
            Its parameters are the conditions, such as a payload, friction and the command.
        task: Its conditions, one task of that family.
        reads_as: Name of the family whose interface it has.
        row: The robot as a task of that family: columns and values.
        understood: What was understood of the model.
        notes: What was left out or assumed, one sentence each.
        draw: ``(width, height) -> picture``, uint8 ``[height, width, 3]``, of the standing robot with its axes.
    """

    name: str
    family: TaskFamily
    task: Tasks
    reads_as: str
    row: Mapping[str, float]
    understood: Sequence[Listing]
    notes: Sequence[str]
    draw: Callable[[int, int], np.ndarray]

    def under(self, **conditions: float | str) -> VendorRobot:
        """The robot under other conditions, such as ``robot.under(payload_mass=1.7)``; the others are nominal.

        Raises:
            UserError: For an unknown condition, or a value outside its physical range.
        """
        return replace(self, task=self.family.task(**conditions))

    def as_family(self, family: TaskFamily) -> TaskFamily:
        """The robot's world as a family with the parameters of another one, whose interface it has.

        The robot's own numbers are constants, because the model has them. Networks know the tasks as those of the other
        family.

        Args:
            family: The family that a policy was trained on.
        """
        world = self.family.world
        assert isinstance(world, MujocoWorld)
        own = {parameter.name: parameter for parameter in self.family.space}
        parameters = (own.get(p.name) or _constant(p, self.row.get(p.name, p.nominal)) for p in family.space)
        return replace(
            self.family,
            name=family.name,
            space=ParameterSpace(tuple(parameters)),
            world=replace(world, spec=partial(_without_visuals, world.spec)),
            encoded=family.inferred,
        )

    @staticmethod
    def tasks_of(family: TaskFamily, conditions: Tasks) -> Tasks:
        """Conditions of the robot as tasks of the family that :meth:`as_family` made."""
        tasks = np.tile(family.task().values, (len(conditions), 1))
        tasks[:, [family.space.names.index(name) for name in conditions.names]] = conditions.values
        return Tasks(family.space.names, tasks)

    def __str__(self) -> str:
        """The tables and notes as plain text."""
        return "\n\n".join([*map(str, self.understood), *(["\n".join(self.notes)] if self.notes else [])])

    def picture(self, file: str | Path, width: int = 960, height: int = 720) -> None:
        """Writes a picture of the standing robot, with the joints by our names and the forward direction.

        Raises:
            UserError: For a file that is no ``.png`` or cannot be written, or if no GL library works.
        """
        from robotmeta.envs.vendor.picture import write

        write(self.draw(width, height), Path(file))


def _constant(parameter: Parameter, value: float) -> Parameter:
    """The parameter without an effect on the model, with a value that is the same in all tasks."""
    return replace(parameter, train=Uniform(value, value), nominal=value, ood=None, edits=())


def _without_visuals(spec: Callable[[], mujoco.MjSpec]) -> mujoco.MjSpec:
    """The spec without meshes that nobody sees: each task has a copy of its model."""
    lean = spec()
    for geom in list(lean.geoms):
        mesh = geom.type == mujoco.mjtGeom.mjGEOM_MESH
        if mesh and not geom.contype and not geom.conaffinity and geom.parent.explicitinertial:
            lean.delete(geom)
    used = {geom.meshname for geom in lean.geoms}
    for mesh in [mesh for mesh in lean.meshes if mesh.name not in used]:
        lean.delete(mesh)
    return lean
