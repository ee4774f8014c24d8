"""Importing the package is fast, because it imports no library that is slow and builds no model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

import robotmeta
import robotmeta.envs
from robotmeta.envs import family_names

SLOW = ("torch", "mujoco", "dm_control", "scipy", "matplotlib", "imageio", "tensorboard", "gymnasium_robotics")


def fresh(program: str, **environment: str) -> Any:
    """What a program prints as JSON in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", f"import json, sys\n{program}"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_importing_the_package_imports_no_slow_library() -> None:
    assert fresh(f"import robotmeta\nprint(json.dumps([m for m in {SLOW} if m in sys.modules]))") == []


@pytest.mark.slow
def test_policies_act_without_the_compiler_of_torch() -> None:
    program = """from robotmeta.config import RunConfig
from robotmeta.metalearners import LEARNERS, learner_class
from robotmeta.policy import new_policy
for name in LEARNERS:  # each needs an outline of the policy, too
    new_policy(RunConfig("point-navigation", name, learner_class(name).Config()))
print(json.dumps("torch._dynamo" in sys.modules))"""
    assert fresh(program) is False  # loading it takes a second, at the start of each command


@pytest.mark.smoke
@pytest.mark.slow
def test_every_public_name_is_there() -> None:
    for package in (robotmeta, robotmeta.envs):
        missing = [name for name in package.__all__ if not hasattr(package, name)]
        assert not missing
        assert set(package.__all__) <= set(dir(package))
    starred = "from robotmeta import *\nimport robotmeta\n"
    assert fresh(f"{starred}print(json.dumps([n for n in robotmeta.__all__ if n not in globals()]))") == []


@pytest.mark.slow
def test_a_family_is_made_from_a_model_whichever_name_is_imported_first() -> None:
    for name in ("robotmeta", "robotmeta.envs", "robotmeta.envs.family"):
        assert fresh(f"from {name} import TaskFamily\nprint(json.dumps(callable(TaskFamily.from_mjcf)))")


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    assert not hasattr(robotmeta, "meta_learn")
    assert not hasattr(robotmeta.envs, "mak")


@pytest.mark.slow
def test_gymnasium_makes_a_family_after_importing_the_package_alone() -> None:
    made = fresh(
        "import robotmeta, gymnasium\n"
        "ids = [i for i in gymnasium.registry if i.startswith('robotmeta/')]\n"
        "env = gymnasium.make('robotmeta/CheetahDirection-v0')\n"
        "print(json.dumps([len(ids), env.spec.max_episode_steps, gymnasium.spec(ids[0]).max_episode_steps]))"
    )
    assert made == [len(family_names()), 100, 100]


def test_the_environment_is_set_before_mujoco_and_torch_read_it() -> None:
    read = "print(json.dumps([os.environ['OMP_WAIT_POLICY'], os.environ.get('MUJOCO_GL')]))"
    assert fresh(f"import os, robotmeta\n{read}", OMP_WAIT_POLICY="ACTIVE")[0] == "ACTIVE"
    assert fresh(f"import os, robotmeta\n{read}", MUJOCO_GL="nonsense")[1] == "disable"
