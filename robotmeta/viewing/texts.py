"""What a session says about itself, for any viewer."""

from __future__ import annotations

from robotmeta.viewing.session import Status

_LAST = 5  # episodes whose returns are shown


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
