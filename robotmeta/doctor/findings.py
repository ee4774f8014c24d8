"""What an examination of a machine finds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["works", "missing", "fails"]
"""``missing`` is for what may be missing, such as a GPU."""


@dataclass(frozen=True)
class Finding:
    """What one check finds.

    Attributes:
        name: What was checked.
        status: Whether it works.
        said: What was found, in one line.
        fix: What to type or to do, where it does not work.
        needed: Whether robotmeta cannot be used without it.
        values: Numbers of the finding, by name.
    """

    name: str
    status: Status
    said: str
    fix: str = ""
    needed: bool = False
    values: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Finding:
        """The finding of a JSON object."""
        return cls(**data)


@dataclass(frozen=True)
class Installed:
    """A package that robotmeta needs.

    Attributes:
        name: Its name.
        version: The installed version; None if there is none.
        needed: The versions that robotmeta works with, such as ``>=2.5``.
        tested: The version that it is tested with; None if nobody wrote it down.
        fits: Whether the installed version is one of those that are needed.
    """

    name: str
    version: str | None
    needed: str
    tested: str | None
    fits: bool


@dataclass(frozen=True)
class Diagnosis:
    """All that an examination finds.

    Attributes:
        packages: The packages that robotmeta needs.
        findings: Everything else.
    """

    packages: tuple[Installed, ...]
    findings: tuple[Finding, ...]

    @property
    def lacking(self) -> list[str]:
        """Names of what is needed and does not work."""
        packages = [package.name for package in self.packages if not package.fits]
        return packages + [found.name for found in self.findings if found.needed and found.status != "works"]

    @property
    def fixes(self) -> dict[str, str]:
        """What to type or to do for what does not work, by its name."""
        lacking = [f"'{package.name}{package.needed}'" for package in self.packages if not package.fits]
        packages = {"packages": f"pip install {' '.join(lacking)}"} if lacking else {}
        return packages | {found.name: found.fix for found in self.findings if found.fix}

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "works": not self.lacking,
            "lacking": self.lacking,
            "packages": {package.name: dataclasses.asdict(package) for package in self.packages},
            "checks": [found.to_json() for found in self.findings],
        }
