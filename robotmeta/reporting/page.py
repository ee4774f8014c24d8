"""Self-contained HTML pages: templates, inline figures and videos."""

from __future__ import annotations

import base64
import io
import itertools
import re
from pathlib import Path
from typing import Any

import matplotlib
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from robotmeta.files import read_file, replaced
from robotmeta.reporting.plots import AFTER, BEFORE, INK
from robotmeta.reporting.video import MEDIA_TYPES, check_video

_NUMBERS = itertools.count()  # of figures


def rendered(template: str, **content: Any) -> str:
    """A page. All text in it is escaped.

    Args:
        template: Name of a file in ``templates``.
        content: What it shows.
    """
    environment = Environment(
        loader=PackageLoader("robotmeta.reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**content)


def svg(figure: Figure, label: str) -> Markup:
    """A figure as inline SVG, with the page's fonts and colours in light and dark mode.

    Its clip paths have names of their own: a browser ignores one that another, hidden figure defines first.
    """
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": f"{label} {next(_NUMBERS)}"}):
        figure.savefig(
            buffer, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
        )
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text)  # HTML needs no namespaces
    text = re.sub(r' id="[A-Za-z0-9.]+_\d+"', "", text)  # equal in all figures, and not referred to
    text = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1", text)
    for colour, variable in ((INK, "currentColor"), (BEFORE, "var(--before)"), (AFTER, "var(--after)")):
        text = text.replace(colour, variable)
    return Markup(text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1))


def embedded(video: Path) -> dict[str, str]:
    """A video as a data URI, for ``videos.html``.

    Raises:
        UserError: For a file that is missing or has another format.
    """
    check_video(video)
    data = base64.b64encode(read_file(video)).decode()
    return {"name": video.stem, "type": MEDIA_TYPES[video.suffix.lower()], "data": data}


def write_page(file: Path, page: str) -> Path:
    """Writes a page in full or not at all, and returns its file.

    Raises:
        UserError: If it cannot be written.
    """
    with replaced(file, through=False) as partial:
        partial.write_text(page, encoding="utf-8", errors="backslashreplace")  # names may be no text
    return file
