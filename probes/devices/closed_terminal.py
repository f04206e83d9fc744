"""Is a payment terminal with a closed protocol plugged in? Its port is looked for, and never opened.

Sberbank's pilot_nt, INPAS DualConnector, Arcus2 and UCS publish no wire protocol, and their port belongs to
the bank's program. So only this is asked: does this computer see the port or the USB id, who holds it, does
an Ethernet terminal take a connection, and can this computer reach the bank's host (`bank-host=HOST:PORT`, as
it stands in the settings of the bank's program).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from probes.devices.terminal import without_stopping_sales
from probes.links.base import LINK_CODES, LinkError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from probes.context import ProbeContext
    from supportctl.core.finding import Finding

_USB_DEVICES = Path("/sys/bus/usb/devices")
_LOOK_S = 5.0
_CONNECT_S = 5.0
_BANK_HOST = "bank-host"


class CannotLook(Exception):  # noqa: N818  no error of the terminal's
    """This computer does not tell which USB devices it has."""


class Seen(NamedTuple):
    """What this computer sees of the terminal: `shown` names it, `holders` are the programs that use it."""

    shown: str
    holders: str = ""


class ClosedTerminalProbe:
    """Looks whether the terminal is there; what state it is in cannot be asked."""

    codes = LINK_CODES | {
        "terminal.present", "terminal.offline", "terminal.host", "terminal.host-unreachable",
    }  # fmt: skip

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield whether the terminal is there, and whether the bank's host can be reached."""
        try:
            yield _connected(context) if context.target.wire == "tcp" else _plugged_in(context)
        except LinkError as error:
            yield without_stopping_sales(context.link_failed(error))
        if context.target.option(_BANK_HOST):
            yield _bank_host(context)


def _plugged_in(context: ProbeContext) -> Finding:
    from probes.links.worker import TooLate, in_time

    target, started = context.target, context.clock.monotonic()
    usb = target.wire == "usb"
    where = target.host if usb else target.path
    asked = f"USB {where}" if usb else f"port {where}"
    try:
        seen, others = in_time(
            lambda: find_usb(where) if usb else find_port(where), context.deadline.within(_LOOK_S)
        )
    except CannotLook:
        return context.unknown(
            "link.not-supported", context.evidence(asked, "link.no-pyusb", started=started)
        )
    except TooLate:
        return context.unknown(
            "link.timeout",
            context.evidence(asked, "link.port-hangs", started=started, port=where),
            port=where,
        )
    if seen is None:
        if others:
            there = ", ".join(others)
            absent = context.evidence(asked, "terminal.not-seen", started=started, others=there)
        else:
            absent = context.evidence(asked, "terminal.nothing-seen", started=started)
        return context.fault("terminal.offline", absent)
    meaning = "terminal.port-in-use" if seen.holders else "terminal.port-is-there"
    found = context.evidence(asked, meaning, started=started, got=seen.shown, program=seen.holders)
    return context.ok("terminal.present", found)


def _connected(context: ProbeContext) -> Finding:
    target, started = context.target, context.clock.monotonic()
    with context.open_link(context.deadline.within(_CONNECT_S)):
        seen = context.evidence(
            f"TCP connect {target.host}:{target.port}", "terminal.takes-connections", started=started
        )
    return context.ok("terminal.present", seen)


def _bank_host(context: ProbeContext) -> Finding:
    from supportctl.core.target import Target

    started = context.clock.monotonic()
    named = context.target.option(_BANK_HOST)
    host, _, port = named.rpartition(":")
    asked = f"TCP connect {named}"
    if not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        seen = context.evidence(asked, "terminal.bank-host-malformed", started=started)
        return context.unknown("terminal.host-unreachable", seen)
    try:
        with context.opener(
            Target(None, "tcp", host.strip("[]"), int(port)), context.deadline.within(_CONNECT_S)
        ):
            seen = context.evidence(asked, "terminal.host-answers", started=started)
    except LinkError as error:
        return context.fault("terminal.host-unreachable", *error.evidence)
    return context.ok("terminal.host", seen)


def find_port(path: str) -> tuple[Seen | None, list[str]]:
    """Return the serial port `path` if it exists, without opening it, and the ports that there are."""
    from probes.host.serial_ports import list_serial_ports

    ports = list_serial_ports()
    names = {path.upper(), str(Path(path).resolve()).upper()}
    for port in ports:
        if port.device.upper() in names:
            known = port.likely.name if port.likely else port.description
            shown = " ".join(part for part in (port.device, port.usb, known) if part)
            return Seen(shown, ", ".join(map(str, port.holders))), []
    if Path(path).is_char_device():  # a port that no driver lists: a pseudo-terminal, an unusual adapter
        return Seen(path), []
    return None, [port.device for port in ports]


def find_usb(ids: str) -> tuple[Seen | None, list[str]]:
    """Return the USB device with these ids (`0403:6001`), and the ids of those that are plugged in.

    Raises:
        CannotLook: this computer cannot be asked without pyusb.
    """
    if _USB_DEVICES.is_dir():
        return among(ids, _linux_usb(_USB_DEVICES))
    from probes.host.serial_ports import list_serial_ports

    seen, others = among(ids, ((port.usb, port.device) for port in list_serial_ports(with_holders=False)))
    return (seen, others) if seen is not None else among(ids, _pyusb())


def among(ids: str, devices: Iterable[tuple[str, str]]) -> tuple[Seen | None, list[str]]:
    """Return the device with these ids among `devices` (ids, name), and the ids of all of them."""
    plugged_in = [device for device in devices if device[0]]
    found = next((Seen(f"{each} {name}".strip()) for each, name in plugged_in if each == ids), None)
    return found, sorted({each for each, _name in plugged_in})


def _linux_usb(folder: Path) -> Iterator[tuple[str, str]]:
    for device in sorted(folder.iterdir()):
        try:
            vendor, product = ((device / f"id{part}").read_text().strip() for part in ("Vendor", "Product"))
        except OSError:  # an interface of a device, or one that was pulled out just now
            continue
        name = device / "product"
        yield f"{vendor}:{product}", name.read_text(errors="replace").strip() if name.is_file() else ""


def _pyusb() -> list[tuple[str, str]]:
    try:
        import usb.core

        devices = list(usb.core.find(find_all=True))
    except (ImportError, ValueError) as error:  # pyusb says NoBackendError, a ValueError
        raise CannotLook from error
    return [(f"{device.idVendor:04x}:{device.idProduct:04x}", "") for device in devices]
