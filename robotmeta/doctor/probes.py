"""Checks that run in a process of their own: what they try may crash or hang."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from robotmeta.doctor.findings import Finding
from robotmeta.errors import UserError, reason

_FAMILY = "cheetah-direction"
_TASKS, _EPISODES, _STEPS = 8, 8, 50
_CUDA = "https://pytorch.org/get-started/locally"


def physics() -> Finding:
    """A short batch of physics, and its rate."""
    import torch

    from robotmeta.envs import TaskBatchEnv, make
    from robotmeta.threads import available_cores, one_torch_thread

    family = make(_FAMILY)
    with one_torch_thread():
        env = TaskBatchEnv(family, _TASKS, _EPISODES)
        env.load(family.tasks("test", _TASKS))
        generator = torch.Generator().manual_seed(0)
        env.reset(generator)
        actions = 2.0 * torch.rand(_STEPS, _TASKS, _EPISODES, env.action_size, generator=generator) - 1.0
        env.step(actions[0], None)  # warms up
        began = time.perf_counter()
        rewards = [env.step(action, None).reward for action in actions[1:]]
        rate = _TASKS * _EPISODES * len(rewards) / (time.perf_counter() - began)
    if not bool(torch.stack(rewards).isfinite().all()):
        return Finding("physics", "fails", "rewards are not finite", needed=True)
    said = f"{rate:,.0f} control steps/s of {_FAMILY}, {_TASKS * _EPISODES} worlds, {available_cores()} threads"
    return Finding("physics", "works", said, needed=True, values={"steps_per_second": rate})


def video() -> Finding:
    """Two frames as a video."""
    import imageio_ffmpeg
    import numpy as np

    from robotmeta.reporting.video import video as writing

    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    with tempfile.TemporaryDirectory() as folder, writing(Path(folder) / "two.mp4", (32, 32), 10.0) as append:
        for level in (0, 255):
            append(np.full((32, 32, 3), level, dtype=np.uint8))
    return Finding("video", "works", f"ffmpeg {imageio_ffmpeg.get_ffmpeg_version()} in {ffmpeg}")


def gpu() -> Finding:
    """A product on the GPU, if there is one."""
    import torch

    built = "for the CPU alone" if torch.version.cuda is None else f"for CUDA {torch.version.cuda}"
    if not torch.cuda.is_available():
        if Path("/dev/nvidia0").exists() or shutil.which("nvidia-smi"):
            fix = f"install the NVIDIA driver and a torch for its CUDA: {_CUDA}"
            return Finding("GPU", "fails", f"there is one, but torch {torch.__version__} ({built}) cannot use it", fix)
        return Finding("GPU", "missing", f"none; torch {torch.__version__} is {built}")
    one = torch.ones(256, 256, device="cuda")
    total = float((one @ one).sum())  # waits for the result
    names = [torch.cuda.get_device_properties(n) for n in range(torch.cuda.device_count())]
    said = ", ".join(f"{found.name} with {found.total_memory / 1e9:.0f} GB" for found in names)
    status = "works" if total == 256.0**3 else "fails"
    return Finding("GPU", status, f"{said}; torch {torch.__version__} is {built}", values={"gpus": len(names)})


def picture() -> Finding:
    """A small picture of a robot."""
    import torch

    from robotmeta.envs import TaskBatchEnv, make
    from robotmeta.envs.rendering import NO_GL

    family = make(_FAMILY)
    env = TaskBatchEnv(family, 1, 1)
    env.load(family.tasks("test", 1))
    env.reset(torch.Generator().manual_seed(0))
    try:
        frame = env.render(64, 48)
    except UserError as error:
        return failed("pictures", str(error).replace(NO_GL, "no GL library works"))
    if not frame.any():
        return Finding("pictures", "fails", f"MUJOCO_GL={_backend()} draws a black picture", gl_fix())
    return Finding("pictures", "works", f"MUJOCO_GL={_backend()} draws")


def _backend() -> str:
    return os.environ.get("MUJOCO_GL", "") or "(MuJoCo's choice)"


def gl_fix(asked: str = "") -> str:
    """What to install for pictures without a screen, if MUJOCO_GL was ``asked``."""
    packages = "libosmesa6" if asked == "osmesa" else "libegl1 libegl-mesa0 libgl1-mesa-dri"
    return f"apt-get install {packages}; export MUJOCO_GL={'osmesa' if asked == 'osmesa' else 'egl'}"


PROBES: dict[str, Callable[[], Finding]] = {"physics": physics, "video": video, "GPU": gpu, "pictures": picture}
"""The checks by the name of their finding."""

NEEDED = ("physics",)
"""Those without which robotmeta cannot be used."""


def failed(name: str, said: str, asked: str = "") -> Finding:
    """The finding of a check that raised an error, or did not answer."""
    own = "unset IMAGEIO_FFMPEG_EXE" if "IMAGEIO_FFMPEG_EXE" in os.environ else ""
    fix = {
        "physics": "pip install --upgrade 'robotmeta'; the packages above say what is wrong",
        "video": own or "pip install --force-reinstall imageio-ffmpeg",
        "GPU": f"a driver and a torch that fit together: {_CUDA}",
        "pictures": gl_fix(asked),
    }[name]
    return Finding(name, "fails", said, fix, name in NEEDED)


def probed(name: str) -> Finding:
    """The finding of a check, whatever it raises."""
    try:
        return PROBES[name]()
    except Exception as error:  # of any package
        return failed(name, reason(error))
