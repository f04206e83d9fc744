"""Where devices may be, without a byte to any of them: serial ports, and services of this computer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from probes.discovery.families import families
from supportctl.core.text import clean

if TYPE_CHECKING:
    from probes.host.serial_ports import SerialPort


class Place(NamedTuple):
    """One place: its URL (with a protocol if that is certain), what is likely there, and who holds it."""

    url: str
    kind: str  # serial, local, lan
    protocols: tuple[str, ...] = ()
    likely: str = ""
    usb: str = ""
    held_by: str = ""


def serial_places() -> list[Place]:
    """Return the serial ports of this computer; none is opened."""
    from probes.host.serial_ports import list_serial_ports

    return [_serial(port) for port in list_serial_ports()]


def _serial(port: SerialPort) -> Place:
    likely = port.likely
    return Place(
        port.url,
        "serial",
        likely.protocols if likely else (),
        likely.name if likely else port.description,
        port.usb,
        ", ".join(str(holder) for holder in port.holders),
    )


def local_places() -> list[Place]:
    """Return the services of the till that listen on this computer, from the system's list; none is asked."""
    import psutil

    wanted = {family.number: family for family in families() if family.local}
    found: dict[str, Place] = {}
    try:
        connections = psutil.net_connections(kind="tcp")
    except (psutil.Error, OSError):  # a system that tells it to its administrator only
        return []
    for connection in connections:
        family = wanted.get(connection.laddr.port) if connection.laddr else None
        if connection.status == psutil.CONN_LISTEN and family:
            url = f"{_scheme(family.protocol)}://127.0.0.1:{family.number}"
            program = _program(connection.pid) or found.get(url, Place(url, "local")).held_by
            found[url] = Place(url, "local", (family.protocol,), "", "", program)
    return [found[url] for url in sorted(found)]


def _scheme(protocol: str) -> str:
    return protocol if protocol in {"utm", "marking"} else f"{protocol}+http"


def _program(pid: int | None) -> str:
    import psutil

    if pid is None:
        return ""
    try:
        return f"{clean(psutil.Process(pid).name(), 40)} (pid {pid})"
    except psutil.Error:
        return ""
