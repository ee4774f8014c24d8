"""A checkpoint or policy file that is not as it was written is refused, and nothing large is built before that."""

from __future__ import annotations

import json
import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import robotmeta as rm
from robotmeta.checksum import FIELD
from robotmeta.manifest import manifest
from robotmeta.tensor_file import read_header, read_tensors, write_tensors
from robotmeta.training.logs import read_metrics
from robotmeta.training.run_folder import RunFolder

_FLIPS = 20


@pytest.fixture(scope="module")
def trained_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    hyper = {"meta_batch": 2, "hidden_size": 8, "hidden": (8,)}
    rm.meta_train("point-navigation", iterations=2, out=folder, hyper=hyper, checkpoint_every=1, progress=False)
    return folder


@pytest.fixture
def run(trained_run: Path, tmp_path: Path) -> RunFolder:
    return RunFolder(shutil.copytree(trained_run, tmp_path / "run"))


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def places(data: bytes) -> list[int]:
    """Bits all over a file, many of them in its header."""
    chance = random.Random(0)
    ends = (len(data) * 8, min(len(data), 4096) * 8)
    return [chance.randrange(end) for end in ends for _ in range(_FLIPS // 2)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["policy.safetensors", "manifest.json", "training.pt"])
def test_a_flipped_bit_in_a_checkpoint_is_refused_and_the_one_before_offered(name: str, run: RunFolder) -> None:
    before, newest = run.checkpoints()
    file = newest / name
    whole = file.read_bytes()
    for bit in places(whole):
        file.write_bytes(flipped(whole, bit))
        with pytest.raises(rm.UserError, match=f"the checkpoint before it is intact: {before}"):
            rm.load(run.path)
        with pytest.raises(rm.UserError, match=f"to go on from {before}, remove {newest}"):
            rm.resume(run.path, iterations=3, progress=False)
    file.write_bytes(whole)
    assert rm.load(run.path).iteration == 2


def test_a_flipped_bit_anywhere_in_a_policy_file_is_refused(run: RunFolder, tmp_path: Path) -> None:
    file = tmp_path / "policy.safetensors"
    rm.save_policy(rm.load(run.path), file)
    whole = file.read_bytes()
    for bit in places(whole):
        file.write_bytes(flipped(whole, bit))
        with pytest.raises(rm.UserError) as refused:
            rm.load(file)
        assert "\n" not in str(refused.value)
    file.write_bytes(whole)
    rm.load(file)


def test_a_checkpoint_with_the_weights_of_another_is_refused(run: RunFolder) -> None:
    before, newest = run.checkpoints()
    shutil.copy(before / "policy.safetensors", newest)
    with pytest.raises(rm.UserError, match=r"does not have the checksum in manifest\.json"):
        rm.load(run.path)


@pytest.mark.parametrize("name", ["manifest.json", "training.pt"])
def test_a_file_of_a_checkpoint_that_is_lost_is_named(name: str, run: RunFolder) -> None:
    for checkpoint in run.checkpoints():
        (checkpoint / name).unlink()
    with pytest.raises(rm.UserError, match=f"cannot read .*{name}"):
        rm.load(run.path)


def rewritten(run: RunFolder, file: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A policy file with a valid checksum and another manifest."""
    weights = run.checkpoints()[-1] / "policy.safetensors"
    manifest = json.loads(read_header(weights).manifest)
    del manifest[FIELD]
    change(manifest)
    write_tensors(read_tensors(weights), manifest, file)
    return file


@pytest.mark.parametrize("sizes", [[60_000, 60_000], [10**12], [8] * 100_000, [2**62, 2**62], [9]])
def test_layers_that_the_file_has_no_weights_for_are_refused_unbuilt(
    sizes: list[int], run: RunFolder, tmp_path: Path
) -> None:
    file = rewritten(
        run, tmp_path / "a.safetensors", lambda manifest: manifest["config"]["hyperparameters"].update(hidden=sizes)
    )
    began = time.perf_counter()
    with pytest.raises(rm.UserError, match="does not fit its learner 'task-inference': ") as refused:
        rm.load(file)
    assert "\n" not in str(refused.value)
    assert time.perf_counter() - began < 2.0


@pytest.mark.parametrize(
    "change",
    [
        {"hidden.weight": torch.ones(3)},
        {"network.log_std": torch.zeros(2, dtype=torch.float64)},
        {"network.log_std": torch.zeros(3)},
        {"belief.hidden": torch.zeros(1, 1, 8)},
    ],
)
def test_tensors_that_are_not_the_learners_are_named(
    change: dict[str, torch.Tensor], run: RunFolder, tmp_path: Path
) -> None:
    weights = run.checkpoints()[-1] / "policy.safetensors"
    manifest = json.loads(read_header(weights).manifest)
    del manifest[FIELD]
    write_tensors({**read_tensors(weights), **change}, manifest, tmp_path / "a.safetensors")
    with pytest.raises(rm.UserError, match=r"does not fit its learner 'task-inference': .*tensor '"):
        rm.load(tmp_path / "a.safetensors")


def test_weights_that_are_not_finite_are_refused(run: RunFolder, tmp_path: Path) -> None:
    policy = rm.load(run.path)
    broken = {name: torch.full_like(value, torch.nan) for name, value in policy.learner.state_dict().items()}
    write_tensors(broken, manifest(policy), tmp_path / "a.safetensors")
    with pytest.raises(rm.UserError, match="has values that are not finite numbers"):
        rm.load(tmp_path / "a.safetensors")


def deep(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("family", value) for value in ("[]", "{}", "null", "1", "true", '"\\ud800"')),
        *(("learner", value) for value in ("[]", "{}", "7", '"promt"')),
        *(("simulator", value) for value in ("1e308", "[]", "null", '"warp-9"')),
        *(("seed", value) for value in ('"x"', "-1", "1.5", "true", "NaN", "1" * 400, "1" * 5000)),
        *(("iterations", value) for value in ("-1", "0", "1e3", "Infinity", "1e999", '"3"', "1" * 30)),
        *(("hyperparameters", value) for value in ("[]", "null", '{"epochs": "x"}', '{"epochs": 1, "epochs": 1}')),
        *(("hyperparameters", f'{{"hidden": {value}}}') for value in ('[8, "x"]', "8", deep(900), deep(100_000))),
        ("colour", "1"),
        ("versions", deep(100_000)),
    ],
)
def test_a_value_of_another_type_in_a_configuration_is_one_line(key: str, value: str, run: RunFolder) -> None:
    config = json.loads(run.config.read_text())
    items = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in config.items() if k != key]
    run.config.write_text("{" + ", ".join([*items, f'"{key}": {value}']) + "}")
    with pytest.raises(rm.UserError) as refused:
        rm.resume(run.path, progress=False)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 600


def test_a_report_of_a_run_with_a_damaged_configuration_is_refused_at_once(run: RunFolder) -> None:
    run.config.write_text('{"family": []}')
    with pytest.raises(rm.UserError, match=r"config.json is damaged: .*family must be a string, not \[\]"):
        rm.report(run.path)


@pytest.mark.parametrize(
    "change",
    [
        {"schema": []},
        {"schema": 4.0},
        {"space": []},
        {"space": {"names": "x", "digest": "y"}},
        {"observations": [["x"]]},
        {"observations": [[1, 2]]},
        {"observation_groups": 3},
        {"dt": "0.1"},
        {"horizon": 1e3},
        {"iteration": -1},
        {"env_steps": True},
        {"config": {}},
    ],
)
def test_a_value_of_another_type_in_a_manifest_is_one_line(
    change: dict[str, Any], run: RunFolder, tmp_path: Path
) -> None:
    file = rewritten(run, tmp_path / "a.safetensors", lambda manifest: manifest.update(change))
    with pytest.raises(rm.UserError) as refused:
        rm.load(file)
    assert "\n" not in str(refused.value)


def test_a_damaged_line_of_the_log_costs_that_line(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = run.metrics.read_text().splitlines()
    third = json.dumps({**json.loads(second), "iteration": 2, "return_pre": float("nan")})
    seconds = json.dumps({**json.loads(second), "seconds": "x"})
    damaged = [first.replace(":", ";", 1), seconds, "[1]", '{"iteration": 1', "\x00"]
    run.metrics.write_text("\n".join([*damaged, first, damaged[0], second, third]) + "\n")
    assert [line["iteration"] for line in read_metrics(run.metrics)] == [0, 1, 2]
    assert capsys.readouterr().err.strip() == f"{run.metrics}: 6 of 9 lines are damaged and left out"


# -- pipes, links and permissions --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["config.json", "metrics.jsonl", "videos/film.mp4"])
def test_a_pipe_in_place_of_a_file_is_not_waited_for(name: str, run: RunFolder) -> None:
    file = run.path / name
    file.unlink(missing_ok=True)
    file.parent.mkdir(exist_ok=True)
    os.mkfifo(file)
    if name.startswith("videos"):
        assert "film" not in rm.report(run.path, evaluations=[]).read_text()
        return
    with pytest.raises(rm.UserError, match=r"cannot read .*: it is a pipe or a device, not a file"):
        rm.report(run.path, evaluations=[])


@pytest.mark.parametrize("name", ["policy.safetensors", "manifest.json", "training.pt"])
def test_a_pipe_in_place_of_a_file_of_a_checkpoint_is_not_waited_for(name: str, run: RunFolder) -> None:
    for checkpoint in run.checkpoints():
        (checkpoint / name).unlink()
        os.mkfifo(checkpoint / name)
    for use in (rm.load, lambda path: rm.resume(path, progress=False)):
        with pytest.raises(rm.UserError):
            use(run.path)


def test_a_report_shows_nothing_that_a_link_leads_to(run: RunFolder, tmp_path: Path) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(b"secret")
    run.videos.mkdir()
    (run.videos / "linked.mp4").symlink_to(secret)
    (run.videos / "own-\udcff.mp4").write_bytes(b"own")  # no UTF-8
    page = rm.report(run.path, evaluations=[]).read_text()
    assert page.count("data:video/mp4") == 1
    shutil.rmtree(run.videos)
    run.videos.symlink_to(tmp_path)
    assert "data:video/mp4" not in rm.report(run.path, evaluations=[]).read_text()


def test_nothing_outside_a_run_is_changed_through_a_link(run: RunFolder, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    for file in (run.path / ".lock", run.report, run.metrics):
        file.unlink(missing_ok=True)
        file.symlink_to(outside)
    rm.report(run.path, evaluations=[], videos=[])
    with pytest.raises(rm.UserError, match=r"cannot write .*: Too many levels of symbolic links"):
        rm.resume(run.path, iterations=3, progress=False)
    (run.path / ".lock").unlink()
    rm.resume(run.path, iterations=3, progress=False)
    assert outside.read_text() == "mine"


def test_a_folder_of_checkpoints_that_is_a_link_is_left_as_it_is(run: RunFolder, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (run.path / "checkpoints").rename(elsewhere)
    (elsewhere / ".partial-mine").mkdir()
    (run.path / "checkpoints").symlink_to(elsewhere)
    with pytest.raises(rm.UserError, match="checkpoints is a link out of the run folder"):
        rm.resume(run.path, iterations=3, progress=False)
    assert sorted(path.name for path in elsewhere.iterdir()) == [".partial-mine", "00000001", "00000002"]


def test_the_files_of_a_run_have_the_permissions_that_the_users_files_have(tmp_path: Path) -> None:
    for mask in (0o022, 0o077, 0o002):
        before = os.umask(mask)
        try:
            folder = tmp_path / f"{mask:o}"
            run = rm.meta_train(
                "point-navigation", "promp", iterations=1, hyper={"meta_batch": 2}, out=folder, progress=False
            )
            rm.save_policy(run.policy, folder / "policy.safetensors")
        finally:
            os.umask(before)
        for path in folder.rglob("*"):
            usual = 0o777 if path.is_dir() else 0o666
            assert path.stat().st_mode & 0o777 == usual & ~mask, path
