"""What several commands share: types of their arguments, checks, and output."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from robotmeta.console import plain_console, results
from robotmeta.errors import UserError
from robotmeta.files import check_target, write_text
from robotmeta.json_values import json_text

if TYPE_CHECKING:
    import robotmeta as rm

console = plain_console()
chatter = plain_console(chatter=True)

STDOUT = Path("-")
"""The file of ``--json`` that stands for stdout. What else is printed there goes to stderr then."""

OPTIONAL = tyro.conf.arg(help_behavior_hint="(optional)")


def default(text: str) -> Any:
    """An annotation for a default that the signature does not state."""
    return tyro.conf.arg(help_behavior_hint=f"(default: {text})")


PolicySource = Annotated[str, tyro.conf.Positional]
TaskValues = Annotated[
    tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE ...", help_behavior_hint="(default: a held-out task)")
]
KnownValues = Annotated[
    tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE|nominal ...", help_behavior_hint="(optional)")
]
_NOMINAL = "nominal"
File = Annotated[Path | None, OPTIONAL]
Folder = Annotated[Path | None, OPTIONAL]
Forward = Annotated[str | None, default("x, or the axis along which its hips turn outward")]
RobotFile = Annotated[str | None, tyro.conf.arg(metavar="FILE|PACKAGE:PATH", help_behavior_hint="(optional)")]
FamilyName = Annotated[str | None, default("the one that the policy's file names")]
Simulator = Annotated[str | None, default("that of the policy's run")]
Threads = Annotated[int | None, default("all cores")]


def load(policy: str, family: str | None, trust: bool) -> rm.Policy:
    """The policy that a command is for, in the family that the user names, if any."""
    import robotmeta as rm

    return rm.load(policy, family=family, trust=trust)


def policy_or_family(source: str, family: str | None, trust: bool) -> tuple[rm.Policy | None, rm.TaskFamily]:
    """The policy that a source is, and its family; None and the family if it is a family.

    Raises:
        UserError: For a source that is neither, or ``--family`` or ``--trust`` with a family.
    """
    import robotmeta as rm
    from robotmeta.envs import family_names

    if source.startswith("pretrained:") or (source not in family_names() and Path(source).exists()):
        policy = rm.load(source, family=family, trust=trust)
        return policy, policy.family
    if family is not None or trust:
        raise UserError(f"--family and --trust are for a policy, and {source} is none")
    return None, rm.make(source)


def consent(recorded: str, family: str | None) -> tuple[str, ...]:
    """The flags that the next command needs too, for the family that a run names."""
    from robotmeta.envs.registry import trust_flags

    return trust_flags(recorded) if family is None else ("--family", family)


def pairs(items: Iterable[str]) -> dict[str, str]:
    """Reads ``NAME=VALUE`` items.

    Raises:
        UserError: For an item without ``=`` or a name that is given twice.
    """
    found: dict[str, str] = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not equals:
            raise UserError(f"'{item}' is not NAME=VALUE")
        if name in found:
            raise UserError(f"{name} is given twice: {found[name]} and {value}")
        found[name] = value
    return found


def task_of(policy: rm.Policy, items: tuple[str, ...]) -> rm.Tasks:
    """The task that ``--task`` describes; the first held-out task where it is left out."""
    return policy.family.task(**task_values(policy.family, items)) if items else policy.family.tasks("test", 1)


def task_values(family: rm.TaskFamily, items: tuple[str, ...]) -> dict[str, float | str]:
    """Reads ``NAME=VALUE`` items of a task. ``robot=FILE`` stands for the row that a vendor's MJCF file gives.

    Raises:
        UserError: For an item that is none, or a file that cannot be read.
    """
    values: dict[str, float | str] = dict(pairs(items))
    robot = str(values.get("robot", ""))
    if robot in family.robots or not is_model(robot):
        return values
    del values["robot"]
    return {**_read(robot, family), **values}


def known_of(family: rm.TaskFamily, items: tuple[str, ...], robot: rm.VendorRobot | None) -> dict[str, float | str]:
    """Reads ``--known``: items of a task, and ``nominal`` for all other parameters that the policy is not told.

    Args:
        family: The family.
        items: The items.
        robot: The robot of ``--robot``, whose model has its numbers; None without it.

    Raises:
        UserError: For an item that is neither, or a file that cannot be read.
    """
    given = task_values(family, tuple(item for item in items if item != _NOMINAL))
    if _NOMINAL not in items:
        return given
    elsewhere = {*family.told, *family.robots.get(str(given.get("robot")), ())}
    space = family.space if robot is None else robot.family.space
    return {p.name: p.nominal for p in space if p.name not in elsewhere} | given


def _read(robot: str, family: rm.TaskFamily) -> dict[str, float | str]:
    import robotmeta as rm

    return dict(rm.read_robot(robot, family).row)


def is_model(robot: str) -> bool:
    """Whether a robot is named by a file or ``package:path``."""
    return robot.endswith((".xml", ".urdf")) or ":" in robot


def check_at_least_one(**arguments: int | None) -> None:
    """Raises UserError for an argument below 1; None is fine."""
    for name, value in arguments.items():
        if value is not None and value < 1:
            raise UserError(f"{name} must be at least 1, not {value}")


def check_targets(*files: Path | None, inputs: Iterable[str | Path | None] = ()) -> None:
    """Checks the files that a command is to write, before any work is done.

    Args:
        files: The files; None where there is none.
        inputs: What the command reads, such as a policy: files, or what is no file.

    Raises:
        UserError: For a file that cannot be written, that two outputs share, that the command reads, or that a run
            needs.
    """
    given = [file for file in files if file is not None and file != STDOUT]
    read = {Path(source).resolve() for source in inputs if source is not None}
    for place, file in enumerate(given):
        check_target(file)
        target = file.resolve()  # where a folder of the path is missing, `..` behind it leads back nevertheless
        device = target.exists() and not target.is_file()
        if not device and target in {other.resolve() for other in given[:place]}:
            raise UserError(f"two outputs have the name {file}")
        if target.is_file() and target in read:
            raise UserError(f"{file} is what the command reads, and would be lost; choose another output")
        if target.is_file():
            _check_spares_runs(target)


def _check_spares_runs(file: Path) -> None:
    """Raises UserError for a file that a run needs."""
    from robotmeta.training.run_folder import RunFolder

    run = next((run for run in map(RunFolder, file.parents) if run.needs(file)), None)
    if run is not None:
        raise UserError(f"{file} belongs to the run in {run.path}, which needs it to go on; choose another file")


def check_recorded(given: Mapping[str, Any]) -> None:
    """Raises UserError if steps are to be written that nobody makes."""
    for name in ("episodes_out", "dataset_out"):
        if given["env"] is None and given["robot"] is None and given[name] is not None:
            raise UserError(f"--{name.replace('_', '-')} is for --env and --robot")


def write_json(file: Path | None, data: Mapping[str, Any], *, through: bool = True) -> None:
    """Writes a result to the file of ``--json``, if there is one; see :func:`robotmeta.files.replaced`."""
    if file == STDOUT:
        print(json_text(data, indent=2), end="", file=results(), flush=True)
    elif file is not None:
        write_text(file, json_text(data, indent=2), through=through)


def typed(*words: object) -> str:
    """A command as one types it: words with spaces and the like are quoted, and no path is taken for an option."""
    paths = (isinstance(word, Path) and str(word).startswith("-") for word in words)
    return shlex.join(f"./{word}" if path else str(word) for word, path in zip(words, paths, strict=True))


def first_names(names: Iterable[str], most: int = 7) -> str:
    """The first few names, and how many more there are."""
    names = list(names)
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def count(number: int, what: str) -> str:
    """Such as ``1 step`` or ``3 steps``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def returns(before: float, after: float, episodes: int, *, adapted: bool = False) -> str:
    """The returns before and after adaptation, in a sentence; ``adapted`` is whether the policy was adapted before."""
    first, more = ("before", "more ") if adapted else ("without adaptation", "")
    return f"return {first} {before:.1f}, after {count(episodes, f'{more}episode')} {after:.1f}"


def show_measured(policy: rm.Policy, result: rm.Adapted) -> None:
    """Prints the returns before and after adaptation, or that they were not measured."""
    if result.return_before is None or result.return_after is None:
        console.print("What adaptation gains was not measured; --evaluation-episodes N measures it.")
    else:
        adapted = policy.belief is not None
        console.print(returns(result.return_before, result.return_after, result.first_episodes, adapted=adapted))
    show_broken(result)


def show_broken(result: rm.Adapted) -> None:
    """Prints how many episodes broke, if any did."""
    broken = _broken(result)
    if broken:
        left_out = "" if result.return_before is None else "; the mean returns leave them out"
        console.print(f"{broken} of {count(len(result.history), 'episode')} broke{left_out}.")


def adapted_json(
    policy: rm.Policy, task: Mapping[str, Any], result: rm.Adapted, failed: str | None = None
) -> dict[str, Any]:
    """The result of an adaptation as a JSON object; what was not measured is null."""
    return {
        "family": policy.family.name,
        "task": task,
        "return_before": result.return_before,
        "return_after": result.return_after,
        "episodes": result.episodes,
        "fit": result.fit and {name: v for name, v in result.fit.to_json().items() if name != "posterior"},
        "fine_tuned": _fine_tuned_json(result),
        "inferred": result.inferred and {name: e._asdict() for name, e in result.inferred.items()},
        "history": [episode.to_json() for episode in result.history],
        "broke": _broken(result),
        "stopped": result.stopped,
        "failed": failed,
    }


def _fine_tuned_json(result: rm.Adapted) -> dict[str, Any] | None:
    tuned = result.fine_tuned
    if tuned is None:
        return None
    measured = {"return_before": tuned.return_before, "return_after": tuned.return_after, "gain": tuned.gain}
    return {
        "return": result.return_fine_tuned,
        "simulated": {name: value._asdict() for name, value in measured.items()},
        "iterations": tuned.iterations,
        "kept": tuned.kept,
        "steps": tuned.steps,
        "seconds": tuned.seconds,
        "stopped": tuned.stopped,
    }


def _broken(result: rm.Adapted) -> int:
    return sum(episode.ended == "broke" for episode in result.history)
