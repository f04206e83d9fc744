"""The print spooler of Windows: facts as JSON from one PowerShell call, and what follows from them.

The status numbers are those of Win32_Printer and Win32_PrintJob (Windows SDK, WMI reference). UNVERIFIED on a
real computer; see docs/windows.md.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from probes.host.verdict import Verdict
from supportctl.core.data import beside
from supportctl.core.finding import Status
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

STUCK_MINUTES = 10
SCRIPT = Path(__file__).with_suffix(".ps1")
_SNMP_PORT = 161
_RAW_PORT = 9100
# Win32_Printer
_STATUS_OFFLINE = 7  # PrinterStatus and ExtendedPrinterStatus
_EXTENDED_PAUSED = 8
_STATE_PAUSED, _STATE_OFFLINE = 0x1, 0x80  # PrinterState, as PRINTER_STATUS_* of winspool.h
# Win32_PrintJob.StatusMask, as JOB_STATUS_* of winspool.h
_JOB_PAUSED, _JOB_PRINTED = 0x1, 0x80
_JOB_BROKEN = 0x2 | 0x20 | 0x200  # error, offline, blocked by the driver
# Queues that print into files: no wire behind them.
_NO_WIRE = ("PORTPROMPT:", "FILE:", "NUL:", "SHRFAX:", "XPSPORT:", "MICROSOFT.", "ONENOTE", "TS0")


class Port(NamedTuple):
    """A "Standard TCP/IP" port. `snmp` is the tick "SNMP status enabled" of its settings."""

    name: str
    host: str
    number: int = _RAW_PORT
    snmp: bool = False
    community: str = "public"


class Job(NamedTuple):
    """A waiting job; `age_s` is None when Windows does not say when it came."""

    queue: str
    mask: int = 0
    age_s: float | None = None


class Queue(NamedTuple):
    """A print queue and how Windows shows it."""

    name: str
    port: str
    offline: bool = False
    told_to_work_offline: bool = False
    paused: bool = False


class SpoolerFacts(NamedTuple):
    """What Windows says. `service` is Running, Stopped...; `start` Auto, Manual, Disabled."""

    service: str = ""
    start: str = ""
    queues: tuple[Queue, ...] = ()
    jobs: tuple[Job, ...] = ()
    ports: tuple[Port, ...] = ()

    def port_of(self, queue: Queue) -> Port | None:
        """Return the network port of `queue`, if it has one."""
        return next((port for port in self.ports if port.name == queue.port), None)

    def offline_on_network(self) -> tuple[tuple[Queue, Port], ...]:
        """Return the queues that Windows shows as offline and whose printer we can ask ourselves."""
        pairs = ((queue, self.port_of(queue)) for queue in self.queues if queue.offline)
        return tuple((queue, port) for queue, port in pairs if port is not None and port.host)


class Reach(NamedTuple):
    """What we found when we asked the printer of a queue ourselves; None: not asked, or could not tell."""

    tcp: bool | None = None
    snmp: bool | None = None


def command() -> list[str]:
    """Return the PowerShell command whose output `parse` reads."""
    from probes.host.commands import powershell

    lines = beside(__name__, SCRIPT.name).decode("utf-8").splitlines()
    return powershell("; ".join(line for line in lines if line and not line.startswith("#")))


def parse(text: str, now: datetime) -> SpoolerFacts | None:
    """Return the facts in the JSON document of the script; None when it is none."""
    try:
        said = json.loads(text.lstrip("\ufeff \r\n"))
    except ValueError:
        return None
    if not isinstance(said, dict):
        return None
    service = said.get("service")
    service = service if isinstance(service, dict) else {}
    return SpoolerFacts(
        service=clean(service.get("State") or ""),
        start=clean(service.get("StartMode") or ""),
        queues=tuple(_queue(row) for row in _rows(said, "printers")),
        jobs=tuple(_job(row, now) for row in _rows(said, "jobs")),
        ports=tuple(_port(row) for row in _rows(said, "ports")),
    )


def _rows(said: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    rows = said.get(name) or []
    rows = rows if isinstance(rows, list) else [rows]  # PowerShell turns a list of one into its member
    return [row for row in rows if isinstance(row, dict)]


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _queue(row: Mapping[str, Any]) -> Queue:
    state = _number(row.get("PrinterState"))
    told = row.get("WorkOffline") is True
    statuses = (_number(row.get("PrinterStatus")), _number(row.get("ExtendedPrinterStatus")))
    return Queue(
        clean(row.get("Name") or ""),
        clean(row.get("PortName") or ""),
        offline=told or _STATUS_OFFLINE in statuses or bool(state & _STATE_OFFLINE),
        told_to_work_offline=told,
        paused=bool(state & _STATE_PAUSED) or statuses[1] == _EXTENDED_PAUSED,
    )


def _job(row: Mapping[str, Any], now: datetime) -> Job:
    queue = clean(row.get("Name") or "").rpartition(", ")[0]  # "Receipt printer, 17"
    return Job(queue, _number(row.get("StatusMask")), _age(row.get("Submitted"), now))


def _age(text: object, now: datetime) -> float | None:
    try:
        submitted = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    submitted = submitted if submitted.tzinfo else submitted.replace(tzinfo=UTC)
    return max(0.0, (now - submitted).total_seconds())


def _port(row: Mapping[str, Any]) -> Port:
    return Port(
        clean(row.get("Name") or ""),
        clean(row.get("HostAddress") or ""),
        _number(row.get("PortNumber")) or _RAW_PORT,
        row.get("SNMPEnabled") is True,
        str(row.get("SNMPCommunity") or "public"),
    )


def check_spooler(facts: SpoolerFacts, reach: Mapping[str, Reach]) -> Iterator[Verdict]:
    """Yield what is wrong with the spooler and its queues; `reach` says by queue what we found ourselves."""
    if facts.service != "Running":
        if facts.service:
            disabled = facts.start == "Disabled"
            status = Status.WARNING if disabled else Status.FAULT
            meaning = "host.spooler-disabled" if disabled else "host.spooler-state"
            got, args = f"State={facts.service} StartMode={facts.start}", {"spooler": "Print Spooler"}
            yield Verdict(status, "host.spooler-stopped", "Win32_Service Spooler", got, meaning, args)
        return
    real = [queue for queue in facts.queues if not queue.port.upper().startswith(_NO_WIRE)]
    sound = True
    for queue in real:
        verdict = _check(queue, facts, reach.get(queue.name, Reach()))
        if verdict is not None:
            sound = False
            yield verdict
    if sound and real:
        got = "; ".join(f"{queue.name} on {queue.port}" for queue in real)
        yield Verdict(Status.OK, "host.spooler", "Win32_Printer", got, "", {"count": len(real)})


def _check(queue: Queue, facts: SpoolerFacts, reach: Reach) -> Verdict | None:
    jobs = [job for job in facts.jobs if job.queue == queue.name and not job.mask & _JOB_PRINTED]
    minutes = int(max((job.age_s or 0 for job in jobs), default=0) // 60)
    args: dict[str, object] = {"queue": queue.name, "jobs": len(jobs), "minutes": minutes}
    if queue.offline:
        return _offline(queue, facts.port_of(queue), reach, args)
    waiting = [job for job in jobs if not job.mask & _JOB_PAUSED]
    if queue.paused:
        status = Status.FAULT if jobs else Status.WARNING
        got = f"{queue.name}: paused, {len(jobs)} jobs"
        return Verdict(status, "printer.queue-stuck", "Win32_Printer", got, "host.queue-paused", args)
    if any(job.mask & _JOB_BROKEN for job in waiting) or (waiting and minutes >= STUCK_MINUTES):
        masks = ",".join(f"0x{job.mask:x}" for job in waiting[:5])
        got = f"{queue.name}: {len(waiting)} jobs, StatusMask {masks}"
        return Verdict(Status.FAULT, "printer.queue-stuck", "Win32_PrintJob", got, "host.queue-waits", args)
    return None


def _offline(queue: Queue, port: Port | None, reach: Reach, args: Mapping[str, object]) -> Verdict:
    """Return why Windows shows `queue` as offline.

    Windows asks a network printer by SNMP whether it is there. A printer that prints on port 9100 but does
    not answer SNMP (switched off in it, another community, blocked by a firewall) is shown as offline, and
    its jobs wait for ever: the connection is fine, the tick "SNMP status enabled" is wrong.
    """
    where = f"{queue.name}: offline, port {queue.port}"
    if port is not None and port.snmp and reach.tcp and reach.snmp is False:
        got = f"{where}, SNMPEnabled, TCP {port.number} answers, SNMP {_SNMP_PORT} silent"
        more = {**args, "host": port.host, "port": port.number}
        meaning = "host.windows-asks-snmp"
        return Verdict(Status.FAULT, "printer.windows-snmp-offline", "Win32_Printer", got, meaning, more)
    if queue.told_to_work_offline and reach.tcp is not False:
        got = f"{where}, WorkOffline"
        return Verdict(
            Status.FAULT, "printer.queue-stuck", "Win32_Printer", got, "host.queue-set-offline", args
        )
    meaning = "host.queue-offline" if reach.tcp is None else "host.queue-offline-unreachable"
    if reach.tcp:
        meaning = "host.queue-offline-but-reachable"
    return Verdict(
        Status.FAULT, "printer.offline", "Win32_Printer", where, meaning, {**args, "said": "offline"}
    )
