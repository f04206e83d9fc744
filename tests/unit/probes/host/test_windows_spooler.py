"""The Windows spooler from recorded JSON, and why Windows calls a printer offline that prints."""

from __future__ import annotations

import socket
import threading
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.host import spooler, windows_spooler
from probes.host.windows_spooler import Port, Reach, SpoolerFacts, check_spooler, parse
from supportctl.core.finding import Status

WORDS = (
    "service", "printers", "jobs", "ports", "Name", "PortName", "State", "PrinterState", "Submitted",
    "StatusMask", "HostAddress",
)  # fmt: skip
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
REACHED = Reach(tcp=True, snmp=True)


@pytest.fixture
def facts(recorded):
    def read(name):
        found = parse(recorded(f"windows-{name}.json"), NOW)
        assert found is not None
        return found

    return read


def said(facts, **reach):
    return [(v.code, v.status, v.meaning) for v in check_spooler(facts, reach)]


def test_healthy(facts):
    assert said(facts("healthy")) == [("host.spooler", Status.OK, "")]


def test_a_queue_that_prints_into_files_is_never_offline(facts):
    assert any(queue.offline for queue in facts("healthy").queues)  # Windows says so of "Print to PDF"
    assert facts("healthy").offline_on_network() == ()


def test_powershell_turns_a_list_of_one_into_its_member(facts):
    found = facts("one-of-each")
    assert [queue.name for queue in found.queues] == ["Чеки"]
    assert found.ports == (Port("IP_1", "10.0.0.5", 9100, True, "public"),)
    assert found.jobs == ()
    assert said(found) == [("host.spooler", Status.OK, "")]


def test_offline_because_snmp_is_silent(facts):
    found = facts("snmp-offline")
    assert [(queue.name, port.host) for queue, port in found.offline_on_network()] == [
        ("Чеки", "192.168.1.50")
    ]
    (verdict,) = check_spooler(found, {"Чеки": Reach(tcp=True, snmp=False)})
    assert (verdict.code, verdict.status) == ("printer.windows-snmp-offline", Status.FAULT)
    assert verdict.args["jobs"] == 2
    assert verdict.args["host"] == "192.168.1.50"


@pytest.mark.parametrize(
    ("reach", "code", "meaning"),
    [
        (Reach(tcp=False, snmp=False), "printer.offline", "host.queue-offline-unreachable"),
        (Reach(tcp=True, snmp=True), "printer.queue-stuck", "host.queue-set-offline"),
        (Reach(tcp=True, snmp=None), "printer.queue-stuck", "host.queue-set-offline"),
        (Reach(tcp=None, snmp=False), "printer.queue-stuck", "host.queue-set-offline"),
    ],
)
def test_offline_for_another_reason(facts, reach, code, meaning):
    assert said(facts("snmp-offline"), Чеки=reach) == [(code, Status.FAULT, meaning)]


def test_without_the_tick_snmp_is_not_the_reason(facts):
    found = facts("snmp-offline")
    without = found._replace(ports=tuple(port._replace(snmp=False) for port in found.ports))
    assert said(without, Чеки=Reach(tcp=True, snmp=False))[0][0] != "printer.windows-snmp-offline"


def test_offline_that_nobody_ordered(facts):
    found = facts("snmp-offline")
    queues = tuple(queue._replace(told_to_work_offline=False) for queue in found.queues)
    assert said(found._replace(queues=queues), Чеки=REACHED) == [
        ("printer.offline", Status.FAULT, "host.queue-offline-but-reachable")
    ]


@pytest.mark.parametrize(
    ("name", "code", "status", "meaning"),
    [
        ("set-offline", "printer.queue-stuck", Status.FAULT, "host.queue-set-offline"),
        ("paused", "printer.queue-stuck", Status.FAULT, "host.queue-paused"),
        ("stuck", "printer.queue-stuck", Status.FAULT, "host.queue-waits"),
        ("job-error", "printer.queue-stuck", Status.FAULT, "host.queue-waits"),
        ("spooler-stopped", "host.spooler-stopped", Status.FAULT, "host.spooler-state"),
        ("spooler-disabled", "host.spooler-stopped", Status.WARNING, "host.spooler-disabled"),
    ],
)
def test_recorded_trouble(facts, name, code, status, meaning):
    assert said(facts(name)) == [(code, status, meaning)]


def test_age_of_jobs(facts):
    (verdict,) = check_spooler(facts("stuck"), {})
    assert (verdict.args["jobs"], verdict.args["minutes"]) == (2, 50)


def test_a_queue_with_a_comma_in_its_name_keeps_its_jobs(facts):
    (verdict,) = check_spooler(facts("paused"), {})
    assert verdict.args["jobs"] == 1


@pytest.mark.parametrize("text", ["", "x", "[]", "null", "{", "7", "Get-CimInstance : Access denied"])
def test_no_json_is_no_facts(text):
    assert parse(text, NOW) is None


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=20,
))  # fmt: skip
def test_any_json_is_survived(document):
    import json

    found = parse(json.dumps(document), NOW)
    assert found is None or list(check_spooler(found, {})) is not None


def test_the_script_reads_only_and_fits_into_one_argument():
    script = windows_spooler.SCRIPT.read_text(encoding="utf-8")
    verbs = {word.partition("-")[0] for word in script.split() if "-" in word and word[0].isupper()}
    assert verbs <= {"Get", "Select", "ConvertTo"}
    command = windows_spooler.command()
    assert command[0] == "powershell.exe"
    assert command[-2] == "-Command"
    assert '"' not in command[-1]
    assert len(command[-1]) < 8000
    assert "ConvertTo-Json" in command[-1]


def accept_one(listener):
    listener.accept()[0].close()


def test_our_own_questions_to_the_printer(here):
    """A printer on loopback that takes connections; SNMP of port 161 is not served here."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.getsockname()[1]
        thread = threading.Thread(target=accept_one, args=(listener,), daemon=True)
        thread.start()
        reach = spooler.reach(here(), Port("IP_1", "127.0.0.1", number, True))
        thread.join(5)
    assert reach.tcp is True
    closed = spooler.reach(here(), Port("IP_1", "127.0.0.1", number, True))
    assert closed.tcp is False


def test_printers_that_windows_shows_as_online_are_not_asked(here, facts):
    assert spooler.reach_offline(here(), facts("healthy")) == {}
    assert spooler.reach_offline(here(), SpoolerFacts()) == {}
