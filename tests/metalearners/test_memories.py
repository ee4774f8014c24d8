"""A memory is one class and one entry in MEMORIES: learners train it, adapt with it and export it as they do a GRU."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

import robotmeta as rm
from robotmeta.config import hyperparameters
from robotmeta.errors import UserError
from robotmeta.experience.rollout import PolicyInput
from robotmeta.policies import MEMORIES, Memory, MemoryState
from robotmeta.reporting.export import export

HYPER = {"meta_batch": 8, "epochs": 1, "minibatches": 2, "hidden_size": 6, "memory": "average", "bptt": 5}


class Average(Memory):
    """The mean of all inputs so far, projected."""

    def __init__(self, input_size: int, size: int, generator: torch.Generator) -> None:
        super().__init__()
        self.size, self.input_size = size, input_size
        self.projection = nn.Linear(input_size, size)
        nn.init.orthogonal_(self.projection.weight, generator=generator)
        nn.init.zeros_(self.projection.bias)

    def begin(self, trials: int) -> MemoryState:
        return {"total": torch.zeros(trials, self.input_size), "count": torch.zeros(trials, 1)}

    def forward(self, inputs: Tensor, state: MemoryState) -> tuple[Tensor, MemoryState]:
        totals = state["total"] + inputs.cumsum(dim=0)
        counts = state["count"] + torch.arange(1, len(inputs) + 1).view(-1, 1, 1)
        features = self.features({"total": totals, "count": counts})
        return features, {"total": totals[-1], "count": counts[-1]}

    def features(self, state: MemoryState) -> Tensor:
        return self.projection(state["total"] / state["count"].clamp(min=1.0))


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MEMORIES, "average", Average)


@pytest.mark.slow
@pytest.mark.parametrize("learner", ["rl2", "task-inference"])
def test_another_memory_is_trained_adapted_and_exported(learner: str, tmp_path: Path) -> None:
    family = dataclasses.replace(rm.make("point-navigation"), horizon=12)
    run = rm.meta_train(family, learner, iterations=1, hyper=HYPER, out=tmp_path / "run", progress=False)
    policy = rm.load(run.folder, family=family)
    adapted = rm.adapt(policy, family.task(goal_x=0.3), episodes=2, evaluation_episodes=2)
    belief = adapted.policy.belief
    assert belief is not None
    steps = float(belief["count"])
    assert 2 <= steps <= 24  # of two episodes
    assert (adapted.inferred is not None) == (learner == "task-inference")

    session = onnxruntime.InferenceSession(export(adapted.policy, tmp_path / "policy.onnx").file)
    observation, action, reward = torch.tensor([[[0.1, -0.2]]]), torch.tensor([[[0.5, 0.5]]]), torch.tensor([[-0.3]])
    with torch.no_grad():
        expected, after = adapted.policy.learner.act(belief, PolicyInput(observation, action, reward, False))
    given = {"observation": observation, "last_action": action, "last_reward": reward, **adapted.policy.begin(1)}
    inputs = {i.name: given[i.name].flatten().numpy() for i in session.get_inputs() if i.name != "start"}
    outputs = map(np.asarray, session.run(None, inputs | {"start": np.zeros(1, np.float32)}))
    found = dict(zip((o.name for o in session.get_outputs()), outputs, strict=True))
    np.testing.assert_allclose(found["action"], expected.mean.clamp(-1.0, 1.0).flatten(), atol=1e-6)
    np.testing.assert_allclose(found["next_total"], after["total"].flatten(), atol=1e-5)
    assert found["next_count"] == steps + 1


def test_an_unknown_memory_is_answered_with_those_that_exist() -> None:
    with pytest.raises(UserError, match=r"^no memory 'lstm'; there are: gru, average$"):
        hyperparameters("rl2", {"memory": "lstm"})
