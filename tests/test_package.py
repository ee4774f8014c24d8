"""The installed package: every module imports, and the command is there."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import robotmeta as rm

pytestmark = pytest.mark.smoke
MODULES = [module.name for module in pkgutil.walk_packages(rm.__path__, "robotmeta.")]


@pytest.mark.parametrize("module", [name for name in MODULES if not name.endswith("__main__")])
def test_every_module_imports(module: str) -> None:
    if "warp" in module:
        pytest.importorskip("mujoco_warp", reason="MuJoCo Warp is not installed: the extra gpu has it")
    importlib.import_module(module)


@pytest.mark.slow
def test_the_installed_command_lists_the_families(capsys: pytest.CaptureFixture[str]) -> None:
    (command,) = entry_points(group="console_scripts", name="robotmeta")
    command.load()(["families"])
    assert "cheetah-direction" in capsys.readouterr().out


@pytest.mark.parametrize("link", ["envs", "policies", "assets"])
def test_an_install_makes_the_package_importable_and_nothing_else(link: str, tmp_path: Path) -> None:
    """The repository has links of these names, which a user's own modules may have too."""
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({link!r}) is not None)"
    assert subprocess.run([sys.executable, "-I", "-c", code], cwd=tmp_path, check=False).returncode == 0


def test_the_citation_has_the_version_of_the_package() -> None:
    citation = Path(__file__).parents[1] / "CITATION.cff"
    if not citation.exists():
        pytest.skip("this is not the repository")
    assert f"\nversion: {rm.__version__}\n" in citation.read_text()
