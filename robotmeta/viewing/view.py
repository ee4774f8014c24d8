"""``robotmeta.view``: a policy in a live simulation."""

from __future__ import annotations

import signal
from collections.abc import Callable

from robotmeta.argument_types import check_arguments
from robotmeta.envs import Tasks, VendorRobot
from robotmeta.errors import UserError
from robotmeta.interrupts import Stopped, stop_signal
from robotmeta.policy import Policy
from robotmeta.viewing.screen import has_screen
from robotmeta.viewing.session import LiveSession

_INSTEAD = "show it in the browser (--browser, or window=False)"


@check_arguments
def view(
    policy: Policy,
    task: Tasks | VendorRobot | None = None,
    *,
    episodes: int = 3,
    seed: int = 0,
    window: bool | None = None,
    port: int = 8080,
    host: str = "localhost",
    on_address: Callable[[str], None] | None = None,
) -> None:
    """Shows a policy in a live simulation, until its window is closed or Ctrl-C is pressed.

    The policy adapts to the task as in :func:`robotmeta.adapt`, and goes on. In the browser one changes the task while
    it acts, watches its belief beside the truth, and pushes the robot. In MuJoCo's window, the mouse pulls at the robot
    (double click, then Ctrl and drag), and keys pause and restart.

    Args:
        policy: A meta-trained policy, adapted or not.
        task: One task of its family, or a vendor's robot (:func:`robotmeta.read_robot`); None for the first held-out
            task.
        episodes: Number of adaptation episodes, after which the policy acts by its mean.
        seed: Determines initial states and exploration.
        window: Whether to open MuJoCo's window; False for the browser, None for the window if there is a screen.
        port: Port of the browser's page.
        host: Address at which the page is; ``"0.0.0.0"`` shows it to other computers too.
        on_address: For the browser, called with the address of the page once it is there.

    Raises:
        UserError: For a window without a screen, a port that is in use, if viser is not installed, or for a task or
            robot that does not fit the policy.
    """
    if window and not has_screen():
        raise UserError(f"a window needs a screen, and DISPLAY names none: {_INSTEAD}")
    task = policy.family.tasks("test", 1) if task is None else task
    session = LiveSession(policy, task, episodes=episodes, seed=seed)
    solid = session.world.solid
    if window and not solid:
        raise UserError(f"family '{session.family.name}' has no bodies to show in MuJoCo's window: {_INSTEAD}")
    if window is None:
        window = solid and has_screen()
    if not window:
        from robotmeta.viewing.browser import check_browser

        check_browser(host, port)
    with stop_signal() as asked:
        if window:
            from robotmeta.viewing.window import run_window

            run_window(session, lambda: bool(asked))
        else:
            from robotmeta.viewing.browser import run_browser

            run_browser(session, lambda: bool(asked), host=host, port=port, on_address=on_address)
    if asked.number not in (None, signal.SIGINT):
        raise Stopped(asked.number)
