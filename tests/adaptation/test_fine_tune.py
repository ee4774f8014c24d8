"""Fine-tuning in simulation: it gains, keeps the better policy, leaves the first one as it is, and goes on."""

from __future__ import annotations

import dataclasses
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import robotmeta as rm
from robotmeta.adaptation.fine_tune import KL_WEIGHT, FineTuned, fine_tune
from robotmeta.adaptation.fine_tuning.budget import Budget
from robotmeta.adaptation.fine_tuning.candidate import tuned_config
from robotmeta.adaptation.fine_tuning.loop import is_enough
from robotmeta.adaptation.fine_tuning.state import Compared
from robotmeta.adaptation.posterior import TaskPosterior
from robotmeta.adaptation.recall import recalled
from robotmeta.adaptation.worlds import TaskWorlds, adapted_belief
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.envs import Parameter, Tasks
from robotmeta.envs.distributions import Uniform
from robotmeta.errors import UserError
from robotmeta.experience.rollout import Rollout
from robotmeta.metalearners.domain_randomization import DomainRandomization
from robotmeta.metalearners.ppo import PPOConfig
from robotmeta.policy import Policy, new_policy
from robotmeta.training.train import Run
from tests.learning import HYPER, same, short

LEARNER = "domain-randomization"  # the fastest one


def untrained(learner: str = LEARNER, **hyper: Any) -> Policy:
    chosen = hyperparameters(learner, {**HYPER[learner], **hyper})
    return new_policy(RunConfig("point-navigation", learner, chosen), family=short(20))


def goal(policy: Policy, x: float = 0.4, y: float = -0.3) -> Tasks:
    return policy.family.task(goal_x=x, goal_y=y)


def tensors(policy: Policy) -> dict[str, Any]:
    return {**policy.learner.state_dict(), "belief": dict(policy.belief or {})}


def copied(policy: Policy) -> dict[str, Any]:
    return {name: value.clone() for name, value in policy.learner.state_dict().items()}


def without_time(result: FineTuned) -> list[Any]:
    return [dataclasses.replace(compared, seconds=0.0) for compared in result.history]


# -- where it learns ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("learner", [LEARNER, "task-inference"])
def test_networks_need_not_know_all_parameters_of_the_tasks(learner: str, tmp_path: Path) -> None:
    load = Parameter("load", "never varies in training", train=Uniform(0.0, 0.0), nominal=0.0, bounds=(0.0, 9.0))
    policy = untrained(learner)
    policy = dataclasses.replace(policy, family=dataclasses.replace(policy.family, fit_only=(load,)))
    tasks = TaskPosterior.of(policy.family.widened.task(goal_x=0.4, load=3.0))
    result = fine_tune(policy, tasks, budget=400, out=tmp_path)
    assert result.policy.family is policy.family
    again = fine_tune(policy, tasks, budget=400, out=tmp_path)
    assert without_time(again) == without_time(result)


# -- what it gains -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_learner_gains_in_a_known_task_and_the_first_policy_stays_as_it_is(trained: Run) -> None:
    policy, before = trained.policy, copied(trained.policy)
    budget = 30_000 if policy.config.learner in ("maml", LEARNER) else 12_000
    known = TaskPosterior.of(goal(policy))
    adapted = rm.adapt(policy, goal(policy), episodes=2, fine_tune=budget, fine_tune_tasks=known)
    tuned = adapted.fine_tuned
    assert tuned is not None
    assert tuned.gain.mean > 1.0
    assert adapted.return_after is not None
    assert adapted.return_fine_tuned is not None
    assert adapted.return_fine_tuned > adapted.return_after
    assert adapted.policy.belief is not None
    assert policy.belief is None
    assert same(before, dict(policy.learner.state_dict()))


@pytest.mark.parametrize(("length", "tuned"), [(10, (5, 4)), (20, (100, 8)), (50, (100, 8)), (0, (100, 8))])
def test_parts_that_were_whole_episodes_are_not_halved(length: int, tuned: tuple[int, int]) -> None:
    config = tuned_config(untrained(unroll_length=length, epochs=8), None)  # episodes have 20 steps
    assert isinstance(config, PPOConfig)
    assert (config.part_length, config.epochs) == tuned


@pytest.mark.slow
def test_task_inference_learns_to_infer_tasks_that_no_training_had() -> None:
    policy = untrained("task-inference", estimator_learning_rate=5e-3, estimator_epochs=6)
    far = policy.family.task(goal_x=1.8, goal_y=-1.0)
    errors = []
    for tuned in (policy, fine_tune(policy, far, budget=12_000).policy):
        adapted = rm.adapt(dataclasses.replace(tuned, belief=None), far, episodes=1)
        assert adapted.inferred is not None
        errors.append(abs(adapted.inferred["goal_x"].value - 1.8))
    assert errors[1] < 0.5 * errors[0]


def test_the_result_is_never_worse_in_simulation_than_the_first_policy() -> None:
    policy = untrained()
    tuned = fine_tune(policy, goal(policy), budget=3_000, learning_rate=1.0)  # destroys the policy
    assert tuned.return_after.mean >= tuned.return_before.mean
    assert tuned.gain.mean >= 0.0
    if tuned.kept == 0:
        assert same(dict(tuned.policy.learner.state_dict()), dict(policy.learner.state_dict()))


@pytest.mark.parametrize(
    ("returns", "enough"),
    [
        ([5.0, *[4.0] * 7], False),  # too few to tell
        ([5.0, *[4.0] * 8], True),
        ([5.0, *[5.0] * 8], True),
        ([1.0, 2.0, 3.0, 9.0, 4.0, 5.0, 4.5, 5.0, 5.5, 6.0, 6.0, 6.5], False),  # one was lucky, the others get better
        ([*range(20), *[18.0] * 8], False),
        ([*range(20), *[18.0] * 8, *[17.0] * 8], True),
    ],
)
def test_it_is_enough_when_the_last_comparisons_are_no_better_than_those_before(
    returns: list[float], enough: bool
) -> None:
    best = np.maximum.accumulate(returns)
    kept = [place == 0 or value > best[place - 1] for place, value in enumerate(returns)]
    history = [
        Compared(5 * place, 0, 0.0, value, best=is_best)
        for place, (value, is_best) in enumerate(zip(returns, kept, strict=True))
    ]
    assert is_enough(history) is enough


def test_the_policy_that_is_kept_is_the_best_of_the_comparisons() -> None:
    policy = untrained()
    tuned = fine_tune(policy, goal(policy), budget=15_000)
    best = max(tuned.history, key=lambda compared: compared.mean_return)
    assert tuned.kept == best.iteration
    kept = [compared.mean_return for compared in tuned.history if compared.best]
    assert kept == sorted(kept)


def test_a_policy_that_was_not_adapted_has_its_initial_belief_and_can_be_saved(trained: Run, tmp_path: Path) -> None:
    policy = trained.policy
    kept = fine_tune(policy, goal(policy), budget=1).policy
    assert kept.belief is not None
    rm.save_policy(kept, tmp_path / "kept.safetensors")


@pytest.mark.slow
def test_it_ends_when_nothing_is_gained_any_more() -> None:
    policy = untrained()
    tuned = fine_tune(policy, goal(policy), budget=10**7, learning_rate=1e-12)
    assert tuned.stopped is not None
    assert "gained nothing" in tuned.stopped
    assert tuned.iterations < 100


def test_a_diverged_update_leaves_the_best_policy_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    policy, update = untrained(), DomainRandomization.update

    def breaks(self: DomainRandomization, *arguments: Any) -> dict[str, float]:
        metrics = update(self, *arguments)
        if int(self.return_scale.weight * 1e6) > 500_000:  # after seven updates
            self.network.log_std.data.fill_(float("nan"))
        return metrics

    monkeypatch.setattr(DomainRandomization, "update", breaks)
    tuned = fine_tune(policy, goal(policy), budget=100_000)
    assert tuned.stopped is not None
    assert "diverged" in tuned.stopped
    tuned.policy.check_finite()


def test_adapt_fine_tunes_with_the_learning_rate_and_the_anchor_it_is_given() -> None:
    policy = untrained()
    known: Any = {"fine_tune": 3_000, "fine_tune_tasks": goal(policy), "evaluation_episodes": 0}

    def tuned(**changes: Any) -> list[Any]:
        result = rm.adapt(policy, goal(policy), episodes=1, **known, **changes).fine_tuned
        assert result is not None
        return without_time(result)

    usual = tuned()
    assert tuned(fine_tune_kl_weight=KL_WEIGHT) == usual
    assert tuned(fine_tune_kl_weight=100.0) != usual
    assert tuned(fine_tune_learning_rate=1e-9) != usual


# -- determinism, files and signals ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_budget_in_steps_and_a_seed_determine_the_result() -> None:
    policy = untrained()
    first, second, other = (fine_tune(policy, goal(policy), budget=6_000, seed=seed) for seed in (1, 1, 2))
    assert same(tensors(first.policy), tensors(second.policy))
    assert without_time(first) == without_time(second)
    assert without_time(first) != without_time(other)
    assert first.return_after == second.return_after


@pytest.mark.parametrize("learner", ["domain-randomization", pytest.param("promp", marks=pytest.mark.slow)])
def test_a_fine_tuning_that_was_stopped_goes_on_as_if_it_had_not(learner: str, tmp_path: Path) -> None:
    policy = untrained(learner)
    whole = fine_tune(policy, goal(policy), budget=9_000)
    stopped = fine_tune(policy, goal(policy), budget=9_000, out=tmp_path, on_progress=_interrupt(at=7))
    assert stopped.signal == signal.SIGINT
    assert stopped.iterations == 7
    again = fine_tune(policy, goal(policy), budget=9_000, out=tmp_path)
    assert without_time(again) == without_time(whole)
    assert same(tensors(again.policy), tensors(whole.policy))
    assert (again.steps, again.return_after) == (whole.steps, whole.return_after)
    finished = fine_tune(policy, goal(policy), budget=9_000, out=tmp_path)
    assert finished.iterations == whole.iterations
    assert same(tensors(finished.policy), tensors(whole.policy))


def test_ctrl_c_returns_the_best_policy_so_far() -> None:
    policy = untrained()
    tuned = fine_tune(policy, goal(policy), budget="10m", on_progress=_interrupt(at=21))
    assert tuned.signal == signal.SIGINT
    assert tuned.stopped is not None
    assert tuned.kept > 0
    assert tuned.gain.mean > 0.0


def _interrupt(at: int) -> Any:
    def on_progress(now: Any) -> None:
        if now.iteration == at:
            signal.raise_signal(signal.SIGINT)

    return on_progress


def test_a_folder_of_another_fine_tuning_is_refused(tmp_path: Path) -> None:
    policy = untrained()
    fine_tune(policy, goal(policy), budget=1_000, out=tmp_path)
    with pytest.raises(UserError, match="another policy, or with other arguments"):
        fine_tune(policy, goal(policy, x=0.1), budget=1_000, out=tmp_path)
    (tmp_path / "state" / "progress.json").write_text("{")
    with pytest.raises(UserError, match="is damaged"):
        fine_tune(policy, goal(policy), budget=1_000, out=tmp_path)


def test_progress_says_how_far_it_is() -> None:
    seen: list[Any] = []
    policy = untrained()
    fine_tune(policy, goal(policy), budget=4_000, on_progress=seen.append)
    assert [now.iteration for now in seen] == list(range(1, len(seen) + 1))
    assert [now.share for now in seen] == sorted(now.share for now in seen)
    assert seen[-1].share == 1.0
    assert seen[-1].left == 0.0


# -- tasks, beliefs and what is refused --------------------------------------------------------------------------------


def test_recorded_rollouts_give_the_same_weights_the_same_belief(trained: Run) -> None:
    policy, rollouts = trained.policy, list[Rollout]()
    worlds = TaskWorlds(policy, goal(policy))
    belief = adapted_belief(policy, worlds, 3, 0, rollouts.append)
    for name, value in recalled(policy.learner, rollouts).items():
        torch.testing.assert_close(value, belief[name])


def test_a_posterior_is_drawn_from_by_its_weights() -> None:
    policy = untrained()
    likely, unlikely = goal(policy), goal(policy, x=-0.4, y=0.3)
    both = Tasks(likely.names, np.concatenate([likely.values, unlikely.values]))
    certain = fine_tune(policy, TaskPosterior(both, np.array([1.0, 0.0])), budget=3_000)
    assert certain.return_after == fine_tune(policy, likely, budget=3_000).return_after


def test_without_tasks_it_goes_on_in_the_training_distribution(trained: Run) -> None:
    adapted = rm.adapt(trained.policy, goal(trained.policy), episodes=2, fine_tune=4_000, evaluation_episodes=0)
    assert adapted.fine_tuned is not None
    assert adapted.return_fine_tuned is None
    low, high = adapted.fine_tuned.return_before.low, adapted.fine_tuned.return_before.high
    assert high - low > 0.5  # the tasks differ
    assert adapted.policy.belief is not None


def test_an_oracle_is_fine_tuned_in_one_known_task_alone() -> None:
    policy = untrained(oracle=True)
    assert fine_tune(policy, goal(policy), budget=500).iterations > 0
    several = Tasks(goal(policy).names, np.concatenate([goal(policy).values, goal(policy, x=0.1).values]))
    for tasks in (several, None):
        with pytest.raises(UserError, match="oracle"):
            fine_tune(policy, tasks, budget=500)


_BUDGETS = {"60s": Budget(60.0), "1.5m": Budget(90.0), "200000": Budget(None, 200_000), np.int64(7): Budget(None, 7)}
_NO_BUDGETS = ("0s", 0, -3, "-5s", "soon", "", "5 parsecs", 1.5, True, "1e999s", "nan", None, "9" * 30)


@pytest.mark.parametrize(("given", "meant"), _BUDGETS.items())
def test_a_budget_is_a_time_or_a_number_of_steps(given: Any, meant: Budget) -> None:
    assert Budget.of(given) == meant


@pytest.mark.parametrize("given", _NO_BUDGETS)
def test_another_budget_is_refused_in_one_line(given: Any) -> None:
    with pytest.raises(UserError, match="the budget of fine-tuning must be") as refused:
        Budget.of(given)
    assert "\n" not in str(refused.value)


def test_what_cannot_be_fine_tuned_is_refused_before_the_robot_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = untrained()
    foreign = Tasks(("mass",), np.ones((1, 1)))
    for arguments, says in (
        ({"tasks": foreign}, "not of the policy's family"),
        ({"kl_weight": -1.0}, "kl_weight"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
        ({"simulator": "mujocco"}, "simulator"),
    ):
        with pytest.raises(UserError, match=says):
            fine_tune(policy, **arguments)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="has no learning rate"):
        fine_tune(untrained("maml"), learning_rate=0.1)
    with pytest.raises(UserError, match="give fine_tune too"):
        rm.adapt(policy, goal(policy), fine_tune_tasks=TaskPosterior.of(goal(policy)))
    monkeypatch.setattr(type(policy.config.hyperparameters), "fine_tuning", lambda self: None)
    with pytest.raises(UserError, match="cannot be fine-tuned; these can: promp"):
        rm.adapt(policy, goal(policy), fine_tune="5s")
