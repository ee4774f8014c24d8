"""What a fit shows while it runs and at its end."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from rich.table import Table

from robotmeta.cli.shared import console, count, first_names
from robotmeta.progress import StageBar

if TYPE_CHECKING:
    import robotmeta as rm
    from robotmeta.adaptation.fitting.result import Fit
    from robotmeta.envs.parameters import Parameter

_MANY_SATURATED = 0.05  # share of the actions that is worth a line


def shows_fitting(bar: StageBar) -> Callable[[int, int], None]:
    """Shows after each cycle how far a fit is."""

    def show(cycle: int, cycles: int) -> None:
        bar.stage("fitting")
        bar.show(cycle / cycles, f"cycle {cycle} of {cycles}")

    return show


def show_fit(
    fit: Fit,
    space: rm.ParameterSpace,
    *,
    given: Collection[str] = (),
    truth: Mapping[str, float] | None = None,
) -> None:
    """Prints what a fit found, and what these episodes cannot tell.

    Args:
        fit: The fit.
        space: The parameters.
        given: Names of the parameters that were known before.
        truth: True values; None if they are not known.
    """
    searched = [p for p in space if p.name not in given]
    known = [p for p in searched if fit.parameters[p.name].known]
    unknown = [p.name for p in searched if not fit.parameters[p.name].known]
    if known:
        table = Table(title=f"Fit to {count(fit.episodes, 'episode')}")
        heads = ["parameter", "fitted", "90 % interval"]
        heads += ["belief before"] * (fit.believed is not None) + ["true value"] * (truth is not None)
        for head in heads:
            table.add_column(head)
        for parameter in known:
            table.add_row(*_cells(parameter, fit, truth))
        console.print(table)
    if given:
        console.print(f"Given: {first_names([p.name for p in space if p.name in given])}.")
    if unknown:
        console.print(f"Not known from these episodes: {', '.join(unknown)}.")
    mean = {when: sum(errors.values()) / max(len(errors), 1) for when, errors in _errors(fit).items()}
    console.print(
        f"Error of replays of ten steps, mean over signals: {mean['before']:.2g} before the fit, {mean['after']:.2g} "
        f"after it, in standard deviations of the signal; {fit.steps / 1e6:.2g}M control steps, {fit.seconds:.0f} s"
    )
    if fit.saturated > _MANY_SATURATED:
        console.print(f"{fit.saturated:.0%} of the actions were at their limit (saturated).")
    if fit.unexplained:
        console.print(_unexplained(fit))
    if not fit.explained:
        console.print("Fine-tuning on this fit needs --force.")


def _unexplained(fit: Fit) -> str:
    """What no task of the family explains, and what follows."""
    if fit.unexplained == ("reward",):
        return (
            "No task of the family explains the rewards: the environment has another reward than the family. "
            "Fine-tuning raises that of the family."
        )
    named = ", ".join(fit.unexplained)
    if fit.explained:
        return f"Explained except for {named}."
    return f"No task of the family explains {named}: the robot is not like one of the family."


def _errors(fit: Fit) -> dict[str, Mapping[str, float]]:
    return {"before": fit.before, "after": fit.after}


def _cells(parameter: Parameter, fit: Fit, truth: Mapping[str, float] | None) -> list[str]:
    from robotmeta.adaptation.fitting.texts import interval_text, value_text

    fitted = fit.parameters[parameter.name]
    cells = [parameter.name, value_text(parameter, fitted), interval_text(parameter, fitted)]
    if fit.believed is not None:
        estimate = fit.believed.get(parameter.name)
        cells.append("" if estimate is None else parameter.text(estimate.value))
    if truth is not None:
        cells.append(parameter.text(truth.get(parameter.name, parameter.nominal)))
    return cells
