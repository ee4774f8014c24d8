"""A vendor's robot, as it was understood."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from robotmeta.envs.family import TaskFamily
from robotmeta.envs.listing import Listing
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
