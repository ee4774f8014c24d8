"""The documentation site in a browser: every page loads, with its pictures and videos."""

from __future__ import annotations

import functools
import http.server
import importlib.util
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pages import built_site

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("mkdocs") is None, reason="needs robotmeta[docs]"),
]
_SECOND = 1000.0  # milliseconds


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files, and says nothing about it."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Where a server has the site."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def pages(site: Path) -> list[str]:
    return sorted(str(file.relative_to(site)) for file in site.rglob("*.html") if file.name != "404.html")


def test_every_page_loads_with_its_pictures(browser_page: Any, site: Path, address: str) -> None:
    for page in pages(site):
        answer = browser_page.goto(f"{address}/{page}")
        assert answer is not None, page
        assert answer.ok, page
        assert browser_page.locator("h1").count() >= 1, page
        broken = browser_page.evaluate(
            """async () => {
                const images = [...document.images];
                images.forEach(image => image.loading = "eager");
                await Promise.allSettled(images.map(image => image.decode()));
                return images.filter(image => !image.naturalWidth).map(image => image.src);
            }"""
        )
        assert not broken, page


def test_videos_play(browser_page: Any, site: Path, address: str) -> None:
    played = 0
    for page in (page for page in pages(site) if "<video" in (site / page).read_text()):
        browser_page.goto(f"{address}/{page}")
        for video in browser_page.locator("video").all():
            reached = video.evaluate(
                """async video => {
                    video.muted = true;
                    await video.play();
                    await new Promise(done => video.addEventListener("timeupdate", done, {once: true}));
                    video.pause();
                    return video.error === null && video.videoWidth > 0 && video.currentTime >= 0;
                }"""
            )
            assert reached, page
            played += 1
    assert played >= 8


def test_a_page_is_found_by_a_word(browser_page: Any, address: str) -> None:
    browser_page.goto(f"{address}/index.html")
    browser_page.keyboard.press("/")
    browser_page.keyboard.type("dropped reward specialist")
    browser_page.wait_for_selector(".md-search-result__item", timeout=20 * _SECOND)
    assert "specialist" in browser_page.locator(".md-search-result__list").inner_text().lower()


def test_the_landing_page_opens_from_disk_with_its_first_picture_in_sight(browser_page: Any, site: Path) -> None:
    browser_page.goto((site / "index.html").as_uri(), wait_until="commit")
    picture = browser_page.locator("article img").first
    shown = picture.evaluate("async image => { await image.decode(); return performance.now(); }")
    print(f"first picture after {shown:.0f} ms")
    assert picture.evaluate("image => image.getBoundingClientRect().top") < 800


def test_no_page_is_wider_than_a_phone(browser_page: Any, site: Path, address: str) -> None:
    browser_page.set_viewport_size({"width": 390, "height": 800})
    for page in pages(site):
        browser_page.goto(f"{address}/{page}")
        assert browser_page.evaluate("document.documentElement.scrollWidth") <= 391, page
