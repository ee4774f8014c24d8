"""The type stubs of MuJoCo in ``typings`` promise nothing that the installed MuJoCo lacks."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import mujoco
import pytest

STUBS = Path(__file__).parent.parent / "typings"
FILES = sorted((STUBS / "mujoco").rglob("*.pyi"))


def body_of(file: Path) -> list[ast.stmt]:
    return ast.parse(file.read_text(encoding="utf-8")).body


def runtime_module(file: Path) -> object:
    names = file.relative_to(STUBS).with_suffix("").parts
    return importlib.import_module(".".join(names).removesuffix(".__init__"))


def declared(body: list[ast.stmt]) -> Iterator[tuple[str, ast.stmt]]:
    """Names that a stub declares, without type aliases and what is marked as existing for the type checker alone."""
    for statement in body:
        match statement:
            case ast.AnnAssign(target=ast.Name(name), annotation=annotation) if ast.unparse(annotation) != "TypeAlias":
                yield name, statement
            case ast.FunctionDef() | ast.ClassDef():
                if "type_check_only" not in map(ast.unparse, statement.decorator_list):
                    yield statement.name, statement


def has(owner: object, name: str) -> bool:
    """Whether there is such an attribute. Classes written in Python may set it in their methods only."""
    if hasattr(owner, name):
        return True
    try:
        return inspect.isclass(owner) and f"self.{name} = " in inspect.getsource(owner)
    except (OSError, TypeError):  # compiled
        return False


def missing(owner: object, body: list[ast.stmt], prefix: str) -> Iterator[str]:
    for name, statement in declared(body):
        if not has(owner, name):
            yield prefix + name
        elif isinstance(statement, ast.ClassDef):
            yield from missing(getattr(owner, name), statement.body, f"{prefix}{name}.")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_name_exists(file: Path) -> None:
    assert list(declared(body_of(file)))
    assert list(missing(runtime_module(file), body_of(file), "")) == []


def test_functions_take_the_parameters_that_mujoco_documents() -> None:
    (file,) = [file for file in FILES if file.stem == "_functions"]
    for name, function in declared(body_of(file)):
        assert isinstance(function, ast.FunctionDef)
        signature = (getattr(runtime_module(file), name).__doc__ or "").strip().splitlines()[0]
        assert [argument.arg for argument in function.args.args] == re.findall(r"(\w+): ", signature), name


def test_an_unknown_name_is_found() -> None:
    stub = "class MjModel:\n    nbody: int\n    nbodies: int\ndef mj_leap() -> None: ...\n"
    assert list(missing(mujoco, ast.parse(stub).body, "")) == ["MjModel.nbodies", "mj_leap"]
