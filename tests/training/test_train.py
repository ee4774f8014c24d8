"""Meta-training: determinism and resuming."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from robotmeta.envs import ParameterSpace, make
from robotmeta.envs.state import Transition
from robotmeta.errors import ModelWarning, UserError
from robotmeta.metalearners import LEARNERS
from robotmeta.metalearners.gradient import GradientConfig
from robotmeta.metalearners.ppo import PPOConfig
from robotmeta.metalearners.promp import ProMPConfig
from robotmeta.policy import new_policy
from robotmeta.threads import torch_threads
from robotmeta.training.train import Run, meta_train, resume
from tests.learning import HYPER, IN_CONTEXT, all_finite, same, short, train, weights


def test_meta_updates_change_the_weights_and_keep_them_finite(trained: Run) -> None:
    untrained = new_policy(trained.policy.config).learner
    parameters = dict(trained.policy.learner.named_parameters())
    assert all_finite(trained.policy.learner)
    changed = [name for name, value in untrained.named_parameters() if not torch.equal(value, parameters[name])]
    assert len(changed) >= len(parameters) // 2
    assert trained.policy.iteration == 4
    assert not trained.interrupted


def test_checkpoints_without_their_configuration_are_left_alone(trained: Run, tmp_path: Path) -> None:
    shutil.copytree(trained.folder, tmp_path / "run")
    (tmp_path / "run" / "config.json").unlink()
    before = sorted((tmp_path / "run").rglob("*"))
    with pytest.raises(UserError, match=r"has checkpoints of a run without its config\.json; choose another --out"):
        meta_train(trained.policy.family, iterations=1, out=tmp_path / "run", progress=False)
    assert sorted((tmp_path / "run").rglob("*")) == before


@pytest.mark.parametrize("name", ["metrics.jsonl", "checkpoints/00000001/model.pt", "checkpoints"])
def test_files_of_another_program_are_left_alone(name: str, tmp_path: Path) -> None:
    file = tmp_path / "run" / name
    file.parent.mkdir(parents=True)
    file.write_text("of another program")
    with pytest.raises(UserError, match=r"of a run without its config\.json; choose another --out"):
        meta_train(short(), "maml", iterations=1, hyper=HYPER["maml"], out=tmp_path / "run", progress=False)
    assert [path for path in (tmp_path / "run").rglob("*") if path.is_file()] == [file]
    assert file.read_text() == "of another program"


def test_a_training_that_was_asked_to_stop_says_that_it_will(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("robotmeta.progress.SILENT", 0.0)
    monkeypatch.setattr("robotmeta.progress.PLAIN_EVERY", 0.02)
    family, log, said = short(), tmp_path / "run" / "metrics.jsonl", ""

    def reward(step: Transition) -> torch.Tensor:
        nonlocal said
        if log.exists() and not said:  # not while the family is checked
            os.kill(os.getpid(), signal.SIGINT)
            until = time.perf_counter() + 10.0
            while "stops after this iteration" not in said:
                assert time.perf_counter() < until, said
                said += capsys.readouterr().err
                time.sleep(0.01)
        return family.reward(step)

    run = meta_train(
        dataclasses.replace(family, reward=reward), "maml", iterations=2, hyper=HYPER["maml"], out=tmp_path / "run"
    )
    assert (run.signal, run.policy.iteration) == (signal.SIGINT, 1)


def test_resuming_equals_never_having_stopped_bit_for_bit(trained: Run, tmp_path: Path) -> None:
    name = trained.policy.config.learner
    halfway = train(name, tmp_path / "run", iterations=2)
    assert not same(weights(halfway), weights(trained))
    resumed = resume(halfway.folder, family=trained.policy.family, iterations=4, progress=False)
    assert same(weights(resumed), weights(trained))
    assert same(resumed.policy.learner.training_state(), trained.policy.learner.training_state())
    assert resumed.policy.env_steps == trained.policy.env_steps
    assert (resumed.policy.iteration, resumed.interrupted) == (4, False)


def test_the_initial_standard_deviation_is_the_familys_unless_the_user_sets_it(tmp_path: Path) -> None:
    family = short(3, init_std=0.1)

    def begins_with(name: str, hyper: dict[str, float]) -> float:
        run = meta_train(family, name, iterations=1, hyper=hyper, out=tmp_path / str(len(hyper)) / name, progress=False)
        config = run.policy.config.hyperparameters
        assert isinstance(config, PPOConfig | GradientConfig)
        return config.init_std

    assert begins_with("task-inference", {}) == 0.1
    assert begins_with("task-inference", {"init_std": 0.2}) == 0.2
    assert begins_with("promp", {}) == ProMPConfig().init_std  # its inner loop needs to explore


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(trained: Run, tmp_path: Path) -> None:
    name = trained.policy.config.learner
    first, again, other = (
        weights(train(name, tmp_path / folder, iterations=1, seed=seed))
        for folder, seed in (("first", 0), ("again", 0), ("other", 1))
    )
    assert same(first, again)
    assert not same(first, other)


@pytest.mark.slow
@pytest.mark.parametrize("name", LEARNERS)
def test_weights_do_not_depend_on_the_number_of_threads(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Physics threads, the threads of a meta-update and torch's own threads: none of them changes a bit."""
    family = dataclasses.replace(make("cheetah-direction"), horizon=20)
    states = []
    for threads in (1, 2):
        with ThreadPoolExecutor(threads) as pool, torch_threads(threads):
            monkeypatch.setattr("robotmeta.metalearners.parallel._pool", lambda pool=pool: pool)
            run = meta_train(
                family,
                name,
                iterations=2,
                out=tmp_path / str(threads),
                hyper={"meta_batch": 24, "episodes": 1 if name in IN_CONTEXT else 6},
                threads=threads,
                progress=False,
            )
            states.append(run.policy.learner.state_dict())
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_a_parameter_of_a_family_written_by_hand_that_does_nothing_is_named(tmp_path: Path) -> None:
    family = short()
    idle = dataclasses.replace(family.space.parameters[0], name="idle")
    space = ParameterSpace((*family.space.parameters, idle))
    with pytest.warns(ModelWarning, match="parameter idle has no effect"):
        meta_train(
            dataclasses.replace(family, space=space),
            "maml",
            iterations=1,
            hyper=HYPER["maml"],
            out=tmp_path / "run",
            progress=False,
        )
