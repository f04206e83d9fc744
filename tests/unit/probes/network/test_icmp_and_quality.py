from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.network import icmp, quality
from probes.network.quality import Measured, QualityProbe, judge, summarise, without_lost_syns
from supportctl.core.finding import Status

REPLY = b"\x00\x00\x00\x00\x12\x34\x00\x07"


def test_a_request_has_a_right_checksum() -> None:
    packet = icmp.echo_request(0x1234, 7, b"odd")
    assert packet[:2] == b"\x08\x00"
    assert icmp.checksum(packet) == 0


def test_a_reply_is_ours_by_its_payload() -> None:
    assert icmp.reply_sequence(REPLY + b"ours", b"ours") == 7
    assert icmp.reply_sequence(b"\x45" + bytes(19) + REPLY + b"ours", b"ours") == 7
    assert icmp.reply_sequence(REPLY + b"another's", b"ours") is None
    assert icmp.reply_sequence(b"\x03\x01" + REPLY[2:] + b"ours", b"ours") is None


@given(st.binary(max_size=80))
def test_any_packet_is_a_reply_or_none(packet: bytes) -> None:
    assert icmp.reply_sequence(packet, b"ours") is None or packet.endswith(b"ours")


def test_the_loopback_answers_where_echoes_are_allowed(context_of) -> None:
    try:
        found = icmp.echo("127.0.0.1", 3, 0.01, 1.0, context_of().deadline)
    except icmp.EchoUnavailableError:
        pytest.skip(
            "needs echo requests: this user may not send them. To enable: sysctl net.ipv4.ping_group_range"
        )
    assert found.answered == 3


def test_a_good_way() -> None:
    found = summarise([1.0, 2.0, 1.0, 2.0])
    assert found == (4, 0, 1.5, 1.0)
    assert judge(found, nearby=True) == []


@pytest.mark.parametrize(
    ("times", "nearby", "expected"),
    [
        ([1.0] * 29 + [None], True, []),  # one may be chance
        ([1.0] * 28 + [None] * 2, True, [("net.packet-loss", Status.WARNING)]),
        ([1.0] * 20 + [None] * 10, True, [("net.packet-loss", Status.FAULT)]),
        ([150.0] * 30, True, [("net.latency", Status.WARNING)]),
        ([150.0] * 30, False, []),
        ([350.0] * 30, False, [("net.latency", Status.WARNING)]),
        ([1.0, 80.0] * 15, False, [("net.jitter", Status.WARNING)]),
    ],
)
def test_thresholds(times, nearby, expected) -> None:
    found = summarise(times)
    assert found is not None
    assert judge(found, nearby=nearby) == expected


@pytest.mark.parametrize("times", [[], [None] * 30, [1.0, None]])
def test_a_host_that_does_not_answer_has_no_quality(times) -> None:
    assert summarise(times) is None


def test_a_connect_that_took_a_second_is_a_lost_packet() -> None:
    assert without_lost_syns([12.0, 1012.0, 3020.0]) == (12.0, None, None)


def test_probe_tells_of_each_host_once_and_of_none_that_is_silent(monkeypatch, context_of) -> None:
    ways = {
        "192.0.2.7": Measured("192.0.2.7", "ICMP echo", (1.0,) * 20 + (None,) * 10),
        "192.0.2.8": Measured("192.0.2.8", "ICMP echo", (1.0,) * 30),
    }
    monkeypatch.setattr(quality, "measure", lambda address, _port, _deadline: ways.get(address))
    context = context_of(
        hosts=("192.0.2.7:7777", "127.0.0.1:80"),
        target_hosts=("192.0.2.7", "192.0.2.8", "192.0.2.9", "localhost"),
    )
    found = [(f.code, f.args["host"], f.args["lost"]) for f in QualityProbe().run(context)]
    assert found == [("net.packet-loss", "192.0.2.7", 33), ("net.quality", "192.0.2.8", 0)]


def test_without_echoes_connects_are_timed(monkeypatch, web_server, context_of) -> None:
    def forbidden(*_args):
        raise icmp.EchoUnavailableError

    monkeypatch.setattr(icmp, "echo", forbidden)
    found = quality.measure("127.0.0.1", web_server(b""), context_of().deadline)
    assert found is not None
    assert len(found.times_ms) == 10
    assert found.way.startswith("TCP connect")
    assert quality.measure("127.0.0.1", None, context_of().deadline) is None
