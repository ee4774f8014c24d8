"""Trains the policies of the package with the GPU simulator: ``python benchmarks/gpu_train.py [FAMILY ...]``.

Each run goes into ``$OUT/gpu/FAMILY`` (``runs/gpu/FAMILY`` without ``OUT``), and its result into ``gpu-train.json``
beside them, after each family. The same command continues runs that are unfinished. ``--worlds`` and ``--steps`` set
the number of worlds and of control steps, ``--device cpu`` runs the same code without a GPU.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import torch
from gpu_speed import out_folder, trained

import robotmeta as rm
from robotmeta.devices import resolve_device
from robotmeta.versions import versions

FAMILIES = (
    "cheetah-direction",
    "cheetah-velocity",
    "cheetah-dynamics",
    "walker-faults",
    "ant-crippled",
    "quadruped",
    "grasp",
    "panda-grasp",
)
_WORLDS, _STEPS = 4096, 50_000_000


def main() -> None:
    """Trains one policy after another."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", metavar="FAMILY", choices=[*rm.FAMILIES, []])
    parser.add_argument("--worlds", type=int, default=_WORLDS)
    parser.add_argument("--steps", type=int, default=_STEPS, help="control steps of each run")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    given = parser.parse_args()
    device, out = resolve_device(given.device), out_folder()
    out.mkdir(parents=True, exist_ok=True)
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    results: list[dict[str, Any]] = []
    for family in given.families or FAMILIES:
        iterations = max(2, given.steps // (given.worlds * rm.make(family).horizon))
        results.append(trained(family, device, given.worlds, iterations, out / family))
        print(f"{family}: {results[-1]['seconds']:.0f} s, {results[-1]['env_steps']:,} control steps", flush=True)
        found = {"device": name, "date": time.strftime("%Y-%m-%d"), "versions": versions(), "runs": results}
        (out / "gpu-train.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
