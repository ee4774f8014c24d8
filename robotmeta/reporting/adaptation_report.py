"""An adaptation as one self-contained HTML page: its stages, what each gains, and what is known after each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from robotmeta.adaptation.adapted import Adapted
from robotmeta.envs import TaskFamily
from robotmeta.files import check_target
from robotmeta.reporting.caption import task_items
from robotmeta.reporting.fit_plots import fine_tuning_curve
from robotmeta.reporting.fit_report import fit_content, parameters_content
from robotmeta.reporting.page import embedded, rendered, svg, write_page
from robotmeta.reporting.stage_results import stage_results


def adaptation_report(
    adapted: Adapted,
    family: TaskFamily,
    file: str | Path,
    *,
    given: Collection[str] = (),
    truth: Mapping[str, float] | None = None,
    video: Path | None = None,
) -> Path:
    """Writes a page about an adaptation, in full or not at all.

    Args:
        adapted: The adaptation.
        family: The policy's family.
        file: The HTML file.
        given: Names of the parameters that were known before the fit.
        truth: True values of the parameters; None if they are not known.
        video: A video to show, ``.mp4`` or ``.gif``; None for none.

    Returns:
        The file.

    Raises:
        UserError: If the video cannot be read, or the page cannot be written.
    """
    file = Path(file)
    check_target(file)
    about = adaptation_content(adapted, family, given=given, truth=truth, video=video)
    return write_page(file, rendered("adaptation_report.html", family=family, about=about))


def adaptation_content(
    adapted: Adapted,
    family: TaskFamily,
    *,
    given: Collection[str] = (),
    truth: Mapping[str, float] | None = None,
    video: Path | None = None,
) -> dict[str, Any]:
    """What the part of a page about an adaptation needs, ``adaptation.html``. See :func:`adaptation_report`."""
    fit, tuned = adapted.fit, adapted.fine_tuned
    stages = list(stage_results(adapted))
    history = () if tuned is None else tuned.history
    return {
        "task": "" if truth is None else _described(family, truth),
        "stages": stages,
        "has_success": any(stage.success for stage in stages),
        "videos": [] if video is None else [embedded(video)],
        "episodes": [episode for episode in adapted.history if episode.phase == "adaptation"],
        "tuned": tuned,
        "tuning": svg(fine_tuning_curve(history), "Return during fine-tuning") if len(history) > 1 else None,
        **parameters_content(family, fit, adapted.inferred, given=given, truth=truth),
        **({"fit": None} if fit is None else fit_content(family, fit, given=given)),
    }


def _described(family: TaskFamily, truth: Mapping[str, float]) -> str:
    """What differs from the nominal task."""
    items = task_items(family, family.space.row(truth))
    return ", ".join(" ".join(word.text for word in item) for item in items)
