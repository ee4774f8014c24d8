"""A live session on a page for the browser, by viser."""

from __future__ import annotations

import contextlib
import html
import importlib
import importlib.util
import io
import socket
import time
from collections.abc import Callable

from robotmeta.errors import UserError
from robotmeta.viewing.belief import belief_rows
from robotmeta.viewing.belief_table import belief_table
from robotmeta.viewing.pacer import FRAME, Pacer
from robotmeta.viewing.requests import Requests
from robotmeta.viewing.session import LiveSession
from robotmeta.viewing.status import status_lines

_TEXTS_EVERY = 6  # frames


def check_browser(host: str, port: int) -> None:
    """Checks that a page can be shown.

    Raises:
        UserError: If viser is not installed, or the port is no port, or in use.
    """
    if importlib.util.find_spec("viser") is None:
        raise UserError("the browser needs viser, which is not installed: pip install 'robotmeta[view]'")
    if not 1 <= port <= 65535:
        raise UserError(f"port must be between 1 and 65535, not {port}")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UserError(
                f"port {port} at {host} cannot be used ({error.strerror or error}): choose another one"
            ) from None


def run_browser(
    session: LiveSession,
    stopped: Callable[[], bool],
    *,
    host: str = "localhost",
    port: int = 8080,
    on_address: Callable[[str], None] | None = None,
) -> None:
    """Shows a session on a page until it is to end.

    Args:
        session: The session.
        stopped: Whether to end.
        host: Address of the page.
        port: Its port.
        on_address: Called with its address once it is there.
    """
    from robotmeta.viewing.panel import Panel
    from robotmeta.viewing.picture_stage import PictureStage
    from robotmeta.viewing.stage import Stage

    requests, pacer = Requests(), Pacer(session.family.dt)
    with contextlib.redirect_stdout(io.StringIO()):  # it prints a box
        server = importlib.import_module("viser").ViserServer(
            host=host, port=port, label=f"robotmeta · {session.family.name}", verbose=False
        )
    try:
        server.gui.configure_theme(show_logo=False, show_share_button=False)
        beliefs = server.gui.add_panel()
        with beliefs.add_tab("Belief and truth"):
            table = server.gui.add_html("")
        status = server.gui.add_html("")
        stage = Stage(server, session.world) if session.world.solid else PictureStage(server, session.world)
        panel = Panel(server, session, pacer, requests, stage if isinstance(stage, Stage) else None)
        server.gui.main_panel.dock_right()
        beliefs.dock_left()
        beliefs.set_width(430)
        if on_address is not None:
            on_address(f"http://{'localhost' if host == '0.0.0.0' else host}:{port}")
        frames = 0
        while not stopped():
            began = time.monotonic()
            requests.fulfil()
            for _ in range(pacer.due(began)):
                session.step()
            stage.update()
            if frames % _TEXTS_EVERY == 0:
                table.content = belief_table(belief_rows(session))
                status.content = _as_html([*status_lines(session.status), panel.note])
            frames += 1
            time.sleep(max(0.0, began + FRAME - time.monotonic()))
    finally:
        with contextlib.redirect_stdout(io.StringIO()):
            server.stop()


def _as_html(lines: list[str]) -> str:
    shown = "<br>".join(html.escape(line) for line in lines if line)
    return f"<div class='status' style='font-size:13px;line-height:1.5;padding:0 0.8em'>{shown}</div>"
