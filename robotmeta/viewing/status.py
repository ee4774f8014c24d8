"""What a session says about itself, for any viewer."""

from __future__ import annotations

from dataclasses import dataclass

_LAST = 5  # episodes whose returns are shown


@dataclass(frozen=True)
class Status:
    """What a session is doing.

    Attributes:
        episode: Number of the episode, from 1.
        steps: Control steps of this episode so far.
        horizon: Control steps of an episode that does not end early.
        total_return: Undiscounted return of this episode so far.
        success: Whether it is a success if it ends now; None if the family does not define it.
        stage: Which stage of an adaptation this is.
        note: What happened last that one may not expect; "" if nothing did.
        returns: Returns of all whole episodes of this task so far.
    """

    episode: int
    steps: int
    horizon: int
    total_return: float
    success: bool | None
    stage: str
    note: str
    returns: tuple[float, ...]


def status_lines(status: Status) -> list[str]:
    """The state of a session in a few short lines."""
    success = ", success" if status.success else ""
    lines = [
        f"Episode {status.episode}: {status.stage}",
        f"Step {status.steps} of {status.horizon}, return {status.total_return:.1f}{success}",
    ]
    if status.returns:
        last = status.returns[-_LAST:]
        earlier = "... " if len(status.returns) > _LAST else ""
        lines.append(f"Returns so far: {earlier}{', '.join(f'{value:.1f}' for value in last)}")
    if status.note:
        lines.append(status.note)
    return lines
