"""Installed packages beside those that robotmeta needs, as its own metadata names them."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import robotmeta
from robotmeta.doctor.findings import Finding, Installed
from robotmeta.doctor.tested import TESTED

_PURPOSES = {
    "gpu": "physics on a GPU",
    "view": "`robotmeta view` in the browser",
    "export": "ONNX files",
    "lerobot": "episodes as a dataset of LeRobot",
    "notebooks": "the notebooks",
    "cluster": "sweeps on a Slurm cluster",
    "bench": "comparisons of speed with other packages",
    "wandb": "logs at Weights & Biases",
}
_OF_DEVELOPMENT = ("dev", "browser")


def python() -> Finding:
    """Python, beside the versions that are needed and tested."""
    version = platform.python_version()
    metadata = _metadata()
    needed = "" if metadata is None or "Requires-Python" not in metadata else metadata["Requires-Python"]
    classifiers = [] if metadata is None else metadata.get_all("Classifier", [])
    minor = [text.rpartition(" ")[2] for text in classifiers if text.startswith("Programming Language :: Python :: 3.")]
    tested = f", tested with {', '.join(minor)}" if minor else ""
    fits = SpecifierSet(needed).contains(version, prereleases=True)
    said = f"{version} on {platform.system()} {platform.machine()}{tested}"
    return Finding("Python", "works" if fits else "fails", said, "" if fits else f"install Python {needed}", True)


def package() -> Finding:
    """Which robotmeta this is."""
    where = Path(robotmeta.__file__).parent
    return Finding("robotmeta", "works", f"{robotmeta.__version__} in {where}", needed=True)


def needed_packages() -> list[Installed]:
    """The packages that robotmeta needs; those that are tested if it is not installed itself."""
    requirements = [found for found in _requirements() if found.marker is None or found.marker.evaluate()]
    return [_installed(requirement) for requirement in requirements]


def extras() -> Iterator[Finding]:
    """Which extras are installed."""
    metadata = _metadata()
    names = [] if metadata is None else metadata.get_all("Provides-Extra", [])
    for name in names:
        if name in _OF_DEVELOPMENT:
            continue
        of_extra = [
            _installed(found)
            for found in _requirements()
            if found.marker is not None and not found.marker.evaluate() and found.marker.evaluate({"extra": name})
        ]
        yield _extra(name, of_extra)


def _extra(name: str, packages: list[Installed]) -> Finding:
    there = ", ".join(f"{package.name} {package.version}" for package in packages if package.version)
    purpose = f"{_PURPOSES[name]}: " if name in _PURPOSES else ""
    fix = f"pip install 'robotmeta[{name}]'"
    if all(package.fits for package in packages):
        return Finding(f"extra {name}", "works", f"{purpose}{there}")
    if not there:
        return Finding(f"extra {name}", "missing", f"{purpose}not installed", fix)
    lacking = ", ".join(f"{package.name}{package.needed}" for package in packages if not package.fits)
    return Finding(f"extra {name}", "fails", f"{purpose}{there}; it needs {lacking}", fix)


def _installed(requirement: Requirement) -> Installed:
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        version = None
    fits = version is not None and requirement.specifier.contains(version, prereleases=True)
    return Installed(requirement.name, version, str(requirement.specifier), TESTED.get(requirement.name), fits)


def _requirements() -> list[Requirement]:
    metadata = _metadata()
    if metadata is None:
        return [Requirement(name) for name in TESTED]
    return [Requirement(text) for text in metadata.get_all("Requires-Dist", []) if not text.startswith("editables")]


def _metadata() -> importlib.metadata.PackageMetadata | None:
    try:
        return importlib.metadata.metadata("robotmeta")
    except importlib.metadata.PackageNotFoundError:
        return None
