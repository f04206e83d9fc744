from __future__ import annotations

import dns.message
import dns.rcode
import dns.rrset
import pytest

from probes.network import answers
from probes.network.answers import DnsProbe, HostsProbe, PortProbe, WebProbe
from probes.network.dnsquery import ask
from supportctl.core.finding import Status


def codes(probe, context) -> list[tuple[str, Status]]:
    found = list(probe.run(context))
    assert {f.code for f in found} <= probe.codes
    return [(f.code, f.status) for f in found]


def test_an_open_port(web_server, context_of) -> None:
    assert codes(PortProbe(), context_of(f"tcp://127.0.0.1:{web_server(b'')}")) == [("net.port", Status.OK)]


def test_a_closed_port_and_a_name_that_is_not_found(context_of) -> None:
    assert codes(PortProbe(), context_of("tcp://127.0.0.1:1")) == [("link.refused", Status.FAULT)]
    assert codes(PortProbe(), context_of("tcp://nowhere.invalid:1")) == [("link.dns", Status.FAULT)]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ("net.http", Status.OK)),
        (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", ("net.http", Status.OK)),
        (b"HTTP/1.0 404 Not Found\r\n\r\n", ("net.http", Status.OK)),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", ("net.http-status", Status.FAULT)),
        (b"SSH-2.0-OpenSSH_9.6\r\n", ("net.not-http", Status.FAULT)),
        (b"\x00\xff\x1b[31m", ("net.not-http", Status.FAULT)),
        (b"", ("link.closed", Status.FAULT)),
    ],
)
def test_web_addresses(web_server, context_of, answer, expected) -> None:
    assert codes(WebProbe(), context_of(f"http://127.0.0.1:{web_server(answer)}/status")) == [expected]


def test_a_web_server_that_says_nothing(tcp_server, context_of) -> None:
    port = tcp_server(lambda client: client.recv(4096) and client.recv(4096))
    assert codes(WebProbe(), context_of(f"http://127.0.0.1:{port}/", seconds=0.3)) == [
        ("link.silent", Status.FAULT)
    ]


def test_only_the_headers_of_a_page_are_asked_for(tcp_server, context_of) -> None:
    heard: list[bytes] = []

    def handler(client) -> None:
        heard.append(client.recv(4096))
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

    list(WebProbe().run(context_of(f"http://127.0.0.1:{tcp_server(handler)}/a?token=x")))
    assert [line.split(b"\r\n")[0] for line in heard] == [b"HEAD /a HTTP/1.1"]


def dns_answer(question: bytes, rcode: str, address: str = "") -> bytes:
    asked = dns.message.from_wire(question)
    answer = dns.message.make_response(asked)
    answer.set_rcode(dns.rcode.from_text(rcode))
    if address:
        answer.answer.append(dns.rrset.from_text(asked.question[0].name, 60, "IN", "A", address))
    return answer.to_wire()


@pytest.mark.parametrize(
    ("rcode", "expected"),
    [
        ("NOERROR", ("net.dns-server", Status.OK)),
        ("NXDOMAIN", ("net.dns-no-such-name", Status.WARNING)),
        ("SERVFAIL", ("net.dns-failed", Status.FAULT)),
        ("REFUSED", ("net.dns-failed", Status.FAULT)),
    ],
)
def test_dns_servers(udp_server, context_of, rcode, expected) -> None:
    address = "198.51.100.7" if rcode == "NOERROR" else ""
    port = udp_server(lambda question: dns_answer(question, rcode, address))
    context = context_of(f"dns://127.0.0.1:{port}?name=ofd.example")
    assert codes(DnsProbe(), context) == [expected]
    (finding,) = DnsProbe().run(context)
    assert finding.args["names"] == "ofd.example"
    assert finding.evidence[0].got == f"{rcode} {address}".strip()


def test_a_dns_server_that_is_silent_twice(monkeypatch, udp_server, context_of) -> None:
    monkeypatch.setattr(answers, "_UDP_WAIT_S", 0.4)
    port = udp_server(lambda _question: None)
    found = codes(DnsProbe(), context_of(f"dns://127.0.0.1:{port}?name=a.example", seconds=0.5))
    assert found == [("link.silent", Status.FAULT)]
    replies = iter([False, True])
    port = udp_server(lambda q: dns_answer(q, "NOERROR", "198.51.100.7") if next(replies) else None)
    assert codes(DnsProbe(), context_of(f"dns://127.0.0.1:{port}?name=a.example")) == [
        ("net.dns-server", Status.OK)
    ]


def test_garbage_from_a_dns_server(udp_server, context_of) -> None:
    port = udp_server(lambda _question: b"\x00" * 5)
    assert ask("127.0.0.1", "a.example", context_of(seconds=0.5).deadline, port=port).outcome in {
        "garbled",
        "silent",
    }


def test_a_dns_server_asked_without_a_name_is_asked_for_a_configured_one(udp_server, context_of) -> None:
    asked: list[str] = []

    def handler(question: bytes) -> bytes:
        asked.append(str(dns.message.from_wire(question).question[0].name))
        return dns_answer(question, "NOERROR", "198.51.100.7")

    context = context_of(f"dns://127.0.0.1:{udp_server(handler)}", hosts=("192.0.2.1:1", "ofd.example:7777"))
    list(DnsProbe().run(context))
    assert asked == ["ofd.example."]


def test_each_configured_service_is_looked_at_as_its_own_target(web_server, context_of) -> None:
    port = web_server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    context = context_of(hosts=("127.0.0.1:1", f"http://127.0.0.1:{port}/x", f"127.0.0.1:{port}"))
    found = [(f.code, f.target) for f in HostsProbe().run(context)]
    assert found == [
        ("link.refused", "tcp://127.0.0.1:1"),
        ("net.http", f"http://127.0.0.1:{port}/x"),
        ("net.port", f"tcp://127.0.0.1:{port}"),
    ]


def test_a_name_that_is_not_found_is_told_by_the_probe_of_names(context_of) -> None:
    (finding,) = HostsProbe().run(context_of(hosts=("nowhere.invalid:1",)))
    assert (finding.code, finding.status, finding.because) == (
        "link.dns",
        Status.SKIPPED,
        "net.dns-no-such-name",
    )


def test_a_service_that_was_not_looked_at_in_time_is_unknown(tcp_server, context_of) -> None:
    port = tcp_server(lambda client: client.recv(4096) and client.recv(4096))
    context = context_of(hosts=(f"http://127.0.0.1:{port}",), seconds=0)
    (finding,) = HostsProbe().run(context)
    assert finding.status in {Status.UNKNOWN, Status.FAULT}
    assert finding.target == f"http://127.0.0.1:{port}"
