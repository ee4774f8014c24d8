"""Everything that needs a GPU, in one command: ``python benchmarks/gpu_check.py [cuda|cpu] [--json FILE]``.

For each learner, the same weights and the same experience are updated once on the CPU and once on the device: the
results must agree to float32 rounding, and the table says what the device gains. Then a short run is trained, saved,
resumed and evaluated on the device. Without a GPU, ``cpu`` runs the same code.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import robotmeta as rm
from robotmeta.checkpoint import Policy, new_policy, versions
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.rollout import Rollout, one_torch_thread
from robotmeta.seeding import streams
from robotmeta.train import gather, resolve_device, training_env

_FAMILY = "cheetah-direction"
_LEARNERS: dict[str, dict[str, Any]] = {
    "promp": {"meta_batch": 40, "episodes": 20},
    "maml": {"meta_batch": 8, "episodes": 20},
    "rl2": {},
    "domain-randomization": {},
}
_TOLERANCE = 5e-3  # relative change of the weights; many float32 steps apart


def compare(learner: str, hyper: dict[str, Any], device: torch.device) -> dict[str, float]:
    """One meta-update on the CPU and on the device: seconds of each, and how far apart the weights end."""
    config = RunConfig(_FAMILY, learner, hyperparameters(learner, hyper))
    here = new_policy(config)
    trial = gather(training_env(here), here.learner, streams(0, "check")[0])
    cpu_seconds, cpu = _updated(here, trial)
    there = new_policy(config, device)
    moved = [rollout.to(device) for rollout in trial]
    _updated(new_policy(config, device), moved)  # kernels load on first use
    device_seconds, weights = _updated(there, moved)
    start = _flat(new_policy(config).learner.state_dict())
    apart = float((weights - cpu).norm() / (cpu - start).norm())
    return {"cpu_seconds": cpu_seconds, "device_seconds": device_seconds, "apart": apart}


def _updated(policy: Policy, trial: list[Rollout]) -> tuple[float, Tensor]:
    with one_torch_thread():
        began = time.perf_counter()
        policy.learner.update(trial, streams(0, "update")[0])
        if policy.learner.device.type == "cuda":
            torch.cuda.synchronize()
        seconds = time.perf_counter() - began
    return seconds, _flat(policy.learner.state_dict())


def _flat(state: dict[str, Tensor]) -> Tensor:
    trained = [v.flatten().double().cpu() for n, v in state.items() if not n.startswith(("normalizer", "return_scale"))]
    return torch.cat(trained)


def whole_line(device: torch.device) -> dict[str, float]:
    """Train, save, resume, evaluate and adapt on the device."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        began = time.perf_counter()
        rm.meta_train(_FAMILY, "rl2", iterations=3, out=run, device=device.type, progress=False)
        trained = rm.resume(run, iterations=4, device=device.type, progress=False)
        seconds = time.perf_counter() - began
        policy = rm.load(run, device=device)
        evaluation = rm.evaluate(policy, tasks=4, episodes=1)
        adapted = evaluation.returns["adapted"]
        assert adapted is not None
        result = rm.adapt(policy, policy.family.task(direction=-1), episodes=1, trials=1)
        finite = bool(torch.isfinite(torch.tensor([*adapted.mean, result.return_after])).all())
        return {"iterations": trained.policy.iteration, "seconds": seconds, "finite": finite}


def main() -> None:
    """Runs all checks; exits with 1 where one fails."""
    arguments = sys.argv[1:]
    file = Path(arguments[arguments.index("--json") + 1]) if "--json" in arguments else None
    device = resolve_device(next((a for a in arguments[:1] if not a.startswith("--")), "cuda"))
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    results = {learner: compare(learner, hyper, device) for learner, hyper in _LEARNERS.items()}
    line = whole_line(device)
    for learner, r in results.items():
        ratio = r["cpu_seconds"] / r["device_seconds"]
        print(
            f"{learner:22s} update {r['cpu_seconds']:.2f} s on the CPU, {r['device_seconds']:.2f} s on {name}", end=""
        )
        print(f" ({ratio:.1f}x), weights apart by {r['apart']:.1e} of the step")
    print(f"train, resume, evaluate, adapt on {name}: {line}")
    if file is not None:
        file.write_text(
            json.dumps({"device": name, "updates": results, "whole_line": line, "versions": versions()}, indent=1)
        )
    if not line["finite"] or any(r["apart"] > _TOLERANCE for r in results.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
