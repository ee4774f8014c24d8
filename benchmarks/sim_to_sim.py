"""Adapts a policy in environments of other simulators: what the fit and fine-tuning gain there.

    python benchmarks/sim_to_sim.py dm-control --out benchmarks/results/sim-to-sim-dm-control.json
    python benchmarks/sim_to_sim.py heavy --out benchmarks/results/sim-to-sim-heavy.json

The file is written after each seed, and the same command goes on from there.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import gymnasium
import mujoco
import numpy as np

import robotmeta as rm
from robotmeta.evaluation.intervals import bootstrapped
from robotmeta.files import write_text
from robotmeta.versions import versions

_EXAMPLE = Path(__file__).parents[1] / "examples" / "dm_control_cheetah.py"
_GOAL_SPEED = 2.0  # metres a second, that of cheetah-dynamics
_MASS, _STRENGTH = 2.5, 0.5  # of the heavy cheetah; meta-training ends at 1.5 and begins at 0.7
_PHASES = {"before": "zero_shot", "after": "adapted", "fine-tuned": "fine_tuned"}


class GoalSpeed(gymnasium.Wrapper):
    """Gymnasium's half-cheetah with the reward of the family cheetah-dynamics."""

    def step(self, action: np.ndarray) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        observation, _, terminated, truncated, info = self.env.step(action)
        reward = -abs(info["x_velocity"] - _GOAL_SPEED) - 0.05 * float(np.square(action).sum())
        return observation, reward, terminated, truncated, info


def heavy_cheetah() -> gymnasium.Env:
    """Gymnasium's half-cheetah, too heavy and too weak for the training distribution of cheetah-dynamics."""
    env = gymnasium.make("HalfCheetah-v5", max_episode_steps=200)
    model = env.unwrapped.model  # pyright: ignore[reportAttributeAccessIssue]
    model.body_mass *= _MASS
    model.body_inertia *= _MASS
    model.actuator_gear[:, 0] *= _STRENGTH
    mujoco.mj_setConst(model, mujoco.MjData(model))
    return GoalSpeed(env)


_ENVIRONMENTS = {"dm-control": f"{_EXAMPLE}:make", "heavy": heavy_cheetah}


def returns(adapted: rm.Adapted) -> dict[str, list[float]]:
    """Returns of the evaluation episodes by what the policy had then."""
    found: dict[str, list[float]] = {}
    for episode in adapted.history:
        if episode.phase in _PHASES:
            found.setdefault(_PHASES[episode.phase], []).append(episode.total_return)
    return found


def measure(policy: rm.Policy, given: argparse.Namespace, seed: int) -> dict[str, Any]:
    """One adaptation with a fit, and one without it."""

    def adapted(**stages: Any) -> rm.Adapted:
        env = rm.wrap(_ENVIRONMENTS[given.environment])
        options = {"episodes": given.episodes, "evaluation_episodes": given.evaluation_episodes, "seed": seed}
        return rm.adapt(policy, env, fine_tune=given.steps, **options, **stages)

    fitted, control = adapted(fit=True, force=True), adapted()
    assert fitted.fit is not None
    measured = returns(fitted)
    measured["fitted_and_fine_tuned"] = measured.pop("fine_tuned")
    measured["fine_tuned_without_fit"] = returns(control)["fine_tuned"]
    fit = {name: value for name, value in fitted.fit.to_json().items() if name not in ("posterior", "versions")}
    fit["mean_error"] = {when: float(np.mean(list(errors.values()))) for when, errors in fit["error"].items()}
    simulated = {name: run.fine_tuned for name, run in (("with_fit", fitted), ("without_fit", control))}
    return {
        "seed": seed,
        "returns": measured,
        "fit": fit,
        "fine_tuning": {
            name: {"before": t.return_before.mean, "after": t.return_after.mean, "gain": [t.gain.low, t.gain.high]}
            | {"kept": t.kept, "iterations": t.iterations, "steps": t.steps, "seconds": t.seconds}
            for name, t in simulated.items()
            if t is not None
        },
    }


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean returns with 95 % intervals over the episodes of all seeds, and the mean of each seed."""
    found = {}
    for name in rows[0]["returns"]:
        episodes = np.array([row["returns"][name] for row in rows])
        found[name] = {"mean": float(episodes.mean()), "ci95": bootstrapped(episodes.ravel())}
        found[name]["by_seed"] = episodes.mean(axis=1).tolist()
    return found


def main() -> None:
    """Measures one policy in one environment."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("environment", choices=_ENVIRONMENTS)
    parser.add_argument("--policy", default="pretrained:cheetah-dynamics")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--episodes", type=int, default=3)
    parser.add_argument("--steps", type=int, default=150_000, help="control steps of fine-tuning")
    parser.add_argument("--evaluation-episodes", type=int, default=20)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    policy = rm.load(given.policy)
    rows: list[dict[str, Any]] = json.loads(given.out.read_text())["seeds"] if given.out.exists() else []
    for seed in given.seeds[len(rows) :]:
        rows.append(measure(policy, given, seed))
        settings = {name: value for name, value in vars(given).items() if name not in ("out", "seeds")}
        result = {
            "command": f"python benchmarks/sim_to_sim.py {' '.join(sys.argv[1:])}",
            "family": policy.family.name,
            **settings,
            "summary": summary(rows),
            "seeds": rows,
            "versions": versions(),
        }
        write_text(given.out, json.dumps(result, indent=1) + "\n")
        print(seed, json.dumps(rows[-1]["fit"]), json.dumps(summary(rows)), flush=True)


if __name__ == "__main__":
    main()
