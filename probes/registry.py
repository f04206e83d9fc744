"""The table of probes: which one asks which targets. Plug-ins add rows (entry point `supportctl.probes`)."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from probes.context import Probe
    from supportctl.core.target import Target

ENTRY_POINT_GROUP = "supportctl.probes"


class ProbeEntry(NamedTuple):
    """One row. `implementation` is `module:Class`, imported when the probe runs, or the class itself.

    `protocols` are the target protocols that it asks, or wires for targets without a protocol (a plain
    `tcp://`); a probe with `computer` asks this computer instead.
    `needs` are ids of probes whose fault makes this one pointless: it is then skipped because of theirs.
    `texts` is the folder of a plug-in's texts, laid out as `supportctl/catalog`.
    `listens`: it waits for what a healthy device may or may not send, so it is started before the others.
    """

    id: str
    implementation: str | Callable[[], Probe]
    protocols: frozenset[str] = frozenset()
    computer: bool = False
    needs: tuple[str, ...] = ()
    budget_s: float = 15.0
    texts: str | None = None
    listens: bool = False

    def asks(self, target: Target) -> bool:
        """Return whether this probe is for `target`."""
        if target.wire == "host":
            return self.computer
        return (target.protocol or target.wire) in self.protocols

    def prepare(self) -> None:
        """Import a built-in probe: a dozen threads that import at once are all as slow as the slowest."""
        if isinstance(self.implementation, str) and self.implementation.startswith("probes."):
            import_module(self.implementation.partition(":")[0])

    def load(self) -> Probe:
        """Return a new instance of the probe."""
        if not isinstance(self.implementation, str):
            return self.implementation()
        module, _, name = self.implementation.partition(":")
        return cast("Probe", getattr(import_module(module), name)())


def _device(
    id_: str,
    implementation: str,
    *protocols: str,
    needs: tuple[str, ...] = ("net.address",),
    budget_s: float = 15.0,
    listens: bool = False,
) -> ProbeEntry:
    return ProbeEntry(
        id_, implementation, frozenset(protocols), needs=needs, budget_s=budget_s, listens=listens
    )


def _computer(id_: str, implementation: str, *, needs: tuple[str, ...] = ()) -> ProbeEntry:
    return ProbeEntry(id_, implementation, computer=True, needs=needs)


_ONLINE = ("net.address", "net.gateway")
INTERNET = (*_ONLINE, "net.dns", "net.internet")

BUILT_IN: tuple[ProbeEntry, ...] = (
    _device("printer.escpos", "probes.devices.escpos_printer:EscposPrinterProbe", "escpos"),
    _device("printer.star", "probes.devices.star_printer:StarPrinterProbe", "star"),
    _device("register.shtrih", "probes.devices.fiscal.shtrih:ShtrihProbe", "shtrih", budget_s=28.0),
    _device("printer.snmp", "probes.services.snmp_printer:SnmpPrinterProbe", "snmp"),
    _device("register.datecs", "probes.devices.fiscal.datecs:DatecsProbe", "datecs", budget_s=28.0),
    _device("register.tremol", "probes.devices.fiscal.tremol:TremolProbe", "tremol", budget_s=28.0),
    _device("register.cgi", "probes.devices.fiscal.cgi_register:CgiRegisterProbe", "cgi"),
    _device("printer.ipp", "probes.services.ipp_printer:IppPrinterProbe", "ipp"),
    _device("service.utm", "probes.services.utm:UtmProbe", "utm"),
    _device("service.marking", "probes.services.marking:MarkingProbe", "marking"),
    _device("service.ofd", "probes.services.ofd:OfdProbe", "ofd", needs=INTERNET),
    _device(
        "scale.toledo8217", "probes.devices.scales.toledo8217:Toledo8217Probe", "toledo8217", listens=True
    ),
    _device("scale.sma", "probes.devices.scales.sma:SmaProbe", "sma", listens=True),
    _device("scale.cas", "probes.devices.scales.cas:CasProbe", "cas", listens=True),
    _device("scale.massak", "probes.devices.scales.massak:MassaKProbe", "massak"),
    _device("scale.shtrih", "probes.devices.scales.shtrihscale:ShtrihScaleProbe", "shtrihscale"),
    _device("scanner.serial", "probes.devices.scanner:ScannerProbe", "scanner", listens=True),
    _device("register.atol", "probes.devices.fiscal.atol_web:AtolWebProbe", "atol", budget_s=28.0),
    _device("register.atol2", "probes.devices.fiscal.atol_wire:Atol2Probe", "atol2", budget_s=28.0),
    _device("register.atol3", "probes.devices.fiscal.atol_wire:Atol3Probe", "atol3", budget_s=28.0),
    _computer("host.serial-ports", "probes.host.serial_ports:SerialPortsProbe"),
    _computer("host.disk", "probes.host.disk:DiskProbe"),
    _computer("host.services", "probes.host.till_services:ServicesProbe"),
    _computer("host.spooler", "probes.host.spooler:SpoolerProbe"),
    _computer("host.reboot", "probes.host.reboot:RebootProbe"),
    _computer("net.address", "probes.network.address:AddressProbe"),
    _computer("net.gateway", "probes.network.gateway:GatewayProbe", needs=("net.address",)),
    _computer("net.dns", "probes.network.names:NamesProbe", needs=_ONLINE),
    _computer("net.internet", "probes.network.internet:InternetProbe", needs=_ONLINE),
    _computer("net.proxy", "probes.network.proxies:ProxyProbe", needs=_ONLINE),
    _computer("net.hosts", "probes.network.answers:HostsProbe", needs=(*_ONLINE, "net.dns", "net.internet")),
    _computer("net.quality", "probes.network.quality:QualityProbe", needs=("net.address",)),
    _computer("net.mtu", "probes.network.mtu:MtuProbe", needs=(*_ONLINE, "net.dns", "net.internet")),
    _computer("host.clock", "probes.network.clock:ClockProbe", needs=_ONLINE),
    _device(
        "device.any",
        "probes.discovery.any_device:AnyDeviceProbe",
        *("tcp", "serial", "rfc2217", "usb"),
        budget_s=30.0,  # it hands over to the probe of what it finds
    ),
    _device("terminal.zvt", "probes.devices.terminal:ZvtTerminalProbe", "zvt"),
    _device("terminal.telium", "probes.devices.telium_terminal:TeliumTerminalProbe", "telium"),
    _device("terminal.presence", "probes.devices.closed_terminal:ClosedTerminalProbe", "terminal"),
    _device("net.sip", "probes.network.sip:SipProbe", "sip"),
    _device("net.stun", "probes.network.stun:StunProbe", "stun"),
    _device("net.http", "probes.network.answers:WebProbe", "http", "https"),
    _device("net.tls", "probes.network.tls:TlsProbe", "tls"),
    _device("net.dns-server", "probes.network.answers:DnsProbe", "dns"),
    _device("net.ntp-server", "probes.network.answers:NtpProbe", "ntp"),
)


def entries() -> tuple[ProbeEntry, ...]:
    """Return the built-in probes and those of installed plug-ins."""
    return BUILT_IN + plugins()


def plugins(folders: Iterable[str] | None = None) -> tuple[ProbeEntry, ...]:
    """Return the rows that plug-ins add: each entry point names a `ProbeEntry` or a sequence of them.

    Importing `importlib.metadata` costs as much as the whole check of a printer, so the installed
    `entry_points.txt` files are searched for our group first.
    """
    if not any(_offers_probes(folder) for folder in (sys.path if folders is None else folders)):
        return ()
    from importlib.metadata import entry_points

    found: list[ProbeEntry] = []
    for point in entry_points(group=ENTRY_POINT_GROUP):
        rows = point.load()
        found.extend([rows] if isinstance(rows, ProbeEntry) else rows)
    return tuple(found)


def _offers_probes(folder: str) -> bool:
    try:
        names = [entry.path for entry in os.scandir(folder or ".") if entry.name.endswith(".dist-info")]
    except OSError:
        return False
    for path in names:
        try:
            with open(f"{path}/entry_points.txt", encoding="utf-8") as file:  # noqa: PTH123  pathlib doubles the cost
                if f"[{ENTRY_POINT_GROUP}]" in file.read():
                    return True
        except OSError:
            continue
    return False


def plan(entries: Iterable[ProbeEntry], targets: Iterable[Target]) -> list[tuple[ProbeEntry, Target]]:
    """Return which probe asks which target, in the order of the targets."""
    rows = list(entries)
    return [(entry, target) for target in targets for entry in rows if entry.asks(target)]
