"""Progress: nothing for what is short, else a line now and then, with the time that is left; nothing with --quiet."""

from __future__ import annotations

import re
import time

import pytest

from robotmeta.console import is_quiet, plain_console, quieted, stdout_for_results
from robotmeta.progress import StageBar, shows_count, stage_bar

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress appears at once, and often."""
    monkeypatch.setattr("robotmeta.progress.SILENT", 0.0)
    monkeypatch.setattr("robotmeta.progress.PLAIN_EVERY", 0.02)


def seen(capsys: Captured, text: str) -> str:
    """Waits until a text is on stderr; returns what is there."""
    said, until = "", time.perf_counter() + 10.0
    while text not in said:
        assert time.perf_counter() < until, said
        said += capsys.readouterr().err
        time.sleep(0.01)
    return said


def test_what_is_short_shows_nothing(capsys: Captured) -> None:
    with stage_bar("evaluation") as bar:
        for share in (0.0, 0.5, 1.0):
            bar.show(share, "half")
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("fast")
def test_a_stage_without_a_callback_shows_how_long_it_has_taken(capsys: Captured) -> None:
    with stage_bar("export") as bar:
        bar.show(None)
        seen(capsys, "export   0 s")


@pytest.mark.usefixtures("fast")
def test_the_rest_takes_as_long_as_what_is_done_at_the_same_pace(capsys: Captured) -> None:
    with stage_bar("resumed") as bar:
        bar.show(0.9)  # what was done before does not count
        time.sleep(0.5)
        bar.show(0.91)
        (seconds,) = re.findall(r"ETA (\d+) s$", seen(capsys, "ETA").splitlines()[-1])
        assert int(seconds) >= 3
        bar.show(0.95, "text [red]:smile:", left=7200.0)
        seen(capsys, "resumed  95%  text [red]:smile:")
        seen(capsys, "ETA 2.0 h")
        bar.show(1.0)
    assert "resumed 100%" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.usefixtures("fast")
def test_stages_follow_one_another(capsys: Captured) -> None:
    with stage_bar("adaptation") as bar:
        bar.show(None)
        seen(capsys, "adaptation")
        bar.stage("fitting")
        shows_count(bar, "cycles")(1, 2)
        seen(capsys, "fitting  50%  1 of 2 cycles")
        bar.say("a line [bold]")
        seen(capsys, "a line [bold]")


@pytest.mark.usefixtures("fast")
def test_nothing_is_left_running_after_an_error(capsys: Captured) -> None:
    def interrupted() -> None:
        with stage_bar("evaluation") as bar:
            bar.show(0.5)
            seen(capsys, "evaluation")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    time.sleep(0.1)
    capsys.readouterr()
    time.sleep(0.1)
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("fast")
def test_quiet_leaves_errors_and_results(capsys: Captured) -> None:
    results, chatter = plain_console(), plain_console(chatter=True)
    with quieted():
        bar = StageBar("evaluation")
        bar.show(0.5)
        time.sleep(0.1)
        bar.say("begins")
        bar.say("failed", error=True)
        bar.stop()
        chatter.print("by the way")
        results.print("42")
    assert capsys.readouterr() == ("42\n", "failed\n")
    assert not is_quiet()
    chatter.print("by the way")
    assert capsys.readouterr().out == "by the way\n"


def test_stdout_is_for_the_result_that_is_asked_for_there(capsys: Captured) -> None:
    from robotmeta.console import results

    with stdout_for_results():
        plain_console().print("a table")
        print("{}", file=results())
    assert capsys.readouterr() == ("{}\n", "a table\n")
