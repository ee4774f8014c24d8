"""Fixtures that every test uses."""

from __future__ import annotations

import robotmeta  # noqa: F401 - before torch and MuJoCo: decides how idle threads wait and how pictures are drawn

# isort: split
import os
from collections.abc import Iterator

import pytest
import torch

from robotmeta.metalearners import LEARNERS
from robotmeta.training.train import Run
from tests.learning import train


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


@pytest.fixture(scope="session", params=LEARNERS)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Four meta-updates of each learner on point navigation, never interrupted. Tests leave it as it is."""
    return train(request.param, tmp_path_factory.mktemp("runs") / request.param)
