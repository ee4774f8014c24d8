"""A slider or a list for each parameter, on the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from robotmeta.viewing.controls import Options, Slider, controls
from robotmeta.viewing.session import LiveSession


class ParameterControls:
    """Sliders and lists that show the task of a session, and change it.

    Args:
        gui: Where to put them, a ``viser.GuiApi``.
        session: The session.
        ask: Called with the name of a parameter that a person changed, and what changes it.
    """

    def __init__(self, gui: Any, session: LiveSession, ask: Callable[[str, Callable[[], None]], None]) -> None:
        self._gui, self._session, self._ask = gui, session, ask
        row = next(iter(session.task))
        self._handles: dict[str, tuple[Slider | Options, Any]] = {}
        for control in controls(session.family):
            value = row[control.name]
            handle = self._slider(control, value) if isinstance(control, Slider) else self._list(control, value)
            self._handles[control.name] = control, handle
            handle.on_update(self._changes(control, handle))

    def show(self) -> None:
        """Sets them to the values of the task."""
        row = next(iter(self._session.task))
        for name, (control, handle) in self._handles.items():
            if isinstance(control, Slider):
                handle.min, handle.max = min(control.low, row[name]), max(control.high, row[name])
                handle.value = control.rounded(row[name])
            else:
                handle.value = control.text(row[name])

    def _slider(self, control: Slider, value: float) -> Any:
        low, high = min(control.low, value), max(control.high, value)
        return self._gui.add_slider(
            control.label,
            min=low,
            max=high,
            step=control.step,
            initial_value=min(max(control.rounded(value), low), high),
            marks=tuple((end, "") for end in control.trained if low <= end <= high),
            hint=control.hint,
        )

    def _list(self, control: Options, value: float) -> Any:
        return self._gui.add_dropdown(
            control.label, control.texts, initial_value=control.text(value), hint=control.hint
        )

    def _changes(self, control: Slider | Options, handle: Any) -> Callable[[Any], None]:
        def changed(event: Any) -> None:
            if event.client_id is not None:  # a person did it, not `show`
                value = handle.value if isinstance(control, Slider) else control.value(handle.value)
                self._ask(control.name, lambda: self._session.set_parameter(control.name, value))

        return changed
