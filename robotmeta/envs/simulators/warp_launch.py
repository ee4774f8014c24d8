"""Launches of MuJoCo Warp on torch's stream, as CUDA graphs where there is a GPU."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
import warp


class Launcher:
    """Runs functions that launch Warp kernels on a device of torch.

    On a GPU, the first call of a function compiles its kernels, the second call captures a CUDA graph, and the
    following calls launch the graph. None of the code for a GPU has run on one yet.

    Args:
        device: The device.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._called: set[str] = set()
        self._graphs: dict[str, Any] = {}

    def scope(self) -> AbstractContextManager[Any]:
        """Makes Warp use the device, and the stream on which torch runs, so that neither waits for the other."""
        if self._device.type == "cpu":
            return warp.ScopedDevice("cpu")
        return warp.ScopedStream(warp.stream_from_torch(self._device))

    def forget(self) -> None:
        """Forgets all graphs, because arrays that they use were replaced."""
        self._called.clear()
        self._graphs.clear()

    def run(self, name: str, function: Callable[[], None]) -> None:
        """Runs a function that launches the same kernels on the same arrays at every call."""
        if self._device.type == "cpu" or name not in self._called:
            with self.scope():
                function()
            self._called.add(name)
            return
        if name not in self._graphs:
            # torch's own stream is usually the default stream, on which CUDA cannot capture.
            stream = warp.Stream(warp.device_from_torch(self._device))
            with warp.ScopedStream(stream), warp.ScopedCapture(stream=stream) as capture:
                function()
            self._graphs[name] = capture.graph
        warp.capture_launch(self._graphs[name], stream=warp.stream_from_torch(self._device))
