"""The feet of a biped: how fast they slip, how high they are, and whether they touch. No policy observes that."""

from __future__ import annotations

import mujoco
from torch import Tensor

from robotmeta.envs.families.biped.model import LEGS
from robotmeta.envs.families.legged.feet import sense_load
from robotmeta.envs.families.legged.measurements import leg_length
from robotmeta.envs.family import Columns, State

_NUMBERS = 13  # of each foot: velocities of heel and toe, position of the ankle, number and force of its contacts


def add_sensors(spec: mujoco.MjSpec) -> None:
    """Adds the sensors of the feet, in the order of :data:`LEGS`; the model must have no others."""
    site, body, kinds = mujoco.mjtObj.mjOBJ_SITE, mujoco.mjtObj.mjOBJ_XBODY, mujoco.mjtSensor
    for leg in LEGS:
        for end in ("heel", "toe"):
            spec.add_sensor(
                name=f"{leg}_{end}_velocity", type=kinds.mjSENS_FRAMELINVEL, objtype=site, objname=f"{leg}_{end}"
            )
        spec.add_sensor(name=f"{leg}_ankle", type=kinds.mjSENS_FRAMEPOS, objtype=body, objname=f"{leg}_foot")
        sense_load(spec, f"{leg}_contact", f"{leg}_foot", "floor")


def _feet(state: State) -> Tensor:
    return state["sensordata"].unflatten(-1, (len(LEGS), _NUMBERS))


def load(state: State) -> Tensor:
    """Force of each foot on the ground along z, N ``[task, episode, leg]``."""
    return _feet(state)[..., 12].abs()


def touching(state: State) -> Tensor:
    """1 where a foot is on the ground, ``[task, episode, leg]``."""
    return _feet(state)[..., 9].clamp(max=1.0)


def lift(state: State, task: Columns) -> Tensor:
    """Height of a level foot's sole above the ground, in leg lengths, ``[task, episode, leg]``."""
    return (_feet(state)[..., 8] - task["ankle_height"].unsqueeze(-1)) / leg_length(task).unsqueeze(-1)


def slip(state: State, task: Columns) -> tuple[Tensor, Tensor]:
    """Speed of each foot along the ground, m/s, and whether it touches, both ``[task, episode, leg]``.

    A foot that rolls over heel or toe does not slip. Its speed is that of the slower one.
    """
    feet = _feet(state)
    heel, toe = feet[..., 0:2].norm(dim=-1), feet[..., 3:5].norm(dim=-1)
    return heel.minimum(toe), touching(state)
