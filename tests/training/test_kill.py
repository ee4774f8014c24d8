"""A training that is killed at a random moment goes on to the weights of one that never was.

The suite kills one training of each learner. ``make kill`` kills fifty.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import robotmeta as rm
from robotmeta.metalearners import LEARNERS
from robotmeta.training.logs import read_metrics
from robotmeta.training.run_folder import RunFolder
from tests.learning import HYPER, same, short, weights

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("ROBOTMETA_KILLS", "5"))
_ITERATIONS = 12
_IMPORTED = (
    "robotmeta.training.train",
    "robotmeta.envs.simulators.closed_form",
    "torch.utils.tensorboard",
    "torch._dynamo",
)
# Each process is forked from one that has imported everything.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["__main__", *_IMPORTED])
_TWICE = 0.3  # share of the trainings that are killed a second time, when they have been resumed
_SECONDS = 0.1  # more than an iteration and its checkpoint take


def train(folder: Path | str, learner: str) -> rm.Run:
    """Starts or resumes a training that saves a checkpoint after each iteration."""
    if RunFolder(Path(folder)).exists():
        return rm.resume(folder, family=short(), checkpoint_every=1, progress=False)
    return rm.meta_train(
        short(),
        learner,
        iterations=_ITERATIONS,
        out=folder,
        hyper=HYPER[learner],
        checkpoint_every=1,
        progress=False,
    )


@pytest.fixture(scope="module")
def wholes(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], rm.Run]:
    """Trainings that were not killed, by learner."""
    return functools.cache(lambda learner: train(tmp_path_factory.mktemp("whole") / learner, learner))


def kill(folder: Path, learner: str, iterations: int, delay: float) -> bool:
    """Trains in a process of its own, and kills it some time after an iteration; whether it was still running."""
    process = _PROCESSES.Process(target=train, args=(folder, learner))
    process.start()
    while process.is_alive() and len(read_metrics(RunFolder(folder).metrics)) < iterations:
        time.sleep(0.002)
    time.sleep(delay)
    process.kill()
    process.join()
    assert process.exitcode in (-signal.SIGKILL, 0)
    return process.exitcode != 0


@pytest.mark.parametrize(("index", "learner"), [(i, list(LEARNERS)[i % len(LEARNERS)]) for i in range(KILLS)])
def test_a_training_that_is_killed_goes_on_bit_for_bit(
    index: int, learner: str, tmp_path: Path, wholes: Callable[[str], rm.Run]
) -> None:
    whole, chance = wholes(learner), random.Random(index)
    times = 1 + (chance.random() < _TWICE)
    moments = sorted((chance.randrange(_ITERATIONS - 2), chance.uniform(0.0, _SECONDS)) for _ in range(times))
    killed = [kill(tmp_path, learner, *moment) for moment in moments]
    assert any(killed), f"it had ended at {moments}"
    resumed = train(tmp_path, learner)
    assert resumed.policy.iteration == _ITERATIONS
    assert same(weights(resumed), weights(whole)), f"killed at {moments}"
    assert same(resumed.policy.learner.training_state(), whole.policy.learner.training_state())
    lines = read_metrics(RunFolder(tmp_path).metrics)
    assert [line["iteration"] for line in lines] == list(range(_ITERATIONS)), "no iteration is lost or logged twice"
