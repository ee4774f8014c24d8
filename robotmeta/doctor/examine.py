"""An examination of the machine, in seconds and without a network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import robotmeta
from robotmeta.doctor.findings import Diagnosis, Finding
from robotmeta.doctor.machine import cores, disk
from robotmeta.doctor.packages import extras, needed_packages, package, python
from robotmeta.doctor.probes import failed

_LONGEST = 60.0  # seconds for the checks of what is needed: a first import from a slow disk may take long
_BESIDE = 12.0  # seconds for the others
_MORE = 5.0  # seconds that the others get after the first ones


def examine() -> Diagnosis:
    """Looks at packages, cores, GPU, physics, pictures, video and disk.

    What may crash or hang runs in other processes, two at a time.
    """
    began = time.perf_counter()
    with _Process(("physics", "video")) as first, _Process(("GPU", "pictures")) as beside:
        known = (package(), python(), cores(), disk())
        of_extras, packages = tuple(extras()), tuple(needed_packages())
        found = first.findings(began + _LONGEST)
        found += beside.findings(max(began + _BESIDE, time.perf_counter() + _MORE))
    return Diagnosis(packages, (*known, *found, *of_extras))


class _Process:
    """Another process that runs some checks."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        # MUJOCO_GL as it was before robotmeta looked which libraries there are.
        environment = {**os.environ, **({"MUJOCO_GL": robotmeta._asked_gl} if robotmeta._asked_gl else {})}
        self._folder = tempfile.TemporaryDirectory()
        self._said = Path(self._folder.name) / "findings"
        with self._said.open("w") as said:
            nowhere = subprocess.DEVNULL
            command = [sys.executable, "-m", "robotmeta.doctor", *names]
            self._process = subprocess.Popen(command, stdin=nowhere, stdout=said, stderr=nowhere, env=environment)
        self._began = time.perf_counter()

    def __enter__(self) -> _Process:
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    def findings(self, until: float) -> tuple[Finding, ...]:
        """Waits until a time of ``time.perf_counter``, and returns a finding for each check."""
        try:
            status = self._process.wait(max(0.1, until - time.perf_counter()))
            said = f"ended with signal {-status}" if status < 0 else f"ended with status {status}"
        except subprocess.TimeoutExpired:
            said = f"no answer within {time.perf_counter() - self._began:.0f} s"
        lines = [line for line in self._said.read_text().splitlines() if line.startswith("{") and line.endswith("}")]
        answered = {found.name: found for found in (Finding.from_json(json.loads(line)) for line in lines)}
        return tuple(_with_gl(answered.get(name) or failed(name, said)) for name in self._names)


def _with_gl(found: Finding) -> Finding:
    """The finding about pictures with the library that was asked for, where it does not work."""
    if found.name != "pictures" or found.status == "works":
        return found
    asked = robotmeta._asked_gl
    tried = f"MUJOCO_GL={asked}" if asked else "MUJOCO_GL is not set"
    return failed(found.name, f"{tried}: {found.said}", asked)
