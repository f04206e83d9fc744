"""The raw bridge, attacked: without a grant, for another target, too late, twice, with a guessed name."""

from __future__ import annotations

import base64
import json
import threading
from datetime import UTC, datetime, timedelta
from io import BytesIO
from types import SimpleNamespace

import pytest
from bridges import Bridged, Device, Person, heard

from supportctl.app.remote_bridge import bridge_on
from supportctl.core.clock import SystemClock
from supportctl.core.errors import SupportctlError
from supportctl.remote.agent import FixedGate
from supportctl.remote.audit import AuditLog, Who
from supportctl.remote.audited import AuditedClient, AuditedGate, counted
from supportctl.remote.bridge_desk import bound
from supportctl.remote.capability import Capability, Grant
from supportctl.remote.consent import ConsentGate
from supportctl.remote.grants import GrantGate, Offer, give

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def device():
    made = Device()
    yield made
    made.close()


def refused(session, target, **more):
    with pytest.raises(SupportctlError) as found:
        session.client.call("bridge.open", {"target": target, **more}, deadline_s=10)
    return found.value.key


@pytest.mark.parametrize(
    "more", [{"answer": False}, {"can_ask": False}, {"read_only": True}, {"gate": FixedGate(Capability)}]
)
def test_without_consent_there_is_none(device, more):
    session = Bridged(**more)
    assert refused(session, device.url) == "remote.denied"
    session.close()
    assert device.visits == 0


def test_each_yes_is_for_one_bridge_to_this_target(device):
    session = Bridged()
    opening = session.desk(device.url)
    opening.program().close()
    session.person.answer = False
    session.client.stop()
    assert opening.ended()["reason"] == "ended"
    assert refused(session, device.url) == "remote.denied"  # used up
    assert refused(session, device.url + "/") == "remote.denied"
    assert [each.wanted.target for each in session.person.asked] == [device.url, device.url, device.url + "/"]
    assert device.visits == 1
    session.close()


def test_a_grant_for_another_target_or_an_expired_one_opens_nothing(device):
    session = Bridged(answer=False)
    now = session.clock.monotonic()
    for grant in (
        Grant(Capability.BRIDGE, "tcp://127.0.0.1:1", "", now + 60),
        Grant(Capability.BRIDGE, device.url, "", now - 1),
        Grant(Capability.FIX, device.url, "", now + 60),
        Grant(Capability.BRIDGE, device.url, "d", now + 60),
    ):
        session.gate.grants.give(grant)
    assert refused(session, device.url) == "remote.denied"
    session.gate.grants.give(Grant(Capability.BRIDGE, device.url, "", now + 60))
    opening = session.desk(device.url)
    opening.program().close()
    session.close()
    assert device.visits == 1


@pytest.mark.parametrize(
    ("target", "key"),
    [
        ("serial:///etc/shadow", "remote.target-port"),
        ("serial:///dev/null", "remote.target-port"),
        ("tcp://192.0.2.1.example:80", "remote.target-host"),
        ("tcp://8.8.8.8:53", "remote.target-host"),
        ("tcp://127.0.0.1:80?token=secret://env/HOME", "remote.target-secret"),
        ("nobody", "target.not-a-url"),
    ],
)
def test_targets_beyond_the_shop_are_refused_before_anybody_is_asked(target, key, monkeypatch):
    monkeypatch.setattr("supportctl.remote.work._addresses", lambda host: ["8.8.8.8"])
    session = Bridged()
    assert refused(session, target) == key
    assert session.person.asked == []
    session.close()


def test_a_name_leads_to_the_address_that_was_looked_at(monkeypatch):
    """The second answer of a name server has no say: the bridge goes to the first."""
    from supportctl.app.remote_bridge import _target

    answers = iter([["10.0.0.7"], ["8.8.8.8"]])
    monkeypatch.setattr("supportctl.remote.work._addresses", lambda host: next(answers))
    assert _target("tcp://printer.shop:9100", None, ()).host == "10.0.0.7"


def test_a_guessed_name_of_a_bridge_moves_nothing(device):
    session = Bridged()
    opening = session.desk(device.url)
    with opening.program() as program:
        program.sendall(b"x")
        heard(program, 1)
        data = base64.b64encode(b"evil").decode()
        for name in ("", "0" * 32, "é"):
            with pytest.raises(SupportctlError) as found:
                session.client.call("bridge.send", {"bridge": name, "at": 1, "heard": 1, "data": data})
            assert found.value.key == "remote.bridge-unknown"
        assert session.bridges._now.sent == 1
    session.close()


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ({"at": 5, "heard": 0}, "remote.bridge-gap"),
        ({"at": 0, "heard": 1}, "remote.bridge-gap"),
        ({"at": -1, "heard": 0}, "remote.bad-params"),
        ({"at": 0, "heard": 0, "data": "no base64!"}, "remote.bad-params"),
        ({"at": 0, "heard": 0, "data": "A" * 50_000}, "remote.bad-params"),
    ],
)
def test_bytes_that_do_not_fit_are_refused(device, more, key):
    session = Bridged()
    opening = session.desk(device.url)
    opening.program().close()
    with pytest.raises(SupportctlError) as found:
        session.client.call("bridge.send", {"bridge": session.bridges._now.id, **more})
    assert found.value.key == key
    session.close()


def test_a_second_bridge_beside_the_first_is_refused_and_nobody_is_asked(device):
    session = Bridged()
    opening = session.desk(device.url)
    opening.program().close()
    assert refused(session, device.url) == "remote.bridge-busy"
    assert len(session.person.asked) == 1
    session.close()


def test_the_end_of_the_session_closes_the_port_at_once(device):
    session = Bridged()
    opening = session.desk(device.url)
    with opening.program() as program:
        program.sendall(b"x")
        heard(program, 1)
        session.session.stop()
        assert device.left.wait(5)  # it is noticed after 10 s that nobody speaks
        assert program.recv(10) == b""
    assert opening.ended()["reason"] == "ended"
    session.close()


def test_a_line_that_breaks_ends_it_on_both_sides(device, monkeypatch):
    monkeypatch.setattr("supportctl.remote.bridge.UNHEARD_S", 0.2)
    session = Bridged()
    opening = session.desk(device.url)
    with opening.program() as program:
        session.cut()
        assert program.recv(10) == b""
    assert opening.ended() is None
    assert opening.error.key in {"remote.unclear", "remote.closed"}
    assert device.left.wait(5)
    session.close()


def test_where_nobody_sits_a_grant_opens_one_bridge_to_exactly_this(device, tmp_path):
    now = [NOW]
    gate = GrantGate({Capability.PROBE}, tmp_path / "g", lambda: now[0], lambda wanted, params: None)
    session = Bridged(gate=gate)
    offer = Offer(Capability.BRIDGE, device.url, "")
    code, _ = give(tmp_path / "g", offer, NOW)
    other, _ = give(tmp_path / "g", offer._replace(target="tcp://127.0.0.1:1"), NOW)
    fix, _ = give(tmp_path / "g", offer._replace(capability=Capability.FIX), NOW)
    for wrong in ("", "AAAA-AAAA-AAAA-AAAA", other, fix):
        assert refused(session, device.url, grant=wrong) == "remote.denied"
    now[0] = NOW + timedelta(hours=1)
    assert refused(session, device.url, grant=code) == "remote.denied"  # expired
    now[0] = NOW
    assert device.visits == 0
    opened = []

    def told(value):
        if "bridge" in value:
            opened.append(value)
            session.client.stop()

    answer = session.client.call("bridge.open", {"target": device.url, "grant": code}, on_progress=told)
    assert answer["reason"] == "ended"
    assert len(opened) == 1
    assert refused(session, device.url, grant=code) == "remote.denied"  # used up
    session.close()


def test_a_far_side_that_lies_about_the_end_is_told_safely():
    def ask(method, params, **more):
        return {"sent": "\x1b[2J", "received": None, "reason": "\x1b]0;x\x07" * 50}

    client = SimpleNamespace(call=ask, stop=lambda: None)
    remote = SimpleNamespace(session=SimpleNamespace(client=client), audited=None)
    told = bridge_on(remote, "tcp://127.0.0.1:1", bound("127.0.0.1:0"), print)
    assert (told["sent"], told["received"]) == (-1, -1)
    assert "\x1b" not in told["reason"]
    assert len(told["reason"]) <= 41


@pytest.mark.parametrize(
    "value",
    [{"at": 1, "data": "eA=="}, {"at": 0, "data": "?"}, {"at": 0}, {"at": 0, "data": "AAAA" * 100_000}],
)
def test_a_far_side_that_sends_nonsense_ends_the_bridge(value):
    """Bytes with a gap, no bytes, more than was asked for: nothing of it reaches the program."""
    stopped = threading.Event()

    def ask(method, params, **more):
        if method == "bridge.open":
            more["on_progress"]({"bridge": "b"})
            more["on_progress"](value)
            assert stopped.wait(5)
        return {"sent": 0, "received": 0, "reason": "ended"}

    client = SimpleNamespace(call=ask, stop=stopped.set)
    remote = SimpleNamespace(session=SimpleNamespace(client=client), audited=None)
    assert bridge_on(remote, "t", bound("127.0.0.1:0"), lambda *_: None)["reason"] == "ended"


def test_both_logs_say_what_was_allowed_and_how_many_bytes_went(device):
    logs = {side: BytesIO() for side in ("customer", "supporter")}
    for file in logs.values():
        file.fileno = lambda: -1
    clock = SystemClock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda number: None)
        log = AuditLog(logs["customer"], Who("s", "T-1", "customer", "here", "-"), clock)
        mine = AuditLog(logs["supporter"], Who("s", "T-1", "supporter", "there", "me"), clock)
        person = Person()
        gate = AuditedGate(
            ConsentGate(person, lambda wanted, params: _Asked, clock, read_only=False, can_ask=True), log
        )
        session = Bridged(
            gate=gate, wrap=lambda own: {**own, "bridge.open": counted(own["bridge.open"], log)}
        )
        audited = AuditedClient(session.client, mine)
        opening = session.desk(device.url)
        opening.desk._ask = session.client.call
        with opening.program() as program:
            program.sendall(b"secret bytes")
            heard(program, 12)
        session.client.stop()
        opening.ended()
        audited.call("bridge.open", {"target": device.url}, on_progress=lambda _value: session.client.stop())
        session.close()
    lines = [json.loads(line) for line in logs["customer"].getvalue().splitlines()]
    assert [each["event"] for each in lines[1:5]] == ["consent", "intent", "result", "result"]
    assert (lines[3]["sent"], lines[3]["received"]) == (12, 12)
    assert "bridge.send" not in logs["customer"].getvalue().decode()
    assert b"secret" not in logs["customer"].getvalue()
    own = [json.loads(line) for line in logs["supporter"].getvalue().splitlines()]
    assert (own[-1]["event"], own[-1]["sent"], own[-1]["received"]) == ("result", 0, 0)


class _Asked:
    """A question that nobody reads."""
