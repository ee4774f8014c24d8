"""What ``robotmeta adapt --fine-tune`` shows while it runs and at its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from robotmeta.cli.shared import console
from robotmeta.progress import StageBar

if TYPE_CHECKING:
    import robotmeta as rm
    from robotmeta.adaptation.fine_tune import FineTuning


def shows_fine_tuning(bar: StageBar) -> Callable[[FineTuning], None]:
    """Shows after each iteration how far fine-tuning is."""

    def show(now: FineTuning) -> None:
        status = f"simulated return {now.return_before:.1f} -> {now.return_best:.1f}  {now.steps / 1e3:.0f}k steps"
        bar.stage("fine-tuning")
        bar.show(now.share, status, left=now.left)

    return show


def show_fine_tuned(result: rm.Adapted) -> None:
    """Prints what fine-tuning gained in simulation, and on the task or robot if that was measured."""
    tuned = result.fine_tuned
    if tuned is None:
        return
    early = "" if tuned.stopped is None else f"; it ended early: {tuned.stopped}"
    console.print(
        f"Fine-tuning: simulated return {tuned.return_before.text()} -> {tuned.return_after.text()}, "
        f"{tuned.seconds:.0f} s, {tuned.steps / 1e3:.0f}k control steps, {tuned.iterations} iterations{early}"
    )
    if tuned.kept == 0:
        console.print("No fine-tuned policy was clearly better in simulation: the adapted one is kept.")
    if result.return_fine_tuned is not None:
        console.print(f"return after fine-tuning {result.return_fine_tuned:.1f}")
