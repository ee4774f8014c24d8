"""Tables of what ``warp_agreement.py`` measured."""

from __future__ import annotations

from typing import Any

from cells import cell, markdown
from result_files import loaded

import robotmeta as rm


def one_step() -> str:
    """The difference of one control step between the simulators by family."""
    measured = loaded("warp-agreement")["families"]
    rows = [(f"`{name}`", *_differences(measured[name])) for name in rm.FAMILIES if name in measured]
    return markdown(("family", "states within", "positions: median, largest", "rewards: median, largest"), rows)


def _differences(found: dict[str, Any]) -> list[str]:
    if "refused" in found:
        return ["does not run", "", ""]
    shown = (found["differences"][quantity] for quantity in ("qpos", "reward"))
    return [f"{found['within']:.0%}", *(f"{one['median']:.0e}, {one['largest']:.0e}" for one in shown)]


def returns() -> str:
    """Returns of pretrained policies with both simulators."""
    measured = loaded("warp-agreement")["returns"]
    simulators = ("mujoco", "mujoco-warp")
    rows = [
        (f"`pretrained:{name}`", str(found["tasks"]), *(cell("return", found[simulator]) for simulator in simulators))
        for name, found in measured.items()
    ]
    return markdown(("policy", "tasks", *(f"return with `{simulator}`" for simulator in simulators)), rows)
