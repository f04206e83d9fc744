"""Routes, neighbours and addresses as the systems print them. Pure: text in, values out.

Linux: proc(5) `/proc/net/route`, `/proc/net/arp`. Windows: `route print -4` and `arp -a`, whose headings
are in the language of Windows but whose columns are not; so only the columns are read.
"""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

RTF_UP, RTF_GATEWAY, RTF_REJECT = 0x1, 0x2, 0x200  # linux/route.h
ATF_COM = 0x2  # linux/if_arp.h: the entry has a hardware address
_NO_MAC = {"00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"}
_WINDOWS_ROUTE = re.compile(
    r"^\s*0\.0\.0\.0\s+0\.0\.0\.0\s+(\S+)\s+(\d+\.\d+\.\d+\.\d+)\s+(\d+)\s*$", re.MULTILINE
)
_WINDOWS_ARP = re.compile(
    r"^\s*(\d+\.\d+\.\d+\.\d+)\s+([0-9a-fA-F]{2}(?:-[0-9a-fA-F]{2}){5})\b", re.MULTILINE
)


class DefaultRoute(NamedTuple):
    """A way out of the local network. `gateway` is empty on a point-to-point line."""

    interface: str
    gateway: str
    metric: int


class Neighbour(NamedTuple):
    """What the neighbour table says of an address; `known` means that its hardware address was learnt."""

    address: str
    known: bool


def linux_routes(text: str) -> list[DefaultRoute]:
    """Return the IPv4 default routes of `/proc/net/route`, the preferred one first."""
    found = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        try:
            destination, gateway, flags, mask = (int(fields[column], 16) for column in (1, 2, 3, 7))
            metric = int(fields[6])
        except (IndexError, ValueError):
            continue
        if destination or mask or not flags & RTF_UP or flags & RTF_REJECT:
            continue
        address = _little_endian(gateway) if flags & RTF_GATEWAY else ""
        found.append(DefaultRoute(fields[0], address, metric))
    return sorted(found, key=lambda route: route.metric)


def windows_routes(text: str) -> list[DefaultRoute]:
    """Return the IPv4 default routes of `route print -4`, the preferred one first.

    The gateway column says "On-link", in the language of Windows, on a point-to-point line. Persistent
    routes stand in a second table with four columns and are not read: they may not be in force.
    """
    found = []
    for gateway, interface, metric in _WINDOWS_ROUTE.findall(text):
        address = gateway if gateway.count(".") == 3 else ""
        found.append(DefaultRoute(interface, address, int(metric)))
    return sorted(found, key=lambda route: route.metric)


def linux_neighbours(text: str) -> list[Neighbour]:
    """Return the entries of `/proc/net/arp`."""
    found = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        try:
            flags = int(fields[2], 16)
            known = bool(flags & ATF_COM) and fields[3].lower() not in _NO_MAC
        except (IndexError, ValueError):
            continue
        found.append(Neighbour(fields[0], known))
    return found


def windows_neighbours(text: str) -> list[Neighbour]:
    """Return the entries of `arp -a`; an address that was asked for in vain has zeros or no entry."""
    return [
        Neighbour(address, mac.replace("-", ":").lower() not in _NO_MAC)
        for address, mac in _WINDOWS_ARP.findall(text)
    ]


def _little_endian(word: int) -> str:
    return str(ipaddress.IPv4Address(word.to_bytes(4, "little")))
