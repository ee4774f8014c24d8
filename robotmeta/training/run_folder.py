"""The folder of a meta-training run. This is the only file that knows the names and paths of a run's files."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import re
import shutil
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robotmeta.checkpoint_files import load_trials, weights_of, write_checkpoint
from robotmeta.config import RunConfig
from robotmeta.envs import TaskFamily
from robotmeta.envs.imports import source_of
from robotmeta.envs.registry import is_installed
from robotmeta.errors import RobotmetaWarning, UserError
from robotmeta.files import open_lock, plain_name, read_file, replaced_folder, write_text, writing
from robotmeta.json_values import check_types, parse_object
from robotmeta.manifest import INTERFACE, check_interface, interface
from robotmeta.policy import Policy
from robotmeta.versions import versions

_KEPT = 2  # checkpoints
_CHECKPOINT = re.compile(r"[0-9]{1,18}")  # name of its folder


@dataclass(frozen=True)
class RunFolder:
    """The files of one run.

    ====================================  ============================================================
    ``config.json``                       configuration, interface and file of the family, software versions
    ``metrics.jsonl``                     one line per iteration
    ``events.out.tfevents.*``             the same numbers for TensorBoard
    ``wandb-id``, ``wandb/``              the run at Weights & Biases, with ``--wandb``
    ``checkpoints/ITERATION/``            weights and optimizer state of the newest iterations, and their checksums
    ``controls/NAME/``                    the run folder of a trained control
    ``controls/specialists.json``         what specialists reach; their run folders are in ``controls/specialists/``
    ``videos/``                           recordings
    ``evaluation-SPLIT.json``             evaluations
    ``comparison-SPLIT.json``             results for ``robotmeta compare``
    ``report.html``                       the report
    ====================================  ============================================================

    Attributes:
        path: The folder. It need not exist yet.
    """

    path: Path

    @classmethod
    def default(cls, config: RunConfig) -> RunFolder:
        """``runs/FAMILY-LEARNER-SEED``, without the characters of a family's name that a folder cannot have."""
        return cls(Path("runs") / f"{plain_name(config.family)}-{config.learner}-{config.seed}")

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.path / "config.json"

    @property
    def metrics(self) -> Path:
        """The log, see :mod:`robotmeta.training.logs`."""
        return self.path / "metrics.jsonl"

    @property
    def wandb(self) -> Path:
        """The id of the run at Weights & Biases."""
        return self.path / "wandb-id"

    @property
    def videos(self) -> Path:
        """The folder of recordings."""
        return self.path / "videos"

    @property
    def video(self) -> Path:
        """The recording that ``robotmeta record`` writes by default."""
        return self.videos / "before-after.mp4"

    @property
    def report(self) -> Path:
        """The report."""
        return self.path / "report.html"

    def evaluation(self, split: str) -> Path:
        """The evaluation on one split of the family."""
        return self.path / f"evaluation-{split}.json"

    def comparison(self, split: str) -> Path:
        """What the run reaches on one split, for a comparison with others."""
        return self.path / f"comparison-{split}.json"

    def control(self, name: str) -> RunFolder:
        """The run folder of a trained control."""
        return RunFolder(self.own(self.own(self.path / "controls") / name))

    @property
    def specialists(self) -> Path:
        """What specialists of the family reach, see :mod:`robotmeta.evaluation.references`."""
        return self.own(self.path / "controls") / "specialists.json"

    def own(self, folder: Path) -> Path:
        """A folder of the run, which is changed or shown.

        Raises:
            UserError: If it is a link: what lies outside the run folder is left as it is.
        """
        if folder.is_symlink():
            raise UserError(f"{folder} is a link out of the run folder; put a folder in its place")
        return folder

    def exists(self) -> bool:
        """Whether a run was started here."""
        return self.config.exists()

    def left_alone(self) -> Path | None:
        """What lies, without a configuration, where a new run would put its log or its checkpoints; None for nothing.

        It may belong to another program, so nothing of it is replaced.
        """
        folder = self.own(self._checkpoints)
        taken = any(folder.iterdir()) if folder.is_dir() else folder.exists()
        return folder if taken else self.metrics if self.metrics.exists() else None

    def needs(self, file: Path) -> bool:
        """Whether a run was started here that needs a file: its configuration, its log, or one of a checkpoint."""
        place, folder = file.resolve(), self._checkpoints.resolve()
        return self.exists() and (place in (self.config.resolve(), self.metrics.resolve()) or folder in place.parents)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes from training here. The lock of a killed process is released.

        Raises:
            UserError: If another process holds the lock, or the folder cannot be written.
        """
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            self.own(self._checkpoints)
            lock = open_lock(self.path / ".lock")
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(f"another process is training in {self.path}") from None
            except OSError:  # a file system without locks
                pass
            yield

    # -- configuration -------------------------------------------------------------------------------------------------

    def write_config(self, config: RunConfig, family: TaskFamily) -> None:
        """Writes the configuration, what its family is, and the current software versions."""
        source = self._described().get("source") if self.exists() else _digest(family)  # that of the first training
        described = {**config.to_json(), "interface": interface(family), "source": source, "versions": versions()}
        write_text(self.config, json.dumps(described, indent=2) + "\n", through=False)

    def read_config(self) -> tuple[RunConfig, dict[str, str]]:
        """The configuration of the run, and the software versions it started with.

        Raises:
            UserError: If the file cannot be read or is damaged.
        """
        saved = self._described()
        found = saved.pop("versions", {})
        for name in ("interface", "source"):
            saved.pop(name, None)
        try:
            return RunConfig.from_json(saved), found if isinstance(found, dict) else {}
        except ValueError as error:
            raise UserError(f"{self.config} is damaged: {error}") from None

    def _described(self) -> dict[str, Any]:
        """The content of the configuration file."""
        data = read_file(self.config)
        try:
            return parse_object(data)
        except ValueError as error:
            raise UserError(f"{self.config} is damaged: {error}") from None

    def check_family(self, family: TaskFamily) -> None:
        """Compares a family with the one that the run started with, as far as its version has written that.

        It warns if the user's file that makes the family is another one: the reward may have changed.

        Raises:
            UserError: If they differ, or the file cannot be read or is damaged.
        """
        described = self._described()
        recorded, source = described.get("interface"), described.get("source")
        if recorded is not None:
            try:
                check_types(recorded, INTERFACE)
            except ValueError as error:
                raise UserError(f"{self.config} is damaged: {error}") from None
            check_interface({**recorded, "config": described}, family, self.config)
        now = _digest(family)
        if source is not None and now is not None and source != now:
            warnings.warn(
                f"{source_of(family.name)} has changed since {self.path} was begun: if its reward or physics has, this "
                "run is not comparable with new ones, for which --out takes another folder",
                RobotmetaWarning,
                stacklevel=2,
            )

    # -- checkpoints ---------------------------------------------------------------------------------------------------

    @property
    def _checkpoints(self) -> Path:
        return self.path / "checkpoints"

    def checkpoints(self) -> list[Path]:
        """Complete checkpoints, oldest first."""
        found = (path for path in self._checkpoints.glob("[0-9]*") if _CHECKPOINT.fullmatch(path.name))
        return sorted((path for path in found if weights_of(path).exists()), key=lambda path: int(path.name))

    @property
    def iteration(self) -> int:
        """Number of iterations at the newest checkpoint; 0 if there is none."""
        return max((int(checkpoint.name) for checkpoint in self.checkpoints()), default=0)

    def trials(self) -> dict[str, Any]:
        """Trials that were in progress at the newest checkpoint, see :class:`robotmeta.metalearners.trials.Trials`."""
        checkpoints = self.checkpoints()
        return load_trials(checkpoints[-1]) if checkpoints else {}

    def save(self, policy: Policy, trials: Mapping[str, Any] | None = None) -> Path:
        """Saves a checkpoint in full or not at all, and removes all but the newest two.

        Args:
            policy: The policy.
            trials: Trials in progress, see :class:`robotmeta.metalearners.trials.Trials`.

        Raises:
            UserError: If it cannot be written. Earlier checkpoints are left intact.
        """
        checkpoint = self.own(self._checkpoints) / f"{policy.iteration:08d}"
        with replaced_folder(checkpoint) as partial:
            write_checkpoint(policy, partial, trials)
        for old in self.checkpoints()[:-_KEPT]:
            shutil.rmtree(old, ignore_errors=True)  # leaves links as they are
        return checkpoint


def _digest(family: TaskFamily) -> str | None:
    """Hash of the user's file that makes a family; None for a family of a package, whose version is written."""
    file = None if is_installed(family.name) else source_of(family.name)
    return None if file is None else hashlib.sha256(read_file(file)).hexdigest()[:16]
