"""Who imports whom: networks know torch, worlds know MuJoCo, learning knows the interfaces of both."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import robotmeta

PACKAGE = Path(robotmeta.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
POLICIES = sorted((PACKAGE / "policies").rglob("*.py"))
ENVS = sorted((PACKAGE / "envs").rglob("*.py"))


def name(module: Path) -> str:
    return module.relative_to(PACKAGE.parent).as_posix()


def imports(module: Path) -> Iterator[str]:
    """Dotted names of everything a module imports, also inside functions and for type checking."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"), filename=str(module))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(module)}, line {node.lineno}: imports are absolute"
            assert node.module is not None
            if node.module == "robotmeta":  # from robotmeta import envs
                yield from (f"robotmeta.{alias.name}" for alias in node.names)
            else:
                yield node.module


def within(imported: str, *packages: str) -> bool:
    return any(imported == package or imported.startswith(f"{package}.") for package in packages)


def standard(imported: str) -> bool:
    return imported.partition(".")[0] in sys.stdlib_module_names


def test_there_is_something_to_check() -> None:
    assert POLICIES
    assert ENVS
    assert any("mujoco" in imports(module) for module in ENVS)


@pytest.mark.parametrize("module", POLICIES, ids=name)
def test_policies_import_torch_and_nothing_else(module: Path) -> None:
    foreign = [i for i in imports(module) if not (standard(i) or within(i, "torch", "robotmeta.policies"))]
    assert not foreign


@pytest.mark.parametrize("module", ENVS, ids=name)
def test_worlds_know_nothing_of_learning(module: Path) -> None:
    foreign = [
        i for i in imports(module) if within(i, "robotmeta") and not within(i, "robotmeta.envs", "robotmeta.errors")
    ]
    assert not foreign


@pytest.mark.parametrize("module", [m for m in MODULES if m not in ENVS], ids=name)
def test_only_worlds_import_mujoco(module: Path) -> None:
    assert not [i for i in imports(module) if within(i, "mujoco")]


@pytest.mark.parametrize("link", ["envs", "policies", "assets"])
def test_the_top_level_shows_the_way_into_the_package(link: str) -> None:
    root = PACKAGE.parent
    if not (root / "pyproject.toml").exists():
        pytest.skip("robotmeta is installed as a package, which carries no links")
    assert (root / link).is_symlink()
    assert (root / link).resolve() == (PACKAGE / link).resolve()
    assert (root / link).is_dir()
