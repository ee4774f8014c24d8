"""``robotmeta families``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from robotmeta.cli import main


@pytest.mark.smoke
def test_families_are_described_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["families", "cheetah-dynamics", "--json", str(tmp_path / "family.json")])
    described = json.loads((tmp_path / "family.json").read_text())
    assert [p["name"] for p in described["parameters"]][:2] == ["mass", "friction"]
    printed = capsys.readouterr().out
    assert "leg_length" in printed
    for title, key in (("Source", "citation"), ("Reward", "reward"), ("Differences", "differences")):
        assert (f"{title}: {described['source'][key]}\n" in printed) == bool(described["source"][key])
