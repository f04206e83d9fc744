"""`dns.flush` and `network.renew`: forget old names, and ask the router for the address again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from playbooks.actions.model import MISSING, Done, Plan
from playbooks.actions.parts import checked, not_here, refusal
from probes.network.routes import linux_routes
from supportctl.core.errors import SupportctlError, UsageError
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbooks.actions.model import Place
    from supportctl.core.deadline import Deadline
    from supportctl.core.report import Risk

_ROUTES = Path("/proc/net/route")
_INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@-]{0,14}")  # IFNAMSIZ is 16
_FLUSH = {  # how to look whether there is a cache (empty: there is), how to empty it
    "linux": (
        (["resolvectl", "statistics"], ["resolvectl", "flush-caches"]),
        (["nscd", "-g"], ["nscd", "-i", "hosts"]),
    ),
    "windows": (([], ["ipconfig", "/flushdns"]),),
    "darwin": (([], ["dscacheutil", "-flushcache"]),),
}


class FlushNames:
    """Empties the cache of names of this computer."""

    name = "dns.flush"
    params: Mapping[str, bool] = {}
    risk: Risk = "none"
    seconds = 2

    def plan(self, params: Mapping[str, str], place: Place, deadline: Deadline) -> Plan:
        """Return which cache there is; a computer that keeps none has nothing to forget."""
        given = checked(self.name, self.params, params)
        if place.system not in _FLUSH:
            raise not_here(self.name, place.system)
        for look, flush in _FLUSH[place.system]:
            if not look or place.run(look, deadline).code == 0:
                return Plan(self.name, given, {"cache": flush[0]}, {"cache": flush[0]})
        return Plan(self.name, given, {"cache": "-"}, {"cache": ""}, needless=True)

    def run(self, plan: Plan, place: Place, deadline: Deadline) -> Done:
        """Empty it."""
        for _look, words in _FLUSH[place.system]:
            if words[0] == plan.undo["cache"]:
                ran = place.run(words, deadline)
                return Done(ok=True) if ran.code == 0 else refusal(ran, words)
        return Done(ok=True)

    def undo(self, plan: Plan, place: Place, deadline: Deadline) -> Done:  # noqa: ARG002  the cache fills itself
        """Do nothing: the cache fills itself."""
        return Done(ok=True)


class Renew:
    """Asks for an address anew (DHCP). The address can become another one: that is not undone."""

    name = "network.renew"
    params: Mapping[str, bool] = {"interface": False}
    risk: Risk = "cannot-undo"
    seconds = 30

    def plan(self, params: Mapping[str, str], place: Place, deadline: Deadline) -> Plan:
        """Return which interface is meant (none named: that of the default route) and who keeps it."""
        given = checked(self.name, self.params, params)
        interface = given.get("interface", "")
        if place.system == "windows":
            words = {"interface": clean(interface or "*")}
            return Plan(self.name, given, words, {"manager": "ipconfig", "interface": interface})
        if place.system != "linux":
            raise not_here(self.name, place.system)
        interface = interface or _default_interface()
        if not _INTERFACE.fullmatch(interface):
            raise UsageError("action.no-interface", found=interface or "-")
        manager = _manager(interface, place, deadline)
        return Plan(self.name, given, {"interface": interface}, {"manager": manager, "interface": interface})

    def run(self, plan: Plan, place: Place, deadline: Deadline) -> Done:
        """Renew it."""
        words = renewal(plan.undo["manager"], plan.undo["interface"])
        ran = place.run(words, deadline)
        return Done(ok=True) if ran.code == 0 else refusal(ran, words)

    def undo(self, plan: Plan, place: Place, deadline: Deadline) -> Done:  # noqa: ARG002  the router gives addresses
        """Tell that it cannot be undone."""
        return Done(ok=False, code="action.failed-no-undo")


def renewal(manager: str, interface: str) -> list[str]:
    """Return the command that renews the address of an interface."""
    return {
        "networkmanager": ["nmcli", "--wait", "25", "device", "connect", interface],
        "networkd": ["networkctl", "renew", interface],
        "dhclient": ["dhclient", "-1", interface],
        "ipconfig": ["ipconfig", "/renew", *([interface] if interface else [])],
    }[manager]


def _manager(interface: str, place: Place, deadline: Deadline) -> str:
    """Return who has the address of an interface.

    Raises:
        UsageError: there is no such interface, or its address is fixed.
        SupportctlError: nobody here is known to renew addresses.
    """
    shown = place.run(
        ["nmcli", "-t", "-f", "GENERAL.STATE,IP4.ADDRESS,DHCP4.OPTION", "device", "show", interface], deadline
    )
    if shown.code == 0 and "GENERAL.STATE:10 " not in shown.out:  # 10: NetworkManager leaves it alone
        if "DHCP4.OPTION" not in shown.out and "IP4.ADDRESS" in shown.out:
            raise UsageError("action.fixed-address", found=interface)
        return "networkmanager"
    status = place.run(["networkctl", "status", "--no-pager", "--", interface], deadline)
    if status.code == 0 and "unmanaged" not in status.out:
        if "DHCP" not in status.out:
            raise UsageError("action.fixed-address", found=interface)
        return "networkd"
    if place.run(["dhclient", "--version"], deadline).code != MISSING and _runs_dhclient(interface):
        return "dhclient"
    raise SupportctlError("action.no-address-service", found=interface)


def _runs_dhclient(interface: str) -> bool:
    import psutil

    for process in psutil.process_iter(["name", "cmdline"]):
        if process.info["name"] == "dhclient" and interface in (process.info["cmdline"] or []):
            return True
    return False


def _default_interface() -> str:
    try:
        routes = linux_routes(_ROUTES.read_text(encoding="ascii"))
    except OSError:
        return ""
    return routes[0].interface if routes else ""
