"""Checks and measures everything on a GPU in ten minutes: ``python benchmarks/gpu_check.py [cuda|cpu] [--json FILE]``.

For each learner, the CPU and the device update the same weights from the same experience. The weights after one epoch
must agree to float32 rounding. Collection and update are timed on both; when collecting, the actions return to the
physics on the CPU at every step. Then a short run is trained, saved, resumed, evaluated and adapted on the device.
If MuJoCo Warp is installed, a control step of its is compared with that of MuJoCo. Then its speed is measured by number
of worlds in five families, beside the CPU: the physics, with the policy in the loop, and with learning. Last,
cheetah-direction is trained to its targets, and quadruped-terrain for as long as there is time; that policy is saved
and evaluated. The file is written after each part, so that a run which is cut off keeps what it has. ``cpu`` runs the
same code without a GPU, with few worlds.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from gpu_speed import by_worlds, out_folder, time_to_targets, trained
from torch import Tensor

import robotmeta as rm
from robotmeta.bench.agreement import agreement
from robotmeta.bench.updates import loop_over_tasks
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.devices import resolve_device
from robotmeta.experience.rollout import Trial
from robotmeta.metalearners.promp import ProMP
from robotmeta.metalearners.trials import collect_trial
from robotmeta.policy import Policy, new_policy
from robotmeta.seeding import streams
from robotmeta.threads import available_cores, one_torch_thread
from robotmeta.training.train import training_env
from robotmeta.versions import versions

_FAMILY = "cheetah-direction"
_LEARNERS: dict[str, dict[str, Any]] = {
    "promp": {"meta_batch": 40, "episodes": 20, "max_kl": 1e6},  # all epochs, as in the loop over tasks
    "maml": {"meta_batch": 8, "episodes": 20},
    "rl2": {},
    "task-inference": {},
    "domain-randomization": {},
}
# Without clipping: rounding can put a likelihood ratio on the other side of the clip, which changes an update by per
# cents.
_SMOOTH = {"epochs": 1, "clip": 1e6}
_WORLDS, _WORLDS_ON_CPU = (1024, 4096, 16_384, 65_536), (96,)
_MINUTES, _SHARE_OF_SPEED = 9.0, 0.5  # of the whole check, and what the speeds may take of it
_TOLERANCE = 5e-3  # difference of the weights relative to their update


def compare(learner: str, hyper: dict[str, Any], device: torch.device) -> dict[str, float]:
    """One iteration on the CPU and on the device: seconds of its parts, and the difference of the weights."""
    config = _config(learner, hyper)
    here, there = new_policy(config), new_policy(config, device)
    for policy in (here, there):  # the first use loads the kernels
        _gathered(policy)
    cpu_collect, trial = _gathered(here)
    device_collect, _ = _gathered(there)
    moved = trial.to(device)
    _updated(new_policy(config, device), moved)
    looped = {"device_loop": _looped(there, moved)} if isinstance(there.learner, ProMP) else {}
    smooth = _config(learner, hyper | {k: v for k, v in _SMOOTH.items() if hasattr(config.hyperparameters, k)})
    one, other = new_policy(smooth), new_policy(smooth, device)
    start = _weights(one)
    _updated(one, trial)
    _updated(other, moved)
    return {
        "control_steps": trial.steps,
        "cpu_collect": cpu_collect,
        "device_collect": device_collect,
        "cpu_update": _updated(here, trial),
        "device_update": _updated(there, moved),
        "apart": float((_weights(other) - _weights(one)).norm() / (_weights(one) - start).norm()),
        **looped,
    }


def _config(learner: str, hyper: dict[str, Any]) -> RunConfig:
    return RunConfig(_FAMILY, learner, hyperparameters(learner, hyper), simulator="mujoco")


def _gathered(policy: Policy) -> tuple[float, Trial]:
    env = training_env(policy)
    with one_torch_thread():
        began = time.perf_counter()
        trial = collect_trial(env, policy.learner, streams(0, "check")[0])
        _finish(policy)
        return time.perf_counter() - began, trial


def _updated(policy: Policy, trial: Trial) -> float:
    with one_torch_thread():
        began = time.perf_counter()
        policy.learner.update(trial, streams(0, "update")[0])
        _finish(policy)
        return time.perf_counter() - began


def _looped(policy: Policy, trial: Trial) -> float:
    """Seconds of the gradients of an update, one task at a time."""
    assert isinstance(policy.learner, ProMP)
    with one_torch_thread():
        began = time.perf_counter()
        loop_over_tasks(policy.learner, trial)
        _finish(policy)
        return time.perf_counter() - began


def _finish(policy: Policy) -> None:
    if policy.learner.device.type == "cuda":
        torch.cuda.synchronize()


def _weights(policy: Policy) -> Tensor:
    return torch.cat([weight.detach().flatten().double().cpu() for weight in policy.learner.parameters()])


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
        result = rm.adapt(policy, policy.family.task(direction=-1), episodes=1, evaluation_episodes=1)
        finite = bool(torch.isfinite(torch.tensor([*adapted.mean, result.return_after])).all())
        return {"iterations": trained.policy.iteration, "seconds": seconds, "finite": finite}


def learned(device: torch.device, began: float, keep: Callable[[str, Any], None]) -> None:
    """Speed of MuJoCo Warp and of learning with it, for as long as there is time."""
    gpu = device.type == "cuda"
    counts, minutes = (_WORLDS, _MINUTES) if gpu else (_WORLDS_ON_CPU, 1.0)
    rows: list[dict[str, Any]] = []
    for row in by_worlds(device, counts, began + 60.0 * minutes * _SHARE_OF_SPEED):
        rows.append(row)
        print(row, flush=True)
        keep("speed", rows)
    worlds, iterations = (4096, 100) if gpu else (96, 2)
    keep("targets", time_to_targets(device, worlds, iterations))
    left = began + 60.0 * minutes - time.monotonic()
    keep("trained", trained("quadruped-terrain", device, worlds, _iterations(rows, worlds, left, gpu), out_folder()))


def _iterations(rows: list[dict[str, Any]], worlds: int, left: float, gpu: bool) -> int:
    """As many iterations of quadruped-terrain as fit into the seconds that are left, as fast as was measured."""
    known = [row for row in rows if row["family"] == "quadruped-terrain" and row["worlds"] == worlds]
    rate = next((row["with learning"] for row in known if "with learning" in row), 0.0)
    if not gpu or not rate:
        return 2
    return max(2, int(0.8 * left * rate / (worlds * rm.make("quadruped-terrain").horizon)))


def main() -> None:
    """Runs all checks. Exits with 1 if one fails."""
    began, arguments = time.monotonic(), sys.argv[1:]
    file = Path(arguments[arguments.index("--json") + 1]) if "--json" in arguments else None
    device = resolve_device(next((a for a in arguments[:1] if not a.startswith("--")), "cuda"))
    # With TF32, cuDNN rounds products in recurrent networks to 10 bits, which would hide errors of the code.
    torch.backends.cudnn.allow_tf32 = False
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    print(f"{available_cores()} cores, {name}", flush=True)
    results: dict[str, dict[str, float]] = {}
    for learner, hyper in _LEARNERS.items():
        r = results[learner] = compare(learner, hyper, device)
        for part in ("collect", "update"):
            cpu, other = r[f"cpu_{part}"], r[f"device_{part}"]
            print(f"{learner:22s} {part} {cpu:.2f} s on the CPU, {other:.2f} s on {name} ({cpu / other:.1f}x)")
        if "device_loop" in r:
            loop, update = r["device_loop"], r["device_update"]
            print(f"{learner:22s} update as a Python loop over tasks {loop:.2f} s on {name}: {loop / update:.1f} times")
        print(f"{learner:22s} weights differ by {r['apart']:.1e} of their update", flush=True)
    line = whole_line(device)
    print(f"train, resume, evaluate, adapt on {name}: {line}")
    found: dict[str, Any] = {"device": name, "cores": available_cores(), "date": time.strftime("%Y-%m-%d")}
    found |= {"versions": versions(), "updates": results, "whole_line": line}

    def keep(part: str, value: Any) -> None:
        found[part] = value
        if part != "speed":
            print(f"{part}: {value}", flush=True)
        if file is not None:
            file.write_text(json.dumps(found, indent=1) + "\n")

    within = 1.0
    if importlib.util.find_spec("mujoco_warp") is not None:
        within = agreement(rm.make(_FAMILY), "mujoco-warp").within(1e-4)
        keep("within", within)
        learned(device, began, keep)
    if not line["finite"] or within < 1.0 or any(r["apart"] > _TOLERANCE for r in results.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
