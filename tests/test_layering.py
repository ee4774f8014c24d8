"""Who imports whom: networks know torch, worlds know MuJoCo, learning knows the interfaces of both."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

import robotmeta

PACKAGE = Path(robotmeta.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

# A folder or file may import those on its own line and on the lines above it.
DIRECTION = (
    ("checksum", "console", "devices", "errors", "files", "interrupts", "json_values", "lazy", "memory", "ranks"),
    ("argument_types",),
    ("distributed", "progress", "schema", "seeding", "tensor_file", "threads", "versions"),
    ("envs", "policies"),
    ("experience",),
    ("metalearners",),
    ("config", "policy", "manifest", "policy_file", "checkpoint_files"),
    ("training",),
    ("adapters",),
    ("adaptation",),
    ("evaluation",),
    ("reporting", "viewing"),
    ("bench",),
    ("__init__",),
    ("doctor",),
    ("cli",),
    ("__main__",),
)
LEVELS = {place: level for level, places in enumerate(DIRECTION) for place in places}
USERS_OF_A_POLICY = [
    f"robotmeta.{module}"
    for module in (
        *("policy_file", "adaptation.adapt", "evaluation.evaluate"),
        *("reporting.record", "reporting.export", "viewing.view"),
    )
]
LARGEST_SHARE = 0.3  # of all lines, in the files that lie in one folder


def name(module: Path) -> str:
    """Dotted, as it is imported: ``robotmeta.envs`` for ``robotmeta/envs/__init__.py``."""
    parts = module.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)


NAMES = {name(module): module for module in MODULES}


def imports(module: Path) -> Iterator[str]:
    """Dotted names of everything a module imports, also inside functions, for type checking and by importlib."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"), filename=str(module))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(module)}, line {node.lineno}: imports are absolute"
            assert node.module is not None
            for alias in node.names:  # from robotmeta import envs; from robotmeta.envs import models
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in NAMES else node.module
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("import_module", "find_spec"):
            yield from (a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str))


def own(module: Path) -> Iterator[str]:
    """The modules of the package that a module imports; the top of the package is ``robotmeta.__init__``."""
    for imported in imports(module):
        if within(imported, "robotmeta"):
            yield imported if imported in NAMES else "robotmeta.__init__"


def within(imported: str, *packages: str) -> bool:
    return any(imported == package or imported.startswith(f"{package}.") for package in packages)


def standard(imported: str) -> bool:
    return imported.partition(".")[0] in sys.stdlib_module_names


def place(module: str) -> str:
    """The folder or file directly in the package that a module is in."""
    return module.split(".")[1]


def circle(graph: Mapping[str, Iterable[str]]) -> list[str]:
    """Nodes that reach one another in a circle; empty where there is none."""
    done: set[str] = set()

    def visit(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return []
        for following in graph.get(node, ()):
            found = visit(following, [*path, node])
            if found:
                return found
        done.add(node)
        return []

    return next(filter(None, (visit(node, []) for node in graph)), [])


def test_there_is_something_to_check() -> None:
    assert {"envs", "policies"} <= {place(module) for module in NAMES}
    assert any("mujoco" in imports(module) for module in MODULES)
    assert circle({"a": ["b"], "b": ["c"], "c": ["b"]}) == ["b", "c", "b"]


def test_no_files_import_each_other_in_a_circle() -> None:
    assert circle({module: set(own(file)) - {module} for module, file in NAMES.items()}) == []


def test_no_folders_import_each_other_in_a_circle() -> None:
    folders: dict[str, set[str]] = {}
    for module, file in NAMES.items():
        if module != "robotmeta.__init__":
            # What a package's __init__ puts together belongs to the package, not to its folder's place in the order.
            reached = {place(imported) for imported in own(file)} - {place(module)}
            folders.setdefault(place(module), set()).update(reached)
    assert circle(folders) == []


@pytest.mark.parametrize("module", NAMES)
def test_imports_go_one_way(module: str) -> None:
    backwards = [i for i in own(NAMES[module]) if LEVELS[place(i)] > LEVELS[place(module)]]
    assert not backwards


@pytest.mark.parametrize("module", [m for m in NAMES if place(m) == "policies"])
def test_policies_import_torch_and_nothing_else(module: str) -> None:
    foreign = [i for i in imports(NAMES[module]) if not (standard(i) or within(i, "torch", "robotmeta.policies"))]
    assert not foreign


@pytest.mark.parametrize("module", [m for m in NAMES if place(m) not in ("envs", "adapters")])
def test_only_worlds_and_adapters_import_mujoco(module: str) -> None:
    assert not [i for i in imports(NAMES[module]) if within(i, "mujoco", "dm_control", "gymnasium_robotics")]


@pytest.mark.parametrize("module", [m for m in NAMES if not m.startswith("robotmeta.envs.families")])
def test_concrete_families_are_reached_through_the_table_alone(module: str) -> None:
    assert not [i for i in own(NAMES[module]) if i.startswith("robotmeta.envs.families.")]


@pytest.mark.parametrize("module", USERS_OF_A_POLICY)
def test_using_a_policy_needs_no_training_code(module: str) -> None:
    reached, found = set(), {module}
    while found:
        reached |= found
        found = {imported for m in found for imported in own(NAMES[m])} - reached
    assert "robotmeta.policy" in reached
    assert not [m for m in reached if place(m) == "training"]


def test_no_folder_holds_most_of_the_code() -> None:
    lines = {module: len(module.read_text(encoding="utf-8").splitlines()) for module in MODULES}
    for folder in {module.parent for module in MODULES}:
        share = sum(count for module, count in lines.items() if module.parent == folder) / sum(lines.values())
        assert share <= LARGEST_SHARE, f"{folder} holds {share:.0%} of the lines"


@pytest.mark.parametrize("link", ["envs", "policies", "assets"])
def test_the_top_level_shows_the_way_into_the_package(link: str) -> None:
    root = PACKAGE.parent
    if not (root / "pyproject.toml").exists():
        pytest.skip("robotmeta is installed as a package, which carries no links")
    assert (root / link).is_symlink()
    assert (root / link).resolve() == (PACKAGE / link).resolve()
    assert (root / link).is_dir()
