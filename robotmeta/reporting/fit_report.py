"""A fit as one self-contained HTML page: what it found, how well it explains the episodes, and what the stages gain."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from robotmeta.adaptation.adapted import Adapted
from robotmeta.adaptation.fitting.fit_episodes import Fit
from robotmeta.adaptation.fitting.texts import interval_text, value_text
from robotmeta.envs import TaskFamily
from robotmeta.envs.parameters import Parameter
from robotmeta.files import check_target, replaced
from robotmeta.reporting.fit_plots import (
    fine_tuning_curve,
    parameters_before_and_after,
    residuals_by_signal,
    signals_before_and_after,
)
from robotmeta.reporting.page import rendered, svg


def fit_report(
    fit: Fit,
    family: TaskFamily,
    file: str | Path,
    *,
    given: Collection[str] = (),
    truth: Mapping[str, float] | None = None,
    adapted: Adapted | None = None,
) -> Path:
    """Writes a page about a fit, in full or not at all.

    Args:
        fit: The fit.
        family: Its family.
        file: The HTML file.
        given: Names of the parameters that were known before the fit. They are not drawn.
        truth: True values of the parameters; None if they are not known.
        adapted: The adaptation that the fit is a stage of; None if it is none.

    Returns:
        The file.

    Raises:
        UserError: If the page cannot be written.
    """
    file = Path(file)
    check_target(file)
    searched = [parameter for parameter in family.space if parameter.name not in given]
    tuned = None if adapted is None else adapted.fine_tuned
    history = () if tuned is None else tuned.history
    page = rendered(
        "fit_report.html",
        family=family,
        fit=fit,
        told=[p.name for p in searched if fit.parameters[p.name].known],
        untold=[p.name for p in searched if not fit.parameters[p.name].known],
        given=[(p.name, p.text(fit.parameters[p.name].value)) for p in family.space if p.name in given],
        parameters=[_row(parameter, fit, truth) for parameter in searched],
        has_truth=truth is not None,
        parameters_figure=svg(parameters_before_and_after(fit, searched, truth), "Parameters") if searched else None,
        signals=svg(signals_before_and_after(fit, family.dt), "Measured and simulated signals"),
        residuals=svg(residuals_by_signal(fit), "Error of each signal"),
        returns=[] if adapted is None else list(_returns(adapted)),
        tuned=tuned,
        tuning=svg(fine_tuning_curve(history), "Return during fine-tuning") if len(history) > 1 else None,
    )
    with replaced(file, through=False) as partial:
        partial.write_text(page, encoding="utf-8", errors="backslashreplace")  # names may be no text
    return file


def _row(parameter: Parameter, fit: Fit, truth: Mapping[str, float] | None) -> dict[str, str]:
    fitted = fit.parameters[parameter.name]
    estimate = None if fit.believed is None else fit.believed.get(parameter.name)
    return {
        "name": parameter.name,
        "fitted": value_text(parameter, fitted) if fitted.known else "not known",
        "interval": interval_text(parameter, fitted),
        "belief": "" if estimate is None else parameter.text(estimate.value),
        "truth": "" if truth is None else parameter.text(truth[parameter.name]),
        "train": parameter.spelled(parameter.train),
    }


def _returns(adapted: Adapted) -> Iterator[tuple[str, str]]:
    """The mean return after each stage that was measured."""
    first, all_of_them = (f"{n} episode{'' if n == 1 else 's'}" for n in (adapted.first_episodes, adapted.episodes))
    for stage, value in (
        ("without adaptation", adapted.return_before),
        (f"after {first}", adapted.return_after),
        (f"after {all_of_them}, fit and fine-tuning", adapted.return_fine_tuned),
    ):
        if value is not None:
            yield stage, f"{value:.1f}"
