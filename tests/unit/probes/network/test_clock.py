from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from probes.network import answers, clock
from probes.network.answers import NtpProbe
from probes.network.clock import ClockProbe, judge, status_of
from probes.network.clock_sources import TimeSample
from supportctl.core.finding import Status

NTP_EPOCH = datetime(1900, 1, 1, tzinfo=UTC)


def ntp(offset: float, name: str = "ntp.example", within: float = 0.01) -> TimeSample:
    return TimeSample(name, "ntp", offset, within)


def http(offset: float, name: str = "ofd.example") -> TimeSample:
    return TimeSample(name, "http", offset, 0.6)


@pytest.mark.parametrize(
    ("offset", "status"),
    [
        (0, Status.OK),
        (119, Status.OK),
        (-120, Status.WARNING),
        (299, Status.WARNING),
        (300, Status.FAULT),
        (-9e9, Status.FAULT),
    ],
)
def test_limits(offset: float, status: Status) -> None:
    assert status_of(offset) is status


def test_nobody_to_ask() -> None:
    assert judge([]) is None


def test_time_servers_are_believed_before_web_servers_and_it_is_said_who_was_overruled() -> None:
    found = judge([http(600), ntp(0.1)])
    assert found is not None
    assert (found.status, found.sample.kind, found.overruled) == (Status.OK, "ntp", (http(600),))


def test_without_a_time_server_the_web_services_tell() -> None:
    found = judge([http(601), http(600, "utm.example")])
    assert found is not None
    assert found.status is Status.FAULT
    assert not found.overruled


def test_a_lying_time_server_is_outvoted() -> None:
    found = judge([ntp(9000, "liar"), ntp(1, "one"), http(0.5)])
    assert found is not None
    assert found.sample.source == "one"


def test_the_most_exact_one_is_taken() -> None:
    found = judge([ntp(1, "far", 0.2), ntp(1.1, "near", 0.001)])
    assert found is not None
    assert found.sample.source == "near"


def ntp_packet(question: bytes, offset_s: float, *, stratum: int = 2, leap: int = 0) -> bytes:
    """An answer as of RFC 5905, 7.3: the times of receipt and sending, and the question's own time."""
    seconds = (datetime.now(UTC) + timedelta(seconds=offset_s) - NTP_EPOCH).total_seconds()
    stamp = struct.pack("!II", int(seconds), int(seconds % 1 * 2**32))
    head = struct.pack("!BBBbII4s", leap << 6 | 4 << 3 | 4, stratum, 6, -20, 0, 0, b"GPS\0")
    return head + stamp + question[40:48] + stamp + stamp


def test_a_right_clock(udp_server, context_of) -> None:
    port = udp_server(lambda question: ntp_packet(question, 0))
    (finding,) = NtpProbe().run(context_of(f"ntp://127.0.0.1:{port}"))
    assert (finding.code, finding.status) == ("net.ntp-server", Status.OK)


@pytest.mark.parametrize(
    ("offset", "status", "minutes", "meaning"),
    [(-180, Status.WARNING, 3, "net.clock-ahead"), (7200, Status.FAULT, 120, "net.clock-behind")],
)
def test_a_wrong_clock(udp_server, context_of, offset, status, minutes, meaning) -> None:
    port = udp_server(lambda question: ntp_packet(question, offset))
    (finding,) = NtpProbe().run(context_of(f"ntp://127.0.0.1:{port}"))
    assert (finding.code, finding.status) == ("host.clock-drift", status)
    assert finding.args["minutes"] == minutes
    assert finding.evidence[0].meaning == meaning


@pytest.mark.parametrize("fields", [{"leap": 3}, {"stratum": 0}, {"stratum": 16}])
def test_a_server_that_does_not_know_the_time_is_not_believed(udp_server, context_of, fields) -> None:
    port = udp_server(lambda question: ntp_packet(question, 9999, **fields))
    (finding,) = NtpProbe().run(context_of(f"ntp://127.0.0.1:{port}"))
    assert (finding.code, finding.status) == ("net.ntp-unsynchronised", Status.WARNING)


def test_a_silent_time_server_is_asked_twice(monkeypatch, udp_server, context_of) -> None:
    monkeypatch.setattr(answers, "_UDP_WAIT_S", 0.4)
    heard: list[bytes] = []
    port = udp_server(heard.append)
    (finding,) = NtpProbe().run(context_of(f"ntp://127.0.0.1:{port}", seconds=0.6))
    assert (finding.code, finding.status) == ("link.silent", Status.FAULT)
    replies = iter([None, 0])
    port = udp_server(lambda q: None if next(replies) is None else ntp_packet(q, 0))
    (finding,) = NtpProbe().run(context_of(f"ntp://127.0.0.1:{port}"))
    assert finding.code == "net.ntp-server"


def test_garbage_from_a_time_server(udp_server, context_of) -> None:
    port = udp_server(lambda _question: b"\x00garbage")
    (finding,) = NtpProbe().run(context_of(f"ntp://127.0.0.1:{port}"))
    assert (finding.code, finding.status) == ("link.silent", Status.FAULT)


def dated(offset_s: float) -> bytes:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=offset_s), usegmt=True)
    return f"HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n".encode()


def test_the_computer_asks_time_servers_and_web_services(udp_server, web_server, context_of) -> None:
    servers = (f"127.0.0.1:{udp_server(lambda question: ntp_packet(question, 0))}",)
    hosts = (f"http://127.0.0.1:{web_server(dated(3600))}",)
    (finding,) = ClockProbe().run(context_of(ntp_servers=servers, hosts=hosts))
    assert (finding.code, finding.status) == ("host.clock", Status.OK)
    assert {e.meaning for e in finding.evidence} & {"net.time-overruled"}


def test_a_web_service_alone_can_show_a_wrong_clock(monkeypatch, web_server, context_of) -> None:
    monkeypatch.setattr(clock, "_DEFAULT_NTP", ())
    (finding,) = ClockProbe().run(context_of(hosts=(f"http://127.0.0.1:{web_server(dated(-3600))}",)))
    assert (finding.code, finding.status, finding.args["minutes"]) == ("host.clock-drift", Status.FAULT, 60)
    assert finding.evidence[0].meaning == "net.clock-ahead"


def test_silence_is_spoken_of_only_where_somebody_was_configured(monkeypatch, context_of, udp_server) -> None:
    monkeypatch.setattr(clock, "_DEFAULT_NTP", ("127.0.0.1:1",))
    monkeypatch.setattr(clock, "default_urls", lambda: ("http://127.0.0.1:1/",))
    assert list(ClockProbe().run(context_of(seconds=1))) == []
    silent = f"127.0.0.1:{udp_server(lambda _question: None)}"
    (finding,) = ClockProbe().run(context_of(ntp_servers=(silent,), seconds=0.5))
    assert (finding.code, finding.status) == ("net.no-time-source", Status.UNKNOWN)
