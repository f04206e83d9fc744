"""The serial ports of this computer: what is likely behind each, and which program holds it."""

from __future__ import annotations

import tomllib
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from probes.host.verdict import Verdict
from supportctl.core.data import beside
from supportctl.core.finding import Status
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from probes.context import ProbeContext
    from supportctl.core.finding import Finding

_ASKED = "serial ports"
_READ_S = 5.0


class Device(NamedTuple):
    """What is likely behind the USB ids of a port: a row of `usb_devices.toml`."""

    name: str
    kind: str
    protocols: tuple[str, ...] = ()


class Holder(NamedTuple):
    """A program that has a port open."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid})"


class SerialPort(NamedTuple):
    """One port. Texts come from the device and are made safe to show."""

    device: str  # /dev/ttyUSB0, COM3
    description: str = ""
    vendor: int | None = None
    product: int | None = None
    serial_number: str = ""
    likely: Device | None = None
    holders: tuple[Holder, ...] = ()

    @property
    def url(self) -> str:
        """The port as a target, without a protocol."""
        return f"serial://{self.device if self.device.startswith('/') else '/' + self.device}"

    @property
    def usb(self) -> str:
        """The USB ids as `0403:6001`, or nothing."""
        return "" if self.vendor is None else f"{self.vendor:04x}:{self.product or 0:04x}"


class SerialPortsProbe:
    """This computer's serial ports, and programs that hold one without being asked to."""

    codes = frozenset({"host.serial-ports", "host.port-held"})

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield a warning for each port in strange hands, and the list of ports when there is none."""
        from probes.links.worker import TooLate, in_time

        started = context.clock.monotonic()
        try:
            ports = in_time(list_serial_ports, context.deadline.within(_READ_S))
        except TooLate:  # a USB driver that hangs; the port's own probe will say so
            return
        for verdict in check_ports(ports, context.settings.services):
            yield verdict.told(context, started)


def list_serial_ports(*, with_holders: bool = True) -> tuple[SerialPort, ...]:
    """Return the serial ports of this computer, sorted by name; no port is opened.

    Who holds a port is known on Linux (other users' programs only to root), not on Windows.
    """
    from serial.tools import list_ports

    ports = sorted(list_ports.comports(), key=lambda port: (len(port.device), port.device))
    return tuple(
        SerialPort(
            port.device,
            clean(port.description) if port.description not in {None, "n/a"} else "",
            port.vid,
            port.pid,
            clean(port.serial_number or ""),
            likely_device(port.vid, port.pid),
            _holders(port.device) if with_holders else (),
        )
        for port in ports
    )


def likely_device(vendor: int | None, product: int | None) -> Device | None:
    """Return what is likely behind USB ids; a row for the product goes before one for the vendor."""
    rows = [row for row in _table()["device"] if vendor is not None and row["vendor"] == vendor]
    exact = [row for row in rows if row.get("product") == product]
    for row in [*exact, *(row for row in rows if "product" not in row)]:
        return Device(row["name"], row["kind"], tuple(row.get("protocols", ())))
    return None


def check_ports(ports: Iterable[SerialPort], services: Iterable[str]) -> Iterator[Verdict]:
    """Yield what is wrong with who holds the ports.

    A port that the till software holds is a port at work. Without the configured `services` we cannot know
    who that is, so only programs that never belong to a till's port are named.
    """
    listed = list(ports)
    ours = tuple(_stem(name) for name in services)
    known = (*ours, *(_stem(name) for name in _table()["bystanders"]["names"]))
    intruders = {_stem(name) for name in _table()["intruders"]["names"]}
    strange = False
    for port in listed:
        for holder in port.holders:
            name = _stem(holder.name)
            if name in intruders or (ours and not name.startswith(known)):
                strange = True
                meaning = "host.held-by-intruder" if name in intruders else "host.held-by-other"
                args = {"port": port.device, "program": holder.name, "pid": holder.pid}
                yield Verdict(Status.WARNING, "host.port-held", _ASKED, str(holder), meaning, args)
    if listed and not strange:
        got = "; ".join(_shown(port) for port in listed)
        args = {"count": len(listed), "ports": ", ".join(port.device for port in listed)}
        yield Verdict(Status.OK, "host.serial-ports", _ASKED, got, "", args)


def _shown(port: SerialPort) -> str:
    likely = port.likely.name if port.likely else port.description
    held = f", held by {', '.join(map(str, port.holders))}" if port.holders else ""
    return " ".join(part for part in (port.device, port.usb, likely) if part) + held


def _holders(device: str) -> tuple[Holder, ...]:
    from probes.links.holders import holders

    return tuple(Holder(found.pid, clean(found.name)) for found in holders(device) if found.sure)


def _stem(program: str) -> str:
    # the kernel keeps 15 characters of a program's name
    return program.lower().removesuffix(".exe").removesuffix(".service")[:15]


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(beside(__name__, "usb_devices.toml").decode("utf-8"))
