"""What the disturbances of a real robot cost a policy that was trained without them.

    python benchmarks/disturbed.py quadruped
    python benchmarks/disturbed.py grasp

Each disturbance is measured alone at its usual size, then all together, on the same held-out tasks.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import robotmeta as rm
from robotmeta.files import write_text
from robotmeta.json_values import json_text
from robotmeta.versions import versions

_RESULTS = Path(__file__).parent / "results"
_USUAL = {"noise": 1.0, "bias": 1.0, "sensor_delay": 20.0, "dropped": 0.1, "push": 0.5}


def settings(columns: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """The values of the columns in each row of the table."""
    usual = {name: _USUAL[name if name in _USUAL else name.rpartition("_")[2]] for name in columns}
    kinds = {
        "noise": [name for name in columns if name.endswith("_noise")],
        "bias": [name for name in columns if name.endswith("_bias")],
        **{name: [name] for name in columns if not name.endswith(("_noise", "_bias"))},
    }
    alone = {kind: {name: usual[name] for name in names} for kind, names in kinds.items()}
    return {"none": {}, **alone, "two delays": {"sensor_delay": 2 * usual["sensor_delay"]}, "all": usual}


def main() -> None:
    """Measures, prints and writes each row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family")
    parser.add_argument("--tasks", type=int, default=60)
    parser.add_argument("--episodes", type=int, default=3)
    options = parser.parse_args()
    name = options.family
    pushes = 0.5 if name.startswith("quadruped") else 0.0
    family = rm.disturbed(rm.make(name), noise=1.0, bias=1.0, delay_ms=40.0, dropped=0.1, pushes=pushes)
    policy = rm.load(f"pretrained:{name}", family=family)
    assert family.disturbances is not None
    columns, rows = family.disturbances.columns, {}
    for setting, values in settings(columns).items():
        tasks = family.tasks("test", options.tasks)
        for column in columns:
            tasks.values[:, tasks.names.index(column)] = values.get(column, 0.0)
        found: dict[str, Any] = rm.evaluate(
            policy, tasks=tasks, episodes=[0, options.episodes], controls=("zero_shot",)
        ).to_json()
        rows[setting] = {"values": values, **{key: found[key] for key in ("return", "success", "diverged")}}
        adapted, control = (found["success"][curve]["mean"][-1] for curve in ("adapted", "zero_shot"))
        total = found["return"]["adapted"]["mean"][-1]
        print(f"{setting}: return {total:.1f}, success {adapted:.0%}, zero-shot {control:.0%}", flush=True)
    measured = {"family": name, "tasks": options.tasks, "episodes": options.episodes, "rows": rows}
    content = {**measured, "versions": versions()}
    write_text(_RESULTS / f"disturbed-{name}.json", json_text(content, indent=2))


if __name__ == "__main__":
    main()
