"""``robotmeta evaluate`` and ``report``: controls that have to be trained first."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

import robotmeta as rm
from robotmeta.cli import main
from robotmeta.evaluation.controls import control_policy
from robotmeta.metalearners.ppo import ActorCriticConfig

pytestmark = pytest.mark.slow


@pytest.mark.smoke
def test_a_report_shows_the_controls_that_were_trained(copy: Path) -> None:
    control_policy("domain_randomized", rm.load(copy), copy)
    main(["report", str(copy), "--tasks", "3", "--episodes", "1", "--shown", "0"])
    page = (copy / "report.html").read_text()
    assert "domain-randomized" in page
    assert "Controls that were not run: oracle." in page


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="it stands for a full disk")
def test_a_full_disk_costs_no_results(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", str(run), "--tasks", "1", "--episodes", "1", "--json", "/dev/full"])
    assert stopped.value.code == 2
    printed = capsys.readouterr()
    assert "cannot write /dev/full" in printed.err
    assert "after 1 adaptation episode" in printed.out


def test_trained_controls_get_as_many_steps_as_the_policy(copy: Path) -> None:
    result = copy / "result.json"
    controls = ["zero_shot", "domain_randomized", "oracle"]
    main(["evaluate", str(copy), "--tasks", "3", "--episodes", "1", "--controls", *controls, "--json", str(result)])
    curves = json.loads(result.read_text())["return"]
    assert curves["from_scratch"] is None
    for name in controls:
        assert curves[name] is not None
    policy, control = rm.load(copy), rm.load(copy / "controls" / "oracle")
    assert control.learner.config.oracle
    assert control.env_steps >= policy.env_steps


def test_a_control_explores_steps_and_discounts_as_the_policy_does(tmp_path: Path) -> None:
    trained = rm.meta_train(
        "point-navigation",
        iterations=1,
        out=tmp_path,
        hyper={"meta_batch": 4, "init_std": 0.2, "desired_kl": 0.01, "discount": 0.9, "unroll_length": 7},
        progress=False,
    )
    control = control_policy("domain_randomized", trained.policy, tmp_path).config.hyperparameters
    assert isinstance(control, ActorCriticConfig)
    assert (control.init_std, control.desired_kl, control.discount, control.unroll_length) == (0.2, 0.01, 0.9, 7)


def test_a_control_whose_episodes_end_early_trains_until_it_has_had_as_many_steps(tmp_path: Path) -> None:
    family = dataclasses.replace(rm.make("hopper-dynamics"), horizon=60)
    hopper = rm.meta_train(family, iterations=1, out=tmp_path, hyper={"meta_batch": 2}, progress=False)
    policy = dataclasses.replace(hopper.policy, env_steps=48 * 2 * family.horizon)  # one full iteration
    control = control_policy("domain_randomized", policy, tmp_path)
    assert control.env_steps >= policy.env_steps
    assert control.iteration > 1
