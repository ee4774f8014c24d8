"""Reads a user's model: a file, its text, an ``MjSpec`` or a function, with all objects named."""

from __future__ import annotations

import contextlib
import functools
import itertools
import reprlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import mujoco

from robotmeta.envs.models import in_one_line, quiet_mujoco
from robotmeta.envs.own_robot.actuators import Drive, add_actuators
from robotmeta.errors import UserError, reason

Model = str | Path | mujoco.MjSpec | Callable[[], mujoco.MjSpec]

_TEXT = (".xml", ".urdf")  # files that MuJoCo reads as text
_ARCHIVES = (".mjz", ".zip")
_MARK = "\ufeff"  # byte-order mark, with which some editors begin a file


def loader(model: Model, drives: Mapping[str, Drive] | None = None) -> tuple[Callable[[], mujoco.MjSpec], str]:
    """Returns a function that loads the model with all objects named, and the name of the model in errors.

    Unnamed objects are named after their body, and actuators after what they drive, so that all can be varied. The
    model is read once, so that a family stays what it was if the model changes later.

    Args:
        model: The model.
        drives: Actuators to add; see :func:`robotmeta.envs.own_robot.actuators.add_actuators`.

    Raises:
        UserError: For a model of the wrong type, or a file that does not exist or is of another kind. The function
            raises it for a model that does not load.
    """
    if isinstance(model, mujoco.MjSpec):
        given = cast(Any, model)  # for the type checker, it might be a function
        build, robot = given.copy, given.modelname or "robot"
    elif callable(model):
        build, robot = model, getattr(model, "__name__", "robot")
    elif isinstance(model, str) and model.lstrip(_MARK + " \t\r\n").startswith("<"):
        text = model.lstrip(_MARK + " \t\r\n")
        build, robot = lambda: mujoco.MjSpec.from_string(text), "the model"
    elif isinstance(model, str | Path):
        file = _file(model)
        build, robot = lambda: mujoco.MjSpec.from_file(str(file)), file.name
    else:
        given = reprlib.repr(model)
        raise UserError(f"model must be an MJCF file, its text, an MjSpec or a function that makes one, not {given}")

    damping: dict[str, float] = {}

    @functools.cache
    def read() -> mujoco.MjSpec:
        with _refusing(robot, "load"):
            spec = build()
        if not isinstance(spec, mujoco.MjSpec):
            raise UserError(f"{robot} returns a {type(spec).__name__}, not an MjSpec")
        return spec.copy()  # the user may change the one that a function returned

    def load() -> mujoco.MjSpec:
        spec = read().copy()
        with _refusing(robot, "load"):
            _name_objects(spec)
        if drives is not None:
            with _refusing(robot, "compile"):
                add_actuators(spec, drives, robot, damping)
        for body in spec.bodies[1:]:
            body.simple = False  # the compiler's shortcut for bodies whose centre of mass never varies
        return spec

    return load, robot


def compiled(spec: mujoco.MjSpec, robot: str) -> mujoco.MjModel:
    """Compiles a model.

    Raises:
        UserError: If it does not compile.
    """
    with _refusing(robot, "compile"):
        return spec.compile()


@contextlib.contextmanager
def _refusing(robot: str, step: str) -> Iterator[None]:
    """Turns what MuJoCo or the user's function says into one line."""
    with quiet_mujoco(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "compiler attribute 'settotalmass'")  # it is switched off
        try:
            yield
        except UserError:
            raise
        except UnicodeDecodeError:
            raise UserError(f"{robot} has names that are not UTF-8: save it in this encoding") from None
        except ValueError as error:
            raise UserError(f"{robot} does not {step}: {in_one_line(error)}") from None
        except Exception as error:  # the user's function may raise anything
            raise UserError(f"{robot} does not {step}: {reason(error)}") from error


def _file(model: str | Path) -> Path:
    """Returns the path of a model's file, absolute, for calls from another working folder."""
    shown = str(model) if len(str(model)) <= 300 and str(model).isprintable() else "of this name"
    if not str(model).strip():
        raise UserError("model is empty: give an MJCF file, or its text, which starts with <mujoco>")
    try:
        file = Path(model).expanduser().absolute()
        if file.is_dir():
            raise UserError(f"{shown} is a folder, not an MJCF file")
        if not file.is_file():
            raise UserError(f"no file {shown} in {Path.cwd()}")
        start = file.read_bytes()
    except (OSError, RuntimeError) as error:  # a name that is too long, no permission, no home folder
        raise UserError(f"cannot read the file {shown}: {getattr(error, 'strerror', None) or error}") from None
    if file.suffix not in (*_TEXT, *_ARCHIVES):
        raise UserError(f"{file.name} is not an MJCF file by its name: such names end in .xml, those of URDF in .urdf")
    if file.suffix in _TEXT:
        try:
            start.decode()
        except UnicodeDecodeError:
            raise UserError(f"{file.name} is not UTF-8: save it in this encoding") from None
    return file


# -- names -------------------------------------------------------------------------------------------------------------


def _name_objects(spec: mujoco.MjSpec) -> None:
    _fill_names(spec.bodies, lambda body: "body")
    _fill_names(spec.geoms, lambda geom: geom.parent.name)
    _fill_names(spec.pairs, lambda pair: f"{pair.geomname1}_{pair.geomname2}")
    _fill_names(spec.joints, lambda joint: joint.parent.name)
    _fill_names(spec.tendons, lambda tendon: "tendon")
    _fill_names(spec.actuators, lambda actuator: actuator.target)
    _fill_names(spec.keys, lambda key: "key")


def _fill_names(objects: Sequence[Any], base: Callable[[Any], str]) -> None:
    taken = {item.name for item in objects}
    for item in objects:
        if not item.name:
            stem = base(item)
            numbered = (f"{stem}_{number}" for number in itertools.count(2))
            item.name = next(name for name in itertools.chain([stem], numbered) if name not in taken)
            taken.add(item.name)
