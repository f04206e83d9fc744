"""What a bundle is made of. A collector returns files, or says why there are none; none may hold the rest."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from supportctl.core.deadline import Deadline
from supportctl.core.errors import SupportctlError
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from supportctl.app.config_file import Configuration
    from supportctl.catalog import Catalog
    from supportctl.core.clock import Clock
    from supportctl.core.redactor import Redactor
    from supportctl.core.site import SiteConfig

TAIL = 512 * 1024  # bytes of each log
LAST_RUNS, LAST_LOGS = 5, 5
_MAX_REPORT = 8 * 1024 * 1024


class NothingError(Exception):
    """There is nothing to collect. `key` is a phrase of `bundle`."""

    def __init__(self, key: str, **args: object) -> None:
        super().__init__(key)
        self.key = key
        self.args_by_name = args


class Asked(NamedTuple):
    """What a bundle is to be made of.

    `report` is a file of `check --format json`, `ready` the text of one; without both there is a check now.
    """

    lang: str
    config: Path | None
    report: Path | None
    deadline_s: float
    ready: str = ""


class Around(NamedTuple):
    """What collectors work with."""

    asked: Asked
    configuration: Configuration | None
    redactor: Redactor
    catalog: Catalog
    clock: Clock

    @property
    def site(self) -> SiteConfig | None:
        """The configuration, if there is a sound one."""
        return self.configuration.config if self.configuration else None


Collector = tuple[str, "Callable[[Around], Mapping[str, bytes]]"]


class Outcome(NamedTuple):
    """What a collector brought: files, or why not. `what` is a phrase `bundle.what-…`."""

    what: str
    files: Mapping[str, bytes]
    why: str


def collect(around: Around, collectors: tuple[Collector, ...], deadline_s: float) -> list[Outcome]:
    """Run all collectors at the same time; one that hangs or fails is told of, and left behind."""
    slots: list[list[Outcome]] = [[] for _ in collectors]
    ended = [threading.Event() for _ in collectors]

    def work(number: int) -> None:
        slots[number].append(_run(around, *collectors[number]))
        ended[number].set()

    for number, (what, _) in enumerate(collectors):
        threading.Thread(target=work, args=(number,), name=f"collect {what}", daemon=True).start()
    deadline = Deadline.after(deadline_s, around.clock)
    late = around.catalog.phrase("bundle.why-late", seconds=round(deadline_s))
    return [
        slots[number][0] if event.wait(max(deadline.remaining(), 0.0)) else Outcome(what, {}, late)
        for number, ((what, _), event) in enumerate(zip(collectors, ended, strict=True))
    ]


def _run(around: Around, what: str, collector: Callable[[Around], Mapping[str, bytes]]) -> Outcome:
    try:
        return Outcome(what, dict(collector(around)), "")
    except NothingError as error:
        return Outcome(what, {}, around.catalog.phrase(f"bundle.{error.key}", **error.args_by_name))
    except SupportctlError as error:
        return Outcome(what, {}, around.catalog.error(error.key, error.args_by_name)["message"])
    except BaseException as error:  # noqa: BLE001  a collector must not take the bundle with it
        reason = around.redactor.text(clean(f"{type(error).__name__}: {error}"))
        return Outcome(what, {}, around.catalog.phrase("bundle.why-failed", reason=reason))


def document(around: Around, value: object) -> bytes:
    """Return a document as JSON without secrets."""
    shown = around.redactor.document(value)
    return (json.dumps(shown, ensure_ascii=False, indent=2) + "\n").encode("utf-8", "backslashreplace")


def findings(around: Around) -> Mapping[str, bytes]:
    """Return the report: that of a file, or that of a check that runs now."""
    asked = around.asked
    if asked.ready:
        value: dict[str, Any] = json.loads(asked.ready)
    else:
        value = _read_report(asked.report) if asked.report else _check(around)
    lines = [
        ": ".join(str(found.get(part) or "") for part in ("status", "code", "name", "target", "title"))
        for found in value.get("findings", ())
        if isinstance(found, dict) and found.get("status") != "ok"
    ]
    text = around.redactor.lines("\n".join([f"verdict: {value.get('verdict')}", *lines, ""]))
    return {"report.json": document(around, value), "report.txt": text.encode("utf-8", "backslashreplace")}


def _check(around: Around) -> dict[str, Any]:
    from supportctl.app.check import CheckRequest, run_check
    from supportctl.report import render

    deadline_s = around.asked.deadline_s * 0.8  # so that it has ended when we stop to wait
    request = CheckRequest(lang=around.asked.lang, config=around.asked.config, deadline_s=deadline_s)
    value: dict[str, Any] = json.loads(render(run_check(request), "json", catalog=around.catalog))
    return value


def _read_report(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            value = json.loads(file.read(_MAX_REPORT))
    except (OSError, ValueError, RecursionError) as error:
        raise NothingError("why-no-report", reason=clean(error)) from None
    if not isinstance(value, dict) or value.get("schema") != "supportctl.report/1":
        raise NothingError("why-no-report", reason="schema")
    return value


def configuration(around: Around) -> Mapping[str, bytes]:
    """Return the configuration without its secrets."""
    from supportctl.app.config_view import view

    if around.configuration is None:
        raise NothingError("why-no-config")
    if around.site is None:
        first = around.configuration.problems[0]
        raise NothingError("why-bad-config", line=first.line)
    shown, _ = view(around.configuration)
    return {"configuration.json": document(around, shown)}


def host(around: Around) -> Mapping[str, bytes]:
    """Return what this computer is."""
    import shutil

    import psutil

    from supportctl.remote.work import about

    disk, memory = shutil.disk_usage(Path.home().anchor or "/"), psutil.virtual_memory()
    facts = {
        **about(),
        "now": around.clock.now().isoformat(timespec="seconds"),
        "started_at": int(psutil.boot_time()),
        "processors": psutil.cpu_count(),
        "memory_mb": memory.total >> 20,
        "memory_free_mb": memory.available >> 20,
        "disk_mb": disk.total >> 20,
        "disk_free_mb": disk.free >> 20,
    }
    return {"host.json": document(around, facts)}


def devices(around: Around) -> Mapping[str, bytes]:
    """Return the serial ports with who holds them, and the devices that are configured."""
    from supportctl.remote.work import ports

    site = around.site
    targets = [{"name": entry.name, "url": entry.target().url} for entry in site.targets] if site else []
    return {"devices.json": document(around, {"ports": ports(), "targets": targets})}


def runs(around: Around) -> Mapping[str, bytes]:
    """Return the journals of the last runs of playbooks."""
    from supportctl.app.playbook_library import runs_folder
    from supportctl.app.playbook_runs import journals

    found = journals(runs_folder(around.site))[:LAST_RUNS]
    if not found:
        raise NothingError("why-no-runs")
    return {f"runs/{number}.jsonl": _json_lines(around, path) for number, path in enumerate(found, 1)}


def audit_logs(around: Around) -> Mapping[str, bytes]:
    """Return the audit logs of the last sessions."""
    from supportctl.app.session_logs import logs_folder

    found = sorted(logs_folder().glob("*.jsonl"), reverse=True)[:LAST_LOGS]
    if not found:
        raise NothingError("why-no-sessions")
    return {f"sessions/{number}.jsonl": _json_lines(around, path) for number, path in enumerate(found, 1)}


def resend(around: Around) -> Mapping[str, bytes]:
    """Return the lanes of `resend`; nothing is made where there is no ledger."""
    from supportctl.app.resend_counter import open_counter, store_file
    from supportctl.app.resend_look import status
    from supportctl.report.resend.as_json import lanes

    if around.site is None or not around.site.crm:
        raise NothingError("why-no-crm")
    file = store_file(around.asked.config)
    if file is not None and not file.exists():
        raise NothingError("why-no-ledger")
    with open_counter(around.asked.config, around.clock) as counter:
        return {"resend.json": document(around, lanes(status(counter)))}


def logs(around: Around) -> Mapping[str, bytes]:
    """Return the ends of the log files that the configuration names."""
    names = around.site.bundle.logs if around.site else ()
    if not names:
        raise NothingError("why-no-logs")
    files: dict[str, bytes] = {}
    for number, name in enumerate(names, 1):
        try:
            text = _tail(Path(name).expanduser())
        except OSError as error:
            text = f"{clean(name)}: {error.strerror or error}"
        shown = around.redactor.lines(f"# {name}\n{text}")
        files[f"logs/{number}.log"] = shown.encode("utf-8", "backslashreplace")
    return files


def _json_lines(around: Around, path: Path) -> bytes:
    lines = []
    for line in _tail(path).splitlines():
        try:
            shown = json.dumps(around.redactor.document(json.loads(line)), ensure_ascii=False)
        except (ValueError, RecursionError):
            shown = around.redactor.lines(line)
        lines.append(shown)
    return "\n".join([*lines, ""]).encode("utf-8", "backslashreplace")


def _tail(path: Path) -> str:
    """Return the end of a regular file, from the beginning of a line. Raises: OSError."""
    if not path.is_file():  # a device or a pipe would never end
        raise FileNotFoundError(2, "no file")
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - TAIL, 0))
        data = file.read(TAIL)
    text = data.decode("utf-8", "replace")
    return text.partition("\n")[2] if size > TAIL else text


COLLECTORS: tuple[Collector, ...] = (
    ("findings", findings),
    ("configuration", configuration),
    ("host", host),
    ("devices", devices),
    ("runs", runs),
    ("sessions", audit_logs),
    ("resend", resend),
    ("logs", logs),
)
