"""Modules, files and families outside this package, by name."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import importlib.util
import inspect
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from robotmeta.envs.family import TaskFamily
from robotmeta.envs.validation import check_family
from robotmeta.errors import RobotmetaWarning, UserError, reason, unknown


def imported(module: str, name: str) -> ModuleType:
    """Imports a module, given by its dotted name or as a file ending in ``.py``.

    Args:
        module: The module.
        name: The name that the user gave, for errors.

    Raises:
        UserError: If the module does not exist or its import fails.
    """
    # A console script does not search the working folder, where a user's own module usually is.
    _look_first_in(Path.cwd())
    try:
        with _torch_as_before(module):
            return _from_file(Path(module)) if module.endswith(".py") else importlib.import_module(module)
    except (Exception, SystemExit) as error:  # the user's code may raise anything, and a script may end itself
        raise UserError(f"cannot import module '{module}' of '{name}': {reason(error)}") from error


def _settings() -> dict[str, tuple[Callable[[], Any], Callable[[Any], object]]]:
    """Settings of torch for the whole process that policies depend on: how to read and how to set each."""
    import torch  # here, so that `robotmeta doctor` runs where it cannot be imported

    def set_device(device: torch.device) -> None:
        torch.set_default_device(None if device.type == "cpu" else device)  # any device slows every call of torch

    return {
        "default dtype": (torch.get_default_dtype, torch.set_default_dtype),
        "default device": (torch.get_default_device, set_device),
        "gradients": (torch.is_grad_enabled, torch.set_grad_enabled),
    }


@contextlib.contextmanager
def _torch_as_before(name: str) -> Iterator[None]:
    """Puts back settings of torch that a user's code changes, and warns of it.

    Args:
        name: What the code is, for the warning.
    """
    settings = _settings()
    before = {setting: read() for setting, (read, _) in settings.items()}
    try:
        yield
    finally:
        for setting, (read, write) in settings.items():
            now = read()
            if now != before[setting]:
                write(before[setting])
                said = f"{name} changes a setting of torch for all: {setting} {now}; it is {before[setting]} again"
                warnings.warn(said, RobotmetaWarning, stacklevel=4)


def _from_file(file: Path) -> ModuleType:
    file = file.expanduser().resolve()
    if not file.is_file():
        raise UserError(f"no file {file}")
    name = str(file)  # no installed module has such a name
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        _look_first_in(file.parent)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(sys.modules[name])
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


def _look_first_in(folder: Path) -> None:
    """Makes a user's folder the first one that imports search, as Python does for the folder of a script."""
    if sys.path[:1] != [str(folder)]:
        sys.path[:] = [str(folder), *(other for other in sys.path if other != str(folder))]


# -- families ----------------------------------------------------------------------------------------------------------


def family_function(name: str) -> Callable[[], Any]:
    """Returns the function that ``"my_package.robots:hopper"`` or ``"robots/hopper.py:hopper"`` names.

    Raises:
        UserError: If there is none.
    """
    module, _, function = (name, "", "") if name.endswith(".py") else name.rpartition(":")
    loaded = imported(module, name)
    found = getattr(loaded, function, None)
    if callable(found):
        return found
    functions = [n for n, v in vars(loaded).items() if inspect.isfunction(v) and v.__module__ == loaded.__name__]
    own = [n for n in functions if not n.startswith("_")]
    if not function:
        raise UserError(f"{name}: say which function makes the family, {module}:FUNCTION; there are: {', '.join(own)}")
    raise unknown("function", function, own, where=module)


def source_of(name: str) -> Path | None:
    """Returns the file of the function that makes a family of that name; None where it is no function of a file."""
    module = name.rpartition(":")[0]
    found = sys.modules.get(str(Path(module).expanduser().resolve()) if module.endswith(".py") else module)
    file = getattr(found, "__file__", None)
    return None if file is None else Path(file)


def family_of(function: Callable[[], Any], name: str, where: str = "") -> TaskFamily:
    """Calls a user's function that makes a family, and checks the family.

    Args:
        function: Makes the family.
        name: Name that the family gets, by which a run finds it again.
        where: Where it comes from, for errors.

    Raises:
        UserError: If the function fails or makes something else, or the family does not work.
    """
    try:
        with _torch_as_before(name):
            family = function()
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        raise UserError(f"family '{name}'{where} cannot be made: {reason(error)}") from error
    if not isinstance(family, TaskFamily):
        raise UserError(f"family '{name}'{where} is a {type(family).__name__}, not a TaskFamily")
    family = dataclasses.replace(family, name=name)
    check_family(family)
    return family
