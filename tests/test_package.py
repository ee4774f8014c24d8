"""The installed package: every module imports, and the command is there."""

from __future__ import annotations

import importlib
import pkgutil
from importlib.metadata import entry_points

import pytest

import robotmeta as rm

pytestmark = pytest.mark.smoke
MODULES = [module.name for module in pkgutil.walk_packages(rm.__path__, "robotmeta.")]


@pytest.mark.parametrize("module", [name for name in MODULES if not name.endswith("__main__")])
def test_every_module_imports(module: str) -> None:
    importlib.import_module(module)


def test_the_installed_command_lists_the_families(capsys: pytest.CaptureFixture[str]) -> None:
    (command,) = entry_points(group="console_scripts", name="robotmeta")
    command.load()(["families"])
    assert "cheetah-direction" in capsys.readouterr().out
