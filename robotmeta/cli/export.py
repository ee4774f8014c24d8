"""``robotmeta export``."""

from __future__ import annotations

from pathlib import Path

import robotmeta as rm
from robotmeta.cli.shared import FamilyName, PolicySource, console, load


def export(
    policy: PolicySource, family: FamilyName = None, trust: bool = False, out: Path = Path("policy.onnx")
) -> None:
    """Write a policy as one ONNX file, which a robot's own software runs one control step at a time.

    Example: robotmeta export adapted.safetensors --out policy.onnx

    Args:
        policy: A run folder, a checkpoint, a policy file, or pretrained:NAME.
        family: Act in this family, NAME, FILE.py:FUNCTION or MODULE:FUNCTION, whatever the policy's file calls it.
        trust: Import and call the function that the policy's file names as its family.
        out: The ONNX file.
    """
    loaded = load(policy, family, trust)
    exported = rm.export(loaded, out)
    for what, named in (("Inputs", exported.inputs), ("Outputs", exported.outputs)):
        console.print(f"{what}: {', '.join(f'{name} [{count}]' for name, count in named.items())}")
    if loaded.belief is None and list(exported.inputs) == ["observation"]:
        console.print("It has not been adapted to a robot, and does not adapt as it acts.")
    console.print(f"Policy: {out}")
