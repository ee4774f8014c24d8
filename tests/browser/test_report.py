"""A report in a browser: one flips through its tasks by the mouse and by the keyboard, and its videos play."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import robotmeta as rm

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    # imageio leaves the pipes of its decoder to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed file <_io.Buffered:ResourceWarning"),
]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    rm.meta_train("cheetah-direction", iterations=1, hyper={"meta_batch": 2}, out=folder, progress=False)
    return rm.report(folder, tasks=2, episodes=1, shown=2)


def test_one_flips_through_the_tasks(browser_page: Any, report: Path) -> None:
    browser_page.goto(report.as_uri())
    first, second = browser_page.locator(".flip > article").all()
    assert first.is_visible()
    assert not second.is_visible()
    browser_page.locator(".steps label", has_text="next task").first.click()
    assert second.is_visible()
    assert not first.is_visible()
    browser_page.locator(".flip > input").nth(1).focus()
    browser_page.keyboard.press("ArrowLeft")
    assert first.is_visible()
    assert not second.is_visible()


def test_curves_of_hidden_tasks_are_drawn_when_they_are_shown(browser_page: Any, report: Path) -> None:
    browser_page.goto(report.as_uri())
    browser_page.locator(".flip > label").nth(1).click()
    curve = browser_page.locator(".flip > article").nth(1).locator("figure svg").last
    drawn = curve.evaluate(
        """svg => {
            const clipped = [...svg.querySelectorAll("path[clip-path]")];
            return clipped.length > 0 && clipped.every(path => {
                const clip = document.querySelector(path.getAttribute("clip-path").slice(4, -1));
                return clip !== null && svg.contains(clip);
            });
        }"""
    )
    assert drawn


def test_the_video_of_a_task_plays(browser_page: Any, report: Path) -> None:
    browser_page.goto(report.as_uri())
    played = browser_page.locator(".flip > article video").first.evaluate(
        "async video => { video.muted = true; await video.play(); return video.videoWidth; }"
    )
    assert played > 0
