"""Writing of episodes as a LeRobot dataset, one after another."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from robotmeta.adaptation.lerobot import layout
from robotmeta.envs import TaskFamily
from robotmeta.errors import UserError
from robotmeta.files import check_target, replaced, write_text

_QUANTILES = (0.01, 0.1, 0.5, 0.9, 0.99)
_TASKS = {  # how pandas, by which LeRobot reads the tasks, knows that their texts are the index
    "index_columns": ["task"],
    "column_indexes": [],
    "columns": [
        {"name": name, "field_name": name, "pandas_type": kind, "numpy_type": numpy, "metadata": None}
        for name, kind, numpy in ((layout.TASK, "int64", "int64"), ("task", "unicode", "object"))
    ],
    "pandas_version": "2.0.0",
}


class DatasetWriter:
    """A new LeRobot dataset, to which episodes are added.

    A frame has the observation before a control step, the action that was applied and the reward that followed, under
    the names and in the units of the family. An episode of n steps has n + 1 frames: the last one has the observation
    after the last step. Its action is that of the frame before; nobody carried it out. Its reward is 0.

    Each episode is a file of its own, written in full or not at all. The files that describe the dataset follow it, so
    that the dataset is whole after each episode. An episode without a step is left out.

    Args:
        folder: The folder of the dataset.
        family: The policy's family.
        dt: Duration of a control step, s.

    Raises:
        UserError: If the folder is not empty or cannot be written, or if pyarrow is not installed.
    """

    def __init__(self, folder: Path, family: TaskFamily, dt: float) -> None:
        self._parquet = layout.parquet()
        if folder.is_dir() and any(folder.iterdir()):
            raise UserError(f"{folder} is not empty: a LeRobot dataset needs a new folder")
        check_target(folder / layout.INFO)
        self._folder, self._family = folder, family
        names = [[name for name, _ in signals] for signals in (family.observations, family.actions)]
        self._features = layout.features(*names)
        self._fps = round(1.0 / dt) if abs(1.0 / dt - round(1.0 / dt)) < 1e-6 else 1.0 / dt
        self._seen = 0  # episodes, with those that are left out
        self._episodes: list[dict[str, Any]] = []
        self._frames: list[dict[str, np.ndarray]] = []
        self._tasks: dict[str, int] = {}

    def write(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Adds the episodes that the dataset does not have yet.

        Args:
            arrays: All episodes, see :meth:`robotmeta.adaptation.episodes.EpisodesFile.arrays`.

        Raises:
            UserError: If a file cannot be written.
        """
        for episode in range(self._seen, len(arrays["lengths"])):
            if arrays["lengths"][episode]:
                self._add(arrays, episode)
            self._seen = episode + 1
        if self._episodes:
            self._describe()

    def _add(self, arrays: Mapping[str, np.ndarray], episode: int) -> None:
        end = int(arrays["lengths"][: episode + 1].sum())
        steps = slice(end - int(arrays["lengths"][episode]), end)
        task = f"{self._family.name}: {arrays['phases'][episode]}"
        number, first = len(self._episodes), self._episodes[-1]["dataset_to_index"] if self._episodes else 0
        frames = np.arange(steps.stop - steps.start + 1)
        actions = arrays["applied_actions"][steps]
        columns = {
            layout.OBSERVATION: np.vstack([arrays["observations"][steps], arrays["last_observations"][episode]]),
            layout.ACTION: np.vstack([actions, actions[-1:]]),
            layout.REWARD: np.append(arrays["rewards"][steps], np.float32(0.0)),
            layout.DONE: frames == frames[-1],
            layout.TIME: (frames / self._fps).astype(np.float32),
            layout.FRAME: frames,
            layout.EPISODE: np.full_like(frames, number),
            layout.INDEX: first + frames,
            layout.TASK: np.full_like(frames, self._tasks.setdefault(task, len(self._tasks))),
        }
        chunk, file = divmod(number, layout.FILES_IN_CHUNK)
        self._table(f"{layout.DATA}/{layout.FILE.format(chunk_index=chunk, file_index=file)}", columns)
        self._frames.append(columns)
        self._episodes.append(
            {
                **{"episode_index": number, "tasks": [task], "length": len(frames)},
                **{"data/chunk_index": chunk, "data/file_index": file},
                **{"dataset_from_index": first, "dataset_to_index": first + len(frames)},
                **{"meta/episodes/chunk_index": 0, "meta/episodes/file_index": 0},
                **{"phase": str(arrays["phases"][episode]), "ended": str(arrays["ended"][episode])},
            }
        )

    def _describe(self) -> None:
        """Writes what describes the episodes so far."""
        rows = {name: [episode[name] for episode in self._episodes] for name in self._episodes[0]}
        self._table(f"{layout.EPISODES}/{layout.FILE.format(chunk_index=0, file_index=0)}", rows)
        tasks = {layout.TASK: list(self._tasks.values()), "task": list(self._tasks)}
        self._table(layout.TASKS, tasks, {"pandas": json.dumps(_TASKS)})
        frames = {name: np.concatenate([frames[name] for frames in self._frames]) for name in self._features}
        self._json(layout.STATS, {name: _statistics(values) for name, values in frames.items()})
        self._json(
            layout.INFO,
            {
                "codebase_version": layout.VERSION,
                "robot_type": self._family.name,
                "total_episodes": len(self._episodes),
                "total_frames": self._episodes[-1]["dataset_to_index"],
                "total_tasks": len(self._tasks),
                "chunks_size": layout.FILES_IN_CHUNK,
                "data_files_size_in_mb": 100,
                "video_files_size_in_mb": 200,
                "fps": self._fps,
                "splits": {"train": f"0:{len(self._episodes)}"},
                "data_path": f"{layout.DATA}/{layout.FILE}",
                "video_path": None,
                "features": self._features,
            },
        )

    def _table(self, name: str, columns: Mapping[str, Any], metadata: dict[str, str] | None = None) -> None:
        import pyarrow

        table = pyarrow.table({column: _column(values) for column, values in columns.items()}, metadata=metadata)
        with replaced(self._folder / name) as partial:
            self._parquet.write_table(table, partial, write_page_checksum=True)

    def _json(self, name: str, content: Mapping[str, Any]) -> None:
        write_text(self._folder / name, json.dumps(content, indent=4))


def _column(values: Any) -> Any:
    """A column of a table: numbers, vectors of one size, or plain Python values."""
    import pyarrow

    if not isinstance(values, np.ndarray) or values.ndim == 1:
        return pyarrow.array(values)
    flat = pyarrow.array(values.ravel())
    return flat if values.shape[1] == 1 else pyarrow.FixedSizeListArray.from_arrays(flat, values.shape[1])


def _statistics(values: np.ndarray) -> dict[str, list[float]]:
    """What LeRobot normalizes by, for each entry of a column."""
    rows = values.reshape(len(values), -1).astype(np.float64)
    quantiles = np.quantile(rows, _QUANTILES, axis=0)
    return {
        **{name: getattr(rows, name)(axis=0).tolist() for name in ("min", "max", "mean", "std")},
        "count": [len(rows)],
        **{f"q{100 * share:02.0f}": row.tolist() for share, row in zip(_QUANTILES, quantiles, strict=True)},
    }
