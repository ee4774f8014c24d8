"""Fixtures that every test uses."""

from __future__ import annotations

import robotmeta  # noqa: F401 - before torch and MuJoCo: decides how idle threads wait and how pictures are drawn

# isort: split
import os
from collections.abc import Iterator

import pytest
import torch

from robotmeta.envs import FAMILIES
from robotmeta.metalearners import LEARNERS
from robotmeta.training.train import Run
from tests.learning import ONE_FAMILY_A_KIND, train

_QUICK_LEARNERS = ("promp", "task-inference")  # one of each way to adapt
_LEARNERS = [pytest.param(name, marks=() if name in _QUICK_LEARNERS else pytest.mark.slow) for name in LEARNERS]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks tests of a family as slow, except for one family of each kind: its relatives share its code."""
    slow = set(FAMILIES) - set(ONE_FAMILY_A_KIND)
    for item in items:
        call = getattr(item, "callspec", None)
        if call and any(isinstance(value, str) and value in slow for value in call.params.values()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True, scope="session")
def quiet_cores() -> None:
    """One torch thread a process: tests run side by side, and subprocesses inherit the setting."""
    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture(autouse=True)
def same_torch_threads() -> Iterator[None]:
    """A test that changes the number of torch threads changes it for itself alone."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session", params=_LEARNERS)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Four meta-updates of each learner on short episodes, never interrupted. Tests leave it as it is."""
    return train(request.param, tmp_path_factory.mktemp("runs") / request.param)
