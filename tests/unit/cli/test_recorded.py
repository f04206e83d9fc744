"""What stands around a recording: it is said, the terminal comes back, a full disk ends no session."""

from __future__ import annotations

import sys

import click
import pytest

from supportctl.catalog import Catalog
from supportctl.cli.recorded import recorded
from supportctl.core.clock import FakeClock
from supportctl.remote.recording import Recording


def show(log, capsys, *, fails=False):
    before = sys.stdout
    with recorded(log, "T-1", Catalog("en"), FakeClock()):
        click.echo("shown")
        assert fails or sys.stdout is not before
    assert sys.stdout is before
    return capsys.readouterr()


def test_it_is_said_kept_and_the_place_is_told(tmp_path, capsys):
    log = tmp_path / "s.jsonl"
    out = show(log, capsys).out
    assert out.splitlines()[0].startswith("What this window shows is recorded")
    assert out.splitlines()[1] == "shown"
    assert str(tmp_path / "s.txt") in out.splitlines()[-1]
    assert (tmp_path / "s.txt").read_text().splitlines()[-1] == "00:00 shown"


@pytest.mark.parametrize("when", [3, 4])
def test_a_disk_that_fills_ends_nothing_and_is_said(tmp_path, capsys, monkeypatch, when):
    count = [0]
    put = Recording._put

    def full(self, cast, text):
        count[0] += 1
        if count[0] >= when:
            raise OSError(28, "No space left on device")
        put(self, cast, text)

    monkeypatch.setattr(Recording, "_put", full)
    before = sys.stdout
    with recorded(tmp_path / "s.jsonl", "T-1", Catalog("en"), FakeClock()):
        click.echo("shown")
        click.echo("not ended", nl=False)  # kept when it is closed
    assert sys.stdout is before
    out = capsys.readouterr().out
    assert "shown\nnot ended" in out
    assert "The recording is not complete" in out


def test_where_it_cannot_be_written_the_session_goes_on(tmp_path, capsys):
    (tmp_path / "s.cast").touch()
    told = show(tmp_path / "s.jsonl", capsys, fails=True)
    assert told.out == "shown\n"
    assert "is not recorded" in told.err


def test_the_terminal_comes_back_after_a_failure(tmp_path, capsys):
    before = sys.stdout
    with pytest.raises(KeyboardInterrupt), recorded(tmp_path / "s.jsonl", "T", Catalog("en"), FakeClock()):
        raise KeyboardInterrupt
    assert sys.stdout is before
    assert "(to play)" in capsys.readouterr().out
