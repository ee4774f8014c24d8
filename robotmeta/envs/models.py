"""From a task row to an ``MjModel``: structure is compiled and cached, fields are written on a copy."""

from __future__ import annotations

import contextlib
import copy
import functools
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter

import mujoco
import numpy as np

from robotmeta.envs.edits import Field, Mass, Row, SpecEdit, WrittenEdit, order
from robotmeta.envs.parameters import Parameter, ParameterSpace
from robotmeta.envs.tasks import Tasks
from robotmeta.errors import UserError, reason, unknown

Write = tuple[Parameter, WrittenEdit]
Replacement = tuple[Parameter, Field | Mass]

_CACHED_STRUCTURES = 256
_CACHED_PICTURES = 4


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

    Models have no textures, which no physics reads and which take most of the time of a compilation; see :meth:`drawn`.

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
        self._last: dict[tuple[float, ...], mujoco.MjModel] = {}
        self._nominal = tuple(p.nominal for p in self._structural)
        self._pictures: dict[tuple[float, ...], mujoco.MjModel] = {}
        self._scratch: dict[tuple[int, ...], mujoco.MjData] = {}
        base = _compile(self._spec.copy(), self._structural, self._nominal)
        # The nominal values of parameters written by hand may differ from those of the file.
        replaced = self._written(base, self._replacing(), {p.name: p.nominal for p in space})
        same = all(np.array_equal(_entries(base, e), _entries(replaced, e)) for _, e in self._replacing())
        self.nominal = base if same else replaced

    def __call__(self, tasks: Tasks) -> list[mujoco.MjModel]:
        """Returns one model per task, in order. Tasks with the same model share one object."""
        models: dict[tuple[float, ...], mujoco.MjModel] = {}
        for row in tasks:
            key = tuple(row.values())
            if key not in models:
                models[key] = self._last.get(key) or self._model(row)
        self._last = models  # most tasks of staggered trials are those of the call before
        return [models[tuple(row.values())] for row in tasks]

    def drawn(self, row: Row) -> mujoco.MjModel:
        """Returns the model of a task with its textures, for pictures. The same object as the last few times."""
        key = tuple(row.values())
        if key not in self._pictures:
            values = tuple(row[p.name] for p in self._structural)
            self._pictures[key] = self._model(row, _compile(self._spec.copy(), self._structural, values))
        while len(self._pictures) > _CACHED_PICTURES:
            self._pictures.pop(next(iter(self._pictures)))
        return self._pictures[key]

    def _model(self, row: Row, structure: mujoco.MjModel | None = None) -> mujoco.MjModel:
        values = tuple(row[p.name] for p in self._structural)
        base = self._structure(values) if structure is None else structure
        writes: Sequence[Write] = self._writes
        if all(row[p.name] == p.nominal for p, _ in writes):
            if values == self._nominal:
                return self.nominal
            writes = self._replacing()
        return self._written(base, writes, row)

    def _replacing(self) -> list[Replacement]:
        """The writes that give a value of their own, whatever an edit of structure made of it."""
        return [(p, e) for p, e in self._writes if isinstance(e, Field | Mass) and e.mode == "set"]

    def _structure(self, values: tuple[float, ...]) -> mujoco.MjModel:
        model = self._compiled.get(values)
        if model is None:
            if len(self._compiled) >= _CACHED_STRUCTURES:
                self._compiled.pop(next(iter(self._compiled)))
            model = self._compiled[values] = _compile(self._spec.copy(), self._structural, values, textures=False)
        return model

    def _written(self, base: mujoco.MjModel, writes: Sequence[Write], row: Row) -> mujoco.MjModel:
        """Returns a copy of a model in which values are written, or the model itself if there are none."""
        if not writes:
            return base
        model = copy.copy(base)
        for parameter, edit in writes:
            edit.apply(model, row[parameter.name], row)
        if any(_has_consequences(edit) for _, edit in writes):
            mujoco.mj_setConst(model, self._data(model))
            model.stat.meaninertia = model.dof_M0.mean()  # scales the solver's tolerance; mj_setConst does not set it
        return model

    def _data(self, model: mujoco.MjModel) -> mujoco.MjData:
        """Memory for a computation. Models of the same sizes share it: to allocate it takes longest."""
        sizes = _sizes()(model)
        if sizes not in self._scratch:
            self._scratch = {sizes: mujoco.MjData(model)}
        data = self._scratch[sizes]
        mujoco.mj_resetData(model, data)
        return data


@functools.cache
def _sizes() -> Callable[[mujoco.MjModel], tuple[int, ...]]:
    """Returns the numbers of a model that say how large its arrays are."""
    model = mujoco.MjSpec().compile()
    return attrgetter(*(name for name in dir(model) if name.startswith("n") and isinstance(getattr(model, name), int)))


def _entries(model: mujoco.MjModel, edit: Field | Mass) -> np.ndarray:
    return model.body_mass if isinstance(edit, Mass) else attrgetter(edit.name)(model)


def _has_consequences(edit: WrittenEdit) -> bool:
    """Whether constants depend on what it writes, such as on masses and lengths, and must be computed again."""
    return not isinstance(edit, Field) or edit.name in mujoco.MjModel._setconst_inputs


def _compile(
    spec: mujoco.MjSpec, parameters: list[Parameter], values: tuple[float, ...], *, textures: bool = True
) -> mujoco.MjModel:
    for parameter, value in zip(parameters, values, strict=True):
        for edit in parameter.edits:
            if isinstance(edit, SpecEdit):
                try:
                    edit.apply(spec, value)
                except UserError:
                    raise
                except Exception as error:  # the user's function may raise anything
                    raise UserError(f"the edit of {parameter.name}={value:g} raises {reason(error)}") from error
    if not textures:
        _without_textures(spec)
    try:
        return spec.compile()
    except ValueError as error:
        chosen = ", ".join(f"{p.name}={v:g}" for p, v in zip(parameters, values, strict=True)) or "its nominal values"
        raise UserError(f"the model does not compile with {chosen}: {in_one_line(error)}") from None


def _without_textures(spec: mujoco.MjSpec) -> None:
    for material in spec.materials:
        for layer in range(len(material.textures)):
            material.textures[layer] = ""
    for texture in list(spec.textures):
        spec.delete(texture)


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


def keyframe_id(model: mujoco.MjModel, name: str | None) -> int:
    """Returns the number of a keyframe; -1 for None, which stands for the initial pose in MuJoCo's functions too.

    Raises:
        UserError: For a keyframe that does not exist.
    """
    existing = [model.key(number).name for number in range(model.nkey)]
    if name is None:
        return -1
    if not isinstance(name, str) or name not in existing:
        raise unknown("keyframe", str(name), filter(None, existing))
    return existing.index(name)


def worlds_of(models: list[mujoco.MjModel], episodes: int) -> list[mujoco.MjModel]:
    """Repeats each task's model for its episodes. Worlds are numbered task by task."""
    return [model for model in models for _ in range(episodes)]


def initial_positions(models: list[mujoco.MjModel]) -> np.ndarray:
    """Returns the initial ``qpos`` of each model, ``[task, nq]``."""
    return np.stack([model.qpos0 for model in models])
