"""``robotmeta sweep``."""

from __future__ import annotations

import inspect
import itertools
import shlex
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.table import Table

from robotmeta.cli.arguments import parsed
from robotmeta.cli.shared import OPTIONAL, File, check_at_least_one, check_targets, console, default, pairs, write_json
from robotmeta.cli.train import train_command
from robotmeta.errors import UserError, unknown
from robotmeta.progress import StageBar, stage_bar

_CLUSTERS = ("slurm", "local")
_OWN = ("--learner", "--seed", "--out", "--resume", "--continue")
_LAST = 10  # iterations whose mean return a run is judged by
_EVERY = 5.0  # seconds from one reading of the logs to the next


def split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The arguments before the first ``--``, and those after it."""
    own = list(itertools.takewhile(lambda argument: argument != "--", arguments))
    return own, list(arguments[len(own) + 1 :])


def sweep_command(options: Sequence[str]) -> Callable[..., None]:
    """The command ``sweep``, with options for ``robotmeta train``."""

    def sweep(
        family: Annotated[str, tyro.conf.Positional],
        learners: str = "task-inference",
        seeds: str = "0,1,2",
        jobs: int = 1,
        out: Path = Path("runs"),
        cluster: Annotated[str | None, OPTIONAL] = None,
        cluster_options: Annotated[
            tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE ..."), default("those of submitit")
        ] = (),
        json: File = None,
    ) -> None:
        """Train several learners with several seeds, each in a process of its own, and compare them in a table.

        The same command goes on where it stopped: it continues what is unfinished and skips what is finished. After
        `--` follow options of `robotmeta train`, for all runs.

        Example: robotmeta sweep cheetah-direction --learners promp,rl2 --seeds 0,1,2 --jobs 2 -- --iterations 100

        Args:
            family: Task family (see `robotmeta families`), or FILE.py:FUNCTION or MODULE:FUNCTION for one of your own.
            learners: Names of learners, with commas between them.
            seeds: Seeds, with commas between them.
            jobs: Runs side by side. They share the cores, unless --threads says otherwise.
            out: Folder of the run folders, FAMILY-LEARNER-SEED.
            cluster: slurm, to submit the runs through submitit instead; local tries the same on this machine.
            cluster_options: Parameters of submitit, such as timeout_min=240 slurm_partition=gpu cpus_per_task=8.
            json: Write the table to this file, too.
        """
        from robotmeta.training.budget import share_of_iterations
        from robotmeta.training.sweep import train_here, train_on_cluster

        check_at_least_one(jobs=jobs)
        check_targets(json)
        if cluster is not None and cluster not in _CLUSTERS:
            raise unknown("cluster", cluster, _CLUSTERS)
        plan = planned_runs(family, names_in(learners, "learners"), numbers_in(seeds), out, for_jobs(options, jobs))
        left = [planned for planned in plan if not planned.finished]
        with stage_bar("training") as bar:
            report = partial(report_run, bar)
            for planned in plan:
                if planned not in left:
                    report(planned, "is finished already")
            show = shows_share(bar, lambda: share_of_iterations(plan))
            if cluster is None:
                stopped = train_here(left, jobs, report, show)
            else:
                logs = out / "submitit"
                stopped = train_on_cluster(left, cluster, _parameters(cluster_options), logs, report, show)
        rows = [_row(planned) for planned in plan]
        _show(rows)
        write_json(json, {"family": family, "runs": rows})
        unfinished = sum(not planned.finished for planned in plan)
        if unfinished:
            command = shlex.join(["robotmeta", *sys.argv[1:]])
            console.print(f"{unfinished} of {len(plan)} runs are not finished; continue with: {command}")
            sys.exit(1 if stopped is None else 128 + stopped)

    return sweep


def planned_runs(
    family: str, learners: Sequence[str], seeds: Sequence[int], out: Path, options: Sequence[str]
) -> list[Any]:
    """The runs, whose options are checked before anything starts."""
    from robotmeta.envs import make
    from robotmeta.training.run_folder import RunFolder
    from robotmeta.training.sweep import Planned

    plan: list[Planned] = []
    for learner, seed in itertools.product(learners, seeds):
        given = (family, "--learner", learner, "--seed", str(seed), *options)
        config = _config(given)
        plan.append(Planned(config, RunFolder(out / RunFolder.default(config).path.name), given))
    found = make(family)
    for planned in plan:
        planned.check(found)
    return plan


def _config(given: Sequence[str]) -> Any:
    """The configuration of a run that ``robotmeta train`` is given these options for."""
    from robotmeta.config import RunConfig, hyperparameters
    from robotmeta.envs import make
    from robotmeta.envs.simulators import check_simulator

    for option in given[5:]:
        if option.partition("=")[0] in _OWN:
            raise UserError(f"{option.partition('=')[0]} is chosen by the sweep; leave it out after --")
    arguments = ["train", *given]
    train = train_command(arguments)
    bound: Any = parsed({"train": train}, arguments)
    options = inspect.signature(train).bind(*bound.args, **bound.keywords).arguments
    found = make(options["family"])
    hyper = hyperparameters(options["learner"], options["hyper"], preset=options["preset"], family=found)
    numbers = {name: options[name] for name in ("iterations", "seed", "simulator") if options[name] is not None}
    config = RunConfig(found.name, options["learner"], hyper, **numbers)
    check_simulator(found, config.simulator)
    return config


def for_jobs(options: Sequence[str], jobs: int) -> list[str]:
    """The options of each run, among them its share of the cores."""
    from robotmeta.threads import available_cores

    if jobs == 1 or any(option.partition("=")[0] == "--threads" for option in options):
        return list(options)
    return [*options, "--threads", str(max(1, available_cores() // jobs))]


def names_in(text: str, what: str) -> list[str]:
    """Names with commas between them.

    Raises:
        UserError: If there are none, or a name is there twice.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names or len(set(names)) < len(names):
        raise UserError(f"--{what} must be different names with commas between them, not '{text}'")
    return names


def numbers_in(text: str) -> list[int]:
    """Seeds with commas between them.

    Raises:
        UserError: If there are none, one is there twice in any spelling, or one is no whole number.
    """
    names = names_in(text, "seeds")
    if not all(name.isdecimal() for name in names):
        raise UserError(f"--seeds must be whole numbers with commas between them, not '{text}'")
    numbers = [int(name) for name in names]
    if len(set(numbers)) < len(numbers):
        raise UserError(f"--seeds must be different numbers with commas between them, not '{text}'")
    return numbers


def _parameters(items: tuple[str, ...]) -> dict[str, int | str]:
    return {name: int(value) if value.isdecimal() else value for name, value in pairs(items).items()}


def report_run(bar: StageBar, planned: Any, what: str) -> None:
    """Says on stderr what happens to a run."""
    bar.say(f"{planned.name} {what} ({planned.folder.path})", error=what.startswith(("failed", "was killed")))


def shows_share(bar: StageBar, share: Callable[[], float]) -> Callable[[], None]:
    """Shows how much of all trainings is done, which is read from their logs every few seconds."""
    last = 0.0

    def show() -> None:
        nonlocal last
        if time.perf_counter() - last >= _EVERY:
            bar.show(min(share(), 0.999))  # runs that are done have their last checkpoint, too
            last = time.perf_counter()

    return show


# -- results -----------------------------------------------------------------------------------------------------------


def _row(planned: Any) -> dict[str, Any]:
    """What a run has reached so far."""
    from robotmeta.training.logs import read_metrics

    lines = read_metrics(planned.folder.metrics)
    last = [line for line in lines[-_LAST:] if line["return_post"] is not None]
    return {
        "learner": planned.config.learner,
        "seed": planned.config.seed,
        "folder": str(planned.folder.path),
        "iterations": len(lines),
        "env_steps": lines[-1]["env_steps"] if lines else 0,
        "minutes": lines[-1]["seconds"] / 60.0 if lines else 0.0,
        "return_pre": _mean([line["return_pre"] for line in last if line["return_pre"] is not None]),
        "return_post": _mean([line["return_post"] for line in last]),
        "finished": planned.finished,
    }


def _show(rows: Sequence[dict[str, Any]]) -> None:
    table = Table("learner", "seed", "iterations", "steps", "minutes", "before", "after")
    for learner, group in itertools.groupby(rows, lambda row: row["learner"]):
        runs = list(group)
        for row in runs:
            unfinished = "" if row["finished"] else " (unfinished)"
            steps, minutes = f"{row['env_steps'] / 1e6:.2f}M", f"{row['minutes']:.1f}"
            returns = (_number(row["return_pre"]), _number(row["return_post"]))
            table.add_row(learner, str(row["seed"]), f"{row['iterations']}{unfinished}", steps, minutes, *returns)
        measured = [row for row in runs if row["return_post"] is not None]
        if len(measured) > 1:
            means = (_spread([row[name] for row in measured]) for name in ("return_pre", "return_post"))
            table.add_row(learner, f"mean of {len(measured)}", "", "", "", *means, end_section=True)
    console.print(table)
    console.print(
        f"Before and after adaptation: mean returns of the last {_LAST} iterations of meta-training, +- one standard "
        "deviation over seeds."
    )


def _mean(values: Sequence[float]) -> float | None:
    return statistics.fmean(values) if values else None


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _spread(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return _number(_mean(known))
    return f"{statistics.fmean(known):.1f} +- {statistics.stdev(known):.1f}"
