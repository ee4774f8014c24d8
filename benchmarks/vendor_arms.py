"""Measures how vendors' arms do a family's task: ``python benchmarks/vendor_arms.py POLICY FILES``.

FILES are MJCF files, folders of them, or PACKAGE:PATH. Each arm is read as ``--robot`` reads it and acts in the
vendor's own model, under nominal conditions. For each arm: success and return zero-shot, in the first episode, and
after three; and of the same policy in the family itself. Files that are no arm for the task are named with the reason.
The result is printed and written to ``results/``.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import torch
from cells import markdown

import robotmeta as rm
from robotmeta.adaptation.worlds import TaskWorlds, adapted_belief, collect_episodes
from robotmeta.errors import UserError
from robotmeta.experience.rollout import Belief
from robotmeta.policy import Policy
from robotmeta.seeding import streams
from robotmeta.versions import versions

RESULTS = Path(__file__).parent / "results"
_EPISODES = 3  # adaptation episodes
_KINDS = {
    "reset": "zero-shot",
    "first": "first episode",
    "adapted": "after three episodes",
}


def act(policy: Policy, task: rm.Tasks, belief: Belief, episodes: int, *, remember: bool) -> dict[str, float]:
    """Share of successes, and mean return, of episodes of one task of the policy's family."""
    worlds, fresh = TaskWorlds(policy, task), streams(0, "trials")[0]
    rollout, _ = collect_episodes(worlds, policy.learner, belief, episodes, fresh, explore=False, remember=remember)
    assert rollout.success is not None
    returns = (rollout.rewards * rollout.mask).sum(dim=2)
    return {"success": float(rollout.success.float().mean()), "return": float(returns.mean())}


def measure(policy: Policy, task: rm.Tasks, episodes: int) -> dict[str, dict[str, float]]:
    """One row of the table."""
    adapted = adapted_belief(policy, TaskWorlds(policy, task), _EPISODES, seed=0)
    return {
        "reset": act(policy, task, policy.begin(1), episodes, remember=False),
        "first": act(policy, task, policy.begin(1), episodes, remember=True),
        "adapted": act(policy, task, adapted, episodes, remember=True),
    }


def files(sources: list[str]) -> list[str]:
    """The MJCF files of files and folders."""
    found: list[str] = []
    for source in sources:
        folder = Path(source)
        found += sorted(str(file) for file in folder.rglob("*.xml")) if folder.is_dir() else [source]
    if not found:
        sys.exit(f"no MJCF files in {', '.join(sources)}")
    return found


def table(lines: list[dict[str, Any]]) -> str:
    """Markdown: success, and return."""
    rows = []
    for line in lines:
        cells = (f"{line[kind]['success']:.0%}; {line[kind]['return']:.1f}" for kind in _KINDS)
        rows.append([line["robot"], str(line["joints"]), *cells])
    return markdown(("arm", "joints", *_KINDS.values()), rows)


def main() -> None:
    """Reads, measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("policy", help="a policy of the family grasp or reach, such as pretrained:grasp")
    parser.add_argument("files", nargs="+", help="MJCF files, folders, or PACKAGE:PATH")
    parser.add_argument("--episodes", type=int, default=20, help="evaluation episodes")
    parser.add_argument("--out", type=Path, help="default: results/vendor-arms-FAMILY.json")
    arguments = parser.parse_args()
    policy = rm.load(arguments.policy)
    torch.set_num_threads(1)
    own = measure(policy, policy.family.task(), arguments.episodes)
    lines: list[dict[str, Any]] = [{"robot": f"the family {policy.family.name} itself", "joints": "", **own}]
    print(table(lines), flush=True)
    refused = {}
    for file in files(arguments.files):
        try:
            robot = rm.read_robot(file, policy.family.name)
        except UserError as error:
            refused[Path(file).name] = str(error)
            continue
        there = dataclasses.replace(policy, family=robot.family)
        about = {"robot": robot.name.removesuffix(".xml"), "joints": len(robot.understood[0].rows)}
        lines.append({**about, **measure(there, robot.task, arguments.episodes), "notes": list(robot.notes)})
        print(table(lines[-1:]).splitlines()[-1], flush=True)
    config = {"policy": arguments.policy, "env_steps": policy.env_steps}
    counts = {"episodes": _EPISODES, "evaluation_episodes": arguments.episodes}
    result = {**config, **counts, "robots": lines, "refused": refused, "versions": versions()}
    out = arguments.out or RESULTS / f"vendor-arms-{policy.family.name}.json"
    out.write_text(json.dumps(result, indent=1) + "\n")
    print(table(lines), *(f"Refused: {reason}" for reason in refused.values()), sep="\n")


if __name__ == "__main__":
    main()
