"""The files of a run: their names, what a checkpoint keeps, and runs that an older version wrote."""

from __future__ import annotations

import dataclasses
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import robotmeta as rm
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.errors import RobotmetaWarning, UserError
from robotmeta.policy import new_policy
from robotmeta.training.run_folder import RunFolder

_HYPER: dict[str, dict[str, Any]] = {
    "promp": {"meta_batch": 4, "episodes": 2},
    "rl2": {"meta_batch": 4, "hidden_size": 16, "epochs": 2},
    "task-inference": {"meta_batch": 4, "hidden_size": 16, "epochs": 2},
}
# Names of schema 2 and of today.
_OLD_HYPERPARAMETERS = {"adaptation_steps": "rounds", "oracle": "privileged"}
_NEW_HYPERPARAMETERS = {"memory"}
_NEW_KEYS = {"privileged_state", "observation_groups", "dt", "horizon", "sha256"}
_OLD_TENSORS = {
    "privileged_normalizer.": "unobserved.",
    "belief.adaptation_step": "belief.round",
    "estimator.memory.gru.": "estimator.gru.",
    "network.memory.gru.": "network.gru.",
}


def half_observed() -> rm.TaskFamily:
    """A point that does not observe one of its coordinates, so that task inference has a privileged state."""
    return dataclasses.replace(
        rm.make("point-navigation"),
        horizon=8,
        observations=(("x", "m"),),
        observe=lambda state, task: state["position"][..., :1],
        privileged_state=(("y", "m"),),
        observe_privileged_state=lambda state, task: state["position"][..., 1:],
    )


def train(folder: Path, learner: str, iterations: int) -> rm.Run:
    return rm.meta_train(
        half_observed(), learner, iterations=iterations, out=folder, hyper=_HYPER[learner], progress=False
    )


def as_schema_2(config: dict[str, Any]) -> dict[str, Any]:
    values = {
        _OLD_HYPERPARAMETERS.get(name, name): value
        for name, value in config["hyperparameters"].items()
        if name not in _NEW_HYPERPARAMETERS
    }
    assert {"rounds", "privileged"} <= values.keys()
    return {**config, "hyperparameters": values}


def rewrite_as_schema_2(file: Path) -> list[str]:
    """Gives a policy file the names it had under schema 2; returns those of its tensors."""
    with safe_open(file, framework="pt") as opened:
        manifest = json.loads(opened.metadata()["robotmeta"])
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    manifest = {
        key: value
        for key, value in {**manifest, "schema": 2, "config": as_schema_2(manifest["config"])}.items()
        if key not in _NEW_KEYS
    }
    beside = file.with_name("manifest.json")
    if beside.exists():
        beside.write_text(json.dumps(manifest))
    for new, old in _OLD_TENSORS.items():
        tensors = {old + name.removeprefix(new) if name.startswith(new) else name: v for name, v in tensors.items()}
    save_file(tensors, file, metadata={"robotmeta": json.dumps(manifest)})
    return list(tensors)


def same_weights(policy: rm.Policy, other: rm.Policy) -> bool:
    weights, others = policy.learner.state_dict(), other.learner.state_dict()
    return weights.keys() == others.keys() and all(torch.equal(weights[name], others[name]) for name in weights)


@pytest.mark.parametrize("learner", _HYPER)
def test_a_run_of_schema_2_resumes_to_the_same_bits(learner: str, tmp_path: Path) -> None:
    whole, old = train(tmp_path / "whole", learner, 2), RunFolder(train(tmp_path / "old", learner, 1).folder)
    names = rewrite_as_schema_2(old.checkpoints()[-1] / "policy.safetensors")
    assert ("unobserved.mean" in names) == (learner == "task-inference")
    assert any(".gru." in name for name in names) == (learner != "promp")
    old.config.write_text(json.dumps(as_schema_2(json.loads(old.config.read_text()))))
    resumed = rm.resume(old.path, family=half_observed(), iterations=2, progress=False)
    assert same_weights(resumed.policy, whole.policy)
    assert old.read_config()[0] == resumed.policy.config


def test_an_adapted_policy_of_schema_2_keeps_its_belief(tmp_path: Path) -> None:
    policy = new_policy(RunConfig("point-navigation", "promp", hyperparameters("promp", {})))
    policy = rm.adapt(policy, policy.family.task(), episodes=2, evaluation_episodes=1).policy
    rm.save_policy(policy, tmp_path / "old.safetensors")
    assert "belief.round" in rewrite_as_schema_2(tmp_path / "old.safetensors")
    loaded = rm.load(tmp_path / "old.safetensors")
    assert loaded.belief is not None
    assert policy.belief is not None
    assert loaded.belief.keys() == policy.belief.keys()
    assert all(torch.equal(loaded.belief[name], value) for name, value in policy.belief.items())


def test_a_run_keeps_its_two_newest_checkpoints(tmp_path: Path) -> None:
    rm.meta_train(
        "point-navigation",
        "promp",
        iterations=4,
        out=tmp_path,
        hyper=_HYPER["promp"],
        checkpoint_every=1,
        progress=False,
    )
    folder = RunFolder(tmp_path)
    assert [checkpoint.name for checkpoint in folder.checkpoints()] == ["00000003", "00000004"]
    assert (folder.iteration, rm.load(tmp_path).iteration) == (4, 4)
    assert rm.load(folder.checkpoints()[0]).iteration == 3


def test_a_run_is_named_by_family_learner_and_seed() -> None:
    config = RunConfig("robots/hopper.py:family", "promp", hyperparameters("promp", {}), seed=3)
    assert RunFolder.default(config).path == Path("runs/robots-hopper.py-family-promp-3")


def test_a_run_without_a_checkpoint_goes_on_with_its_own_family_only(tmp_path: Path) -> None:
    family = rm.make("point-navigation")
    hyper = hyperparameters("promp", {"meta_batch": 2, "episodes": 2}, family=family)
    run = RunFolder(tmp_path / "run")
    run.write_config(RunConfig(family.name, "promp", hyper, iterations=1), family)
    with pytest.raises(UserError, match=r"config.json was trained on family 'point-navigation', which family 'cheetah"):
        rm.resume(run.path, family="cheetah-direction", progress=False)
    assert rm.resume(run.path, progress=False).policy.iteration == 1


@pytest.mark.parametrize("name", ["mine.py:family", "mine:family"])
def test_a_changed_reward_is_told(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    file = tmp_path / "mine.py"
    file.write_text(
        "import dataclasses\nfrom robotmeta.envs import make\n\n"
        "def family():\n"
        "    point = make('point-navigation')\n"
        "    return dataclasses.replace(point, reward=lambda step: 1.0 * point.reward(step))\n"
    )

    def made() -> rm.TaskFamily:
        for module in ("mine", str(file)):
            sys.modules.pop(module, None)  # as in a new process
        return rm.make(name)

    run = RunFolder(tmp_path / "run")
    config = RunConfig(name, "promp", hyperparameters("promp", {"meta_batch": 2, "episodes": 2}), iterations=1)
    run.write_config(config, made())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run.check_family(made())
    file.write_text(file.read_text().replace("1.0 *", "-1.0 *"))
    for _ in range(2):
        with pytest.warns(RobotmetaWarning, match=r"mine.py has changed since .*run was begun"):
            run.check_family(made())
        run.write_config(config, made())  # as when it goes on
    for module in ("mine", str(file)):
        sys.modules.pop(module, None)
