"""Run folders and checkpoints."""

from __future__ import annotations

import torch

from robotmeta.checkpoint_files import load_training_state
from robotmeta.training.checkpoint import load
from robotmeta.training.run_folder import RunFolder
from robotmeta.training.train import Run
from tests.learning import same, weights


def test_loading_a_run_folder_restores_the_policy_and_its_training_state(trained: Run) -> None:
    loaded = load(trained.folder, family=trained.policy.family)
    assert same(dict(loaded.learner.state_dict()), weights(trained))
    (state,) = (
        torch.load(file, weights_only=True) for file in RunFolder(trained.folder).checkpoints()[-1].glob("*.pt")
    )
    state.pop("trials", None)  # those in progress, if trials are staggered
    assert same(state, trained.policy.learner.training_state())
    load_training_state(RunFolder(trained.folder).checkpoints()[-1], loaded.learner)
    assert same(loaded.learner.training_state(), trained.policy.learner.training_state())
