"""The controls of the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from robotmeta.errors import UserError
from robotmeta.viewing.draws import Draws
from robotmeta.viewing.pacer import Pacer
from robotmeta.viewing.parameter_controls import ParameterControls
from robotmeta.viewing.requests import Requests
from robotmeta.viewing.session import LiveSession
from robotmeta.viewing.stage import Stage

_BUTTONS = _GO, _STEP, _RESTART = "Pause / go on", "One step", "New episode"
_WEIGHTS = 5.0  # the strongest push, in weights of all that moves
_SPEEDS = {"1/10": 0.1, "1/4": 0.25, "1/2": 0.5, "real time": 1.0, "2x": 2.0, "4x": 4.0}


class Panel:
    """Buttons, sliders and lists that change a session. What they ask for waits in requests.

    Args:
        server: The server of the page, a ``viser.ViserServer``.
        session: The session.
        pacer: How fast it goes.
        requests: Where requests go.
        stage: Where the robot is drawn; None if there is a picture alone.

    Attributes:
        note: What was wrong with the last request; "" if nothing was.
    """

    def __init__(
        self,
        server: Any,
        session: LiveSession,
        pacer: Pacer,
        requests: Requests,
        stage: Stage | None,
    ) -> None:
        self._gui, self._session, self._pacer, self._requests = server.gui, session, pacer, requests
        self._draws = Draws(session.family, session.task)
        self.note = ""
        self._run_controls()
        self._task_controls()
        self._belief_controls()
        if stage is not None:
            self._robot_controls(stage)
        with self._gui.add_folder("Parameters"):
            self._parameters = ParameterControls(server.gui, session, self._ask)

    # -- parts ---------------------------------------------------------------------------------------------------------

    def _run_controls(self) -> None:
        gui = self._gui
        with gui.add_folder("Simulation"):
            self._buttons = gui.add_button_group("", _BUTTONS)
            self._buttons.on_click(lambda _: self._pressed(self._buttons.value))
            speed = gui.add_dropdown("Speed", tuple(_SPEEDS), initial_value="real time")
            speed.on_update(lambda _: self._ask("speed", lambda: setattr(self._pacer, "speed", _SPEEDS[speed.value])))

    def _task_controls(self) -> None:
        with self._gui.add_folder("Task"):
            source = self._gui.add_dropdown("Draw from", self._draws.sources, initial_value=self._draws.sources[1])
            draw = self._gui.add_button("Draw a task", hint="Starts with another task, and with a belief that is reset")
            draw.on_click(lambda _: self._ask("draw", lambda: self._draw(source.value)))

    def _belief_controls(self) -> None:
        with self._gui.add_folder("Adaptation"):
            adapts = self._gui.add_checkbox("Adapt", True, hint="Otherwise the belief is reset at every step")
            adapts.on_update(lambda _: self._ask("adapts", lambda: setattr(self._session, "adapts", adapts.value)))
            forget = self._gui.add_button("Reset belief", hint="Adaptation begins again with the next episode")
            forget.on_click(lambda _: self._ask("forget", self._session.reset_belief))

    def _robot_controls(self, stage: Stage) -> None:
        most = float(f"{_WEIGHTS * self._session.world.weight:.1g}")
        with self._gui.add_folder("Robot"):
            hint = "Click on the robot: it is pushed away from you for 0.1 s"
            self._force = self._gui.add_slider(
                "Push (N)", min=0.0, max=most, step=most / 100, initial_value=most / 5, hint=hint
            )
            stage.on_click = self._push
            if stage.can_follow:
                follows = self._gui.add_checkbox("Follow", True, hint="Whether the view follows the robot")
                follows.on_update(lambda _: self._ask("follow", lambda: setattr(stage, "follows", follows.value)))

    # -- requests ------------------------------------------------------------------------------------------------------

    def _ask(self, name: str, change: Callable[[], None]) -> None:
        def guarded() -> None:
            self.note = ""
            try:
                change()
            except UserError as error:
                self.note = str(error)
                self._parameters.show()

        self._requests.put(name, guarded)

    def _push(self, body: int, direction: np.ndarray) -> None:
        newtons = float(self._force.value)
        self._ask("push", lambda: self._session.push(body, direction, newtons))

    def _pressed(self, button: str) -> None:
        self._ask(button, {_GO: self._toggle, _STEP: self._one_step, _RESTART: self._session.restart}[button])

    def _toggle(self) -> None:
        self._pacer.running = not self._pacer.running

    def _one_step(self) -> None:
        self._pacer.running = False
        self._session.step()

    def _draw(self, source: str) -> None:
        task, self.note = self._draws.next(source)
        self._session.start(task)
        self._parameters.show()
