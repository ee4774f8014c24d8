"""The stages of ``robotmeta adapt`` that take place in simulation: their options, and what they found."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from robotmeta.cli.fine_tuning import show_fine_tuned, shows_fine_tuning
from robotmeta.cli.fitting import show_fit, shows_fitting
from robotmeta.cli.shared import check_at_least_one, console, known_of
from robotmeta.errors import UserError
from robotmeta.progress import shows_count, stage_bar

if TYPE_CHECKING:
    import robotmeta as rm


_OF_FINE_TUNING = ("fine_tune_learning_rate", "fine_tune_kl_weight", "fine_tune_out")


def check_stage_options(given: Mapping[str, Any]) -> None:
    """Raises UserError for options of a stage that was not asked for.

    Args:
        given: The command's arguments by name.
    """
    if given["force"] and not given["fit"]:
        raise UserError("--force is for --fit")
    if given["known"] and not given["fit"] and given["fine_tune"] is None:
        raise UserError("--known is for --fit and --fine-tune")
    check_at_least_one(rounds=given["rounds"])
    if given["rounds"] > 1 and (not given["fit"] or given["fine_tune"] is None):
        raise UserError("--rounds is for --fit with --fine-tune")
    if given["fine_tune"] is None and given["force"]:
        raise UserError("--force is for --fine-tune")
    for name in _OF_FINE_TUNING:
        if given["fine_tune"] is None and given[name] is not None:
            raise UserError(f"--{name.replace('_', '-')} is for --fine-tune")
    if given["env"] is not None and given["fine_tune_out"] is not None:
        raise UserError("--fine-tune-out is for --task: with --env, the same command would run new episodes")


@contextmanager
def stage_options(
    family: rm.TaskFamily, given: Mapping[str, Any], robot: rm.VendorRobot | None = None
) -> Iterator[dict[str, Any]]:
    """The arguments of :func:`robotmeta.adapt` for the stages, which show their progress until the end.

    Args:
        family: The policy's family.
        given: The command's arguments by name.
        robot: The robot of ``--robot``; None without it.
    """
    with stage_bar("adaptation") as bar:
        if given.get("env") is None:  # in an environment each episode is printed instead
            bar.show(None)
        of_stages = ("fit", "fine_tune", *_OF_FINE_TUNING, "force", "rounds")
        options = {name: given[name] for name in of_stages if name in given}
        options["known"] = known_of(family, given.get("known", ()), robot) or None
        if given["fit"]:
            options["on_fitting"] = shows_fitting(bar)
        if given["fine_tune"] is not None:
            options["on_fine_tuning"] = shows_fine_tuning(bar)
        yield options


def given_names(family: rm.TaskFamily, known: tuple[str, ...], robot: rm.VendorRobot | None = None) -> set[str]:
    """Names of the parameters that ``--known`` or the model of ``--robot`` gives.

    Raises:
        UserError: For an unknown parameter, robot or value, or a family that cannot be fitted.
    """
    from robotmeta.adaptation.fitting.fit_episodes import check_fit

    return {*check_fit(family, known_of(family, known, robot)), *(() if robot is None else robot.row)}


def show_stages(
    policy: rm.Policy,
    result: rm.Adapted,
    given: Mapping[str, Any],
    truth: Mapping[str, float] | None,
    known: Collection[str] = (),
) -> None:
    """Prints what the stages found.

    Args:
        policy: The policy before adaptation.
        result: The result.
        given: The command's arguments by name.
        truth: True values of the parameters; None if they are not known.
        known: Names of the parameters that the fit did not search.
    """
    family = policy.family
    if result.fit is not None:
        show_fit(result.fit, family.of_tasks(result.fit.best).space, given=known, truth=truth)
        if not result.fit.explained and given["fine_tune"] is not None and result.fine_tuned is None:
            console.print("The policy was not fine-tuned: the fit does not explain the episodes.")
    show_fine_tuned(result)
    if any(episode.success is not None for episode in result.history if episode.phase != "adaptation"):
        from robotmeta.reporting.stage_results import stage_results

        rates = (f"{stage.title} {stage.success}" for stage in stage_results(result) if stage.success)
        console.print(f"success {'; '.join(rates)} (95 % intervals)")


def write_stages(
    policy: rm.Policy,
    result: rm.Adapted,
    given: Mapping[str, Any],
    task: rm.Tasks | rm.VendorRobot | None,
    truth: Mapping[str, float] | None,
    known: Collection[str] = (),
) -> None:
    """Writes the video and the page of an adaptation, if they were asked for.

    Args:
        policy: The policy before adaptation.
        result: The result.
        given: The command's arguments by name.
        task: The task, or the robot; None in an environment.
        truth: True values of the parameters; None if they are not known.
        known: Names of the parameters that the fit did not search.
    """
    import robotmeta as rm

    if given["video"] is not None:
        options = {name: given[name] for name in ("seed", "simulator")}
        with stage_bar("video") as bar:
            rm.record(policy, task, out=given["video"], adapted=result, on_progress=shows_count(bar), **options)
        console.print(f"Video: {given['video']}")
    if given["report"] is not None:
        from robotmeta.reporting.adaptation_report import adaptation_report

        adaptation_report(result, policy.family, given["report"], given=known, truth=truth, video=given["video"])
        console.print(f"Report: {given['report']}")
