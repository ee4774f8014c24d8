"""Room for contacts and constraints in MuJoCo Warp, which does not grow while it steps."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from mujoco_warp import OverflowType

from robotmeta.errors import UserError

_FIELD = int(mujoco.mjtGeom.mjGEOM_HFIELD)
_SPHERE, _CAPSULE = int(mujoco.mjtGeom.mjGEOM_SPHERE), int(mujoco.mjtGeom.mjGEOM_CAPSULE)
_BOX = int(mujoco.mjtGeom.mjGEOM_BOX)
_EQUALITY = 6  # rows of the largest equality constraint between bodies
_TOGETHER = (8, 4)  # contacts of a model at a time: so many, and so many more for each geom that can touch something

_CONTACTS = OverflowType.BROADPHASE | OverflowType.NARROWPHASE | OverflowType.CCD
_CONSTRAINTS = OverflowType.NEFC | OverflowType.NJMAX_NNZ


@dataclass(frozen=True)
class Room:
    """Room in each world.

    Attributes:
        contacts: Contacts, on average over all worlds.
        constraints: Rows of constraints, at most.
    """

    contacts: int
    constraints: int

    @staticmethod
    def of(model: mujoco.MjModel) -> Room:
        """Returns what a model asks for (``<size nconmax="..." njmax="..."/>``), or what it hardly ever needs more of.

        That is fewer contacts than all geoms could have at once.
        """
        pairs = _touching(model)
        geoms = {geom for one, other, _ in pairs for geom in (one, other)}
        together = _TOGETHER[0] + _TOGETHER[1] * len(geoms)
        contacts = min(together, sum(_most(model, one, other) for one, other, _ in pairs))
        rows = max((_rows(model, dimension) for _, _, dimension in pairs), default=0)
        limits = int(model.jnt_limited.sum() + model.tendon_limited.sum())
        others = _EQUALITY * model.neq + model.nv + model.ntendon + limits  # any joint may have friction in some task
        asked = (int(model.nconmax), int(model.njmax))
        return Room(
            asked[0] if asked[0] > 0 else max(contacts, 1),
            asked[1] if asked[1] > 0 else max(others + contacts * rows, 1),
        )

    def check(self, overflows: np.ndarray) -> None:
        """Refuses results of worlds that had too little room.

        Args:
            overflows: Bits of ``mujoco_warp.OverflowType`` of each world.

        Raises:
            UserError: If contacts or constraints were left out in any world.
        """
        bits = int(np.bitwise_or.reduce(overflows, axis=None))
        if bits & (_CONTACTS | _CONSTRAINTS):
            what = "contacts" if bits & _CONTACTS else "constraints"
            raise UserError(
                f"MuJoCo Warp had no room for all {what}, so that its results are wrong: raise the sizes in the model, "
                f'<size nconmax="{2 * self.contacts}" njmax="{2 * self.constraints}"/>; '
                f"now they are {self.contacts} and {self.constraints}"
            )


def _touching(model: mujoco.MjModel) -> list[tuple[int, int, int]]:
    """Returns the pairs of geoms that can touch, with the dimension of their contacts."""
    pairs = list(zip(model.pair_geom1.tolist(), model.pair_geom2.tolist(), model.pair_dim.tolist(), strict=True))
    types, affinities = model.geom_contype, model.geom_conaffinity
    welded = model.body_weldid[model.geom_bodyid]
    for one in range(model.ngeom):
        meets = ((types[one] & affinities) | (affinities[one] & types)) != 0
        others = np.flatnonzero(meets & (welded != welded[one]))
        dims = np.maximum(model.geom_condim[one], model.geom_condim)
        pairs += [(one, int(other), int(dims[other])) for other in others if other > one]
    return pairs


def _most(model: mujoco.MjModel, one: int, other: int) -> int:
    """Contacts that two geoms may have at once."""
    kinds = {int(model.geom_type[one]), int(model.geom_type[other])}
    if _FIELD in kinds:
        return 8
    if _SPHERE in kinds:
        return 1
    if _CAPSULE in kinds:
        return 2
    return 8 if kinds == {_BOX} else 4


def _rows(model: mujoco.MjModel, dimension: int) -> int:
    """Rows of constraints of a contact."""
    pyramid = model.opt.cone == int(mujoco.mjtCone.mjCONE_PYRAMIDAL)
    return 2 * (dimension - 1) if pyramid and dimension > 1 else dimension
