"""Several processes that train together, as a launcher would start them, without the time to import everything."""

from __future__ import annotations

import dataclasses
import itertools
import multiprocessing
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from robotmeta import versions
from robotmeta.envs import TaskFamily
from robotmeta.envs.curriculum import Curriculum
from robotmeta.training.run_folder import RunFolder
from robotmeta.training.train import Run, meta_train, resume
from tests.learning import HYPER, IN_CONTEXT, ending_early, stepping

_SECONDS = 60.0  # after which a process hangs
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.ranks", "torch.utils.tensorboard"])


class Failed(AssertionError):
    """A process raised an error; the message is its class and its text."""


def together(count: int, work: Callable[..., Any], *arguments: Any, **options: Any) -> list[Any]:
    """What a function returns in each of some processes, or the :class:`Failed` that it raised there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = []
    for rank in range(count):
        here, there = _FORKS.Pipe(duplex=False)
        place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
        place |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": 1}
        process = _FORKS.Process(target=_rank, args=(there, place, work, arguments, options))
        process.start()
        there.close()
        started.append((process, here))
    try:
        return [_received(here) for _, here in started]
    finally:
        for process, _ in started:
            process.join(5.0)
            process.kill()


def _received(here: Connection) -> Any:
    try:
        return here.recv() if here.poll(_SECONDS) else Failed("it hangs")
    except EOFError:
        return Failed("it was killed")


def _rank(
    to: Connection, place: Mapping[str, int], work: Callable[..., Any], arguments: tuple[Any, ...], options: Any
) -> None:
    os.environ.update({name: str(value) for name, value in place.items()})
    torch.set_num_threads(1)
    try:
        to.send(work(*arguments, **options))
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        to.send(Failed(f"{type(error).__name__}: {error}"))


# -- what they do ------------------------------------------------------------------------------------------------------


def family() -> TaskFamily:
    """Episodes of all lengths, so that ranks have different numbers of steps."""
    return ending_early(20)


def hyper(learner: str) -> dict[str, Any]:
    """Small batches that four ranks can share."""
    # The curvature of MAML is measured by differences of gradients, which magnify rounding. Damping bounds that.
    more = {"adaptation_steps": 2, "bptt": 7} if learner in IN_CONTEXT else {"cg_damping": 1.0}
    return HYPER[learner] | (more if learner in (*IN_CONTEXT, "maml") else {})


def trained(learner: str, folder: Path, *, of: TaskFamily | None = None, **options: Any) -> dict[str, Any]:
    """What a short training has learned."""
    options = {"iterations": 3, "hyper": hyper(learner), **options}
    run = meta_train(of or family(), learner, out=folder, threads=1, progress=False, **options)
    return result(run)


def resumed(folder: Path, **options: Any) -> dict[str, Any]:
    """What a resumed training has learned."""
    return result(resume(folder, family=family(), threads=1, progress=False, **options))


def result(run: Run) -> dict[str, Any]:
    """A run as a value that can be sent."""
    weights = {name: value.numpy() for name, value in run.policy.learner.state_dict().items()}
    return {"weights": weights, "steps": run.policy.env_steps, "iteration": run.policy.iteration, "signal": run.signal}


def in_curriculum(folder: Path) -> Any:
    """The levels after a training whose tasks get harder."""
    run = meta_train(
        stepping(curriculum=Curriculum("far", (0.1, 0.4, 0.9))),
        "task-inference",
        iterations=3,
        out=folder,
        hyper=hyper("task-inference"),
        threads=1,
        progress=False,
    )
    return RunFolder(run.folder).trials()["levels"]["now"].tolist()


def rank() -> int:
    """Which of the processes this one is."""
    return int(os.environ["RANK"])


def seeded_by_rank(folder: Path) -> None:
    """A seed of its own on each rank."""
    trained("promp", folder, seed=rank())


def another_version(folder: Path) -> None:
    """Another version of MuJoCo on the last rank."""
    versions._versions.cache_clear()
    found = dict(versions._versions())
    versions._versions = lambda: found | ({"mujoco": "9.9"} if rank() else {})
    trained("promp", folder)


def changed_on_rank_1(folder: Path, learner: str, change: Callable[[Any], None], *, iteration: int) -> dict[str, Any]:
    """Something happens to the second rank when it begins to collect in an iteration, counted from 1."""
    whole, begun = family(), itertools.count()
    rollouts, tasks = (1, 12) if learner == "task-inference" else (2, 4)

    def reset(nominal: Any, generator: torch.Generator, task: Any) -> Any:
        collects = len(nominal["position"]) == tasks  # otherwise the family is checked
        state = whole.reset(nominal, generator, task)
        if rank() == 1 and collects and next(begun) == (iteration - 1) * rollouts:
            change(state)
        return state

    return trained(learner, folder, of=dataclasses.replace(whole, reset=reset), iterations=4)


def terminate(state: Any) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def die(state: Any) -> None:
    os._exit(9)


def diverge(state: Any) -> None:
    state["position"].fill_(float("nan"))


def draw_more(folder: Path) -> None:
    """The second rank draws more random numbers than the first one."""
    whole = family()

    def reset(nominal: Any, generator: torch.Generator, task: Any) -> Any:
        torch.rand(rank(), generator=generator)
        return whole.reset(nominal, generator, task)

    trained("promp", folder, of=dataclasses.replace(whole, reset=reset))
