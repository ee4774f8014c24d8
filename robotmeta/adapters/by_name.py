"""Environments by name: Gymnasium ids, functions in modules or files, and tasks of dm_control."""

from __future__ import annotations

import difflib
import inspect
import operator
from collections.abc import Callable
from typing import Any

import gymnasium

from robotmeta.adapters.dm_env import PREFIX, load_suite
from robotmeta.adapters.gymnasium_robotics import prepare
from robotmeta.envs.imports import imported
from robotmeta.envs.models import quiet_mujoco
from robotmeta.errors import EnvironmentFailed, UserError, reason, unknown


def from_name(name: str) -> Any:
    """The environment that a name leads to; see :func:`robotmeta.wrap`.

    Raises:
        UserError: If it leads to none.
        EnvironmentFailed: If making the environment raises an error.
    """
    if name.startswith(PREFIX):
        return load_suite(name.removeprefix(PREFIX))
    module, colon, attribute = (name, "", "") if name.endswith(".py") else name.rpartition(":")
    if not colon and not module:
        return _from_id(name)
    loaded = imported(module, name)
    if attribute in gymnasium.registry:
        return _from_id(attribute)
    try:
        found = operator.attrgetter(attribute)(loaded)
    except AttributeError:
        public = [n for n, value in vars(loaded).items() if callable(value) and not n.startswith("_")]
        if not attribute:
            raise UserError(
                f"{name}: say which function makes the environment, {module}:FACTORY; there are: {', '.join(public)}"
            ) from None
        raise unknown(
            "factory or id", attribute, [*_similar_ids(attribute), *public], where=f"module '{module}'"
        ) from None
    return made(found, name) if callable(found) else found


def made(factory: Callable[[], Any], name: str) -> Any:
    """The environment that a function makes.

    Args:
        factory: The function.
        name: How errors call it.

    Raises:
        UserError: If it needs arguments, or raises one.
        EnvironmentFailed: If it raises another error.
    """
    try:
        inspect.signature(factory).bind()
    except TypeError as error:
        called = getattr(factory, "__name__", "the factory")
        raise UserError(f"environment '{name}' does not start: TypeError: {called}() {error}") from error
    except ValueError:  # a function in C has no signature
        pass
    try:
        return factory()
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        raise EnvironmentFailed(reason(error), f"the construction of '{name}'") from error


def _from_id(name: str) -> Any:
    prepare(name)
    try:
        with quiet_mujoco():  # some models use deprecated attributes
            return made(lambda: gymnasium.make(name), name)
    except EnvironmentFailed as failure:
        error = failure.__cause__
        if not isinstance(error, gymnasium.error.Error):
            raise
        if name in gymnasium.registry:  # such as one whose package is not installed
            raise UserError(f"environment '{name}' does not start: {reason(error)}") from error
    near = _similar_ids(name)
    if near:
        raise unknown("Gymnasium environment", name, near)
    raise UserError(
        f"no Gymnasium environment '{name}', nor one with a similar name; other ways to name one: "
        f"'module:factory', 'module:id', '{PREFIX}domain-task'"
    )


def _similar_ids(name: str) -> list[str]:
    # There may be a thousand ids. The error lists similar ones only.
    return difflib.get_close_matches(name, gymnasium.registry, n=6, cutoff=0.5)
