"""Self-contained HTML pages: templates and inline figures."""

from __future__ import annotations

import io
import re
from typing import Any

import matplotlib
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from robotmeta.reporting.plots import AFTER, BEFORE, INK


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
    """A figure as inline SVG, with the page's fonts and colours in light and dark mode."""
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": label}):
        figure.savefig(
            buffer, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
        )
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text)  # HTML needs no namespaces
    text = re.sub(r' id="[a-z0-9]+_\d+"', "", text)  # equal in all figures, and not referred to
    text = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1", text)
    for colour, variable in ((INK, "currentColor"), (BEFORE, "var(--before)"), (AFTER, "var(--after)")):
        text = text.replace(colour, variable)
    return Markup(text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1))
