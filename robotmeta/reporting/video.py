"""Video files, written one frame at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np

from robotmeta.errors import UserError

MEDIA_TYPES = {".mp4": "video/mp4", ".gif": "image/gif"}
"""Formats of videos by suffix."""

QUALITY = 8.0
"""Of ``.mp4`` files, unless another one is asked for."""

# One palette per frame: a palette for the whole video would need the whole video in memory.
_PALETTE = "split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=new=1:dither=none"
_ENCODERS: dict[str, dict[str, Any]] = {
    ".mp4": {
        "codec": "libx264",
        "pix_fmt_out": "yuv420p",
        "quality": QUALITY,
        "output_params": ["-movflags", "+faststart"],
    },
    ".gif": {"codec": "gif", "pix_fmt_out": "pal8", "quality": None, "output_params": ["-vf", _PALETTE, "-loop", "0"]},
}


def check_video(file: Path) -> None:
    """Raises UserError if the suffix of a file is not a video format."""
    if file.suffix.lower() not in MEDIA_TYPES:
        raise UserError(f"no video format '{file.suffix}' for {file}; there are: {', '.join(MEDIA_TYPES)}")


@contextlib.contextmanager
def video(
    file: Path, size: tuple[int, int], fps: float, quality: float = QUALITY
) -> Iterator[Callable[[np.ndarray], None]]:
    """Gives a function that appends a frame, uint8 ``[height, width, 3]``, to a video file.

    Args:
        file: ``.mp4`` or ``.gif``.
        size: Width and height, even numbers of pixels.
        fps: Frames per second.
        quality: Of ``.mp4``, from 0 to 10, for the best.

    Raises:
        OSError: If the encoder fails or the file is not complete, as on a full disk.
    """
    options = {"fps": fps, "quality": quality, **_ENCODERS[file.suffix.lower()]}
    encoder = imageio_ffmpeg.write_frames(str(file), size, macro_block_size=1, ffmpeg_log_level="quiet", **options)
    frames = 0

    def append(frame: np.ndarray) -> None:
        nonlocal frames
        if not frames:  # starts the encoder, which fails on a video without frames
            encoder.send(None)
        try:
            encoder.send(np.ascontiguousarray(frame))
        except OSError:
            raise OSError(0, "the video encoder stopped; is the disk full?") from None
        frames += 1

    try:
        yield append
    finally:
        encoder.close()
    _check_frames(file, frames)


def _check_frames(file: Path, frames: int) -> None:
    # On a full disk the encoder reports no error and leaves a file that no player opens.
    try:
        found = imageio_ffmpeg.count_frames_and_secs(str(file))[0]
    except RuntimeError:
        found = 0
    if found != frames:
        raise OSError(0, f"the video contains {found} of {frames} frames; is the disk full?")
