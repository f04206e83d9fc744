from __future__ import annotations

import socket

import pytest

from probes.network import dnsquery, names
from probes.network.dnsquery import ServerAnswer
from probes.network.internet import NOWHERE
from probes.network.names import Lookup, NamesProbe, judge
from probes.network.tcp import Connect
from supportctl.core.finding import Status

GOOD = Lookup("ofd.example", ("198.51.100.7",))
BAD = Lookup("ofd.example", (), "EAI_AGAIN")
OTHER_BAD = Lookup("utm.example", (), "EAI_NONAME")


def answer(outcome: str, name: str = "ofd.example", server: str = "192.0.2.53") -> ServerAnswer:
    return ServerAnswer(server, name, outcome)


def kinds(lookups, direct, **more) -> list[str]:
    return [judgement.kind for judgement in judge(lookups, direct, **({"reached": False} | more))]


def test_found_names_are_fine() -> None:
    assert kinds([GOOD], []) == ["fine"]


def test_a_name_that_does_not_exist_is_not_a_broken_name_service() -> None:
    found = judge([GOOD, OTHER_BAD], [answer("NXDOMAIN", "utm.example")], reached=True)
    assert [(j.kind, j.names) for j in found] == [("no-such-name", ("utm.example",))]


def test_silent_servers_with_an_open_internet_are_a_broken_name_service() -> None:
    assert kinds([BAD], [answer("silent")], reached=True) == ["failed"]
    assert kinds([BAD], [], reached=True) == ["failed"]
    assert kinds([BAD], [answer("SERVFAIL")]) == ["failed"]
    assert kinds([BAD], [answer("REFUSED")]) == ["failed"]


def test_when_nothing_at_all_answers_the_internet_is_gone_and_that_is_one_finding() -> None:
    lookups = [BAD, OTHER_BAD]
    direct = [answer("silent"), answer("unreachable", "utm.example")]
    assert kinds(lookups, direct) == ["no-internet"]


def test_a_server_that_knows_no_name_at_all_serves_a_closed_network() -> None:
    direct = [answer("NXDOMAIN"), answer("NXDOMAIN", "utm.example")]
    assert kinds([BAD, OTHER_BAD], direct) == ["no-internet"]
    assert kinds([BAD, OTHER_BAD], direct, reached=True) == ["no-such-name"]
    assert kinds([BAD], direct[:1]) == ["no-such-name"]


def test_a_server_that_denies_well_known_names_is_broken() -> None:
    direct = [answer("NXDOMAIN"), answer("NXDOMAIN", "utm.example")]
    assert kinds([BAD, OTHER_BAD], direct, reached=True, configured=False) == ["failed"]


def test_one_dead_server_of_two_makes_every_lookup_slow() -> None:
    late = Lookup("ofd.example", (), "late")
    direct = [answer("silent"), answer("NOERROR", server="192.0.2.54")]
    assert kinds([late], direct, reached=True) == ["server-silent"]


def test_the_system_fails_though_its_servers_answer() -> None:
    assert kinds([BAD], [answer("NOERROR")], reached=True) == ["failed"]


def test_of_well_known_names_one_is_enough() -> None:
    assert kinds([GOOD, OTHER_BAD], [], configured=False) == ["fine"]


@pytest.fixture
def network(monkeypatch):
    """A network of our own: name -> addresses, and one DNS server's answers by name."""

    def build(
        known: dict[str, str], direct: dict[str, str], *, reached: bool, nowhere: str = "timeout"
    ) -> None:
        def getaddrinfo(name, *_args, **_more):
            if name not in known:
                raise socket.gaierror(socket.EAI_NONAME, "unknown")
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (known[name], 0))]

        monkeypatch.setattr(names.socket, "getaddrinfo", getaddrinfo)
        monkeypatch.setattr(dnsquery, "system_servers", lambda: ["192.0.2.53"])
        monkeypatch.setattr(
            dnsquery,
            "ask",
            lambda server, name, _deadline: ServerAnswer(server, name, direct.get(name, "silent")),
        )
        outcome = "open" if reached else "refused"
        monkeypatch.setattr(
            names,
            "connect",
            lambda address, *_args: Connect(nowhere if address == NOWHERE[0] else outcome, 1.0),
        )

    return build


@pytest.mark.parametrize(
    ("known", "direct", "reached", "expected"),
    [
        ({"a.example": "198.51.100.1", "b.example": "198.51.100.2"}, {}, True, [("net.dns", Status.OK)]),
        (
            {"a.example": "198.51.100.1"},
            {"b.example": "NXDOMAIN"},
            True,
            [("net.dns-no-such-name", Status.WARNING)],
        ),
        (
            {"a.example": "198.51.100.1"},
            {"b.example": "SERVFAIL"},
            True,
            [("net.dns-failed", Status.WARNING)],
        ),
        ({}, {}, True, [("net.dns-failed", Status.FAULT)]),
        ({}, {}, False, [("net.no-internet", Status.FAULT)]),
    ],
)
def test_probe_with_configured_hosts(network, context_of, known, direct, reached, expected) -> None:
    network(known, direct, reached=reached)
    context = context_of(hosts=("a.example:7777", "https://b.example/x", "192.0.2.9"))
    assert [(f.code, f.status) for f in NamesProbe().run(context)] == expected


def test_names_that_nobody_configured_make_warnings_only(network, context_of) -> None:
    network({}, {}, reached=False)
    (finding,) = NamesProbe().run(context_of())
    assert (finding.code, finding.status) == ("net.no-internet", Status.WARNING)
    assert {e.got for e in finding.evidence} >= {"EAI_NONAME", "silent"}


def test_addresses_need_no_name_service(network, context_of) -> None:
    network({}, {}, reached=False)
    assert list(NamesProbe().run(context_of(hosts=("192.0.2.9:7777",)))) == []


def test_a_malformed_name_is_just_not_found() -> None:
    assert names.look_up("a" * 80 + ".example").addresses == ()


def test_who_answers_for_an_address_that_does_not_exist_is_not_the_internet(network, context_of) -> None:
    network({}, {}, reached=True, nowhere="open")
    (finding,) = NamesProbe().run(context_of(hosts=("a.example", "b.example")))
    assert finding.code == "net.no-internet"
