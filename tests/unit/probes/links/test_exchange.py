"""Question and answer: whole answers whatever the pieces, and every way in which there is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.links import LinkError, fakes
from probes.links.exchange import LIMIT, NOT_AN_ANSWER, Conversation, exactly
from supportctl.core.clock import FakeClock
from supportctl.core.finding import Status
from supportctl.core.target import parse_target

TARGET = parse_target("escpos+tcp://127.0.0.1:9100")


def frame(heard: bytes) -> int | None:
    """A frame is 02, a length, so many bytes; anything before 02 is skipped."""
    start = heard.find(b"\x02")
    if start < 0 or len(heard) < start + 2:
        return None
    end = start + 2 + heard[start + 1]
    return end if len(heard) >= end else None


@pytest.fixture
def clock(fake_clock):
    return fake_clock


@pytest.fixture
def talk_to(clock, context_of):
    def make(link, seconds=20.0):
        return Conversation(context_of(link, clock, seconds), link)

    return make


def scripted(clock, text):
    return fakes.ScriptedLink(TARGET, clock, fakes.parse_dialogue(text))


def test_an_answer(clock, talk_to):
    talk = talk_to(scripted(clock, "> 05\n@ t=0.012\n< 0201aa55"))
    answer = talk.ask("ENQ", b"\x05", frame, wait=1.0)
    assert (answer.outcome, answer.data, answer.rest) == ("answered", b"\x02\x01\xaa", b"\x55")
    seen = talk.evidence(answer, "link.no-answer", seconds=1)
    assert (seen.asked, seen.sent, seen.got, seen.ms) == ("ENQ", "05", "0201aa", 12.0)


@given(st.binary(max_size=20).filter(lambda b: 2 not in b), st.binary(max_size=40), st.data())
def test_any_split_gives_the_same_answer(noise, payload, data):
    clock = FakeClock()
    whole = noise + bytes([2, len(payload)]) + payload
    link = fakes.FakeLink(TARGET, clock)
    rest = whole
    link.send = lambda *_: None
    context = _context(link, clock)
    talk = Conversation(context, link)
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        link.arrive(rest[:size], 0.01)
        rest = rest[size:]
    answer = talk.ask("listen", b"", frame, wait=1.0)
    assert (answer.outcome, answer.data, answer.rest) == ("answered", whole, b"")


def _context(link, clock):
    from probes.context import ProbeContext
    from supportctl.core.deadline import Deadline

    return ProbeContext(TARGET, Deadline.after(20, clock), clock, lambda *_: link)


def test_stale_bytes_are_taken_out_of_the_way(clock, talk_to):
    link = scripted(clock, "< 1400000f\n> 05\n< 0200")
    answer = talk_to(link).ask("ENQ", b"\x05", frame, wait=1.0)
    assert (answer.data, answer.before) == (b"\x02\x00", b"\x14\x00\x00\x0f")


def test_listening_drains_nothing(clock, talk_to):
    answer = talk_to(scripted(clock, "< 0200")).ask("listen", b"", frame, wait=1.0)
    assert (answer.outcome, answer.data) == ("answered", b"\x02\x00")


def test_silence(clock, talk_to):
    talk = talk_to(fakes.Silent(TARGET, clock))
    answer = talk.ask("ENQ", b"\x05", exactly(1), wait=2.0)
    assert (answer.outcome, answer.data) == ("silent", b"")
    assert clock.monotonic() == pytest.approx(2.0)
    found = talk.unanswered(answer)
    assert (found.code, found.status, found.evidence[0].args) == (
        "link.silent",
        Status.FAULT,
        {"seconds": 2.0},
    )


def test_a_silence_that_the_check_cut_short_blames_nobody(clock, talk_to):
    talk = talk_to(fakes.Silent(TARGET, clock), seconds=0.3)
    with pytest.raises(LinkError) as caught:
        talk.ask("ENQ", b"\x05", exactly(1), wait=2.0)
    assert (caught.value.code, caught.value.status) == ("link.silent", Status.UNKNOWN)
    assert caught.value.evidence[0].meaning == "link.check-time-over"


def test_silence_of_a_second_is_sure_even_if_more_was_wanted(clock, talk_to):
    talk = talk_to(fakes.Silent(TARGET, clock), seconds=1.5)
    assert talk.ask("ENQ", b"\x05", exactly(1), wait=10.0).outcome == "silent"


def test_an_answer_that_never_ends(clock, talk_to):
    talk = talk_to(scripted(clock, "> 05\n< 0209616263"))
    answer = talk.ask("ENQ", b"\x05", frame, wait=1.0)
    assert (answer.outcome, answer.data) == ("incomplete", b"\x02\x09abc")
    assert talk.unanswered(answer).code in {"link.garbled", "link.wrong-device"}


def test_noise_is_gathered_for_the_guess_but_not_for_long(clock, talk_to):
    link = scripted(clock, "> 05\n< 48\n@ t=0.05\n< 5454502f312e3120343030\n@ t=0.2\n< 0d0a")
    talk = talk_to(link)
    answer = talk.ask("ENQ", b"\x05", lambda heard: NOT_AN_ANSWER, wait=5.0)
    assert (answer.outcome, answer.data) == ("noise", b"HTTP/1.1 400\r\n")
    found = talk.unanswered(answer)
    assert (found.code, found.evidence[0].meaning) == ("link.wrong-device", "link.web-server")
    assert clock.monotonic() <= 0.5


class Endless(fakes.FakeLink):
    """Never stops talking."""

    given = 0

    def receive(self, deadline, limit=4096):
        self.given += limit
        return b"\x00" * limit


@pytest.mark.parametrize("complete", [lambda heard: None, lambda heard: NOT_AN_ANSWER])
def test_megabytes_of_noise_end_with_bounded_memory(clock, talk_to, complete):
    link = Endless(TARGET, clock)
    talk = talk_to(link)
    answer = talk.ask("ENQ", b"\x05", complete, wait=5.0)
    assert answer.outcome == "noise"
    assert len(answer.data) <= LIMIT
    assert len(answer.before) <= LIMIT
    assert link.given <= 3 * LIMIT
    assert talk.unanswered(answer).code == "link.garbled"


def test_closed_before_any_answer(clock, talk_to):
    with pytest.raises(LinkError) as caught:
        talk_to(scripted(clock, "> 05\n! close")).ask("ENQ", b"\x05", exactly(1), wait=1.0)
    seen = caught.value.evidence[0]
    assert (caught.value.code, seen.meaning) == ("link.closed", "link.closed-before-answer")
    assert (seen.asked, seen.sent, seen.got) == ("ENQ", "05", None)


def test_closed_in_mid_answer_shows_what_came(clock, talk_to):
    with pytest.raises(LinkError) as caught:
        talk_to(scripted(clock, "> 05\n< 0209\n! close")).ask("ENQ", b"\x05", frame, wait=1.0)
    seen = caught.value.evidence[0]
    assert (caught.value.code, seen.meaning, seen.got) == ("link.closed", "link.closed-in-answer", "0209")


@pytest.mark.parametrize("share", [0.0, 0.2, 0.9])
@pytest.mark.parametrize("seed", range(5))
def test_a_lossy_slow_wire_always_ends(clock, talk_to, seed, share):
    inner = scripted(clock, "> 05\n< 0205" + "61" * 5)
    link = fakes.Lossy(fakes.Slow(fakes.OneByteAtATime(inner), clock, 0.05), seed=seed, share=share)
    answer = talk_to(link).ask("ENQ", b"\x05", frame, wait=2.0)
    assert answer.outcome in {"answered", "silent", "incomplete"}
    assert clock.monotonic() <= 2.1
