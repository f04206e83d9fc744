"""The services of the till software that the configuration names: running, stopped, crashing, not there."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

from probes.host.verdict import Verdict
from supportctl.core.finding import Status
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from probes.context import ProbeContext
    from supportctl.core.deadline import Deadline
    from supportctl.core.finding import Finding

_PROPERTIES = (
    "Id,LoadState,ActiveState,SubState,Result,Type,UnitFileState,ExecMainCode,ExecMainStatus,NRestarts"
)
_ASK_S = 6.0
_KERNEL_NAME = 15  # the kernel keeps so many characters of a program's name


class ServiceFacts(NamedTuple):
    """What the system says of one name. `manager`: systemd, windows, process (no such service)."""

    name: str
    manager: str
    installed: bool = True
    state: str = ""  # active, inactive, failed, activating; running, stopped, start_pending, paused
    detail: str = ""  # in the manager's own words
    restarts: int = 0
    disabled: bool = False
    one_shot_done: bool = False  # ran to its end, as it is meant to


class ServicesProbe:
    """The services in `host.services` of the configuration; nothing configured, nothing said."""

    codes = frozenset({"host.services", "host.service-down", "host.service-not-found"})

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield what is wrong with a service, and `host.services` when all run."""
        names = context.settings.services
        if not names:
            return
        started = context.clock.monotonic()
        facts = read_services(names, context.deadline.within(_ASK_S))
        for verdict in check_services(facts):
            yield verdict.told(context, started)


def read_services(names: Iterable[str], deadline: Deadline) -> tuple[ServiceFacts, ...]:
    """Return the facts about each name: a service of that name, else a running program."""
    asked = [clean(name) for name in names]
    known = _windows(asked) if sys.platform == "win32" else _systemd(asked, deadline)
    missing = [name for name in asked if name not in known or not known[name].installed]
    running = _running_programs() if missing else {}
    return tuple(_or_program(name, known.get(name), running) for name in asked)


def _or_program(
    name: str, known: ServiceFacts | None, running: Mapping[str, tuple[int, str]]
) -> ServiceFacts:
    if known is not None and known.installed:
        return known
    found = running.get(_stem(name))
    if found is not None:
        return ServiceFacts(name, "process", state="running", detail=f"{found[1]} (pid {found[0]})")
    return ServiceFacts(name, known.manager if known else "process", installed=False)


def _systemd(names: list[str], deadline: Deadline) -> dict[str, ServiceFacts]:
    from probes.host.commands import run

    units = [name if "." in name else f"{name}.service" for name in names]
    out = run(["systemctl", "show", "--no-pager", "-p", _PROPERTIES, "--", *units], deadline)
    if out.code != 0 or not out.text.strip():  # no systemd, or not the one that booted this computer
        return {}
    return dict(zip(names, parse_systemctl_show(out.text, names), strict=False))


def parse_systemctl_show(text: str, names: Iterable[str]) -> list[ServiceFacts]:
    """Return the facts in the output of `systemctl show -p ... UNIT...`: one block a unit, in order."""
    blocks = [
        dict(line.partition("=")[::2] for line in block.splitlines() if "=" in line)
        for block in text.split("\n\n")
        if block.strip()
    ]
    return [_unit(name, block) for name, block in zip(names, blocks, strict=False)]


def _unit(name: str, said: Mapping[str, str]) -> ServiceFacts:
    state, sub, result = said.get("ActiveState", ""), said.get("SubState", ""), said.get("Result", "")
    status = said.get("ExecMainStatus", "")
    restarts = said.get("NRestarts", "")
    return ServiceFacts(
        name,
        "systemd",
        installed=said.get("LoadState") not in {"not-found", "bad-setting", None},
        state=state,
        detail=clean(f"ActiveState={state} SubState={sub} Result={result} ExecMainStatus={status}"),
        restarts=int(restarts) if restarts.isdigit() else 0,
        disabled=said.get("LoadState") == "masked" or said.get("UnitFileState") in {"disabled", "masked"},
        one_shot_done=said.get("Type") == "oneshot" and state == "inactive" and result == "success",
    )


def from_windows(name: str, said: Mapping[str, object]) -> ServiceFacts:
    """Return the facts in what psutil says of a Windows service (`win_service_get(name).as_dict()`)."""
    state, start = str(said.get("status", "")), str(said.get("start_type", ""))
    return ServiceFacts(
        name,
        "windows",
        state=state,
        detail=f"status={state} start_type={start}",
        disabled=start == "disabled",
    )


def _windows(names: list[str]) -> dict[str, ServiceFacts]:
    found: dict[str, ServiceFacts] = {}
    if sys.platform == "win32":
        import psutil

        for name in names:
            try:
                found[name] = from_windows(name, psutil.win_service_get(name).as_dict())
            except (psutil.Error, OSError):
                found[name] = ServiceFacts(name, "windows", installed=False)
    return found


def _running_programs() -> dict[str, tuple[int, str]]:
    import psutil

    found: dict[str, tuple[int, str]] = {}
    for process in psutil.process_iter(["name"]):
        name = process.info["name"] or ""
        found.setdefault(_stem(name), (process.pid, clean(name)))
    return found


def _stem(name: str) -> str:
    return name.lower().removesuffix(".exe").removesuffix(".service")[:_KERNEL_NAME]


def check_services(services: Iterable[ServiceFacts]) -> Iterator[Verdict]:
    """Yield what is wrong with `services`."""
    listed = list(services)
    sound = True
    for service in listed:
        verdict = _check(service)
        if verdict is not None:
            sound = False
            yield verdict
    if listed and sound:
        names = ", ".join(service.name for service in listed)
        got = "; ".join(f"{service.name}: {service.detail}" for service in listed)
        yield Verdict(Status.OK, "host.services", "services", got, "", {"services": names})


def _check(service: ServiceFacts) -> Verdict | None:
    asked, args = f"service {service.name}", {"service": service.name}
    if not service.installed:
        meaning = "host.no-such-service"
        return Verdict(Status.FAULT, "host.service-not-found", asked, "not found", meaning, args)
    if service.state in {"active", "running", "reloading"} or service.one_shot_done:
        return None
    meaning = _meaning(service)
    starting = meaning == "host.service-changing"
    status = Status.WARNING if starting else Status.FAULT
    return Verdict(status, "host.service-down", asked, service.detail, meaning, args)


def _meaning(service: ServiceFacts) -> str:
    if service.disabled:
        return "host.service-disabled"
    if service.state == "failed" or service.restarts > 0 or "auto-restart" in service.detail:
        return "host.service-crashed"
    if service.state in {"activating", "deactivating", "start_pending", "stop_pending", "continue_pending"}:
        return "host.service-changing"
    return "host.service-stopped"
