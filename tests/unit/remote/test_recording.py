"""Recordings of sessions: an asciicast to play, a transcript to read, and no secret in either."""

from __future__ import annotations

import io
import json
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import validate

from supportctl.core import redaction
from supportctl.core.clock import FakeClock
from supportctl.remote import recording as module
from supportctl.remote.recording import Recorder, Recording, Title

# The published facts of the format: docs.asciinema.org, "asciicast v2"
HEAD = {
    "type": "object",
    "required": ["version", "width", "height"],
    "properties": {
        "version": {"const": 2},
        "width": {"type": "integer", "minimum": 1},
        "height": {"type": "integer", "minimum": 1},
        "timestamp": {"type": "integer"},
        "title": {"type": "string"},
    },
}
EVENT = {
    "type": "array",
    "prefixItems": [{"type": "number", "minimum": 0}, {"enum": ["o", "i", "m", "r"]}, {"type": "string"}],
    "minItems": 3,
    "maxItems": 3,
}


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch):
    monkeypatch.setattr(redaction, "_known", set())


@pytest.fixture
def kept(tmp_path):
    """Return a recording, and what reads it when it is closed."""
    clock = FakeClock()
    recording = Recording(tmp_path / "s1", Title("T-1 customer"), clock)

    def read():
        recording.close()
        head, *events = map(json.loads, (tmp_path / "s1.cast").read_text().splitlines())
        return head, events, (tmp_path / "s1.txt").read_text()

    yield recording, clock, read
    recording.close()


def test_format_times_and_rights(kept, tmp_path):
    recording, clock, read = kept
    recording.screen("first\nsec")
    clock.advance(61.5)
    recording.screen("ond\nпоследняя")
    head, events, text = read()
    validate(head, HEAD)
    for event in events:
        validate(event, EVENT)
    assert [event[2] for event in events] == ["first\r\n", "second\r\n", "последняя\r\n"]
    assert [event[0] for event in events] == [0.0, 61.5, 61.5]
    assert text.splitlines()[2:] == ["00:00 first", "01:01 second", "01:01 последняя"]
    for name in ("s1.cast", "s1.txt"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_what_was_drawn_over_and_what_acts_is_not_kept(kept):
    recording, _, read = kept
    recording.screen("\x1b[31mred\x1b[0m \x1b]0;title\x07x\n10 %\r50 %\r100 %\n\u202egpj\x9b2J\n")
    _, events, text = read()
    assert [event[2] for event in events] == ["red x\r\n", "100 %\r\n", "\\u202egpj\\x9b2J\r\n"]
    assert "\x1b" not in text


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=12), st.text(max_size=30))
def test_a_secret_in_pieces_is_not_kept(tmp_path_factory, sizes, around):
    redaction._known.clear()
    redaction.remember("Winter-2026-canary")
    folder = tmp_path_factory.mktemp("r")
    recording = Recording(folder / "s", Title("Winter-2026-canary"), FakeClock())
    text = f"{around} Winter-2026-\x1b[1mcanary{around}\npassword=canary-2\n"
    at = 0
    for size in sizes * 40:
        recording.screen(text[at : at + size])
        at += size
    recording.screen(text[at:])
    recording.close()
    for path in folder.iterdir():
        assert "canary" not in path.read_text()


def test_a_line_without_an_end_is_cut_and_splits_no_secret(kept):
    recording, _, read = kept
    redaction.remember("Winter-2026-canary")
    for _ in range(50):
        recording.screen("z" * 980 + " Winter-2026-canary ")
    recording.screen("\nnext\n")
    _, events, _ = read()
    assert len(events[0][2]) <= 8_002
    assert "Winter" not in events[0][2]
    assert events[1][2] == "next\r\n"


def test_recorder_hands_on_and_a_full_disk_stops_nothing(kept, monkeypatch):
    recording, _, _ = kept
    stream = io.StringIO()
    recorder = Recorder(stream, recording)
    print("shown", file=recorder)

    def full(_text):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recording, "screen", full)
    print("still shown", file=recorder)
    assert stream.getvalue() == "shown\nstill shown\n"


def test_a_screen_that_runs_wild_does_not_fill_the_disk(kept, tmp_path, monkeypatch):
    recording, _, read = kept
    monkeypatch.setattr(module, "MAX_BYTES", 5_000)
    for _ in range(50):
        recording.screen("x" * 300 + "\n")
    recording.screen("y" * 100_000)
    read()
    assert (tmp_path / "s1.cast").stat().st_size <= 5_000


def test_a_recording_is_never_written_over(kept, tmp_path):
    with pytest.raises(FileExistsError):
        Recording(tmp_path / "s1", Title("again"), FakeClock())


def test_a_screen_that_is_drawn_again_is_kept_when_it_has_changed(kept):
    recording, clock, read = kept
    redaction.remember("Winter-2026-canary")
    recording.screen("before\nhalf")
    recording.screen("\x1b[?1049h\x1b[H\x1b[?25l")
    for second in (1, 1, 2, 2, 2):
        recording.screen(f"\x1b[H\x1b[1mTill\x1b[0m 0:0{second} of 5:00  \n\nIs it on? Winter-2026-canary\n")
        clock.advance(1)
    recording.screen("\x1b[HTill 0:06 of 5:00\n\nSolved \x1b]0;x\x07\u202e\n")
    recording.screen("\x1b[?1049l\x1b[?25hafter\n")
    _, events, text = read()
    home = "\x1b[H\x1b[2J"
    asked = "Is it on? [secret-1]\r\n"
    assert [event[2] for event in events] == [
        "before\r\n",
        "half\r\n",
        f"{home}Till 0:01 of 5:00\r\n\r\n{asked}",
        f"{home}Till 0:02 of 5:00\r\n\r\n{asked}",
        f"{home}Till 0:06 of 5:00\r\n\r\nSolved \\u202e\r\n",
        "after\r\n",
    ]
    told = [line[6:] for line in text.splitlines()[2:]]
    assert told == ["before", "half", "Till 0:01 of 5:00", "Is it on? [secret-1]", "Solved \\u202e", "after"]


def test_a_recorder_is_the_terminal_that_it_stands_for(kept, tmp_path):
    with (tmp_path / "x").open("w", encoding="cp866", errors="replace") as stream:
        recorder = Recorder(stream, kept[0])
        same = ("encoding", "errors", "isatty", "fileno", "writable")
        for name in same:
            ours, theirs = getattr(recorder, name), getattr(stream, name)
            assert (ours() if callable(ours) else ours) == (theirs() if callable(theirs) else theirs)
