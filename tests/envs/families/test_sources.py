"""Where families come from: each names its citation and its reward, and so do the command line and the JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import robotmeta as rm
from robotmeta.cli import main
from robotmeta.envs import FAMILIES, Source, from_mjcf, goal, make

CART = """<mujoco>
  <worldbody><body><joint name="x" type="slide" axis="1 0 0"/><geom size="0.1"/></body></worldbody>
  <actuator><motor joint="x" ctrlrange="-1 1"/></actuator>
</mujoco>"""


def cart(source: str | Source | None) -> rm.TaskFamily:
    return from_mjcf(
        CART,
        vary={"goal": goal(0.0, 1.0)},
        reward=lambda step: step.after["qpos"][..., 0] - step.task["goal"],
        source=source,
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_states_its_source_in_sentences(name: str) -> None:
    source = make(name).source
    for text in (source.citation, source.reward, source.differences or "None."):
        assert text.endswith(".")
        assert ". ." not in text
        assert ".." not in text


def test_a_family_of_ones_own_takes_a_citation_or_a_whole_source() -> None:
    assert cart("Cart of Doe 2020").source == Source("Cart of Doe 2020")
    whole = Source("Cart of Doe 2020.", reward="x.", differences="A lighter cart.")
    assert cart(whole).source == whole
    assert cart(None).source.citation


def test_the_command_line_shows_citation_reward_and_differences(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["families", "ant-goal", "--json", str(tmp_path / "family.json")])
    described = json.loads((tmp_path / "family.json").read_text())["source"]
    assert list(described) == ["citation", "reward", "differences"]
    shown = " ".join(capsys.readouterr().out.split())
    for what, text in zip(("Source", "Reward", "Differences"), described.values(), strict=True):
        assert f"{what}: {text}" in shown
