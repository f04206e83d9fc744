"""Consent: only a yes that is typed at the customer's own terminal allows something, once, and only that."""

from __future__ import annotations

import os
import threading

import pytest

from supportctl.core.clock import FakeClock, SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.errors import SupportctlError
from supportctl.remote.capability import Capability, Grant, Grants, Wanted
from supportctl.remote.client import Client
from supportctl.remote.consent import GRANT_S, ConsentGate, Question
from supportctl.remote.digest import digest_of
from supportctl.remote.frames import PROTOCOL, Hello, frame
from supportctl.remote.link import FileLink
from supportctl.remote.methods import METHODS
from supportctl.remote.server import Call, Server

FIX = Wanted(Capability.FIX, "printer", "d1")


class Customer:
    def __init__(self, *answers) -> None:
        self.answers = list(answers)
        self.questions: list[Question] = []
        self.heard: list[tuple[str, str]] = []

    def asks(self, question, deadline, withdrawn):
        self.questions.append(question)
        answer = self.answers.pop(0)
        return answer() if callable(answer) else answer

    def told(self, method, params, outcome) -> None:
        self.heard.append((method, outcome))


def describe(wanted, params):
    return Question(wanted, "title", wanted.target, "source", (), "undo")


def gate_of(customer, clock=None, **settings):
    return ConsentGate(
        customer, describe, clock or FakeClock(), **{"read_only": False, "can_ask": True, **settings}
    )


def call_of(clock, seconds=60.0):
    return Call("playbook.run", Deadline.after(seconds, clock), threading.Event(), lambda _value: None)


def test_yes_is_for_once():
    clock, customer = FakeClock(), Customer(True, False)
    gate = gate_of(customer, clock)
    assert gate.allows(FIX, call_of(clock))
    assert not gate.allows(FIX, call_of(clock))
    assert len(customer.questions) == 2


@pytest.mark.parametrize("answer", [False, None, 1, "yes", "да", [True], object()])
def test_only_true_is_yes(answer):
    clock = FakeClock()
    assert not gate_of(Customer(answer), clock).allows(FIX, call_of(clock))


def test_a_yes_that_comes_too_late_is_no():
    clock = FakeClock()

    def late():
        clock.advance(1000)
        return True

    assert not gate_of(Customer(late), clock).allows(FIX, call_of(clock))


def test_a_yes_to_a_request_that_was_withdrawn_is_no():
    clock = FakeClock()
    call = call_of(clock)

    def withdrawn():
        call.cancelled.set()
        return True

    gate = gate_of(Customer(withdrawn), clock)
    assert not gate.allows(FIX, call)
    assert not gate.grants.take(FIX, clock.monotonic())  # and nothing is left of it


@pytest.mark.parametrize("settings", [{"read_only": True}, {"can_ask": False}])
@pytest.mark.parametrize("capability", [Capability.FIX, Capability.BRIDGE])
def test_read_only_and_no_terminal_ask_nobody(settings, capability):
    clock, customer = FakeClock(), Customer(True)
    assert not gate_of(customer, clock, **settings).allows(
        FIX._replace(capability=capability), call_of(clock)
    )
    assert customer.questions == []


def test_looking_needs_no_question():
    clock, customer = FakeClock(), Customer()
    gate = gate_of(customer, clock, read_only=True)
    assert gate.allows(Wanted(Capability.OBSERVE), call_of(clock))
    assert gate.allows(Wanted(Capability.PROBE), call_of(clock))


def test_a_second_question_beside_the_first_is_refused():
    clock = FakeClock()
    asked, answered = threading.Event(), threading.Event()

    def waits():
        asked.set()
        return answered.wait(5)

    customer = Customer(waits, True)
    gate = gate_of(customer, clock)
    results: list[bool] = []
    first = threading.Thread(target=lambda: results.append(gate.allows(FIX, call_of(clock))))
    first.start()
    assert asked.wait(5)
    assert not gate.allows(FIX._replace(target="drawer"), call_of(clock))
    answered.set()
    first.join(5)
    assert (results, len(customer.questions)) == ([True], 1)


def test_what_cannot_be_described_is_not_asked():
    def unsigned(_wanted, _params):
        raise SupportctlError("share.bad-setting", name="x", found="y")

    clock, customer = FakeClock(), Customer(True)
    gate = ConsentGate(customer, unsigned, clock, read_only=False, can_ask=True)
    with pytest.raises(SupportctlError):
        gate.allows(FIX, call_of(clock))
    assert customer.questions == []


@pytest.mark.parametrize(
    "wanted",
    [
        FIX._replace(target="register"), FIX._replace(digest="d2"),
        FIX._replace(capability=Capability.BRIDGE), FIX._replace(target=""), FIX._replace(digest=""),
    ],
)  # fmt: skip
def test_a_grant_is_for_what_was_shown(wanted):
    grants = Grants()
    grants.give(Grant(*FIX, expires_at=10.0))
    assert not grants.take(wanted, 0.0)
    assert grants.take(FIX, 9.9)
    assert not grants.take(FIX, 9.9)


def test_a_grant_ends():
    grants = Grants()
    grants.give(Grant(*FIX, expires_at=GRANT_S))
    assert not grants.take(FIX, GRANT_S)
    grants.give(Grant(*FIX, expires_at=GRANT_S))
    grants.revoke()
    assert not grants.take(FIX, 0.0)


def test_the_digest_is_that_of_every_name_and_byte():
    files = {"a.yaml": "x", "b.yaml": "y"}
    others = [
        {"a.yaml": "x"},
        {"a.yaml": "xy", "b.yaml": ""},
        {"b.yaml": "x", "a.yaml": "y"},
        {"a.yamlx": "", "b.yaml": "y"},
    ]
    assert len({digest_of(each) for each in (files, *others)}) == 5
    assert digest_of(dict(reversed(files.items()))) == digest_of(files)


def test_no_message_of_the_wire_answers_the_question():
    """Every method, and messages that look like answers, while the question is open: it stays open."""
    clock = SystemClock()
    asked, let_go, done = threading.Event(), threading.Event(), []

    def waits():
        asked.set()
        let_go.wait(10)
        return False

    customer = Customer(waits)
    gate = gate_of(customer, clock)
    there, here = os.pipe(), os.pipe()
    served = FileLink(os.fdopen(there[0], "rb"), os.fdopen(here[1], "wb"))
    handlers = {"playbook.run": lambda _params, _call: done.append(1) or {}}
    thread = threading.Thread(
        target=Server(served, handlers, gate, clock).serve,
        args=(Hello(PROTOCOL, "1", "", "s", ()),),
        daemon=True,
    )
    thread.start()
    client = Client(clock, "c")
    link = FileLink(os.fdopen(here[0], "rb"), os.fdopen(there[1], "wb"))
    client.attach(link)
    params = {
        "files": {"a": "x"},
        "signatures": {"a": "y"},
        "name": "a",
        "ticket": "T",
        "roles": {"p": "printer"},
    }
    refusals: list[str] = []

    def ask() -> None:
        try:
            client.call("playbook.run", params, deadline_s=20)
        except SupportctlError as error:
            refusals.append(error.key)

    asking = threading.Thread(target=ask)
    asking.start()
    assert asked.wait(5)
    for name in (*METHODS, "consent", "grant", "yes", "answer", "share.allow", "__init__"):
        if name not in {"playbook.run", "bridge.open"}:
            link.send(frame({"id": f"x-{name}", "method": name, "params": {}, "deadline_s": 5}))
    for message in (
        {"result": True},
        {"result": {"yes": True}},
        {"progress": {"yes": True}},
        {"answer": "yes"},
    ):
        link.send(frame({"id": "z-1", "method": "ping", **message}))
    client.call("ping")
    # the same request under another id waits for no answer of its own: one question at a time
    with pytest.raises(SupportctlError) as second:
        client.call("playbook.run", params)
    assert second.value.key == "remote.denied"
    assert asking.is_alive()
    let_go.set()
    asking.join(5)
    assert (refusals, done, len(customer.questions)) == (["remote.denied"], [], 1)
    client.close()
    thread.join(5)
