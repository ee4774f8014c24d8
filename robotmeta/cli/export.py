"""``robotmeta export``."""

from __future__ import annotations

from pathlib import Path

import robotmeta as rm
from robotmeta.cli.shared import FamilyName, File, PolicySource, check_targets, console, load, write_json
from robotmeta.progress import stage_bar


def export(
    policy: PolicySource,
    family: FamilyName = None,
    trust: bool = False,
    json: File = None,
    out: Path = Path("policy.onnx"),
) -> None:
    """Write a policy as one ONNX file, which a robot's own software runs one control step at a time.

    Example: robotmeta export adapted.safetensors --out policy.onnx

    Args:
        policy: A run folder, a checkpoint, a policy file, or pretrained:NAME.
        family: Act in this family, NAME, FILE.py:FUNCTION or MODULE:FUNCTION, whatever the policy's file calls it.
        trust: Import and call the function that the policy's file names as its family.
        json: Write the names and sizes of inputs and outputs here.
        out: The ONNX file.
    """
    check_targets(out, json, inputs=(policy,))
    loaded = load(policy, family, trust)
    with stage_bar("export") as bar:
        bar.show(None)
        exported = rm.export(loaded, out)
    sizes = {"inputs": exported.inputs, "outputs": exported.outputs}
    write_json(json, {"family": loaded.family.name, "file": str(out), **sizes})
    for what, named in (("Inputs", exported.inputs), ("Outputs", exported.outputs)):
        console.print(f"{what}: {', '.join(f'{name} [{count}]' for name, count in named.items())}")
    if loaded.belief is None and list(exported.inputs) == ["observation"]:
        console.print("It has not been adapted to a robot, and does not adapt as it acts.")
    console.print(f"Policy: {out}")
