"""Training with a curriculum: levels rise with what a policy learns, and are as reproducible as all else."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from robotmeta.config import RunConfig
from robotmeta.envs import TaskBatchEnv, TaskFamily, Tasks
from robotmeta.envs.curriculum import Curriculum
from robotmeta.envs.distributions import Choice
from robotmeta.envs.parameters import Parameter, ParameterSpace
from robotmeta.errors import RobotmetaWarning, UserError
from robotmeta.experience.rollout import Trial
from robotmeta.metalearners import LEARNERS
from robotmeta.metalearners.levels import Levels
from robotmeta.metalearners.trials import Trials
from robotmeta.policy import Policy
from robotmeta.training.logs import read_metrics
from robotmeta.training.run_folder import RunFolder
from robotmeta.training.train import Run, meta_train, resume, training_env
from tests.learning import HYPER, generator, learner_of, same, stepping, weights

LEVELS = (0.1, 0.3, 0.5, 0.8, 1.0)


def family() -> TaskFamily:
    return stepping(curriculum=Curriculum("far", LEVELS))


def trained(folder: Path, learner: str = "task-inference", of: TaskFamily | None = None, **options: Any) -> Run:
    hyper = HYPER[learner] | options.pop("hyper", {})
    return meta_train(of or family(), learner, out=folder, hyper=hyper, progress=False, **{"iterations": 4, **options})


def levels_of(run: Run) -> dict[str, Any]:
    return RunFolder(run.folder).trials()["levels"]


def lines(folder: Path) -> list[dict[str, Any]]:
    """The log without times."""
    kept = [{n: v for n, v in line.items() if "second" not in n} for line in read_metrics(folder / "metrics.jsonl")]
    assert kept
    return kept


# -- levels ------------------------------------------------------------------------------------------------------------


def test_the_level_rises_as_the_policy_learns_and_then_stays_mixed(tmp_path: Path) -> None:
    trained(tmp_path, "domain-randomization", iterations=25, hyper={"meta_batch": 16, "learning_rate": 3e-3})
    log = lines(tmp_path)
    shares = [[line[f"level_{level}"] for level in range(len(LEVELS))] for line in log]
    np.testing.assert_allclose(np.sum(shares, axis=1), 1.0, rtol=1e-5)
    assert log[0]["level"] < 0.8
    assert np.mean([line["level"] for line in log[-5:]]) > 1.5
    assert log[-1]["success_post"] > 0.8
    assert np.count_nonzero(np.mean(shares[-5:], axis=0)) >= 3  # some solved the highest level


@pytest.mark.parametrize("learner", LEARNERS)
def test_each_place_gets_tasks_of_its_level_and_all_else_as_drawn(learner: str) -> None:
    of, drawn = family(), []

    def sample(count: int) -> Tasks:
        drawn.append(of.sample(count, np.random.default_rng(len(drawn))))
        return drawn[-1]

    fitted = learner_of(learner, of)
    env = training_env(Policy(of, RunConfig(of.name, learner, fitted.config), fitted))
    levels = Levels(Curriculum("far", LEVELS), of.space, env.all_tasks, seed=3)
    trials = Trials(env, fitted, levels=levels)
    before = env.tasks
    for update in range(4):
        at = levels.state()["now"].clone()
        trial = trials.next(sample, generator(update))
        new = torch.ones(len(at), dtype=torch.bool) if trial.episode is None else trial.episode == 0
        if update == 0:
            new[:] = True
        np.testing.assert_array_equal(env.tasks.values[new, 0], np.array(LEVELS)[at[new]])
        np.testing.assert_array_equal(env.tasks.values[~new], before.values[~new])
        before = env.tasks
        over = torch.ones(len(at), dtype=torch.bool) if trial.episode is None else trial.episode == 1
        assert torch.equal(levels.state()["now"], torch.where(over, moved(at, trial), at))


def moved(at: torch.Tensor, trial: Trial) -> torch.Tensor:
    """One level up where all episodes of the last rollout succeeded, one down where less than half did."""
    success = trial.rollouts[-1].success
    assert success is not None
    share = success.float().mean(dim=1)
    after = at + (share >= 0.8).long() - (share < 0.5).long()
    assert int(after.max()) < len(LEVELS)  # no random level yet
    return after.clamp(min=0)


def test_levels_change_a_column_and_nothing_else() -> None:
    levels = Levels(
        Curriculum("far", LEVELS), family().space, 3, seed=0, state={"now": torch.tensor([0, 4, 2]), "moves": 1}
    )
    tasks = Tasks(("near", "far"), np.array([[7.0, 0.5], [8.0, 0.6]]))
    given = levels.given(tasks, torch.tensor([False, True, True]))
    assert given.values.tolist() == [[7.0, 1.0], [8.0, 0.5]]
    assert tasks.values[0].tolist() == [7.0, 0.5]


def test_each_place_keeps_its_kind_and_has_a_level_of_it() -> None:
    far, side = (
        family().space["far"],
        Parameter("side", "where", train=Choice((2.0, 3.0, 3.0)), nominal=2.0, bounds=(0.0, 5.0)),
    )
    space = ParameterSpace((far, side))
    levels = Levels(Curriculum("far", LEVELS, kind="side"), space, 5, seed=0)
    everywhere = torch.ones(5, dtype=torch.bool)
    levels.move(everywhere, torch.tensor([1.0, 0.0, 1.0, 0.0, 1.0]))  # only those of the first kind go up
    drawn = space.sample(5, np.random.default_rng(0))
    given = levels.given(drawn, everywhere).values
    assert given[:, 1].tolist() == [2.0, 3.0, 2.0, 3.0, 2.0]
    assert given[:, 0].tolist() == [LEVELS[1], LEVELS[0]] * 2 + [LEVELS[1]]
    some = torch.tensor([False, True, False, False, True])
    assert levels.given(Tasks(space.names, drawn.values[:2]), some).values[:, 1].tolist() == [3.0, 2.0]
    assert levels.metrics() == pytest.approx(
        {"level": 0.6, "2_level": 1.0, "3_level": 0.0, "level_0": 0.4, "level_1": 0.6}
        | {f"level_{number}": 0.0 for number in (2, 3, 4)}
    )


def test_random_levels_are_those_of_the_seed_and_reach_all() -> None:
    def after(seed: int) -> torch.Tensor:
        levels = Levels(Curriculum("far", LEVELS), family().space, 60, seed, {"now": torch.full((60,), 4), "moves": 0})
        levels.move(torch.ones(60, dtype=torch.bool), torch.ones(60))
        return levels.state()["now"]

    assert torch.equal(after(1), after(1))
    assert not torch.equal(after(1), after(2))
    assert set(after(1).tolist()) == set(range(5))


# -- reproducible ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("learner", ["task-inference", "promp"])
def test_resuming_with_levels_equals_never_having_stopped(learner: str, tmp_path: Path) -> None:
    whole = trained(tmp_path / "whole", learner)
    trained(tmp_path / "parts", learner, iterations=2)
    parts = resume(tmp_path / "parts", family=family(), iterations=4, progress=False)
    assert same(weights(parts), weights(whole))
    assert same(levels_of(parts), levels_of(whole))
    assert lines(tmp_path / "parts") == lines(tmp_path / "whole")


def test_a_run_is_not_continued_with_fewer_levels_than_it_has_reached() -> None:
    state = {"now": torch.tensor([0, 4]), "moves": 3}
    with pytest.raises(UserError, match="another curriculum"):
        Levels(Curriculum("far", LEVELS[:3]), family().space, 2, seed=0, state=state)


def test_without_its_curriculum_a_family_trains_as_one_that_has_none(tmp_path: Path) -> None:
    off = trained(tmp_path / "off", hyper={"curriculum": False})
    none = trained(tmp_path / "none", of=stepping())
    assert same(weights(off), weights(none))
    assert "level" not in lines(tmp_path / "off")[0]
    on = trained(tmp_path / "on")
    assert not same(weights(on), weights(none))


def test_worlds_that_diverged_achieved_nothing() -> None:
    curriculum = Curriculum("far", LEVELS, progress=lambda state, task: state["position"][..., 0] * 0.0 + 1.0)
    of = dataclasses.replace(family(), curriculum=curriculum, reward=_never_finite)
    env = TaskBatchEnv(of, 2, 1)
    env.load(Tasks(("far",), np.array([[0.2], [0.9]])))
    env.reset(generator())
    with pytest.warns(RobotmetaWarning, match="reward is not finite"):
        env.step(torch.zeros(2, 1, 2))
    achieved = env.progress()
    assert achieved is not None
    assert achieved.tolist() == [[1.0], [0.0]]


def _never_finite(step: Any) -> torch.Tensor:
    """Not finite where the point is told to walk far."""
    moved = step.after["position"][..., 0]
    return torch.where(step.task["far"] > 0.6, torch.full_like(moved, torch.nan), moved)
