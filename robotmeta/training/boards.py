"""Where the numbers of each iteration go besides ``metrics.jsonl``: TensorBoard, and Weights & Biases."""

from __future__ import annotations

import importlib
import importlib.util
import secrets
from collections.abc import Mapping
from typing import Any, Protocol

from robotmeta.console import is_quiet
from robotmeta.errors import UserError, reason
from robotmeta.files import read_file, write_text, writing
from robotmeta.policy import Policy
from robotmeta.training.run_folder import RunFolder


class Board(Protocol):
    """A log for a dashboard."""

    def add(self, scalars: Mapping[str, Any], env_steps: int, iteration: int) -> None:
        """Logs the numbers of an iteration, after that many control steps."""
        ...

    def close(self) -> None:
        """Ends the log."""
        ...


def boards(folder: RunFolder, policy: Policy, project: str | None) -> list[Board]:
    """TensorBoard, and a project of Weights & Biases if one is named.

    Args:
        folder: The run folder.
        policy: The policy before the first iteration that will be logged.
        project: Name of the project.

    Raises:
        UserError: If wandb is missing or refuses, or the folder cannot be written.
    """
    chosen: list[Board] = [TensorBoard(folder, policy.env_steps)]
    if project is not None:
        chosen.append(WeightsAndBiases(folder, policy, project))
    return chosen


class TensorBoard:
    """Events for TensorBoard in a run folder. The step is the number of control steps.

    Args:
        folder: The run folder.
        env_steps: Control steps so far. What was logged after more of them will be made again, and is not shown.
    """

    def __init__(self, folder: RunFolder, env_steps: int) -> None:
        from torch.utils.tensorboard import SummaryWriter  # takes a second to import

        with writing(folder.path):
            self._writer = SummaryWriter(str(folder.path), purge_step=env_steps + 1)

    def add(self, scalars: Mapping[str, Any], env_steps: int, iteration: int) -> None:
        for name, value in scalars.items():
            self._writer.add_scalar(name, value, env_steps)

    def close(self) -> None:
        self._writer.close()


class WeightsAndBiases:
    """A run of Weights & Biases, which a training that is resumed continues.

    Its step is the iteration; ``env_steps`` is among the numbers. ``WANDB_MODE=offline`` keeps it on this machine, in
    the run folder.
    """

    def __init__(self, folder: RunFolder, policy: Policy, project: str) -> None:
        check_wandb(project)
        wandb = importlib.import_module("wandb")
        known = policy.iteration > 0 and folder.wandb.exists()
        name = read_file(folder.wandb).decode(errors="replace").strip() if known else secrets.token_hex(4)
        options = {"settings": wandb.Settings(silent=True)} if is_quiet() else {}
        try:
            self._run = wandb.init(
                project=project,
                id=name,
                name=folder.path.name,
                dir=str(folder.path),
                config=policy.config.to_json(),
                resume="allow",
                **options,
            )
        except Exception as error:  # of types of its own, as for a key that is missing
            said = f"wandb refuses project {project}: {reason(error)}; WANDB_MODE=offline works without a server"
            raise UserError(said) from None
        write_text(folder.wandb, f"{name}\n", through=False)

    def add(self, scalars: Mapping[str, Any], env_steps: int, iteration: int) -> None:
        self._run.log(dict(scalars), step=iteration)

    def close(self) -> None:
        self._run.finish()


def check_wandb(project: str | None) -> None:
    """Raises UserError if a project is named and wandb is not installed."""
    if project is None:
        return
    found = importlib.util.find_spec("wandb")
    if found is None or found.origin is None:  # without an origin it is a folder that wandb has written
        raise UserError("--wandb needs wandb; install it with: pip install 'robotmeta[wandb]'")
    if not project.strip():
        raise UserError("--wandb needs the name of a project")
