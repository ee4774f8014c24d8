"""How far MuJoCo Warp is from MuJoCo: ``python benchmarks/warp_agreement.py [FAMILY ...] [--returns POLICY ...]``.

For each family, one control step from 100 states of random rollouts is compared; without names, all families are. Then
pretrained policies are evaluated with both simulators on the same tasks. Results are put into
``benchmarks/results/warp-agreement.json``; ``tables.py`` puts them into ``docs/simulators.md``. Without a GPU,
Warp runs on the CPU, where the first step of a family takes up to half a minute, because kernels are compiled.

Exits with 1 if a family is further apart than it should be.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import robotmeta as rm
from robotmeta.bench.agreement import agreement
from robotmeta.envs.simulators import cpu_simulator
from robotmeta.errors import UserError
from robotmeta.versions import versions

FILE = Path(__file__).parent / "results" / "warp-agreement.json"
_WARP = "mujoco-warp"
_TOLERANCE = 1e-4  # of positions: the difference relative to the size of the number plus one, after a control step
_SHARE = 0.95  # of the states, which must be within the tolerance

# Families that are further apart for a reason that is known: which, and the share of states that must be within.
_HEIGHTFIELD = "Warp keeps at most four contacts of a geom with a heightfield, and other ones than MuJoCo"
_CAPSULE = "Warp turns the friction pyramid of a steep capsule on a plane"
_KNOWN: dict[str, tuple[str, float]] = {
    "cheetah-terrain": (_HEIGHTFIELD, 0.2),
    "quadruped-terrain": (_HEIGHTFIELD, 0.1),
    "ant-direction": (_CAPSULE, 0.6),
    "ant-goal": (_CAPSULE, 0.6),
    "ant-crippled": (_CAPSULE, 0.6),
}
_TASKS, _EPISODES = 8, 1


def compare(name: str) -> dict[str, Any]:
    """Compares the simulators in one family."""
    try:
        found = agreement(rm.make(name), _WARP)
    except UserError as error:
        return {"refused": str(error)}
    reason, share = _KNOWN.get(name, (None, _SHARE))
    within = found.within(_TOLERANCE)
    return {**found.to_json(), "within": within, "known": reason, "agrees": within >= share}


def returns(name: str) -> dict[str, Any]:
    """Evaluates a pretrained policy with both simulators, on held-out tasks."""
    policy = rm.load(f"pretrained:{name}")
    results: dict[str, Any] = {}
    for simulator in (cpu_simulator(policy.family), _WARP):
        found = rm.evaluate(policy, tasks=_TASKS, episodes=_EPISODES, controls=(), simulator=simulator)
        adapted = found.returns["adapted"]
        assert adapted is not None
        results[simulator] = {"mean": list(adapted.mean), "ci95": [list(interval) for interval in adapted.ci95]}
    return {"tasks": _TASKS, **results}


def main() -> None:
    """Runs what was asked for."""
    arguments = sys.argv[1:]
    split = arguments.index("--returns") if "--returns" in arguments else len(arguments)
    families, policies = arguments[:split], arguments[split + 1 :]
    if not arguments:
        families, policies = list(rm.FAMILIES), ["cheetah-direction", "grasp", "quadruped"]
    results = json.loads(FILE.read_text()) if FILE.exists() else {"families": {}, "returns": {}}
    wrong = False
    for name in families:
        found = results["families"][name] = compare(name)
        wrong |= not found.get("agrees", True)
        print(name, _in_words(found), flush=True)
    for name in policies:
        found = results["returns"][name] = returns(name)
        print(f"pretrained:{name}", found, flush=True)
    packages = {name: version(name) for name in ("mujoco-warp", "warp-lang")}
    FILE.write_text(json.dumps({**results, "versions": versions() | packages}, indent=1) + "\n")
    sys.exit(int(wrong))


def _in_words(found: dict[str, Any]) -> str:
    if "refused" in found:
        return f"does not run: {found['refused']}"
    parts = [f"{n} {d['median']:.0e} to {d['largest']:.0e}" for n, d in found["differences"].items()]
    verdict = "agrees" if found["agrees"] else "DOES NOT AGREE"
    diverged = f", {found['diverged']} diverged" if found["diverged"] else ""
    known = f" ({found['known']})" if found["known"] else ""
    return f"{verdict}: {found['within']:.0%} of {found['states']} states{diverged}; {', '.join(parts)}{known}"


if __name__ == "__main__":
    main()
