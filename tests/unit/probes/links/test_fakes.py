"""The fakes that other tests lean on, and the files of dialogues."""

from pathlib import Path

import pytest

from probes.links import LinkError, fakes
from supportctl.core.clock import FakeClock
from supportctl.core.deadline import Deadline
from supportctl.core.target import parse_target

TARGET = parse_target("escpos+tcp://127.0.0.1:9100")
DIALOGUES = Path(__file__).parents[3] / "dialogues"


@pytest.fixture
def clock():
    return FakeClock()


def scripted(clock, text):
    return fakes.ScriptedLink(TARGET, clock, fakes.parse_dialogue(text))


def test_a_dialogue_is_replayed_with_its_times(clock):
    link = scripted(clock, "# paper\n> 10 04 04   # asked\n@ t=0.4\n< 72\n@ t=0.9\n< 12\n! close\n")
    link.send(b"\x10", Deadline.after(1, clock))
    assert link.receive(Deadline.after(0.1, clock)) == b""  # the question is not whole yet
    link.send(b"\x04\x04", Deadline.after(1, clock))
    asked = clock.monotonic()
    assert link.receive(Deadline.after(0.3, clock)) == b""
    assert link.receive(Deadline.after(1, clock)) == b"\x72"
    assert clock.monotonic() - asked == pytest.approx(0.4)
    assert link.receive(Deadline.after(1, clock)) == b"\x12"
    assert clock.monotonic() - asked == pytest.approx(0.9)
    assert link.finished
    with pytest.raises(LinkError, match=r"link\.closed"):
        link.receive(Deadline.after(1, clock))


def test_a_device_may_speak_first(clock):
    assert scripted(clock, "< 1400000f").receive(Deadline.after(0, clock)) == b"\x14\x00\x00\x0f"


@pytest.mark.parametrize("sent", [b"\x10\x05", b"\x10\x04\x04\x04"])
def test_another_question_than_the_script_has_is_an_error(clock, sent):
    with pytest.raises(fakes.DialogueError):
        scripted(clock, "> 100404\n< 12").send(sent, Deadline.after(1, clock))


@pytest.mark.parametrize("line", ["> xyz", "? 10", "@ 0.4", "@ t=x", "<", "! explode"])
def test_a_bad_line_is_named(line):
    with pytest.raises(fakes.DialogueError, match="line 2"):
        fakes.parse_dialogue(f"> 10\n{line}")


@pytest.mark.parametrize("path", sorted(DIALOGUES.rglob("*.txt")), ids=lambda path: path.name)
def test_every_dialogue_of_the_repository_can_be_read(path):
    assert fakes.load_dialogue(path)


def test_one_byte_at_a_time_gives_the_same_bytes(clock):
    link = fakes.OneByteAtATime(scripted(clock, "< 0102030405"))
    pieces = [link.receive(Deadline.after(1, clock)) for _ in range(5)]
    assert pieces == [b"\1", b"\2", b"\3", b"\4", b"\5"]


def test_slow_takes_its_time_on_the_clock(clock):
    link = fakes.Slow(scripted(clock, "< 0102"), clock, 0.5)
    assert link.receive(Deadline.after(0.2, clock)) == b""
    assert link.receive(Deadline.after(1, clock)) == b"\1\2"
    assert clock.monotonic() == pytest.approx(0.7)


def test_lossy_loses_the_same_bytes_for_the_same_seed(clock):
    def heard():
        link = fakes.Lossy(scripted(clock, "< " + "55" * 200), seed=7, share=0.3)
        return link.receive(Deadline.after(1, clock))

    assert heard() == heard()
    assert 100 < len(heard()) < 180


def test_lossy_that_loses_all_ends(clock):
    link = fakes.Lossy(scripted(clock, "< 55"), seed=1, share=1.0)
    assert link.receive(Deadline.after(1, clock)) == b""


def test_closes_in_mid_answer(clock):
    link = fakes.ClosesInMidAnswer(scripted(clock, "< 010203"), after=2)
    assert link.receive(Deadline.after(1, clock)) == b"\1\2"
    with pytest.raises(LinkError, match=r"link\.closed"):
        link.receive(Deadline.after(1, clock))


def test_garbled_is_the_same_noise_every_time(clock):
    first, second = (fakes.Garbled(TARGET, clock, seed=3) for _ in range(2))
    for link in (first, second):
        link.send(b"x", Deadline.after(1, clock))
    assert first.receive(Deadline.after(1, clock)) == second.receive(Deadline.after(1, clock)) != b""


def test_changed_changes_every_byte(clock):
    link = fakes.Changed(scripted(clock, "< 0102"), lambda byte: byte ^ 0x80)
    assert link.receive(Deadline.after(1, clock)) == b"\x81\x82"


class Counter:
    """The smallest simulated device: answers each byte with the one that follows it."""

    def connected(self, now):
        return b"hello"

    def receive(self, data, now):
        return bytes(byte + 1 for byte in data)

    def tick(self, now):
        return b"!" if now >= 5 else b""


def test_a_simulated_device_at_the_other_end(clock):
    with fakes.DeviceLink(TARGET, clock, Counter(), answers_after=0.2) as link:
        assert link.receive(Deadline.after(1, clock)) == b"hello"
        link.send(b"\1\2", Deadline.after(1, clock))
        assert link.receive(Deadline.after(1, clock)) == b"\2\3"
        assert clock.monotonic() == pytest.approx(0.4)
        assert link.receive(Deadline.after(1, clock)) == b""
        clock.advance(5)
        assert link.receive(Deadline.after(1, clock)) == b"!"
    assert link.closed
