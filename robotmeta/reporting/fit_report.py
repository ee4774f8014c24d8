"""A fit as one self-contained HTML page: what it found, and how well it explains the episodes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from robotmeta.adaptation.fitting.result import Fit
from robotmeta.adaptation.fitting.texts import interval_text, value_text
from robotmeta.envs import Estimate, TaskFamily
from robotmeta.envs.parameters import Parameter
from robotmeta.files import check_target
from robotmeta.reporting.fit_plots import (
    parameters_before_and_after,
    residuals_by_signal,
    signals_before_and_after,
)
from robotmeta.reporting.page import rendered, svg, write_page


def fit_report(
    fit: Fit,
    family: TaskFamily,
    file: str | Path,
    *,
    given: Collection[str] = (),
    truth: Mapping[str, float] | None = None,
) -> Path:
    """Writes a page about a fit, in full or not at all.

    Args:
        fit: The fit.
        family: Its family.
        file: The HTML file.
        given: Names of the parameters that were known before the fit. They are not drawn.
        truth: True values of the parameters; None if they are not known.

    Returns:
        The file.

    Raises:
        UserError: If the page cannot be written.
    """
    file = Path(file)
    check_target(file)
    content = {
        **parameters_content(family, fit, fit.believed, given=given, truth=truth),
        **fit_content(family, fit, given=given),
    }
    return write_page(file, rendered("fit_report.html", family=family, about=content))


def fit_content(family: TaskFamily, fit: Fit, *, given: Collection[str] = ()) -> dict[str, Any]:
    """What the parts of a page about a fit need, ``fit_verdict.html`` and ``fit_signals.html``."""
    space = family.of_tasks(fit.best).space
    searched = [parameter.name for parameter in space if parameter.name not in given]
    return {
        "fit": fit,
        "known": [name for name in searched if fit.parameters[name].known],
        "unknown": [name for name in searched if not fit.parameters[name].known],
        "signals": svg(signals_before_and_after(fit, family.dt), "Measured and simulated signals"),
        "residuals": svg(residuals_by_signal(fit), "Error of each signal"),
    }


def parameters_content(
    family: TaskFamily,
    fit: Fit | None,
    inferred: Mapping[str, Estimate] | None,
    *,
    given: Collection[str] = (),
    truth: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """What the part of a page about the parameters needs, ``parameters.html``.

    Args:
        family: The family.
        fit: The fit; None if there is none.
        inferred: The policy's estimates; None for learners that make none.
        given: Names of the parameters that were known before. They are not drawn.
        truth: True values; None if they are not known.
    """
    space = family.space if fit is None else family.of_tasks(fit.best).space
    searched = [parameter for parameter in space if parameter.name not in given]
    rows = searched if fit or inferred or truth else []
    figure = svg(parameters_before_and_after(fit, searched, truth), "Parameters") if fit and searched else None
    return {
        "parameters": [_row(parameter, fit, inferred, truth) for parameter in rows],
        "parameters_figure": figure,
        "has_truth": truth is not None,
        "has_inferred": inferred is not None,
        "given": [(p.name, p.text(fit.parameters[p.name].value)) for p in space if fit and p.name in given],
    }


def _row(
    parameter: Parameter, fit: Fit | None, inferred: Mapping[str, Estimate] | None, truth: Mapping[str, float] | None
) -> dict[str, str]:
    fitted = None if fit is None else fit.parameters[parameter.name]
    estimate = None if inferred is None else inferred.get(parameter.name)
    return {
        "name": parameter.name,
        "truth": "" if truth is None else parameter.text(truth.get(parameter.name, parameter.nominal)),
        "inferred": "" if estimate is None else parameter.text(estimate.value) + (", not sure" * (not estimate.sure)),
        "fitted": "" if fitted is None else value_text(parameter, fitted) if fitted.known else "not known",
        "interval": "" if fitted is None else interval_text(parameter, fitted),
        "train": parameter.spelled(parameter.train),
    }
