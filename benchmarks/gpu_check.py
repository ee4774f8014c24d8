"""Checks and measures everything on a GPU: ``python benchmarks/gpu_check.py [cuda|cpu] [--json FILE]``.

For each learner, the CPU and the device update the same weights from the same experience. The weights after one epoch
must agree to float32 rounding. Collection and update are timed on both; when collecting, the actions return to the
physics on the CPU at every step. Then a short run is trained, saved, resumed, evaluated and adapted on the device.
Last, if MuJoCo Warp is installed, a control step of its is compared with that of MuJoCo, and its speed is measured.
``cpu`` runs the same code without a GPU.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
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
_WORLDS, _WORLDS_ON_CPU = (1024, 4096, 16_384, 65_536), (64,)
_STEPS = 50
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


def simulated(device: torch.device) -> dict[str, float]:
    """Agreement of MuJoCo Warp with MuJoCo, and its control steps per second by number of worlds, without a policy."""
    family = rm.make(_FAMILY)
    found = {"within": agreement(family, "mujoco-warp").within(1e-4)}
    for worlds in _WORLDS if device.type == "cuda" else _WORLDS_ON_CPU:
        env = rm.TaskBatchEnv(family, worlds, 1, simulator="mujoco-warp")
        env.reset(torch.Generator().manual_seed(0))
        action = torch.zeros(worlds, 1, env.action_size, device=env.simulator.device)
        for _ in range(3):  # compiles the kernels and captures the graph
            env.step(action)
        began = time.perf_counter()
        for _ in range(_STEPS):
            env.step(action)
        env.end_episode()  # waits for the GPU
        found[f"{worlds} worlds"] = worlds * _STEPS / (time.perf_counter() - began)
    return found


def main() -> None:
    """Runs all checks. Exits with 1 if one fails."""
    arguments = sys.argv[1:]
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
    physics: dict[str, float] = {}
    if importlib.util.find_spec("mujoco_warp") is not None:
        physics = simulated(device)
        print(f"MuJoCo Warp, share of states that agree, and control steps/s on {name}: {physics}")
    if file is not None:
        found = {"warp": physics, "device": name, "cores": available_cores(), "updates": results, "whole_line": line}
        file.write_text(json.dumps({**found, "versions": versions()}, indent=1) + "\n")
    if not line["finite"] or physics.get("within", 1.0) < 1.0 or any(r["apart"] > _TOLERANCE for r in results.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
