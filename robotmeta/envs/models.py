"""From a task row to an ``MjModel``: structure is compiled and cached, fields are written on a copy."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator

import mujoco
import numpy as np

from robotmeta.envs.edits import Edit, Field, Mass, SpecEdit, order
from robotmeta.envs.parameters import Parameter, ParameterSpace
from robotmeta.envs.tasks import Tasks
from robotmeta.errors import UserError

_CACHED_STRUCTURES = 256


@contextlib.contextmanager
def quiet_mujoco() -> Iterator[None]:
    """Keeps MuJoCo's warnings off stderr and out of MUJOCO_LOG.TXT, if the caller handles their causes."""
    previous = mujoco.get_mju_user_warning()
    mujoco.set_mju_user_warning(_ignore)
    try:
        yield
    finally:
        mujoco.set_mju_user_warning(previous)


def _ignore(message: str) -> None:
    pass


class ModelBuilder:
    """Builds one model per task. Tasks that differ in goals alone share one model.

    Args:
        spec: Builds the nominal ``MjSpec``.
        space: The family's parameters.
    """

    def __init__(self, spec: Callable[[], mujoco.MjSpec], space: ParameterSpace) -> None:
        self._spec = spec()
        self._structural = [p for p in space if any(isinstance(e, SpecEdit) for e in p.edits)]
        writes = [(p, e) for p in space for e in p.edits if not isinstance(e, SpecEdit)]
        self._writes = sorted(writes, key=lambda write: order(write[1]))
        self._compiled: dict[tuple[float, ...], mujoco.MjModel] = {}
        self._nominal = tuple(p.nominal for p in self._structural)
        self.nominal = self._structure(self._nominal)

    def __call__(self, tasks: Tasks) -> list[mujoco.MjModel]:
        """Returns one model per task, in order. Tasks with the same model share one object."""
        return [self._model(row) for row in tasks]

    def _model(self, row: dict[str, float]) -> mujoco.MjModel:
        values = tuple(row[p.name] for p in self._structural)
        base = self._structure(values)
        writes = self._writes
        if all(row[p.name] == p.nominal for p, _ in writes):
            writes = [] if values == self._nominal else [(p, e) for p, e in writes if _replaces(e)]
        if not writes:
            return base
        model = copy.copy(base)
        for parameter, edit in writes:
            edit.apply(model, row[parameter.name], row)
        if any(_has_consequences(edit) for _, edit in writes):
            mujoco.mj_setConst(model, mujoco.MjData(model))
            model.stat.meaninertia = model.dof_M0.mean()  # scales the solver's tolerance; mj_setConst does not set it
        return model

    def _structure(self, values: tuple[float, ...]) -> mujoco.MjModel:
        model = self._compiled.get(values)
        if model is None:
            if len(self._compiled) >= _CACHED_STRUCTURES:
                self._compiled.pop(next(iter(self._compiled)))
            model = self._compiled[values] = _compile(self._spec.copy(), self._structural, values)
        return model


def _replaces(edit: Edit) -> bool:
    """Whether an edit gives a value of its own, whatever an edit of structure made of it."""
    return isinstance(edit, Field | Mass) and edit.mode == "set"


def _has_consequences(edit: Edit) -> bool:
    """Whether constants depend on what it writes, such as on masses and lengths, and must be computed again."""
    return not isinstance(edit, Field) or edit.name in mujoco.MjModel._setconst_inputs


def _compile(spec: mujoco.MjSpec, parameters: list[Parameter], values: tuple[float, ...]) -> mujoco.MjModel:
    for parameter, value in zip(parameters, values, strict=True):
        for edit in parameter.edits:
            if isinstance(edit, SpecEdit):
                edit.apply(spec, value)
    try:
        return spec.compile()
    except ValueError as error:
        chosen = ", ".join(f"{p.name}={v:g}" for p, v in zip(parameters, values, strict=True)) or "its nominal values"
        raise UserError(f"the model does not compile with {chosen}: {in_one_line(error)}") from None


def in_one_line(error: Exception) -> str:
    """Returns the message of an error without line breaks."""
    return " ".join(str(error).split())


def weigh(spec: mujoco.MjSpec, mass: float) -> None:
    """Sets the total mass of a model, kg, through the density of its geoms, if its file has ``settotalmass``.

    The compiler would rescale to the total mass at every compile. Longer legs would then make the torso lighter.
    """
    spec.compiler.settotalmass = -1
    scale = mass / float(spec.copy().compile().body_mass.sum())
    for geom in spec.geoms:
        geom.density *= scale


def worlds_of(models: list[mujoco.MjModel], episodes: int) -> list[mujoco.MjModel]:
    """Repeats each task's model for its episodes. Worlds are numbered task by task."""
    return [model for model in models for _ in range(episodes)]


def initial_positions(models: list[mujoco.MjModel]) -> np.ndarray:
    """Returns the initial ``qpos`` of each model, ``[task, nq]``."""
    return np.stack([model.qpos0 for model in models])
