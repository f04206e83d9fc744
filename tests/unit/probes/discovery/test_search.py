"""The search for speed and protocol, on a line with a real speed and a pretended clock."""

from __future__ import annotations

import pytest

from probes.discovery.identifiers import IDENTIFIERS, SPEEDS
from probes.discovery.search import Search, settings_text
from probes.links.base import LinkError
from probes.links.fakes import Silent
from supportctl.core.deadline import Deadline
from supportctl.core.target import parse_target

ADAPTER_S = 0.016  # how long USB adapters keep a byte
TARGET = parse_target("serial:///dev/ttyFAKE")


def search(line, deadline, tune, target=TARGET, rows=IDENTIFIERS):
    return Search(line, deadline, tune).run(target, rows)


@pytest.mark.parametrize("answers_after", [0.0, 0.005, ADAPTER_S, 0.03, 0.1, 0.3])
@pytest.mark.parametrize("baud", SPEEDS)
@pytest.mark.parametrize("protocol", ["escpos", "star"])
def test_every_speed_is_found(line, deadline, tune, protocol, baud, answers_after):
    found = search(line(protocol, baud, answers_after=answers_after), deadline, tune)
    assert found is not None
    assert (found[0].protocol, found[1].option("baud")) == (protocol, str(baud))


@pytest.mark.parametrize("baud", SPEEDS)
def test_adapter_that_drops_noise_hides_nothing(line, deadline, tune, baud):
    found = search(line("escpos", baud, answers_after=0.1, swallows=True), deadline, tune)
    assert found is not None
    assert found[1].option("baud") == str(baud)


@pytest.mark.parametrize("answers_after", [0.0, 0.005, ADAPTER_S, 0.02, 0.03, 0.05, 0.1])
def test_costs_at_most_twice_what_bytes_and_answers_need(line, tune, answers_after):
    spent = needed = 0.0
    for number, baud in enumerate(SPEEDS, 1):
        wire = line("escpos", baud, answers_after=answers_after)
        begun = wire._clock.monotonic()
        assert search(wire, Deadline.after(60, wire._clock), tune)
        spent += wire._clock.monotonic() - begun
        # a question of three bytes and its answer at each speed up to the right one, and there once more
        needed += sum(40 / speed + answers_after for speed in SPEEDS[:number]) + 40 / baud + answers_after
    assert spent <= 2 * needed


def test_nothing_is_sent_beyond_the_questions(line, deadline, tune):
    wire = line("star", 9600)
    search(wire, deadline, tune)
    allowed = {row.request for row in IDENTIFIERS} | {row.confirm[1] for row in IDENTIFIERS if row.confirm}
    assert {data for _url, data in wire.asked} <= allowed


@pytest.mark.parametrize("parity", ["even", "odd"])
def test_parity_is_found(line, deadline, tune, parity):
    found = search(line("escpos", 9600, parity=parity), deadline, tune)
    assert found is not None
    assert found[1].option("parity") == parity


def test_named_speed_is_the_only_one_tried(line, deadline, tune):
    wire = line("escpos", 9600)
    assert search(wire, deadline, tune, TARGET.speaking(None, baud="19200", parity="none")) is None
    assert {url for url, _data in wire.asked} == {"serial:///dev/ttyFAKE?baud=19200&parity=none"}


def test_silence_ends_in_bounded_time(clock, deadline, tune):
    assert search(Silent(TARGET, clock), deadline, tune) is None
    assert clock.monotonic() < 20


def test_deadline_ends_the_search(clock, tune):
    assert search(Silent(TARGET, clock), Deadline.after(0.2, clock), tune) is None
    assert clock.monotonic() < 0.5


class Chatter(Silent):
    """A device that never stops talking and never answers."""

    def receive(self, deadline, limit=4096):
        self._clock.sleep(0.001)
        return b"\xf3\x81"


def test_endless_noise_ends_in_bounded_time_and_is_kept(clock, deadline, tune):
    wire = Search(Chatter(TARGET, clock), deadline, tune)
    assert wire.run(TARGET, IDENTIFIERS) is None
    assert clock.monotonic() < 20
    assert 0 < len(wire.noise) <= 4096


class Echo(Silent):
    """TX and RX are bridged: every byte comes back."""

    def send(self, data, deadline):
        self.arrive(data)


def test_echo_is_no_device(clock, deadline, tune):
    assert search(Echo(TARGET, clock), deadline, tune) is None


def test_speed_that_the_port_refuses_is_left_out(line, deadline, tune):
    def picky(link, target, until):
        if target.option("baud") == "1200":
            raise LinkError("link.bad-settings")
        tune(link, target, until)

    wire = Search(line("escpos", 9600), deadline, picky)
    assert wire.run(TARGET, IDENTIFIERS)
    assert wire.tried[0].outcome == "refused"


def test_broken_wire_is_told(line, deadline, tune):
    wire = line("escpos", 9600)
    wire.arrive(None)
    with pytest.raises(LinkError, match=r"link\.closed"):
        search(wire, deadline, tune)


def test_settings_as_people_write_them():
    assert settings_text(parse_target("serial:///dev/ttyS0?baud=9600&bytesize=7&parity=even")) == "9600 7E1"
    assert settings_text(parse_target("tcp://127.0.0.1:9100")) == ""
