"""The live view in a browser: it shows a robot that moves, and its controls change the simulation."""

from __future__ import annotations

import dataclasses
import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

import robotmeta as rm
from robotmeta.viewing.browser import run_browser
from robotmeta.viewing.session import LiveSession

pytest.importorskip("viser", reason="needs the extra view")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    # Of viser's server, whose threads end with the process.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]
SECONDS = 60.0  # from a click to what follows, at most: WebGL runs on the CPU


class Viewed(NamedTuple):
    """A session, and the page that shows it."""

    session: LiveSession
    page: Any

    def picture(self) -> np.ndarray:
        """What is in the middle of the page, between the panels, ``[height, width, 3]``."""
        clip = {"x": 500, "y": 200, "width": 380, "height": 450}
        png = self.page.screenshot(clip=clip, timeout=1000 * SECONDS)
        return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)

    def wait(self, condition: Callable[[], bool]) -> None:
        """Waits until a condition is met."""
        until = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < until, self.session.status
            self.page.wait_for_timeout(100)


@pytest.fixture
def viewed(browser_page: Any) -> Iterator[Viewed]:
    policy = rm.load("pretrained:cheetah-dynamics")
    session = LiveSession(policy, policy.family.task(mass=1.2))
    addresses, over = [], threading.Event()
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    options = {"port": port, "on_address": addresses.append}
    thread = threading.Thread(target=run_browser, args=(session, over.is_set), kwargs=options)
    thread.start()
    shown = Viewed(session, browser_page)
    try:
        shown.wait(lambda: bool(addresses))
        browser_page.goto(addresses[0])
        browser_page.wait_for_selector("canvas")
        browser_page.wait_for_selector(".belief")
        yield shown
    finally:
        over.set()
        thread.join(SECONDS)
    assert not thread.is_alive()


def test_a_robot_moves(viewed: Viewed) -> None:
    viewed.wait(lambda: viewed.picture().std() > 10.0)
    first = viewed.picture()
    viewed.wait(lambda: (np.abs(viewed.picture() - first) > 30).mean() > 0.01)


def test_sliders_and_lists_change_the_task_while_the_policy_acts(viewed: Viewed) -> None:
    session, page = viewed.session, viewed.page
    page.locator("input[value='1.2']:visible").fill("1.5")
    page.keyboard.press("Enter")
    viewed.wait(lambda: session.truth["mass"] == 1.5)
    page.locator("input[value='none']:visible").click()
    page.get_by_role("option", name="bfoot").click()
    joint = session.family.space["faulty_joint"]
    viewed.wait(lambda: joint.text(session.truth["faulty_joint"]) == "bfoot")
    viewed.wait(lambda: "1.5" in page.inner_text(".belief tr:nth-child(2)"))


def test_the_belief_is_beside_the_truth_and_changes(viewed: Viewed) -> None:
    table = viewed.page.locator(".belief")
    first = table.inner_text()
    assert all(name in first for name in viewed.session.family.space.names)
    assert "1.2" in first
    viewed.wait(lambda: table.inner_text() != first)
    assert "adaptation episode" in viewed.page.inner_text(".status")


def test_buttons_pause_go_on_by_a_step_and_start_again(viewed: Viewed) -> None:
    session, page = viewed.session, viewed.page
    page.get_by_text("One step").click()
    viewed.wait(lambda: still(session))
    steps, episode = session.status.steps, session.status.episode
    page.get_by_text("One step").click()
    viewed.wait(lambda: session.status.steps == steps + 1)
    page.get_by_text("New episode").click()
    viewed.wait(lambda: session.status.episode == episode + 1)
    page.get_by_text("Pause / go on").click()
    viewed.wait(lambda: not still(session))


def test_a_task_is_drawn_and_the_belief_is_reset(viewed: Viewed) -> None:
    before = viewed.session.truth
    viewed.page.get_by_text("Draw a task").click()
    viewed.wait(lambda: viewed.session.truth != before)
    assert viewed.session.truth == next(iter(viewed.session.family.tasks("test", 1)))
    viewed.page.get_by_label("Adapt").first.click()
    viewed.wait(lambda: viewed.session.status.stage == "without adaptation")


def test_a_click_on_the_robot_pushes_it(viewed: Viewed) -> None:
    session, page = viewed.session, viewed.page
    viewed.wait(lambda: viewed.picture().std() > 10.0)
    page.get_by_text("One step").click()
    viewed.wait(lambda: still(session))
    found = np.argwhere(reddish(viewed.picture()))
    assert len(found) > 100
    y, x = found[len(found) // 2]
    page.mouse.click(500 + int(x), 200 + int(y))
    viewed.wait(lambda: session.world.pushed)
    assert np.abs(session.world.state()[1].xfrc_applied[:, 1]).max() > 1.0  # away from the viewer


def still(session: LiveSession) -> bool:
    """Whether nothing happens by itself."""
    before = session.status
    time.sleep(0.3)
    return dataclasses.astuple(session.status) == dataclasses.astuple(before)


def reddish(picture: np.ndarray) -> np.ndarray:
    """Where the robot is: the floor is green, and the sky is white."""
    return picture[..., 0] > picture[..., 1] + 30
