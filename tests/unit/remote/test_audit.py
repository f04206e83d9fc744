"""The audit log: what it writes, how both sides exchange heads, and that any change of any byte is found."""

from __future__ import annotations

import io
import json
import os
import stat
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.errors import SupportctlError, UsageError
from supportctl.core.redaction import remember
from supportctl.remote.audit import NOTHING, AuditLog, Head, Who, canonical, chained, create
from supportctl.remote.audit_check import check
from supportctl.remote.audited import AuditedClient, AuditedGate, head_handler
from supportctl.remote.capability import Capability, Wanted
from supportctl.remote.client import Client
from supportctl.remote.frames import PROTOCOL, Hello
from supportctl.remote.link import FileLink
from supportctl.remote.server import Call, Server

WHO = Who("s1", "T-17", "customer", "shop-12", "anna")
CLOCK = SystemClock()


def log_in(folder, name="customer", who=WHO):
    return create(Path(folder) / f"{name}.jsonl", who, CLOCK)


def entries_of(path):
    return [json.loads(line) for line in path.read_bytes().splitlines()]


class KeptFile(io.BytesIO):
    """A file in memory whose bytes stay when it is closed."""

    def fileno(self):
        raise OSError("no file")

    def close(self):
        self.kept = self.getvalue()
        super().close()


def written(tmp_path, events):
    log = log_in(tmp_path)
    for event, fields in events:
        log.write(event, **fields)
    log.close()
    return tmp_path / "customer.jsonl"


def test_first_line_says_whose_log_it_is_and_only_the_owner_reads_it(tmp_path):
    path = written(tmp_path, [("intent", {"method": "about", "params": {}})])
    first, second, last = entries_of(path)
    assert first.items() >= {"event": "opened", "ticket": "T-17", "n": 0, "prev": NOTHING}.items()
    assert (second["event"], last["event"], last["n"]) == ("intent", "closed", 2)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("ticket", ["", "  \t"])
def test_no_log_without_a_ticket(tmp_path, ticket):
    with pytest.raises(UsageError, match=r"audit\.no-ticket"):
        log_in(tmp_path, who=WHO._replace(ticket=ticket))
    assert not list(tmp_path.iterdir())


def test_a_log_is_never_written_over(tmp_path):
    log_in(tmp_path).close()
    with pytest.raises(SupportctlError, match=r"audit\.unwritable"):
        log_in(tmp_path)


def test_secrets_and_long_texts_are_not_in_it(tmp_path):
    remember("Z9-canary-Z9")
    params = {"password": "qwerty", "target": "Z9-canary-Z9", "files": {"a.yaml": "x" * 5000}}
    path = written(tmp_path, [("intent", {"method": "playbook.run", "params": params})])
    text = path.read_text()
    assert "canary" not in text
    assert "qwerty" not in text
    assert "xxxx" not in text
    assert "sha256:" in text


def test_what_cannot_be_written_is_not_begun_and_never_again():
    file = KeptFile()
    log = AuditLog.__new__(AuditLog)
    with pytest.raises(SupportctlError, match=r"audit\.unwritable"):
        log.__init__(file, WHO, CLOCK)  # fsync fails
    with pytest.raises(SupportctlError, match=r"audit\.unwritable"):
        log.write("intent", method="about")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
events = st.lists(
    st.tuples(
        st.sampled_from(["intent", "result", "denied"]), st.fixed_dictionaries({"params": json_values})
    ),
    max_size=5,
)
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quick
@given(events)
def test_any_sequence_of_entries_verifies(found):
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder), found)
        verdict = check(path)
        assert (verdict.status, verdict.log.head.entries) == ("ok", len(found) + 2)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_change_of_a_byte_is_found(data):
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder), [("intent", {"params": {"a": "приве", "b": [1, 2.5]}}), ("result", {})])
        whole = bytearray(path.read_bytes())
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at] = data.draw(st.integers(0, 255).filter(lambda value: value != whole[at]))
        path.write_bytes(whole)
        try:
            verdict = check(path)
        except UsageError:
            return  # no audit log any more
        assert verdict.status == "fault"
        line = bytes(path.read_bytes()[:at]).count(b"\n") + 1
        assert verdict.problems[0].line in {line, line + 1}


def test_each_kind_of_change_is_named_with_its_line(tmp_path):
    path = written(tmp_path, [("intent", {"method": f"m{number}"}) for number in range(6)])
    lines = path.read_bytes().splitlines(keepends=True)

    def told(changed):
        path.write_bytes(b"".join(changed))
        return [(problem.code, problem.line) for problem in check(path).problems if problem.fault]

    assert told(lines) == []
    assert told([*lines[:3], *lines[4:]]) == [("audit.missing", 4)]
    assert told([*lines[:3], lines[4], lines[3], *lines[5:]])[0] == ("audit.moved", 4)
    assert told([*lines[:3], lines[1], *lines[3:]])[0][0] == "audit.inserted"
    assert told([*lines[:3], lines[3].replace(b"m2", b"m9"), *lines[4:]]) == [("audit.edited", 4)]
    assert told([*lines[:3], lines[3].replace(b":", b": ", 1), *lines[4:]]) == [("audit.garbled", 4)]
    assert told(lines[1:])[0] == ("audit.missing", 1)
    forged = {**json.loads(lines[3]), "method": "forged", "n": 3, "prev": json.loads(lines[2])["hash"]}
    del forged["hash"]
    forged["hash"] = chained(forged["prev"], forged)
    assert told([*lines[:3], canonical(forged) + b"\n", *lines[3:]]) == [("audit.inserted", 4)]


def test_a_cut_end_is_found_by_the_missing_close_and_by_a_noted_head(tmp_path):
    log = log_in(tmp_path)
    log.write("intent", method="about")
    head = log.close()
    path = tmp_path / "customer.jsonl"
    assert check(path, head=head).status == "ok"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    assert check(path).status == "warning"
    assert check(path, head=head._replace(log="")).problems[0].code == "audit.cut"


class Gate:
    def __init__(self, allowed=True):
        self.allowed = allowed
        self.heard = []

    def allows(self, wanted, call):
        if isinstance(self.allowed, SupportctlError):
            raise self.allowed
        return self.allowed if wanted.capability is not Capability.BRIDGE else False

    def told(self, method, params, outcome):
        self.heard.append((method, outcome))


@pytest.fixture
def sides(tmp_path):
    """Return a session over a pipe with a log on each side."""
    here = create(tmp_path / "here.jsonl", WHO._replace(side="supporter"), CLOCK)
    there = create(tmp_path / "there.jsonl", WHO, CLOCK)
    handlers = {"about": lambda _params, _call: {}, "audit.head": head_handler(there)}
    handlers["bridge.open"] = handlers["about"]
    to, back = os.pipe(), os.pipe()
    served = FileLink(os.fdopen(to[0], "rb"), os.fdopen(back[1], "wb"))
    server = Server(served, handlers, AuditedGate(Gate(), there), CLOCK)
    hello = Hello(PROTOCOL, "1", "", "s1", ("observe",))
    thread = threading.Thread(target=server.serve, args=(hello,), daemon=True)
    thread.start()
    client = Client(CLOCK, "t")
    client.attach(FileLink(os.fdopen(back[0], "rb"), os.fdopen(to[1], "wb")))
    yield AuditedClient(client, here, every=6), here, there
    client.close()
    thread.join(5)
    assert not thread.is_alive()
    here.close()
    there.close()


def test_both_sides_write_and_bear_witness(sides, tmp_path):
    client, _, there = sides
    for _ in range(5):
        client.call("about")
    with pytest.raises(SupportctlError, match=r"remote\.denied"):
        client.call("bridge.open", {"target": "tcp://10.0.0.1:1"})
    head = client.close()
    there.close()
    ours, theirs = tmp_path / "here.jsonl", tmp_path / "there.jsonl"
    verdict = check(theirs, peer=ours)
    assert (verdict.status, verdict.problems, verdict.peer_problems) == ("ok", (), ())
    assert verdict.witnessed >= 12
    assert check(ours, peer=theirs, head=head).status == "ok"
    outcomes = [entry.get("outcome") for entry in entries_of(theirs)]
    assert outcomes.count("denied") == 1
    lines = theirs.read_bytes().splitlines(keepends=True)
    theirs.write_bytes(b"".join(lines[:5]))
    assert [problem.code for problem in check(theirs, peer=ours).problems if problem.fault] == ["audit.cut"]


def test_a_log_written_anew_is_found_by_the_other_one(sides, tmp_path):
    client, _, there = sides
    for _ in range(5):
        client.call("about")
    client.close()
    there.close()
    theirs = tmp_path / "there.jsonl"
    before, forged = NOTHING, []
    for entry in entries_of(theirs):
        del entry["hash"]
        entry |= {"prev": before, **({"method": "ports"} if entry.get("method") else {})}
        before = chained(before, entry)
        forged.append(canonical({**entry, "hash": before}) + b"\n")
    theirs.write_bytes(b"".join(forged))
    assert check(theirs).status == "ok", "the chain alone cannot know"
    assert check(theirs, peer=tmp_path / "here.jsonl").problems[0].code == "audit.other-than-noted"


def test_another_sessions_log_is_no_witness(tmp_path):
    for name in ("one", "two"):
        log_in(tmp_path, name).close()
    assert check(tmp_path / "one.jsonl", peer=tmp_path / "two.jsonl").status == "unknown"


def call_of(method, params):
    return Call(method, Deadline.after(5, CLOCK), None, lambda _value: None, params)


def test_consent_refusals_and_changes_are_written(tmp_path):
    log, inner = log_in(tmp_path), Gate()
    gate = AuditedGate(inner, log)
    wanted = Wanted(Capability.FIX, "printer", "abc")
    assert gate.allows(wanted, call_of("playbook.run", {"name": "x"}))
    inner.allowed = SupportctlError("signing.unknown-signer")
    with pytest.raises(SupportctlError):
        gate.allows(wanted, call_of("playbook.run", {"name": "x"}))
    log.sign_in("SHA256:abc", "share.wrong-code")
    log.close()
    told = [(entry["event"], entry.get("outcome")) for entry in entries_of(tmp_path / "customer.jsonl")]
    assert told[1:4] == [
        ("consent", None),
        ("result", "signing.unknown-signer"),
        ("sign-in", "share.wrong-code"),
    ]


def test_an_intent_is_on_the_disk_before_the_change_and_a_broken_log_stops_it(tmp_path, monkeypatch):
    log, inner = log_in(tmp_path), Gate()
    gate, synced = AuditedGate(inner, log), []
    monkeypatch.setattr("os.fsync", lambda _number: synced.append(len(inner.heard)))
    gate.told("about", {}, "begun")
    assert synced == []
    gate.told("playbook.run", {}, "begun")
    assert synced == [1], "before anybody else hears of it"
    gate.told("playbook.run", {}, "done")
    assert len(synced) == 2

    def full(_number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SupportctlError, match=r"audit\.unwritable"):
        gate.told("playbook.run", {}, "begun")
    assert inner.heard[-1] == ("playbook.run", "done"), "what could not be written has not begun"
    monkeypatch.undo()
    gate.told("playbook.run", {}, "done")  # an answer still comes
    with pytest.raises(SupportctlError, match=r"audit\.unwritable"):
        gate.told("about", {}, "begun")
    log.close()


class NoLog(Client):
    """A peer without a log."""

    def __init__(self):
        super().__init__(CLOCK, "t")
        self.asked = []

    def call(self, method, params=None, **_more):
        self.asked.append(method)
        if method == "audit.head":
            raise SupportctlError("remote.unknown-method")
        return {}


def test_a_peer_that_keeps_no_log_is_asked_once(tmp_path):
    peer = NoLog()
    client = AuditedClient(peer, log_in(tmp_path), every=1)
    client.call("about")
    client.call("ports")
    client.close()
    assert peer.asked == ["about", "audit.head", "ports"]
    assert check(tmp_path / "customer.jsonl", head=Head("", 0, "")).status == "ok"
