"""CUPS: recorded answers, a spooler that is away, and computers without one."""

from __future__ import annotations

import pytest

from probes.host import cups
from probes.host.cups import (
    CupsFacts,
    Queue,
    check_cups,
    expected_by_systemd,
    queues_of,
    read_cups,
    with_jobs,
)
from probes.host.spooler import SpoolerProbe
from probes.links import LinkError
from probes.protocols import ipp
from supportctl.core.finding import Status

LOADED = "LoadState=loaded\nActiveState={}\nUnitFileState={}\n"


def answer(recorded, name):
    return ipp.parse(bytes.fromhex(recorded(name)))


def said(*queues):
    facts = CupsFacts(installed=True, expected=True, running=True, queues=queues)
    return [(v.code, v.status, v.meaning) for v in check_cups(facts)]


def test_recorded_queues(recorded):
    office, receipt = queues_of(answer(recorded, "cups-get-printers.hex"))
    assert (office.name, office.stopped, office.reasons) == ("office", True, ("paused",))
    assert office.message == "Paper jam cleared later"
    assert (receipt.name, receipt.stopped, receipt.waiting) == ("receipt", False, 0)


def test_recorded_jobs(recorded):
    jobs = answer(recorded, "cups-get-jobs.hex").jobs
    first = min(int(job["time-at-creation"]) for job in jobs if job["job-state"] != 4)
    queue = with_jobs(Queue("office"), jobs, first + 660)
    assert (queue.waiting, queue.oldest_s) == (1, 660)  # the held one does not count


def test_a_queue_that_prints_is_fine():
    assert said(Queue("receipt", waiting=3, oldest_s=30)) == [("host.spooler", Status.OK, "")]


def test_no_queues_say_nothing():
    assert said() == []


@pytest.mark.parametrize(
    ("queue", "status", "meaning"),
    [
        (Queue("a", stopped=True, waiting=2), Status.FAULT, "host.queue-paused"),
        (Queue("a", stopped=True), Status.WARNING, "host.queue-paused"),
        (Queue("a", accepting=False), Status.FAULT, "host.queue-paused"),
        (Queue("a", waiting=1, oldest_s=600), Status.FAULT, "host.queue-waits"),
    ],
)
def test_stuck_queues(queue, status, meaning):
    assert said(queue) == [("printer.queue-stuck", status, meaning)]


@pytest.mark.parametrize(
    ("service", "socket", "expected"),
    [
        (LOADED.format("failed", "enabled"), LOADED.format("inactive", "disabled"), True),
        (LOADED.format("inactive", "enabled"), LOADED.format("inactive", "enabled"), True),
        (LOADED.format("inactive", "enabled"), LOADED.format("active", "enabled"), False),  # sleeps
        (LOADED.format("activating", "enabled"), "", False),
        (LOADED.format("inactive", "disabled"), "", False),
        ("LoadState=not-found\nActiveState=inactive\nUnitFileState=\n", "", False),
        ("", "", False),
    ],
)
def test_whether_it_should_run(service, socket, expected):
    assert expected_by_systemd(service, socket)[0] is expected


def test_a_spooler_that_should_run_and_does_not():
    (verdict,) = check_cups(CupsFacts(installed=True, expected=True, state="failed"))
    assert (verdict.code, verdict.status) == ("host.spooler-stopped", Status.FAULT)


@pytest.mark.parametrize("facts", [CupsFacts(), CupsFacts(installed=True, state="inactive")])
def test_a_spooler_that_nobody_wants_is_no_news(facts):
    assert list(check_cups(facts)) == []


def test_a_computer_without_cups_is_asked_nothing(here, monkeypatch):
    def opener(_target, _deadline):
        raise AssertionError

    monkeypatch.setattr(cups, "_SERVERS", ())
    assert read_cups(here(opener=opener)) == CupsFacts()
    assert list(SpoolerProbe().run(here(opener=opener))) == []


def test_a_container_with_cups_but_without_queues(here, monkeypatch, tmp_path):
    def refused(_target, _deadline):
        raise LinkError("link.refused")

    (tmp_path / "cupsd").touch()
    monkeypatch.setattr(cups, "_SERVERS", (tmp_path / "cupsd",))
    monkeypatch.setattr(cups, "_QUEUES", tmp_path / "printers.conf")
    monkeypatch.setattr("probes.host.commands.run", lambda *_args: cups_missing())
    assert list(SpoolerProbe().run(here(opener=refused))) == []
    (tmp_path / "printers.conf").touch()
    (finding,) = SpoolerProbe().run(here(opener=refused))
    assert (finding.code, finding.status) == ("host.spooler-stopped", Status.FAULT)


def cups_missing():
    from probes.host.commands import Output

    return Output(None, problem="missing")
