"""``robotmeta specialist``."""

from __future__ import annotations

import shlex
import signal
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from rich.table import Table

import robotmeta as rm
from robotmeta.cli.shared import (
    FamilyName,
    File,
    Simulator,
    Threads,
    check_at_least_one,
    check_targets,
    console,
    default,
    policy_or_family,
    write_json,
)
from robotmeta.interrupts import Stopped
from robotmeta.progress import StageBar, stage_bar

if TYPE_CHECKING:
    from robotmeta.evaluation.specialists import Place, Sweep


def specialist(
    source: Annotated[str, tyro.conf.Positional],
    split: Annotated[tuple[str, ...], default("test and, if the family has it, ood")] = (),
    tasks: int = 10,
    steps: int = 3_000_000,
    worlds: int = 32,
    oracle: Annotated[str | None, default("none")] = None,
    seed: int = 0,
    out: Annotated[Path | None, default("RUN/controls/specialists.json or runs/specialists/FAMILY.json")] = None,
    simulator: Simulator = None,
    threads: Threads = None,
    family: FamilyName = None,
    trust: bool = False,
    json: File = None,
) -> None:
    """Train a policy for each of a few tasks until its curve is flat: the bound that adaptation is measured by.

    A specialist starts from random weights. If a policy is named, another one starts from that policy, and the better
    of the two counts. After Ctrl-C the same command continues. `robotmeta evaluate POLICY --specialists` then shows
    which share of the specialists' return the policy reaches.

    Example: robotmeta specialist pretrained:grasp --split test ood --tasks 10 --out grasp.json

    Args:
        source: A family, or a policy (a run folder, a checkpoint, a policy file, or pretrained:NAME) and its family.
        split: Splits whose tasks get specialists: test, ood, robots.
        tasks: Number of tasks of each split: the first ones.
        steps: Control steps after which a training ends, flat or not.
        worlds: Episodes of one update.
        oracle: A policy trained with --learner domain-randomization --oracle, to be measured on the same tasks.
        seed: Fixes weights, exploration and initial states.
        out: File of the results. The trainings are kept in the folder of that name without its suffix.
        simulator: Physics backend, such as mujoco; auto chooses one that runs the family.
        threads: Physics threads.
        family: With a policy, act in this family, NAME, FILE.py:FUNCTION or MODULE:FUNCTION.
        trust: With a policy, import and call the function that its file names as its family.
        json: Write the results here, too.
    """
    from robotmeta.envs.simulators import check_simulator
    from robotmeta.evaluation.schedule import Schedule
    from robotmeta.evaluation.specialists import Sweep
    from robotmeta.evaluation.subjects import check_control

    check_at_least_one(tasks=tasks, threads=threads)
    policy, chosen = policy_or_family(source, family, trust)
    file = _default_file(source, chosen) if out is None else out
    check_targets(file, json, inputs=(source, oracle))
    observing = None if oracle is None else rm.load(oracle, family=chosen)
    if observing is not None:
        check_control("oracle", observing, chosen)
    backend = simulator or ("auto" if policy is None else policy.config.simulator)
    check_simulator(chosen, backend)
    splits = [name for item in split for name in item.split(",")] or [s for s in chosen.splits if s != "robots"]
    sweep = Sweep(
        chosen,
        file,
        Schedule(worlds=worlds, max_steps=steps),
        meta_trained=policy,
        oracle=observing,
        seed=seed,
        simulator=backend,
        command=shlex.join(["robotmeta", *sys.argv[1:]]),
        threads=threads,
    )
    found = train(sweep, dict.fromkeys(splits, tasks))
    write_json(json, found)
    show(found)
    console.print(f"Specialists: {file}")


def train(sweep: Sweep, counts: Mapping[str, int]) -> dict[str, Any]:
    """Runs a sweep, and reports its progress on stderr.

    Raises:
        Stopped: If a signal stopped it. The message says how to continue.
    """
    try:
        with stage_bar("specialists") as bar:
            return sweep.run(counts, _Progress(sum(counts.values()), sweep, bar))
    except KeyboardInterrupt as stopped:
        number = stopped.status - 128 if isinstance(stopped, Stopped) else int(signal.SIGINT)
        raise Stopped(number, f"stopped; the same command continues in {sweep.out.with_suffix('')}") from None


def _default_file(source: str, family: rm.TaskFamily) -> Path:
    from robotmeta.evaluation.references import made_here
    from robotmeta.training.run_folder import RunFolder

    run = RunFolder(Path(source))
    return run.specialists if run.exists() else made_here(family)


class _Progress:
    """Shows where a sweep is, and how long it will take."""

    def __init__(self, tasks: int, sweep: Sweep, bar: StageBar) -> None:
        self._trainings = tasks * (1 if sweep.meta_trained is None else 2)
        self._longest = sweep.schedule.max_steps
        self._bar = bar
        self._seen: dict[tuple[str, int, str], Place] = {}

    def __call__(self, place: Place) -> None:
        self._seen[place.split, place.task, place.start] = place
        reached = place.evaluated
        *done, now = (seen.evaluated.env_steps for seen in self._seen.values())
        length = statistics.fmean(done) if done else self._longest  # until one is flat, as long as it may be
        share = min(1.0, (len(done) + min(1.0, now / length)) / self._trainings)
        start = "from random weights" if place.start == "scratch" else "from the policy"
        self._bar.show(
            min(share, 0.999),
            f"{place.split} {place.task + 1}/{place.tasks}, {start}: {now / 1e6:.2f}M steps, return "
            f"{reached.mean_return:.1f}",
            left=reached.seconds / max(now, 1) * length * self._trainings * (1.0 - share),
        )


def show(content: Mapping[str, Any]) -> None:
    """Prints a table of the specialists of each split."""
    for split, rows in content["splits"].items():
        table = Table(title=f"{content['family']}, {split}: mean return of {_episodes(rows)} episodes")
        for column in ("task", "random", "from scratch", "from meta", "specialist", "success", "control steps"):
            table.add_column(column, justify="right")
        for place, row in enumerate(rows):
            table.add_row(str(place), *_cells(row))
        console.print(table)


def _episodes(rows: Sequence[Mapping[str, Any]]) -> int:
    return min((row["specialist"]["episodes"] for row in rows), default=0)


def _cells(row: Mapping[str, Any]) -> list[str]:
    numbers = [row["random"], row["from"]["scratch"], row["from"].get("meta"), row["specialist"]]
    success = row["specialist"]["success"]
    steps = " + ".join(
        f"{found['env_steps'] / 1e6:.2f}M{'' if found['flat'] else ' (not flat)'}" for found in row["from"].values()
    )
    returns = ["" if found is None else f"{found['return']:.1f}" for found in numbers]
    return [*returns, "" if success is None else f"{success:.0%}", steps]
