"""The print spooler of Linux: whether CUPS runs, and queues that wait in vain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from probes.host.verdict import Verdict
from probes.links.base import LinkError
from supportctl.core.finding import Status
from supportctl.core.target import Target
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from probes.context import ProbeContext
    from probes.protocols.ipp import Answer
    from supportctl.core.deadline import Deadline

SERVER = Target("ipp", "http", "localhost", 631, "/")
STUCK_MINUTES = 10  # a receipt that waits for so long is lost for its customer
_STOPPED = 5  # printer-state
_WAITING = {3, 4, 5, 6}  # job-state: pending, held, processing, stopped
_HELD = 4
_SERVERS = (Path("/usr/sbin/cupsd"), Path("/usr/local/sbin/cupsd"))
_QUEUES = Path("/etc/cups/printers.conf")
_PRINTER_ATTRIBUTES = (
    "printer-name", "printer-state", "printer-state-reasons", "printer-state-message",
    "printer-is-accepting-jobs", "queued-job-count", "printer-up-time",
)  # fmt: skip
_JOB_ATTRIBUTES = ("job-id", "job-state", "time-at-creation", "job-name")
_MAX_QUEUES = 20


class Queue(NamedTuple):
    """One queue. `oldest_s`: the age of its oldest waiting job; a held job is none: somebody wants that."""

    name: str
    stopped: bool = False
    accepting: bool = True
    reasons: tuple[str, ...] = ()
    message: str = ""
    waiting: int = 0
    oldest_s: int = 0


class CupsFacts(NamedTuple):
    """Whether CUPS is on this computer, meant to run, and running, and what it says of its queues."""

    installed: bool = False
    expected: bool = False
    running: bool = False
    state: str = ""
    queues: tuple[Queue, ...] = ()


def read_cups(context: ProbeContext) -> CupsFacts:
    """Return the facts; a computer without CUPS gives empty ones."""
    if not any(path.exists() for path in _SERVERS):
        return CupsFacts()
    try:
        queues = _read_queues(context)
    except LinkError as error:
        if error.code != "link.refused":  # it listens, or we cannot tell
            return CupsFacts(installed=True, running=True)
        expected, state = _expected(context.deadline.within(3.0))
        return CupsFacts(installed=True, expected=expected, state=state)
    return CupsFacts(installed=True, expected=True, running=True, queues=queues)


def _read_queues(context: ProbeContext) -> tuple[Queue, ...]:
    from probes.protocols import ipp
    from probes.services.ipp_client import post

    body = ipp.request(ipp.Operation.CUPS_GET_PRINTERS, "", _PRINTER_ATTRIBUTES, request_id=1)
    reply = post(context, SERVER, "/", body, "CUPS-Get-Printers")
    if reply.ipp is None:
        return ()
    found = []
    for printer in queues_of(reply.ipp)[:_MAX_QUEUES]:
        if not printer.waiting:
            found.append(printer)
            continue
        uri = f"ipp://{SERVER.host}:{SERVER.port}/printers/{printer.name}"
        body = ipp.request(
            ipp.Operation.GET_JOBS, uri, _JOB_ATTRIBUTES, request_id=2, which_jobs="not-completed"
        )
        jobs = post(context, SERVER, f"/printers/{printer.name}", body, f"Get-Jobs {printer.name}")
        now = int(context.clock.now().timestamp())
        found.append(printer if jobs.ipp is None else with_jobs(printer, jobs.ipp.jobs, now))
    return tuple(found)


def queues_of(answer: Answer) -> list[Queue]:
    """Return the queues in an answer to CUPS-Get-Printers."""
    from probes.protocols.ipp import number, texts

    return [
        Queue(
            name=clean(" ".join(texts(said.get("printer-name")))),
            stopped=number(said.get("printer-state")) == _STOPPED,
            accepting=said.get("printer-is-accepting-jobs") is not False,
            reasons=tuple(clean(reason) for reason in texts(said.get("printer-state-reasons"))),
            message=clean(" ".join(texts(said.get("printer-state-message")))),
            waiting=number(said.get("queued-job-count")) or 0,
        )
        for said in answer.printers
    ]


def with_jobs(queue: Queue, jobs: Iterable[Mapping[str, object]], now: int) -> Queue:
    """Return `queue` with the number and the age of its waiting jobs; CUPS tells Unix time, as is `now`."""
    from probes.protocols.ipp import number

    created = [
        number(job.get("time-at-creation")) or now
        for job in jobs
        if number(job.get("job-state")) in _WAITING - {_HELD}
    ]
    return queue._replace(waiting=len(created), oldest_s=max((now - at for at in created), default=0))


def _expected(deadline: Deadline) -> tuple[bool, str]:
    """Return whether CUPS is meant to run here, and in what state the system holds it."""
    from probes.host.commands import run

    command = ["systemctl", "show", "--no-pager", "-p", "LoadState,ActiveState,UnitFileState"]
    service = run([*command, "--", "cups.service"], deadline)
    socket = run([*command, "--", "cups.socket"], deadline)
    if service.code != 0:  # no systemd: only somebody who set up a queue expects it to print
        return _QUEUES.exists(), "not running"
    return expected_by_systemd(service.text, socket.text)


def expected_by_systemd(service: str, socket: str) -> tuple[bool, str]:
    """Return the same from `systemctl show` of cups.service and cups.socket.

    An active socket starts the service when the first job comes: then it may sleep.
    """
    unit = dict(line.partition("=")[::2] for line in service.splitlines())
    waker = dict(line.partition("=")[::2] for line in socket.splitlines())
    state = unit.get("ActiveState", "")
    if unit.get("LoadState") != "loaded" or unit.get("UnitFileState") not in {"enabled", "static"}:
        return False, state
    asleep = state == "inactive" and waker.get("ActiveState") == "active"
    return not asleep and state not in {"active", "activating"}, state


def check_cups(facts: CupsFacts) -> Iterator[Verdict]:
    """Yield what is wrong with the spooler or its queues, and `host.spooler` when it runs and nothing is."""
    if not facts.running:
        if facts.expected:
            args = {"spooler": "CUPS"}
            state = facts.state or "not running"
            yield Verdict(
                Status.FAULT, "host.spooler-stopped", "cups.service", state, "host.spooler-state", args
            )
        return
    sound = True
    for queue in facts.queues:
        verdict = _check(queue)
        if verdict is not None:
            sound = False
            yield verdict
    if sound and facts.queues:
        got = "; ".join(f"{queue.name}: {queue.waiting} waiting" for queue in facts.queues)
        yield Verdict(Status.OK, "host.spooler", "CUPS-Get-Printers", got, "", {"count": len(facts.queues)})


def _check(queue: Queue) -> Verdict | None:
    minutes = queue.oldest_s // 60
    args = {"queue": queue.name, "jobs": queue.waiting, "minutes": minutes}
    got = f"{queue.name}: {','.join(queue.reasons)} {queue.message}".strip()
    asked = "CUPS-Get-Printers"
    if queue.stopped or not queue.accepting:
        status = Status.FAULT if queue.waiting or not queue.accepting else Status.WARNING
        return Verdict(status, "printer.queue-stuck", asked, got, "host.queue-paused", args)
    if queue.waiting and minutes >= STUCK_MINUTES:
        return Verdict(Status.FAULT, "printer.queue-stuck", "Get-Jobs", got, "host.queue-waits", args)
    return None
