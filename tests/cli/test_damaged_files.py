"""Damaged or foreign files are refused in one line that names them, and are never executed."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import robotmeta as rm
from robotmeta.cli import main
from robotmeta.tensor_file import write_tensors
from robotmeta.training.logs import read_metrics
from robotmeta.training.run_folder import RunFolder

Refused = Callable[[list[str]], str]


def test_a_pickle_is_refused_unread(tmp_path: Path, refused: Refused) -> None:
    old, new = tmp_path / "old.pkl", tmp_path / "new.pt"
    old.write_bytes(pickle.dumps({"weights": [1.0]}))
    torch.save({"weights": torch.ones(1)}, new)
    for file in (old, new):
        assert "is a pickle" in refused(["evaluate", str(file)])


def test_a_policy_file_that_begins_as_a_pickle_does_is_read(tmp_path: Path, refused: Refused) -> None:
    file = tmp_path / "policy.safetensors"
    for length in range(256):  # of the header, whose low byte comes first
        save_file({"weights": torch.ones(1)}, file, metadata={"note": "x" * length})
        if file.read_bytes()[:1] == b"\x80":
            break
    assert file.read_bytes()[:1] == b"\x80"
    assert "no manifest" in refused(["evaluate", str(file)])


def test_a_truncated_checkpoint_is_named(run: Path, tmp_path: Path, refused: Refused) -> None:
    whole = (RunFolder(run).checkpoints()[-1] / "policy.safetensors").read_bytes()
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(whole[: len(whole) // 2])
    assert "truncated" in refused(["evaluate", str(cut)])


def test_a_checkpoint_that_is_damaged_is_named_with_the_one_before(copy: Path, refused: Refused) -> None:
    (last,) = RunFolder(copy).checkpoints()
    newest = last.with_name("00000003")
    shutil.copytree(last, newest)
    (newest / "policy.safetensors").write_bytes(b"cut")
    line = refused(["train", "--resume", str(copy), "--iterations", "4"])
    assert f"to go on from {last}, remove {newest}" in line
    shutil.rmtree(newest)
    main(["train", "--resume", str(copy), "--iterations", "3"])
    assert rm.load(copy).iteration == 3


def test_a_checkpoint_of_another_run_is_not_resumed(copy: Path, refused: Refused) -> None:
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "seed": 7}))
    assert "does not belong to the run that" in refused(["train", "--resume", str(copy), "--iterations", "3"])


@pytest.mark.parametrize("damage", ["[]", "{", "{}", '{"family": "point-navigation", "colour": 1}', "\x00\xff"])
def test_a_damaged_description_of_a_run_is_one_line(copy: Path, damage: str, refused: Refused) -> None:
    (copy / "config.json").write_text(damage, encoding="latin-1")
    for command in (["train", "--resume", str(copy)], ["report", str(copy), "--tasks", "2", "--episodes", "1"]):
        assert "config.json is damaged" in refused(command)


@pytest.mark.parametrize("lost", ["config", "space", "iteration", "everything"])
def test_a_damaged_manifest_is_one_line(run: Path, lost: str, tmp_path: Path, refused: Refused) -> None:
    manifest, tensors = _opened(run)
    manifest.pop(lost, None)
    if lost == "everything":
        save_file(tensors, tmp_path / "policy.safetensors", metadata={"robotmeta": "not JSON"})
    else:
        write_tensors(tensors, manifest, tmp_path / "policy.safetensors")
    line = refused(["adapt", str(tmp_path / "policy.safetensors")])
    assert "the manifest of" in line
    assert "is damaged" in line


def test_a_log_that_is_damaged_costs_no_more_than_its_lines(copy: Path) -> None:
    (copy / "metrics.jsonl").write_bytes(b'[1, 2]\n\xff\xfe\n{"iteration"')
    main(["train", "--resume", str(copy), "--iterations", "3"])
    assert [line["iteration"] for line in read_metrics(RunFolder(copy).metrics)] == [2]


def _opened(run: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """The manifest and the tensors of a run's last checkpoint."""
    with safe_open(RunFolder(run).checkpoints()[-1] / "policy.safetensors", framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        manifest = json.loads(file.metadata()["robotmeta"])
    manifest.pop("sha256")
    return manifest, tensors


def _rewritten(run: Path, file: Path, **changes: object) -> Path:
    manifest, tensors = _opened(run)
    write_tensors(tensors, {**manifest, **changes}, file)
    return file


def test_a_checkpoint_of_another_schema_or_family_is_refused(run: Path, tmp_path: Path, refused: Refused) -> None:
    newer = _rewritten(run, tmp_path / "newer.safetensors", schema=99)
    assert "has schema 99, this version reads schema 2, 3 and 4" in refused(["evaluate", str(newer)])
    space = {**_opened(run)[0]["space"], "digest": "of other ranges"}
    other = _rewritten(run, tmp_path / "other.safetensors", space=space)
    assert "another version of family 'point-navigation'" in refused(["evaluate", str(other)])
    with pytest.raises(rm.UserError, match="'cheetah-direction' does not fit: parameter 1 is 'goal_x' in the file"):
        rm.load(run, family=rm.make("cheetah-direction"))
