"""Exported policies: what a robot's own software computes is what the policy does."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from robotmeta.adaptation.adapt import adapt
from robotmeta.cli import main
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.envs import TaskBatchEnv
from robotmeta.errors import UserError
from robotmeta.experience.rollout import PolicyInput, collect
from robotmeta.metalearners import LEARNERS
from robotmeta.policy import Policy, new_policy
from robotmeta.policy_file import load_policy, save_policy
from robotmeta.reporting.export import export

_IN_CONTEXT = ("rl2", "task-inference")


def policy_of(learner: str, **hyper: Any) -> Policy:
    """A policy whose weights are far from where training begins, so that all it sees tells in what it does."""
    generator = torch.Generator().manual_seed(0)
    policy = new_policy(RunConfig("cheetah-direction", learner, hyperparameters(learner, hyper)))
    with torch.no_grad():
        for weights in policy.learner.parameters():
            weights += 0.05 * torch.randn(weights.shape, generator=generator)
    return policy


@pytest.mark.slow
@pytest.mark.parametrize("learner", LEARNERS)
def test_an_exported_policy_does_what_the_policy_does(learner: str, tmp_path: Path) -> None:
    policy = policy_of(learner)
    task = policy.family.task(direction=-1.0)
    policy = adapt(policy, task, episodes=1, evaluation_episodes=1).policy
    exported = export(policy, tmp_path / "policy.onnx")
    session = onnxruntime.InferenceSession(exported.file)
    assert [i.name for i in session.get_inputs()] == list(exported.inputs)
    assert (list(exported.inputs) == ["observation"]) == (learner not in _IN_CONTEXT)
    manifest = json.loads(session.get_modelmeta().custom_metadata_map["robotmeta"])
    assert manifest["config"]["family"] == "cheetah-direction"
    assert (manifest["dt"], manifest["horizon"]) == (policy.family.dt, policy.family.horizon)
    memory = {name: np.array(value, np.float32) for name, value in manifest["begin"].items()}

    env = TaskBatchEnv(dataclasses.replace(policy.family, horizon=8), 1, 1)
    env.load(task)
    belief, generator = policy.begin(1), torch.Generator().manual_seed(0)
    for _ in range(2):  # the second episode begins with what was learned in the first
        rollout, belief = collect(env, policy.learner, belief, generator, explore=False)
        if learner in _IN_CONTEXT:
            belief = policy.learner.adapt(belief, rollout)
        observations, rewards = rollout.observations[0, 0].numpy(), rollout.rewards[0, 0].numpy()
        expected = rollout.distribution.mean[0, 0].clamp(-1.0, 1.0).numpy()
        assert np.abs(np.diff(expected, axis=0)).max() > 1e-3
        for step, observation in enumerate(observations):
            start = {"start": np.array([step == 0], np.float32)} if memory else {}
            outputs = session.run(None, {"observation": observation, **start, **memory})
            action, *after = (np.asarray(output) for output in outputs)
            np.testing.assert_allclose(action, expected[step], atol=1e-5)
            if memory:
                (hidden,) = after
                memory = {"last_action": action, "last_reward": rewards[step : step + 1], "hidden": hidden}


def test_another_default_dtype_is_one_line(tmp_path: Path) -> None:
    policy = policy_of("promp")
    torch.set_default_dtype(torch.float64)
    try:
        with pytest.raises(UserError, match=r"export writes float32, the default dtype of torch is torch\.float64"):
            export(policy, tmp_path / "policy.onnx")
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.slow
def test_an_exported_oracle_uses_what_it_knows_as_the_policy_does(tmp_path: Path) -> None:
    policy = policy_of("domain-randomization", oracle=True)
    save_policy(policy, tmp_path / "oracle.safetensors")
    session = onnxruntime.InferenceSession(export(policy, tmp_path / "oracle.onnx").file)
    size = policy.family.observation_size + policy.family.encoding.size
    observation = torch.randn(size, generator=torch.Generator().manual_seed(1))
    actions = []
    for direction in (1.0, -1.0):
        observation[-1] = direction
        action = np.asarray(session.run(None, {"observation": observation.numpy()})[0])
        nothing = torch.zeros(1, 1, policy.family.action_size)
        given = PolicyInput(observation.view(1, 1, -1), nothing, nothing[..., 0], start=True)
        expected = load_policy(tmp_path / "oracle.safetensors").learner.act({}, given)[0].mean
        np.testing.assert_allclose(action, expected.flatten().clamp(-1.0, 1.0).detach(), atol=1e-5)
        actions.append(action)
    assert np.abs(actions[0] - actions[1]).max() > 1e-3


@pytest.mark.slow
def test_the_command_line_says_what_goes_in_and_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["export", "pretrained:grasp", "--out", str(tmp_path / "grasp.onnx")])
    said = capsys.readouterr().out
    assert "observation [36]" in said
    assert "action [5], next_hidden [64]" in said
    assert (tmp_path / "grasp.onnx").stat().st_size > 10_000


@pytest.mark.slow
def test_a_policy_that_can_no_longer_adapt_is_named_as_such(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_policy(policy_of("promp"), tmp_path / "initialization.safetensors")
    main(["export", str(tmp_path / "initialization.safetensors"), "--out", str(tmp_path / "policy.onnx")])
    assert "has not been adapted to a robot, and does not adapt as it acts" in capsys.readouterr().out


def test_what_is_missing_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(UserError, match=r"^export needs the package onnxscript: pip install 'robotmeta\[export\]'$"):
        export(policy_of("promp"), tmp_path / "policy.onnx")


def test_a_file_that_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"^cannot write .*policy\.onnx: "):
        export(policy_of("promp"), tmp_path / "file" / "policy.onnx")
