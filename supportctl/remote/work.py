"""What a pushed agent can do: look at its computer and ask its devices. Findings go back raw, without words.

Here are the standard library, the ground floor and the probes only: this runs where nothing is installed.
"""

from __future__ import annotations

import platform
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from supportctl import __version__
from supportctl.core.clock import SystemClock
from supportctl.core.errors import SupportctlError
from supportctl.core.finding import Finding, Status
from supportctl.core.finding_json import document_of
from supportctl.core.target import THIS_COMPUTER, parse_target
from supportctl.core.text import clean
from supportctl.remote.bounds import check_bounds
from supportctl.remote.methods import METHODS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from probes.discovery.identity import Identity
    from probes.runner import Job
    from supportctl.core.clock import Clock
    from supportctl.core.deadline import Deadline
    from supportctl.core.target import Target
    from supportctl.remote.server import Call

    Handler = Callable[[Mapping[str, Any], Call], Mapping[str, Any]]

CHECK_S, IDENTIFY_S = 30.0, 30.0
_SHOWN = 3


def handlers(clock: Clock | None = None, named: Collection[str] = ()) -> dict[str, Handler]:
    """Return the methods of a pushed agent by name; `named` are hosts beyond the local network it may ask."""
    clock = clock or SystemClock()
    return {
        "about": lambda _params, _call: about(),
        "ports": lambda _params, _call: {"ports": ports()},
        "check": lambda params, call: _check(params, call, clock, named),
        "identify": lambda params, call: {
            "identity": identity_document(identify(target_of(params["target"], named), call.deadline, clock))
        },
    }


def about() -> dict[str, Any]:
    """Return what this computer and this agent are."""
    system = {"system": platform.system(), "release": platform.release(), "machine": platform.machine()}
    told = {name: clean(value, 100) for name, value in system.items()}
    python, host = platform.python_version(), clean(platform.node(), 100)
    return {"tool_version": __version__, "python": python, "host": host, **told, "methods": sorted(METHODS)}


def ports() -> list[dict[str, Any]]:
    """Return the serial ports of this computer."""
    from probes.host.serial_ports import list_serial_ports

    return [
        {
            "device": port.device,
            "url": port.url,
            "description": port.description,
            "usb": port.usb,
            "likely": port.likely.name if port.likely else "",
            "held_by": [str(holder) for holder in port.holders],
        }
        for port in list_serial_ports()
    ]


def target_of(url: str, named: Collection[str] = ()) -> Target:
    """Return a target from the wire, if it may be asked.

    Raises:
        SupportctlError: it is no URL, or lies beyond what an agent asks.
    """
    target = parse_target(url)
    check_bounds(target, ports=_port_names, addresses=_addresses, named=named)
    return target


def pinned_target_of(url: str, named: Collection[str] = ()) -> Target:
    """Return the same with the address that was looked at in place of the name. Raises as `target_of`."""
    found: list[str] = []

    def addresses(host: str) -> list[str]:
        found[:] = _addresses(host)
        return found

    target = parse_target(url)
    check_bounds(target, ports=_port_names, addresses=addresses, named=named)
    return target._replace(host=found[0]) if found else target


def identify(target: Target, deadline: Deadline, clock: Clock) -> Identity:
    """Return which device answers at a target."""
    from probes.discovery.identify import identify as asked
    from probes.discovery.identify import wires
    from probes.links import open_link

    return asked(target, wires(open_link), deadline.within(IDENTIFY_S), clock)


def identity_document(identity: Identity) -> dict[str, Any]:
    """Return an identity as JSON values."""
    return {
        "target": identity.target.url,
        "found": identity.found.url if identity.found else None,
        "settings": identity.settings,
        "details": dict(identity.details),
        "tried": [list(each) for each in identity.tried],
        "why": identity.why,
        "problem": document_of(identity.problem) if identity.problem else None,
    }


def progress_of(call: Call) -> Callable[[Sequence[Job]], None]:
    """Return what tells a check's progress, each time that it changes; it ends a check that was cancelled."""
    last: list[object] = [None]

    def told(jobs: Sequence[Job]) -> None:
        if call.cancelled.is_set():
            raise SupportctlError("remote.cancelled", method=call.method)
        done = sum(job.state == "done" for job in jobs)
        waiting = [job.target.name or job.target.url for job in jobs if job.state == "running"]
        now = {"done": done, "total": len(jobs), "names": list(dict.fromkeys(waiting))[: _SHOWN + 1]}
        if now != last[0]:
            last[0] = now
            call.progress(now)

    return told


def _check(params: Mapping[str, Any], call: Call, clock: Clock, named: Collection[str]) -> Mapping[str, Any]:
    from probes.links import open_link
    from probes.registry import BUILT_IN, plan
    from probes.runner import Job, Runner

    targets = [target_of(url, named) for url in params.get("targets", ())] or [THIS_COMPUTER]
    only, skip = params.get("only", ()), params.get("skip", ())
    rows = [
        (entry, target)
        for entry, target in plan(BUILT_IN, targets)
        if _wanted(only, skip, (entry.id, target.url))
    ]
    if not rows:
        raise SupportctlError("remote.nothing-to-ask", found=targets[0].url)
    started = clock.now()
    deadline = call.deadline.within(params.get("deadline", CHECK_S))
    result = Runner(open_link, clock, progress_of(call)).run([Job(*row) for row in rows], deadline)
    return {
        "findings": [document_of(_beyond(finding) or finding) for finding in result.findings],
        "duration_s": round(result.duration_s, 3),
        "interrupted": result.interrupted,
        "started_at": started.isoformat(),
    }


def _beyond(finding: Finding) -> Finding | None:
    """Return what to say of a probe that needs a package which is not brought along: it was not asked."""
    error = str(finding.args.get("error", ""))
    if finding.code != "check.probe-crashed" or not error.startswith("ModuleNotFoundError"):
        return None
    probe = finding.args.get("probe", "")
    return Finding("check.not-brought", Status.SKIPPED, finding.target, finding.name, {"probe": probe})


def _wanted(only: Sequence[str], skip: Sequence[str], names: Sequence[str]) -> bool:
    def fits(globs: Sequence[str]) -> bool:
        return any(fnmatchcase(name, glob) for name in names for glob in globs)

    return not fits(skip) and (not only or fits(only))


def _port_names() -> tuple[str, ...]:
    from probes.host.serial_ports import list_serial_ports

    return tuple(port.device for port in list_serial_ports(with_holders=False))


def _addresses(host: str) -> list[str]:
    from probes.network.names import look_up

    return list(look_up(host).addresses)
