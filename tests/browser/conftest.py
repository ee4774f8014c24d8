"""A browser without a window, for tests of what people see in one.

Tests take ``browser_page``, and have the marker ``browser``. They are skipped where there is no Chromium, or no
Playwright to drive it (the extra ``browser``). Nothing is downloaded: the browser is that of the system.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--no-sandbox",  # Chromium refuses to run as root with it
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",  # WebGL on the CPU
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)
_LOCAL = ("localhost", "127.0.0.1", "")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium without a window, a ``playwright.sync_api.Browser``."""
    driver = pytest.importorskip("playwright.sync_api", reason="needs the extra browser: make browser")
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        pytest.skip("needs a browser: apt-get install chromium")
    with driver.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, headless=True, args=list(_FLAGS))
        yield started
        started.close()


@pytest.fixture
def browser_page(browser: Any) -> Iterator[Any]:
    """An empty ``playwright.sync_api.Page`` of 1280 x 800 pixels.

    It fails the test if a script fails, or asks for anything on the network.
    """
    faults: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 800})

    def offline(route: Any) -> None:
        if (urlsplit(route.request.url).hostname or "") in _LOCAL:
            route.continue_()
        else:
            faults.append(f"asks for {route.request.url}")
            route.abort()

    context.route("**/*", offline)
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    context.close()
    assert not faults
