"""Files are written in full or not at all, and stay what they are."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from robotmeta.files import open_lock, replaced, write_text


def test_a_link_to_itself_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    write_text(tmp_path / "loop", "text")
    assert (tmp_path / "loop").read_text() == "text"


def test_a_partial_file_is_made_under_a_name_that_nobody_could_prepare(tmp_path: Path) -> None:
    names = set()
    for _ in range(3):
        with replaced(tmp_path / "film.mp4") as partial:
            names.add(partial.name)
            assert partial.parent == tmp_path
            assert partial.suffix == ".mp4"
            assert partial.stat().st_size == 0
    assert len(names) == 3
    assert [file.name for file in tmp_path.iterdir()] == ["film.mp4"]


def test_a_lock_keeps_what_its_file_contains_and_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("mine")
    open_lock(tmp_path / "lock").close()
    assert (tmp_path / "lock").read_text() == "mine"
    (tmp_path / "link").symlink_to(tmp_path / "lock")
    (tmp_path / "dangling").symlink_to(tmp_path / "new")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "dangling", "pipe"):
        with pytest.raises(OSError, match=r"symbolic|pipe"):
            open_lock(tmp_path / name)
    assert not (tmp_path / "new").exists()


def test_what_is_written_to_stays_a_link_or_a_pipe(tmp_path: Path) -> None:
    file, link, pipe = (tmp_path / name for name in ("file", "link", "pipe"))
    file.write_text("before")
    link.symlink_to(file)
    write_text(link, "after")
    assert link.is_symlink()
    assert file.read_text() == "after"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as reader:
        read = reader.submit(pipe.read_text)
        write_text(pipe, "through")
        assert read.result(timeout=10) == "through"
    assert pipe.is_fifo()
