"""Has this computer an address, and a way out of its own network?

Other probes wait for this one, so the usual case costs two system calls: connecting a UDP socket sends
nothing, but makes the system choose a route and a source address. Only when it has none are the
interfaces looked at.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from probes.context import ProbeContext
    from supportctl.core.finding import Evidence, Finding

# Addresses of RFC 5737 and RFC 3849 that exist nowhere: a route to them is the default route.
_NOWHERE = ((socket.AF_INET, "198.51.100.1"), (socket.AF_INET6, "2001:db8::1"))
_DISCARD = 9


class Interface(NamedTuple):
    """A network interface; `up` means that it is switched on and, where the system knows, has a carrier."""

    name: str
    up: bool
    addresses: tuple[str, ...]


class Judgement(NamedTuple):
    """`code` is the finding; `shown` the addresses or interfaces that it is about."""

    code: str
    shown: tuple[str, ...]


def source_addresses() -> tuple[str, ...]:
    """Return the addresses that this computer uses towards the internet; empty without a default route."""
    found = []
    for family, nowhere in _NOWHERE:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((nowhere, _DISCARD))
                found.append(str(probe.getsockname()[0]))
        except OSError:
            continue
    return tuple(address for address in found if _kind(address) != "none")


def interfaces() -> list[Interface]:
    """Return this computer's interfaces without the loopback one."""
    import psutil

    stats = psutil.net_if_stats()
    return interfaces_of(
        {
            name: [a.address for a in listed if a.family in {socket.AF_INET, socket.AF_INET6}]
            for name, listed in psutil.net_if_addrs().items()
        },
        {name: stat.isup for name, stat in stats.items()},
    )


def interfaces_of(addresses: Mapping[str, Sequence[str]], up: Mapping[str, bool]) -> list[Interface]:
    """Return the interfaces from what psutil lists; those that have only loopback addresses are left out."""
    found = []
    for name, listed in addresses.items():
        kept = tuple(address.partition("%")[0] for address in listed)
        # a loopback interface that is down has no address at all, and its name is all we know of it
        if name.lower().startswith("lo") and all(_kind(a) == "none" for a in kept):
            continue
        found.append(Interface(name, up.get(name, True), tuple(a for a in kept if _kind(a) != "none")))
    return found


def judge(sources: Sequence[str], listed: Sequence[Interface]) -> Judgement:
    """Return what the addresses mean: with any usable address there is no fault."""
    if any(_kind(address) == "usable" for address in sources):
        return Judgement("net.address", tuple(sources))
    usable = _addresses(listed, "usable")
    if usable:
        return Judgement("net.no-gateway", usable)
    # every interface makes itself an fe80:: address; only 169.254 means that nobody gave it one
    own = tuple(a for a in _addresses(listed, "self-assigned") if "." in a)
    if own:
        return Judgement("net.self-assigned-address", own)
    return Judgement("net.no-address", tuple(interface.name for interface in listed))


def _addresses(listed: Iterable[Interface], kind: str) -> tuple[str, ...]:
    return tuple(a for interface in listed if interface.up for a in interface.addresses if _kind(a) == kind)


def _kind(address: str) -> str:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if parsed.is_loopback or parsed.is_unspecified or parsed.is_multicast:
        return "none"
    return "self-assigned" if parsed.is_link_local else "usable"


class AddressProbe:
    """Asks the system for its addresses and its default route."""

    codes = frozenset({"net.address", "net.no-address", "net.no-gateway", "net.self-assigned-address"})

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield one finding."""
        started = context.clock.monotonic()
        sources = source_addresses()
        listed = [] if judge(sources, []).code == "net.address" else interfaces()
        found = judge(sources, listed)
        shown = ", ".join(found.shown)
        seen: Evidence
        if found.code == "net.address":
            seen = context.evidence("route lookup", "net.source-address", started=started, got=shown)
            yield context.ok("net.address", seen, addresses=shown)
            return
        seen = context.evidence("interfaces", "net.interfaces", started=started, got=_listing(listed))
        if found.code == "net.no-gateway":
            yield context.warning("net.no-gateway", seen, addresses=shown)
        elif found.code == "net.self-assigned-address":
            yield context.warning("net.self-assigned-address", seen, addresses=shown)
        else:
            yield context.fault("net.no-address", seen, interfaces=shown or "-")


def _listing(listed: Iterable[Interface]) -> str:
    lines = [f"{i.name} {'up' if i.up else 'down'} {' '.join(i.addresses) or '-'}" for i in listed]
    return "; ".join(lines) or "-"
