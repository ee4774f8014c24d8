"""The folder of a meta-training run. This is the only file that knows the names and paths of a run's files."""

from __future__ import annotations

import contextlib
import fcntl
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from robotmeta.config import RunConfig
from robotmeta.errors import UserError
from robotmeta.files import reading, replaced_folder, write_text, writing
from robotmeta.policy import Policy
from robotmeta.policy_file import manifest, write_policy
from robotmeta.versions import versions

_KEPT = 2  # checkpoints
_WEIGHTS, _MANIFEST, _TRAINING = "policy.safetensors", "manifest.json", "training.pt"  # files of a checkpoint


@dataclass(frozen=True)
class RunFolder:
    """The files of one run.

    ====================================  ============================================================
    ``config.json``                       the configuration, and the software versions it started with
    ``metrics.jsonl``                     one line per iteration
    ``events.out.tfevents.*``             the same numbers for TensorBoard
    ``checkpoints/ITERATION/``            weights, manifest, and optimizer state of the newest iterations
    ``controls/NAME/``                    the run folder of a trained control
    ``videos/``                           recordings
    ``evaluation-SPLIT.json``             evaluations
    ``report.html``                       the report
    ====================================  ============================================================

    Attributes:
        path: The folder. It need not exist yet.
    """

    path: Path

    @classmethod
    def default(cls, config: RunConfig) -> RunFolder:
        """``runs/FAMILY-LEARNER-SEED``, without the characters of a family's name that a folder cannot have."""
        family = re.sub(r"[^\w.-]+", "-", config.family).strip(".-")
        return cls(Path("runs") / f"{family}-{config.learner}-{config.seed}")

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.path / "config.json"

    @property
    def metrics(self) -> Path:
        """The log, see :mod:`robotmeta.training.logs`."""
        return self.path / "metrics.jsonl"

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

    def control(self, name: str) -> RunFolder:
        """The run folder of a trained control."""
        return RunFolder(self.path / "controls" / name)

    def exists(self) -> bool:
        """Whether a run was started here."""
        return self.config.exists()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes from training here. The lock of a killed process is released.

        Raises:
            UserError: If another process holds the lock, or the folder cannot be written.
        """
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            lock = (self.path / ".lock").open("w")
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(f"another process is training in {self.path}") from None
            except OSError:  # a file system without locks
                pass
            yield

    # -- configuration -------------------------------------------------------------------------------------------------

    def write_config(self, config: RunConfig) -> None:
        """Writes the configuration and the current software versions."""
        write_text(self.config, json.dumps({**config.to_json(), "versions": versions()}, indent=2) + "\n")

    def read_config(self) -> tuple[RunConfig, dict[str, str]]:
        """The configuration of the run, and the software versions it started with.

        Raises:
            UserError: If the file cannot be read or is damaged.
        """
        with reading(self.config):
            text = self.config.read_text(encoding="utf-8", errors="replace")
        try:
            saved = json.loads(text)
            if not isinstance(saved, dict):
                raise UserError("not the configuration of a run")
            found = saved.pop("versions", {})
            return RunConfig.from_json(saved), found if isinstance(found, dict) else {}
        except (json.JSONDecodeError, UserError) as error:
            raise UserError(f"{self.config} is damaged: {error}") from None

    # -- checkpoints ---------------------------------------------------------------------------------------------------

    def checkpoints(self) -> list[Path]:
        """Complete checkpoints, oldest first."""
        found = (path for path in (self.path / "checkpoints").glob("[0-9]*") if path.name.isdigit())
        return sorted(path for path in found if checkpoint_weights(path).exists())

    @property
    def iteration(self) -> int:
        """Number of meta-updates at the newest checkpoint; 0 if there is none."""
        return max((int(checkpoint.name) for checkpoint in self.checkpoints()), default=0)

    def save(self, policy: Policy) -> Path:
        """Saves a checkpoint in full or not at all, and removes all but the newest two.

        Raises:
            UserError: If it cannot be written. Earlier checkpoints are left intact.
        """
        checkpoint = self.path / "checkpoints" / f"{policy.iteration:08d}"
        with replaced_folder(checkpoint) as partial:
            write_policy(policy, partial / _WEIGHTS)
            (partial / _MANIFEST).write_text(json.dumps(manifest(policy), indent=2) + "\n")
            try:
                torch.save(policy.learner.training_state(), partial / _TRAINING)
            except RuntimeError as error:  # torch.save reports a full disk this way
                raise OSError(0, str(error).splitlines()[0]) from None
        for old in self.checkpoints()[:-_KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        return checkpoint

    def load_training(self, policy: Policy) -> None:
        """Restores the optimizer state of the newest checkpoint into the policy's learner.

        Raises:
            UserError: If it is damaged.
        """
        file = self.checkpoints()[-1] / _TRAINING
        try:
            policy.learner.load_training_state(torch.load(file, weights_only=True, map_location="cpu"))
        except Exception:  # torch.load raises many types for damaged files
            raise UserError(f"{file} is damaged: it contains no optimizer state") from None


def checkpoint_weights(checkpoint: Path) -> Path:
    """The policy file of a checkpoint."""
    return checkpoint / _WEIGHTS
