"""A live session in MuJoCo's window."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Sequence

from robotmeta.envs.scene.window import Window
from robotmeta.viewing.belief import BeliefRow, belief_rows
from robotmeta.viewing.draws import Draws
from robotmeta.viewing.pacer import FRAME, Pacer
from robotmeta.viewing.session import LiveSession
from robotmeta.viewing.status import status_lines

KEYS = "Space: pause   Right: one step   Enter: next episode   End: next held-out task   Delete: forget   Home: adapt"
_SPACE, _RIGHT, _ENTER, _END, _DELETE, _HOME = 32, 262, 257, 269, 261, 268  # key numbers of GLFW
_TABLE_EVERY = 6  # frames
_ROWS = 10  # of the table


def run_window(session: LiveSession, stopped: Callable[[], bool]) -> None:
    """Shows a session until its window is closed.

    Args:
        session: The session.
        stopped: Whether to end.

    Raises:
        UserError: If no window opens.
    """
    pressed: queue.SimpleQueue[int] = queue.SimpleQueue()
    pacer, draws = Pacer(session.family.dt), Draws(session.family, session.task)

    def toggle_running() -> None:
        pacer.running = not pacer.running

    def toggle_adapts() -> None:
        session.adapts = not session.adapts

    actions: dict[int, Callable[[], None]] = {
        _SPACE: toggle_running,
        _RIGHT: session.step,
        _ENTER: session.restart,
        _END: lambda: session.start(draws.next("test")[0]),
        _DELETE: session.reset_belief,
        _HOME: toggle_adapts,
    }
    window = Window(session.world, pressed.put)
    table, frames = [], 0
    try:
        while window.running and not stopped():
            began = time.monotonic()
            while not pressed.empty():
                actions.get(pressed.get(), lambda: None)()
            for _ in range(pacer.due(began)):
                window.pull()
                session.step()
            if frames % _TABLE_EVERY == 0:
                table = _table(belief_rows(session))
            window.show("\n".join([*status_lines(session.status), KEYS]), table)
            frames += 1
            time.sleep(max(0.0, began + FRAME - time.monotonic()))
    finally:
        window.close()


def _table(rows: Sequence[BeliefRow]) -> list[tuple[str, str]]:
    """The parameters that the policy is most certain of: the viewer has room for a few lines."""
    best = sorted((row for row in rows if row.matters), key=lambda row: -row.known)[:_ROWS]
    return [("true", "inferred"), *((f"{row.name} {row.truth}", row.inferred) for row in best)] if best else []
