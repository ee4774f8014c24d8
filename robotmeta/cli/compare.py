"""``robotmeta compare``."""

from __future__ import annotations

import shlex
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.table import Table

import robotmeta as rm
from robotmeta.cli.shared import File, check_at_least_one, check_targets, console, count, default, write_json
from robotmeta.cli.sweep import for_jobs, names_in, numbers_in, planned_runs, report_run, shows_share
from robotmeta.errors import SimulationDiverged, UserError
from robotmeta.files import plain_name
from robotmeta.interrupts import Stopped
from robotmeta.progress import StageBar, stage_bar

if TYPE_CHECKING:
    from robotmeta.evaluation.comparison import Comparison
    from robotmeta.evaluation.references import References
    from robotmeta.training.sweep import Planned

_LEARNERS = "task-inference,rl2,promp,maml,domain-randomization"
_MOST_SEEDS = 1000  # nobody has that many; somebody means one seed of that name
_UNITS = {"k": 1e3, "M": 1e6}


def compare_command(options: Sequence[str]) -> Callable[..., None]:
    """The command ``compare``, with options for ``robotmeta train``."""

    def compare(
        family: Annotated[str, tyro.conf.Positional],
        learners: str = _LEARNERS,
        seeds: str = "3",
        budget: str = "1M",
        jobs: int = 1,
        split: str = "test",
        tasks: int = 40,
        episodes: int = 3,
        specialists: bool = False,
        out: Path = Path("runs/compare"),
        page: Annotated[Path | None, default("FAMILY-SPLIT.html in the folder")] = None,
        json: File = None,
    ) -> None:
        """Train several learners for as many control steps, with several seeds, and say which one adapts best.

        All are measured on the same held-out tasks, after the same number of adaptation episodes. The same command
        goes on where it stopped. After `--` follow options of `robotmeta train`, for all runs.

        Example: robotmeta compare cheetah-direction --learners task-inference,rl2,promp --seeds 3 --budget 1M --jobs 2

        Args:
            family: Task family (see `robotmeta families`), or FILE.py:FUNCTION or MODULE:FUNCTION for one of your own.
            learners: Names of learners, with commas between them.
            seeds: Number of seeds, or seeds with commas between them.
            budget: Control steps of meta-training of each run, such as 500k or 5M.
            jobs: Runs side by side. They share the cores, unless --threads says otherwise.
            split: test (held-out tasks), ood (out of distribution) or robots (the family's named robots).
            tasks: Number of tasks of the split.
            episodes: Adaptation episodes.
            specialists: Evaluate on the tasks that have a specialist, and show the share of its return that is reached.
            out: Folder of the run folders, FAMILY-LEARNER-SEED.
            page: Write the page here.
            json: Write the result here.
        """
        from robotmeta.reporting.comparison_page import comparison_page
        from robotmeta.training.budget import check_budget, share_done, to_budget
        from robotmeta.training.sweep import train_here

        check_at_least_one(jobs=jobs, tasks=tasks, episodes=episodes)
        made = rm.make(family)
        made.tasks(split, tasks)  # a mistake shows before anything is trained
        file = page or out / f"{plain_name(made.name)}-{split}.html"
        check_targets(json, file)
        references = _references(made, split) if specialists else None
        names, numbers, steps = names_in(learners, "learners"), _seeds(seeds), _steps(budget)
        if any(option.partition("=")[0] == "--iterations" for option in options):
            raise UserError("--iterations follows from --budget; leave it out after --")
        plan = planned_runs(family, names, numbers, out, for_jobs([*options, "--iterations", "1"], jobs))
        for run in plan:
            check_budget(run, steps)
        failed: dict[str, str] = {}

        def unfinished() -> list[Planned]:
            runs = (to_budget(run, steps, made.horizon) for run in plan)
            return [run for run in runs if run.name not in failed and not run.finished]

        while left := unfinished():
            with stage_bar("training") as bar:
                on_poll = shows_share(bar, lambda: share_done(plan, steps))
                stopped = train_here(left, jobs, partial(report_run, bar), on_poll)
            if stopped is not None:
                command = shlex.join(["robotmeta", *sys.argv[1:]])
                raise Stopped(stopped, f"stopped; continue with: {command}")
            failed |= {run.name: run.last_line() for run in left if not run.finished}
        with stage_bar("evaluation") as bar:
            comparison = _measured(plan, failed, made, (split, tasks, episodes), references, bar)
        write_json(json, comparison.to_json())
        if comparison.runs:
            comparison_page(comparison, {run.name: run.folder for run in plan}, file)
        show(comparison)
        if comparison.runs:
            console.print(f"Page: {file}")
        if comparison.missing:
            sys.exit(1)

    return compare


def _measured(
    plan: Sequence[Planned],
    failed: Mapping[str, str],
    family: rm.TaskFamily,
    where: tuple[str, int, int],
    references: References | None,
    bar: StageBar,
) -> Comparison:
    """Evaluates the runs on the split, the number of tasks and the adaptation episodes of ``where``."""
    from robotmeta.evaluation.comparison import Comparison, measured_run
    from robotmeta.training.budget import progress

    split, tasks, episodes = where
    runs, missing = [], dict(failed)
    for place, planned in enumerate(plan):
        bar.show(place / len(plan), planned.name)
        if planned.name in missing:
            continue
        try:
            policy = rm.load(planned.folder.path, family=family)
            runs.append(
                measured_run(
                    policy,
                    split,
                    tasks,
                    episodes,
                    minutes=progress(planned)[1],
                    file=planned.folder.comparison(split),
                    references=references,
                )
            )
        except (SimulationDiverged, UserError) as error:
            missing[planned.name] = str(error)
    return Comparison(family.name, split, episodes, tuple(runs), missing, references)


def _references(family: rm.TaskFamily, split: str) -> References:
    from robotmeta.evaluation.references import included, load_references, made_here

    return load_references(family, split, [made_here(family), included(family)])


def _seeds(text: str) -> list[int]:
    """A number of seeds, or the seeds themselves."""
    if "," in text or not text.strip().isdecimal():
        return numbers_in(text)
    check_at_least_one(seeds=int(text))
    if int(text) > _MOST_SEEDS:
        raise UserError(f"--seeds {text} stands for {text} seeds; the seed {text} alone is --seeds {text},")
    return list(range(int(text)))


def _steps(text: str) -> int:
    """A number of control steps, such as 500k."""
    number, unit = (text[:-1], _UNITS[text[-1]]) if text[-1:] in _UNITS else (text, 1)
    try:
        steps = round(float(number) * unit)
    except (ValueError, OverflowError):
        raise UserError(f"--budget must be a number of control steps, such as 500k or 5M, not '{text}'") from None
    if steps < 1:
        raise UserError(f"--budget must be at least 1 control step, not {text}")
    return steps


# -- results -----------------------------------------------------------------------------------------------------------


def show(comparison: Comparison) -> None:
    """Prints a table of the learners, how likely each is better than another one, and what is missing."""
    if comparison.runs:
        console.print(_learners(comparison))
        if len(comparison.learners) > 1:
            console.print(_improvements(comparison))
        console.print(comparison.verdict())
    for name, reason in comparison.missing.items():
        console.print(f"{name} is missing: {reason}", markup=False, soft_wrap=True)


def _learners(comparison: Comparison) -> Table:
    after = count(comparison.episodes, "adaptation episode")
    table = Table(title=f"{comparison.family}, {comparison.split}: after {after} (95 % CI)")
    for column in ("learner", "seeds", "control steps", "minutes", "interquartile mean", "mean", "success", "share"):
        table.add_column(column, justify="left" if column == "learner" else "right")
    for name in comparison.learners:
        runs = comparison.of(name)
        success, share = comparison.success(name), comparison.share(name)
        table.add_row(
            name,
            ", ".join(str(run.seed) for run in runs),
            f"{statistics.fmean(run.env_steps for run in runs) / 1e6:.2f}M",
            f"{statistics.fmean(run.minutes for run in runs):.1f}",
            comparison.interquartile_mean(name).text("{:.1f}".format),
            f"{comparison.returns(name).mean():.1f}",
            "" if success is None else f"{success:.0%}",
            "" if share is None else share.text(),
        )
    return table


def _improvements(comparison: Comparison) -> Table:
    table = Table(title="how likely the learner of the row has a higher return than that of the column")
    table.add_column("learner")
    found, names = comparison.improvements(), comparison.learners
    for name in names:
        table.add_column(name, justify="right")
    for row in names:
        cells = ("" if row == column else found[row, column].text("{:.0%}".format) for column in names)
        table.add_row(row, *cells)
    return table
