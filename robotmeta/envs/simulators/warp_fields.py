"""Which numbers of a model may differ from task to task in MuJoCo Warp, and which differ in a family's models."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Sequence

import mujoco
import mujoco_warp
import numpy as np

from robotmeta.errors import UserError

HEIGHTFIELDS = ("hfield_data", "hfield_size")
"""Fields that each task has in a pool, in which ``geom_dataid`` selects."""
POOL = ("hfield_adr", "hfield_nrow", "hfield_ncol", *HEIGHTFIELDS)

# Where the nominal model has only zeros there, Warp leaves out the computation.
SWITCHES = {
    "opt.density": "has_fluid",
    "opt.viscosity": "has_fluid",
    "opt.wind": "has_fluid",
    "tendon_stiffness": "has_tendon_stiffness",
    "tendon_stiffnesspoly": "has_tendon_stiffness",
    "tendon_damping": "has_tendon_damping",
    "tendon_dampingpoly": "has_tendon_damping",
}

_OF_DATA = ("eq_active0",)  # part of the state of each world in Warp
_KEYFRAMES = "key_"  # read from each task's own model
_APPEARANCE = ("light_", "mat_", "tex_", "skin_", "geom_rgba", "geom_matid", "site_matid", "site_rgba", "tendon_rgba")
# Shortcuts and names of MuJoCo on the CPU. Warp does not read them, except `body_simple` and `dof_length` for flexes
# and sleeping bodies, and `geom_group` for rays.
_UNUSED = ("bvh_", "name", "paths", "dof_M0", "dof_length", "dof_simplenum", "body_simple", "body_bvh", "B_")
_UNUSED_ENDS = ("_sameframe", "_user", "_group", "_length0", "_pathadr")
_FOLDED = ("actuator_damping", "actuator_dampingpoly")  # Warp adds them to those of the joints
_MISSING = ("actuator_armature",)  # Warp does not compute its effect


def _per_world(kind: type) -> frozenset[str]:
    """Names of the arrays of a Warp class that may have a row for each world."""
    shapes = {field.name: getattr(field.type, "shape", None) or () for field in dataclasses.fields(kind)}
    return frozenset(name for name, shape in shapes.items() if shape and shape[0] == "*")


@functools.cache
def per_world() -> frozenset[str]:
    """Returns the fields of ``MjModel`` that may have a row for each world; options as ``"opt.gravity"``."""
    options = {f"opt.{name}" for name in _per_world(mujoco_warp.Option) - {"tolerance"}}
    return frozenset(_per_world(mujoco_warp.Model) | options)


def value(model: mujoco.MjModel, name: str) -> np.ndarray:
    """Returns a field of a model by its name in :func:`per_world`."""
    return np.asarray(getattr(model.opt, name[4:]) if name.startswith("opt.") else getattr(model, name))


@functools.cache
def _option_names() -> list[str]:
    option = mujoco.MjModel.from_xml_string("<mujoco/>").opt
    return [f"opt.{n}" for n in dir(option) if not n.startswith("_") and not callable(getattr(option, n))]


def _compared(nominal: mujoco.MjModel) -> list[str]:
    """Names of the fields whose values matter to physics in Warp."""
    arrays = [n for n in mujoco.MjModel._all_fields if isinstance(getattr(nominal, n, None), np.ndarray)]
    left_out = (*_OF_DATA, _KEYFRAMES, *_APPEARANCE, *_UNUSED)
    kept = [n for n in arrays if not n.startswith(left_out) and not n.endswith(_UNUSED_ENDS)]
    return [n for n in kept if value(nominal, n).size] + _option_names()


class ModelFields:
    """Finds the fields in which models differ from a nominal one.

    Args:
        nominal: The nominal model.

    Raises:
        UserError: If it has something that Warp ignores.
    """

    def __init__(self, nominal: mujoco.MjModel) -> None:
        for name in _MISSING:
            if value(nominal, name).any():
                raise UserError(f"MuJoCo Warp ignores {name}, which the model sets")
        self._nominal = {name: value(nominal, name).copy() for name in _compared(nominal)}
        self._folds = bool(nominal.actuator_damping.any() or nominal.actuator_dampingpoly.any())

    def differing(self, models: Iterable[mujoco.MjModel]) -> set[str]:
        """Returns the fields in which any of the models differs from the nominal one.

        Raises:
            UserError: For a field that cannot differ from task to task there.
        """
        found: set[str] = set()
        for model in {id(model): model for model in models}.values():
            for name, nominal in self._nominal.items():
                if name not in found and not np.array_equal(value(model, name), nominal):
                    found.add(name)
        wrong = sorted(found - per_world() - set(HEIGHTFIELDS))
        if wrong:
            raise UserError(f"in MuJoCo Warp, all tasks must have the same {_listed(wrong)}")
        if self._folds and found & {"dof_damping", "tendon_damping", "actuator_gear"}:
            raise UserError(f"in MuJoCo Warp, damping and gear cannot differ where a model sets {_FOLDED[0]}")
        return found


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
