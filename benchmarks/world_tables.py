"""Tables of what ``changing.py`` and ``disturbed.py`` measured."""

from __future__ import annotations

import json
from collections.abc import Iterable

from cells import Result, cell, head, row
from learning import RESULTS

_SETTINGS = {"sensor_delay": "delay of 20 ms", "two delays": "delay of 40 ms", "dropped": "10 % lost", "push": "pushes"}


def changing(_runs: Iterable[Result]) -> str:
    """Time to recover from a change within an episode, a line for each policy in each family."""
    what = ("tasks", "policy", "return", "success", "median, s", "within 1 s", "lowered", "of these within 1 s")
    lines = head(what)
    files = sorted(RESULTS.glob("changing-*.json"), key=lambda file: (file.stem.removesuffix("-ood"), file.stem))
    for file in files:
        result = json.loads(file.read_text())
        name = f"{result['tasks']} of {file.stem.removeprefix('changing-').replace('-ood', ', ood')}"
        for policy, found in result["recovery"]["policies"].items():
            where, seconds = found["where_lowered"], found["seconds"]
            measured = [
                cell("return", result["return"][policy]),
                cell("success", result["success"][policy]) if "success" in result else "",
                "{:.2f} [{:.2f}, {:.2f}]".format(seconds["median"], *seconds["ci95"]),
                "{:.0%} [{:.0%}, {:.0%}]".format(found["within_1s"]["mean"], *found["within_1s"]["ci95"]),
                f"{found['lowered']:.0%}",
                "" if where is None else f"{where['within_1s']:.0%}",
            ]
            lines.append(row([name, policy.replace("_", "-"), *measured]))
    return "\n".join(lines)


def disturbed(_runs: Iterable[Result]) -> str:
    """What each disturbance costs, a line for each family and disturbance."""
    lines = head(("family", "disturbed by", "return", "success", "success zero-shot"))
    for file in sorted(RESULTS.glob("disturbed-*.json")):
        result = json.loads(file.read_text())
        for setting, found in result["rows"].items():
            adapted = [cell(measure, found[measure]["adapted"]) for measure in ("return", "success")]
            control = cell("success", found["success"]["zero_shot"])
            lines.append(row([result["family"], _SETTINGS.get(setting) or str(setting), *adapted, control]))
    return "\n".join(lines)
