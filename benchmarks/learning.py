"""Trains and evaluates the runs of the README's tables: ``python benchmarks/learning.py NAME ...``.

Each run writes ``benchmarks/results/NAME.json``: configuration, seed, versions, when it reached its target, and
adaptation curves on held-out and OOD tasks with controls. ``tables.py`` and ``figure.py`` show the results.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

import robotmeta as rm
from robotmeta.evaluation.controls import control_policy
from robotmeta.training.logs import read_metrics
from robotmeta.training.run_folder import RunFolder

RESULTS = Path(__file__).parent / "results"
_SMOOTHED = 5  # iterations averaged before a target counts as reached


@dataclass(frozen=True)
class Benchmark:
    """One row of the tables."""

    family: str
    learner: str
    iterations: int
    hyper: dict[str, Any] = field(default_factory=dict)
    episodes: int = 3
    """Adaptation episodes in the evaluation."""
    target: float | None = None
    """Target for the return after adaptation in meta-training."""
    tasks: int = 40
    controls: tuple[str, ...] = ("zero_shot", "from_scratch")
    explore: bool = False
    """Measure with sampled actions, if the published result to compare with does."""
    seed: int = 0


_TWENTY = {"meta_batch": 8, "episodes": 20}
_FEW = {"meta_batch": 40, "episodes": 3}
_TWO = {"meta_batch": 48, "adaptation_steps": 1}  # trials of two episodes
_WIDE = {"init_std": 0.6, "min_std": 0.1}  # earlier defaults of PPO, with more exploration
WHOLE = {"unroll_length": 0, "minibatches": 8, "estimator_minibatches": 8, "desired_kl": 0.0}
"""Earlier defaults of task inference, with a meta-update after whole episodes."""
_TRAINED = ("zero_shot", "from_scratch", "domain_randomized")

BENCHMARKS: dict[str, Benchmark] = {
    "point-navigation-promp-3-steps": Benchmark(
        "point-navigation",
        "promp",
        250,
        {"meta_batch": 20, "episodes": 20, "adaptation_steps": 3, "inner_step": 0.2, "init_std": 0.8, "min_std": 0.02},
        episodes=60,
        explore=True,
    ),
    "cheetah-direction-rl2": Benchmark("cheetah-direction", "rl2", 320, _WIDE, episodes=5, target=260.0),
    "cheetah-direction-rl2-seed-1": Benchmark("cheetah-direction", "rl2", 320, _WIDE, episodes=5, target=260.0, seed=1),
    "cheetah-direction-rl2-seed-2": Benchmark("cheetah-direction", "rl2", 320, _WIDE, episodes=5, target=260.0, seed=2),
    "cheetah-direction-rl2-2-episodes": Benchmark("cheetah-direction", "rl2", 320, _TWO | _WIDE, target=260.0),
    "cheetah-direction-rl2-2-episodes-long": Benchmark("cheetah-direction", "rl2", 1050, _TWO | _WIDE, target=400.0),
    "cheetah-direction-task-inference": Benchmark(
        "cheetah-direction", "task-inference", 320, WHOLE | _WIDE, episodes=5, target=260.0
    ),
    "cheetah-direction-task-inference-seed-1": Benchmark(
        "cheetah-direction", "task-inference", 100, WHOLE | _WIDE, episodes=5, target=260.0, seed=1
    ),
    "cheetah-direction-task-inference-seed-2": Benchmark(
        "cheetah-direction", "task-inference", 100, WHOLE | _WIDE, episodes=5, target=260.0, seed=2
    ),
    "cheetah-direction-promp": Benchmark("cheetah-direction", "promp", 320, _TWENTY, episodes=20, target=260.0),
    "cheetah-direction-maml": Benchmark(
        "cheetah-direction", "maml", 600, _TWENTY | {"max_kl": 0.03}, episodes=20, target=260.0
    ),
    "cheetah-direction-promp-3-episodes": Benchmark("cheetah-direction", "promp", 250, _FEW, target=200.0),
    "cheetah-direction-maml-3-episodes": Benchmark(
        "cheetah-direction", "maml", 420, _FEW | {"max_kl": 0.03}, target=200.0
    ),
    "cheetah-velocity-rl2": Benchmark("cheetah-velocity", "rl2", 520, _TWO | _WIDE, episodes=2, target=-37.0),
    "cheetah-velocity-task-inference": Benchmark(
        "cheetah-velocity", "task-inference", 520, WHOLE | _TWO, episodes=2, target=-37.0
    ),
    "cheetah-velocity-promp": Benchmark(
        "cheetah-velocity", "promp", 150, {"meta_batch": 40, "episodes": 2}, episodes=2, target=-37.0
    ),
    "cheetah-velocity-maml": Benchmark(
        "cheetah-velocity", "maml", 150, {"meta_batch": 40, "episodes": 2, "max_kl": 0.03}, episodes=2, target=-37.0
    ),
    "cheetah-dynamics-task-inference": Benchmark("cheetah-dynamics", "task-inference", 200, controls=_TRAINED),
    "cheetah-dynamics-rl2": Benchmark("cheetah-dynamics", "rl2", 200, _WIDE, controls=_TRAINED),
    "cheetah-mass-task-inference": Benchmark("cheetah-mass", "task-inference", 200, WHOLE, controls=_TRAINED),
    "cheetah-terrain-task-inference": Benchmark(
        "cheetah-terrain", "task-inference", 160, WHOLE, controls=_TRAINED, tasks=200
    ),
    "cheetah-terrain-promp": Benchmark("cheetah-terrain", "promp", 65, _FEW, tasks=200),
    "cheetah-terrain-maml": Benchmark("cheetah-terrain", "maml", 65, _FEW | {"max_kl": 0.03}, tasks=200),
    "cheetah-terrain-rl2": Benchmark("cheetah-terrain", "rl2", 100, _WIDE, controls=_TRAINED),
    "walker-dynamics-task-inference": Benchmark(
        "walker-dynamics", "task-inference", 100, WHOLE | _WIDE, controls=_TRAINED
    ),
    "walker-dynamics-rl2": Benchmark("walker-dynamics", "rl2", 100, _WIDE, controls=_TRAINED),
    "walker-faults-task-inference": Benchmark("walker-faults", "task-inference", 200, controls=_TRAINED, tasks=200),
    "walker-faults-promp": Benchmark("walker-faults", "promp", 70, _FEW, tasks=200),
    "walker-faults-maml": Benchmark("walker-faults", "maml", 70, _FEW | {"max_kl": 0.03}, tasks=200),
    "walker-faults-rl2": Benchmark("walker-faults", "rl2", 200, tasks=200),
    "ant-crippled-task-inference": Benchmark("ant-crippled", "task-inference", 100, controls=_TRAINED, tasks=200),
    "ant-crippled-promp": Benchmark("ant-crippled", "promp", 40, _FEW, tasks=200),
    "ant-crippled-maml": Benchmark("ant-crippled", "maml", 40, _FEW | {"max_kl": 0.03}, tasks=200),
    "ant-crippled-rl2": Benchmark("ant-crippled", "rl2", 100, _WIDE, controls=_TRAINED),
    "quadruped-task-inference": Benchmark("quadruped", "task-inference", 240, WHOLE, controls=_TRAINED, tasks=200),
    "quadruped-promp": Benchmark("quadruped", "promp", 100, _FEW, tasks=200),
    "quadruped-maml": Benchmark("quadruped", "maml", 100, _FEW | {"max_kl": 0.03}, tasks=200),
    "quadruped-rl2": Benchmark("quadruped", "rl2", 300, {"epochs": 6, "minibatches": 8} | _WIDE, controls=_TRAINED),
    "quadruped-terrain-task-inference": Benchmark(
        "quadruped-terrain", "task-inference", 150, WHOLE, controls=_TRAINED, tasks=200
    ),
    "quadruped-terrain-rl2": Benchmark("quadruped-terrain", "rl2", 150, tasks=200),
    "quadruped-stairs-task-inference": Benchmark(
        "quadruped-stairs", "task-inference", 600, controls=_TRAINED, tasks=200
    ),
    "quadruped-stairs-sighted-task-inference": Benchmark(
        "quadruped-stairs-sighted", "task-inference", 460, controls=_TRAINED, tasks=200
    ),
    "quadruped-commands-task-inference": Benchmark(
        "quadruped-commands", "task-inference", 1000, WHOLE | {"desired_kl": 0.02}, controls=_TRAINED, tasks=200
    ),
    "biped-task-inference": Benchmark(
        "biped", "task-inference", 1000, {"informed": 0.25, "min_std": 0.1}, controls=_TRAINED, tasks=200
    ),
    "reach-task-inference": Benchmark("reach", "task-inference", 100, WHOLE, controls=_TRAINED, tasks=200),
    "fetch-reach-task-inference": Benchmark("fetch-reach", "task-inference", 60, WHOLE, controls=_TRAINED),
    "fetch-push-task-inference": Benchmark(
        "fetch-push", "task-inference", 440, WHOLE | {"desired_kl": 0.02}, tasks=200
    ),
    "fetch-slide-task-inference": Benchmark(
        "fetch-slide", "task-inference", 400, WHOLE | {"desired_kl": 0.02}, tasks=200
    ),
    "fetch-pick-and-place-task-inference": Benchmark(
        "fetch-pick-and-place", "task-inference", 440, WHOLE | {"desired_kl": 0.02}, controls=_TRAINED, tasks=200
    ),
    **{
        f"{name}-package-task-inference": Benchmark(
            f"{name}-package", "task-inference", iterations, {"desired_kl": 0.02}, controls=("zero_shot",), tasks=200
        )
        for name, iterations in (("fetch-push", 440), ("fetch-slide", 600), ("fetch-pick-and-place", 440))
    },
    "push-task-inference": Benchmark("push", "task-inference", 200, WHOLE, controls=_TRAINED, tasks=200),
    "push-promp": Benchmark("push", "promp", 64, _FEW, tasks=200),
    "push-rl2": Benchmark("push", "rl2", 200, {"meta_batch": 48, "minibatches": 8} | _WIDE, controls=_TRAINED),
    "slide-task-inference": Benchmark("slide", "task-inference", 300, WHOLE, controls=_TRAINED),
    "grasp-task-inference": Benchmark(
        "grasp", "task-inference", 375, WHOLE | {"desired_kl": 0.02}, controls=_TRAINED, tasks=200
    ),
    "grasp-objects-task-inference": Benchmark(
        "grasp-objects", "task-inference", 400, WHOLE | {"desired_kl": 0.02}, controls=_TRAINED, tasks=200
    ),
    "hopper-dynamics-task-inference": Benchmark(
        "hopper-dynamics", "task-inference", 150, WHOLE, controls=_TRAINED, tasks=200
    ),
    "ant-direction-task-inference": Benchmark("ant-direction", "task-inference", 150, controls=_TRAINED),
    "ant-goal-task-inference": Benchmark("ant-goal", "task-inference", 300, controls=_TRAINED),
    "humanoid-direction-task-inference": Benchmark("humanoid-direction", "task-inference", 150, controls=_TRAINED),
    "dm-cheetah-task-inference": Benchmark("dm-cheetah", "task-inference", 220, controls=_TRAINED),
    "dm-walker-task-inference": Benchmark("dm-walker", "task-inference", 100, controls=_TRAINED),
    "dm-quadruped-task-inference": Benchmark("dm-quadruped", "task-inference", 100, controls=_TRAINED),
    "panda-grasp-task-inference": Benchmark(
        "panda-grasp", "task-inference", 650, WHOLE | {"desired_kl": 0.02}, controls=_TRAINED, tasks=200
    ),
}

_MORE_SEEDS = (
    "ant-crippled-task-inference",
    "walker-faults-task-inference",
    "cheetah-terrain-task-inference",
    "quadruped-task-inference",
    "quadruped-terrain-task-inference",
    "hopper-dynamics-task-inference",
    "walker-dynamics-task-inference",
    "push-task-inference",
)


def _with_seeds(name: str, benchmark: Benchmark) -> dict[str, Benchmark]:
    """A row, and for some rows the same with two more seeds."""
    others = (1, 2) if name in _MORE_SEEDS else ()
    return {name: benchmark} | {f"{name}-seed-{seed}": replace(benchmark, seed=seed) for seed in others}


BENCHMARKS = {key: row for name, first in BENCHMARKS.items() for key, row in _with_seeds(name, first).items()}
LONGER = {"ant-crippled": 500}
"""Families of which a longer run is shipped, and its iterations. The shorter ones compare learners and seeds."""
BENCHMARKS |= {
    f"{family}-task-inference-long": replace(BENCHMARKS[f"{family}-task-inference"], iterations=iterations, tasks=200)
    for family, iterations in LONGER.items()
}


def shipped(family: str) -> str:
    """The name of the run whose policy becomes part of the package."""
    return f"{family}-task-inference" + ("-long" if family in LONGER else "")


def run(name: str) -> bool:
    """Trains or resumes, evaluates, and writes the result. False if training was stopped."""
    benchmark = BENCHMARKS[name]
    folder = Path("runs") / "benchmarks" / name
    if RunFolder(folder).exists():
        trained = rm.resume(folder, iterations=benchmark.iterations)
    else:
        trained = rm.meta_train(
            benchmark.family,
            benchmark.learner,
            iterations=benchmark.iterations,
            seed=benchmark.seed,
            out=folder,
            hyper=benchmark.hyper,
        )
    if trained.interrupted:
        return False
    policy = trained.policy
    controls = {
        kind: control_policy(kind, policy, folder)
        for kind in ("domain_randomized", "oracle")
        if kind in benchmark.controls
    }
    evaluations = {}
    for split in policy.family.splits:
        evaluation = rm.evaluate(
            policy,
            split=split,
            tasks=benchmark.tasks,
            episodes=_budgets(benchmark),
            controls=benchmark.controls,
            explore=benchmark.explore,
            domain_randomized=controls.get("domain_randomized"),
            oracle=controls.get("oracle"),
        )
        evaluations[split] = evaluation.to_json()
        print(f"{split}: {evaluation.verdict()}")
    metrics = read_metrics(RunFolder(folder).metrics)
    result = {
        "name": name,
        "config": policy.config.to_json(),
        "env_steps": policy.env_steps,
        "training_seconds": metrics[-1]["seconds"],
        "target": benchmark.target,
        "reached": _reached(metrics, benchmark.target),
        "learning_curve": _thinned(metrics),
        "evaluations": evaluations,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    return True


def _budgets(benchmark: Benchmark) -> list[int]:
    """Numbers of adaptation episodes to measure after: all of up to 5, else every 20."""
    if benchmark.episodes <= 5:
        return list(range(benchmark.episodes + 1))
    return list(range(0, benchmark.episodes + 1, 20))


def _reached(metrics: list[dict[str, Any]], target: float | None) -> dict[str, float] | None:
    """Control steps and seconds when the smoothed post-adaptation return first reached the target."""
    if target is None:
        return None
    returns = np.array([line["return_post"] for line in metrics])
    smoothed = np.convolve(returns, np.ones(_SMOOTHED) / _SMOOTHED, mode="valid")
    above = np.flatnonzero(smoothed >= target)
    if not len(above):
        return None
    line = metrics[above[0] + _SMOOTHED - 1]
    return {"env_steps": line["env_steps"], "seconds": line["seconds"]}


def _thinned(metrics: list[dict[str, Any]]) -> list[dict[str, float]]:
    """About forty points of the learning curve."""
    kept = metrics[:: max(1, len(metrics) // 40)]
    return [{key: round(line[key], 2) for key in ("env_steps", "return_pre", "return_post")} for line in kept]


def main() -> None:
    """Runs the named benchmarks."""
    names = sys.argv[1:]
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown or not names:
        sys.exit(f"usage: learning.py NAME ...; names: {', '.join(BENCHMARKS)}")
    for name in names:
        if not run(name):
            sys.exit(f"stopped; the same command continues {name}")


if __name__ == "__main__":
    main()
