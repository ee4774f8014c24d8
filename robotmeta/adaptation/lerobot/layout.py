"""The layout of a LeRobot dataset: which files there are, and which columns they have."""

from __future__ import annotations

import importlib
from typing import Any

from robotmeta.errors import UserError

VERSION = "v3.0"
FILES_IN_CHUNK = 1000

INFO = "meta/info.json"
STATS = "meta/stats.json"
TASKS = "meta/tasks.parquet"
EPISODES = "meta/episodes"
DATA = "data"
FILE = "chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"

OBSERVATION, ACTION, REWARD, DONE = "observation.state", "action", "next.reward", "next.done"
TIME, FRAME, EPISODE, INDEX, TASK = "timestamp", "frame_index", "episode_index", "index", "task_index"


def features(observations: list[str], actions: list[str]) -> dict[str, dict[str, Any]]:
    """Type, shape and names of each column of a frame, as ``meta/info.json`` has them.

    Args:
        observations: Names of the observations.
        actions: Names of the actions.
    """
    return {
        OBSERVATION: {"dtype": "float32", "shape": [len(observations)], "names": observations},
        ACTION: {"dtype": "float32", "shape": [len(actions)], "names": actions},
        **{
            name: {"dtype": dtype, "shape": [1], "names": None}
            for name, dtype in (
                *((REWARD, "float32"), (DONE, "bool"), (TIME, "float32")),
                *((name, "int64") for name in (FRAME, EPISODE, INDEX, TASK)),
            )
        },
    }


def parquet() -> Any:
    """The module ``pyarrow.parquet``.

    Raises:
        UserError: If pyarrow is not installed.
    """
    try:
        return importlib.import_module("pyarrow.parquet")
    except ModuleNotFoundError:
        raise UserError("a LeRobot dataset needs the package pyarrow: pip install 'robotmeta[lerobot]'") from None
