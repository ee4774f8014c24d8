"""Tables of what ``changing.py``, ``disturbed.py`` and ``knowing.py`` measured."""

from __future__ import annotations

import json
from typing import Any

from cells import cell, interval, markdown
from learning import BENCHMARKS, RESULTS

_SETTINGS = {"sensor_delay": "delay of 20 ms", "two delays": "delay of 40 ms", "dropped": "10 % lost", "push": "pushes"}


def changing() -> str:
    """Time to recover from a change within an episode, a line for each policy in each family."""
    columns = ("tasks", "policy", "return", "success", "median, s", "within 1 s", "lowered", "of these within 1 s")
    rows = []
    files = sorted(RESULTS.glob("changing-*.json"), key=lambda file: (file.stem.removesuffix("-ood"), file.stem))
    for file in files:
        result = json.loads(file.read_text())
        name = f"{result['tasks']} of {file.stem.removeprefix('changing-').replace('-ood', ', ood')}"
        for policy, found in result["recovery"]["policies"].items():
            where, seconds = found["where_lowered"], found["seconds"]
            measured = [
                cell("return", result["return"][policy]),
                cell("success", result["success"][policy]) if "success" in result else "",
                interval(".2f", seconds["median"], seconds["ci95"]),
                interval(".0%", found["within_1s"]["mean"], found["within_1s"]["ci95"]),
                f"{found['lowered']:.0%}",
                "" if where is None else f"{where['within_1s']:.0%}",
            ]
            rows.append([name, policy.replace("_", "-"), *measured])
    return markdown(columns, rows)


def disturbed() -> str:
    """What each disturbance costs, a line for each family and disturbance."""
    rows = []
    for file in sorted(RESULTS.glob("disturbed-*.json")):
        result = json.loads(file.read_text())
        for setting, found in result["rows"].items():
            adapted = [cell(measure, found[measure]["adapted"]) for measure in ("return", "success")]
            control = cell("success", found["success"]["zero_shot"])
            rows.append([result["family"], _SETTINGS.get(setting) or str(setting), *adapted, control])
    return markdown(("family", "disturbed by", "return", "success", "success zero-shot"), rows)


def knowing() -> str:
    """The policy on its belief, and the difference that other beliefs make."""
    families = list(dict.fromkeys(benchmark.family for benchmark in BENCHMARKS.values()))
    found = [json.loads(file.read_text()) for file in (RESULTS / "knowing").glob("*.json")]
    found.sort(key=lambda result: (families.index(result["family"]), result["split"] == "ood"))
    beliefs = ("truth", "mean", "another task's")
    columns = ("family", "split", "tasks", "measure", "its own belief", *(f"{name}: difference" for name in beliefs))
    return markdown(columns, (line for result in found for line in _known(result, beliefs)))


def _known(result: dict[str, Any], beliefs: tuple[str, ...]) -> list[list[str]]:
    curves, about = result["results"], (result["family"], result["split"], str(result["tasks"]))
    return [
        [*about, measure, cell(measure, curves["belief"][measure]), *(cell(measure, curves[b][gain]) for b in beliefs)]
        for measure, gain in (("return", "gain"), ("success", "success_gain"))
        if measure in curves["belief"]
    ]
