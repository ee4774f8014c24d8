"""Hyper-parameters are flags of ``robotmeta train``: those of the learner that is named, with its defaults."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from robotmeta.cli import main
from robotmeta.cli.train import DEFAULT_LEARNER
from robotmeta.metalearners import DEFAULT, LEARNERS

Refused = Callable[[list[str]], str]
Configured = Callable[..., dict[str, Any]]


@pytest.fixture
def configured(tmp_path: Path) -> Configured:
    """Trains for an iteration; returns the hyper-parameters that the run's folder describes."""

    def hyperparameters(*options: str, family: str = "point-navigation") -> dict[str, Any]:
        main(["train", family, *options, "--meta-batch", "4", "--iterations", "1", "--out", str(tmp_path / "run")])
        return json.loads((tmp_path / "run" / "config.json").read_text())["hyperparameters"]

    return hyperparameters


def _flat(text: str) -> str:
    """Help without frames and line breaks."""
    return " ".join(text.replace("│", " ").split())


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("order", ["--learner {} --help", "--help --learner {}", "--learner={} -h"])
def test_help_shows_every_hyperparameter_of_the_learner_with_its_default(
    name: str, order: str, help_of: Callable[[list[str]], str]
) -> None:
    _, title, text = _flat(help_of(["train", *order.format(name).split()])).partition(f"{name} options")
    assert title
    shown = dict(re.findall(r"--(?!no-|learner)([a-z][a-z-]*)[ ,].*?[(]default: (.*?)[)]", text))
    expected = {}
    for field in dataclasses.fields(LEARNERS[name].Config):
        default = " ".join(map(str, field.default)) if isinstance(field.default, tuple) else str(field.default)
        by_family = field.name in LEARNERS[name].Config.family_defaults
        expected[field.name.replace("_", "-")] = f"{default}, or the family's" if by_family else default
    assert shown == expected


def test_help_without_a_learner_shows_the_default_one_and_says_how_to_see_another(
    help_of: Callable[[list[str]], str],
) -> None:
    text = _flat(help_of(["train", "--help"]))
    assert DEFAULT_LEARNER == DEFAULT
    assert f"{DEFAULT} options" in text
    assert "`robotmeta train --learner NAME --help`" in text
    assert "--estimator-minibatches INT Gradient steps a pass over the estimator's sequences. (default: 2)" in text
    assert "(default: 0.3, or the family's)" in text


def test_typed_flags_reach_the_run_and_others_keep_their_defaults(configured: Configured) -> None:
    flags = ["--inner-step", "0.1", "--episodes=5", "--hidden", "8", "16", "--no-learn-inner-step", "--oracle"]
    given = {"inner_step": 0.1, "episodes": 5, "hidden": [8, 16], "learn_inner_step": False, "meta_batch": 4}
    assert configured("--learner", "promp", *flags) == {**_defaults("promp"), **given, "oracle": True}


def _defaults(learner: str) -> dict[str, Any]:
    return json.loads(json.dumps(dataclasses.asdict(LEARNERS[learner].Config())))


def test_a_typed_flag_beats_the_preset(configured: Configured) -> None:
    found = configured("--learner", "promp", "--preset", "paper", "--episodes", "2")
    assert (found["episodes"], found["epochs"]) == (2, 5)


@pytest.mark.slow
@pytest.mark.parametrize(("flags", "expected"), [([], 0.15), (["--init-std", "0.2"], 0.2)])
def test_the_default_of_a_family_holds_unless_the_flag_is_typed(
    flags: list[str], expected: float, configured: Configured, tmp_path: Path
) -> None:
    file = tmp_path / "shy.py"
    file.write_text(
        "import dataclasses, robotmeta\n"
        "def family():\n"
        "    return dataclasses.replace(robotmeta.make('point-navigation'), init_std=0.15)\n"
    )
    assert configured(*flags, family=f"{file}:family")["init_std"] == expected


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--inner-step", "0.1"], "--inner-step is no option of learner task-inference; it is one of promp, maml"),
        (["--no-learn-inner-step"], "--learn-inner-step is no option of learner task-inference; it is one of promp"),
        (["--learner", "maml", "--kl-penalty=1"], "--kl-penalty is no option of learner maml; it is one of promp"),
        (["--learner", "prompt", "--inner-step", "0.1"], "no learner 'prompt'; nearest: promp"),
        (["--learner", "rl2", "--hidden-siz", "4"], "nearest: --hidden-size"),
        (["--inner-step", "fast", "--learner", "promp"], "could not convert string to float: 'fast'; usage: --inner"),
        (["--hidden", "64", "x"], "['64', 'x']; usage: --hidden [INT [INT ...]]"),
        (["--oracle", "maybe"], "unrecognized options: maybe"),
        (["--epochs"], "missing value for argument '--epochs'"),
        (["--hyper", "epochs=2"], "unrecognized options: --hyper"),
    ],
)
def test_a_flag_that_cannot_be_is_one_line(flags: list[str], expected: str, refused: Refused) -> None:
    assert expected in refused(["train", "point-navigation", *flags])


@pytest.mark.parametrize("flags", [["--epochs", "3"], ["--inner-step", "0.1"], ["--no-oracle"]])
def test_a_resumed_run_keeps_its_hyperparameters(run: Path, flags: list[str], refused: Refused) -> None:
    assert "leave out the family" in refused(["train", "--resume", str(run), *flags])
