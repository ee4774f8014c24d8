"""What people ask for in another thread, for the thread that simulates."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Requests:
    """Functions to call by the name of what they change. Of several with one name, the last one counts."""

    def __init__(self) -> None:
        self._lock, self._asked = threading.Lock(), dict[str, Callable[[], None]]()

    def put(self, name: str, change: Callable[[], None]) -> None:
        """Asks for a change."""
        with self._lock:
            self._asked.pop(name, None)  # the last one comes last
            self._asked[name] = change

    def fulfil(self) -> None:
        """Makes all changes that were asked for."""
        with self._lock:
            asked, self._asked = self._asked, {}
        for change in asked.values():
            change()
