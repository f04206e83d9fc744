"""SIP and STUN against the lab's exchange and servers, on real sockets of the loopback."""

from __future__ import annotations

import socket

import pytest

from probes.lab.devices.sip_phone import PASSWORD, USER, SipExchange
from probes.lab.devices.stun_server import StunServer
from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario
from probes.network import sip_dialogue, stun
from probes.network.sip import SipProbe
from probes.network.stun import StunProbe


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(sip_dialogue, "RESEND_S", (0.1, 0.2))
    monkeypatch.setattr(sip_dialogue, "STREAM_WAIT_S", 0.3)
    monkeypatch.setattr(stun, "RESEND_S", (0.1, 0.2))


@pytest.fixture(scope="module")
def lab():
    specs = (
        DeviceSpec("exchange", "sip", ("udp", "tcp")),
        DeviceSpec("first", "stun", ("udp",)),
        DeviceSpec("second", "stun", ("udp",)),
    )
    with Lab(Scenario("telephones", specs)) as running:
        yield running


@pytest.fixture
def check(lab, context_of):
    """Return what a probe says of a target of the lab."""

    def run(probe, url, **faults):
        for name, which in faults.items():
            for fault in which:
                lab.fault(name, fault)
        findings = list(probe.run(context_of(url)))
        assert {f.code for f in findings} <= probe.codes
        assert all(f.evidence for f in findings)
        return {f.code: f for f in findings}

    yield run
    for name in lab.names:
        lab.clear(name)
        assert lab.device(name).writes == []
        assert set(lab.device(name).opcodes) <= {"OPTIONS", "REGISTER", "0001"}


def problems(found):
    return {code: f.status.value for code, f in found.items() if f.status != "ok"}


SIP_FINDS = {
    "overloaded": {"sip.overloaded": "warning"},
    "alg": {"sip.alg": "warning"},
    "alg-from": {"sip.alg": "warning"},
    "account-refused": {"sip.registration-refused": "fault"},
    "not-registered": {"sip.not-registered": "fault"},
    **{
        fault: {}
        for fault in (
            "forbidden", "not-allowed", "busy-here", "nat", "no-rport", "account-wants-password",
            "trying-first", "loses-first", "short-headers",
        )
    },
}  # fmt: skip


def account(url, password=""):
    return url.replace("://", f"://{USER}@") + (f"?password={password}" if password else "")


def test_every_fault_of_the_exchange_is_covered():
    assert set(SIP_FINDS) == SipExchange.faults


@pytest.mark.parametrize("wire", ["udp", "tcp"])
@pytest.mark.parametrize("fault", [None, *sorted(SIP_FINDS)])
def test_each_fault_of_the_exchange(lab, check, fault, wire):
    url = account(lab.url("exchange", wire), PASSWORD)
    found = check(SipProbe(), url, exchange=[fault] if fault else [])
    assert problems(found) == (SIP_FINDS[fault] if fault else {})
    if fault is None:
        assert set(found) == {"sip.answers", "sip.path", "sip.account"}
        assert found["sip.answers"].args["device"] == ": Lab PBX 1.0"
        assert found["sip.account"].args == {"account": USER, "count": 2}


def test_nat_is_told(lab, check):
    url = lab.url("exchange", "udp")
    assert check(SipProbe(), url)["sip.path"].args["nat"] == "sip.no-nat"
    assert check(SipProbe(), url, exchange=["nat"])["sip.path"].args["nat"] == "sip.behind-nat"
    assert check(SipProbe(), url, exchange=["no-rport"])["sip.path"].args["nat"] == "sip.nat-not-told"


def test_a_password_is_given_once_and_never_shown(lab, check):
    lab.device("exchange").opcodes.clear()
    url = account(lab.url("exchange", "udp"), "wrong")
    found = check(SipProbe(), url, exchange=["account-wants-password"])
    assert problems(found) == {"sip.registration-refused": "fault"}
    assert lab.device("exchange").opcodes == ["OPTIONS", "REGISTER", "REGISTER"]
    shown = str(found)
    assert "wrong" not in shown
    assert "response=" not in shown


def test_without_a_password_nothing_is_said_of_the_account(lab, check):
    found = check(SipProbe(), account(lab.url("exchange", "udp")), exchange=["account-wants-password"])
    assert set(found) == {"sip.answers", "sip.path"}


@pytest.mark.parametrize("wire", ["udp", "tcp"])
@pytest.mark.parametrize("fault", ["wire-silent", "wire-refused"])
def test_nobody_answers(lab, check, wire, fault):
    found = check(SipProbe(), lab.url("exchange", wire), exchange=[fault])
    assert problems(found) == {"sip.unreachable": "fault"}


def test_another_service_answers(lab, check, context_of):
    found = check(SipProbe(), lab.url("exchange", "udp"), exchange=["wire-garbled"])
    assert problems(found) == {"link.wrong-device": "fault"}
    found = check(SipProbe(), lab.url("exchange", "tcp"), exchange=["wire-banner"])
    assert problems(found) == {"link.wrong-device": "fault"}


def test_a_name_that_nobody_knows(check):
    assert problems(check(SipProbe(), "sip://nobody.invalid")) == {"link.dns": "fault"}
    assert problems(check(StunProbe(), "stun://nobody.invalid")) == {"link.dns": "fault"}


STUN_FINDS = {
    "symmetric": {"stun.symmetric-nat": "warning"},
    "refuses": {"stun.refused": "warning"},
    "ipv6": {"stun.symmetric-nat": "warning"},
    "cut-off": {"link.wrong-device": "fault"},
    "old-server": {},
    "loses-first": {},
}


def both(lab):
    return f"{lab.url('first')}?second={lab.url('second').partition('://')[2]}"


def test_every_fault_of_the_servers_is_covered():
    assert set(STUN_FINDS) == StunServer.faults


@pytest.mark.parametrize("name", ["first", "second"])
@pytest.mark.parametrize("fault", sorted(STUN_FINDS))
def test_each_fault_of_a_server(lab, check, fault, name):
    assert problems(check(StunProbe(), both(lab), **{name: [fault]})) == STUN_FINDS[fault]


def test_the_kind_of_nat(lab, check):
    assert check(StunProbe(), both(lab))["stun.address"].args == {
        "address": "203.0.113.7:41000", "nat": "stun.friendly-nat",
    }  # fmt: skip
    assert check(StunProbe(), lab.url("first"))["stun.address"].args["nat"] == "stun.some-nat"


def test_no_nat_at_all(context_of):
    """A server that tells what it sees: a plain socket, no lab."""
    import threading

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)

        def serve():
            asked, sender = server.recvfrom(2048)
            host = socket.inet_aton(sender[0])
            attribute = b"\x00\x01\x00\x08\x00\x01" + sender[1].to_bytes(2, "big") + host
            server.sendto(b"\x01\x01\x00\x0c" + asked[4:20] + attribute, sender)

        thread = threading.Thread(target=serve)
        thread.start()
        (found,) = StunProbe().run(context_of(f"stun://127.0.0.1:{server.getsockname()[1]}"))
        thread.join(5)
    assert found.args["nat"] == "stun.no-nat"


@pytest.mark.parametrize("fault", ["wire-silent", "wire-refused"])
def test_no_server(lab, check, fault):
    assert problems(check(StunProbe(), both(lab), first=[fault])) == {"stun.unreachable": "fault"}
    lab.clear("first")
    found = check(StunProbe(), both(lab), second=[fault])
    assert problems(found) == {"stun.unreachable": "fault"}
