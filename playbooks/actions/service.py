"""`service.restart` and `service.start`: systemd, service scripts (SysV) and Windows services."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from playbooks.actions import windows
from playbooks.actions.model import MISSING, Done, Plan
from playbooks.actions.parts import checked, must_run, not_here, refusal
from supportctl.core.errors import SupportctlError, UsageError
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbooks.actions.model import Place
    from supportctl.core.deadline import Deadline
    from supportctl.core.report import Risk

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_@.:$ -]{0,99}")
# Without these the computer, or our way into it, is gone.
_PROTECTED = frozenset({
    "dbus", "ssh", "sshd", "systemd-journald", "systemd-logind", "systemd-udevd", "getty", "display-manager",
    "gdm", "lightdm", "sddm", "networkmanager", "networking", "systemd-networkd", "udev", "init",
    "rpcss", "dcomlaunch", "rpceptmapper", "lsm", "samss", "eventlog", "termservice", "profsvc", "plugplay",
    "power", "schedule", "winmgmt", "lanmanworkstation", "nsi", "dhcp", "brokerinfrastructure",
})  # fmt: skip
_STOPPED_LSB = frozenset({1, 2, 3})  # LSB core: dead with a pid file, dead with a lock file, not running
ACTIVE, STOPPED, STARTING = "active", "stopped", "starting"
_STATES = {"active": ACTIVE, "reloading": ACTIVE, "activating": STARTING, "refreshing": ACTIVE}
_WINDOWS_STATES = {"Running": ACTIVE, "StartPending": STARTING, "ContinuePending": STARTING}


class Seen(NamedTuple):
    """A service: who starts it (`systemd`, `sysv`, `windows`), and whether it runs."""

    manager: str
    state: str


def look(place: Place, service: str, deadline: Deadline) -> Seen:
    """Return the state of a service.

    Raises:
        UsageError: there is no such service.
        SupportctlError: nobody here can tell.
    """
    if place.system == "windows":
        answer = windows.look(place, "service", deadline, service=service)
        if not answer.get("found"):
            raise UsageError("action.no-such-service", found=service)
        return Seen("windows", _WINDOWS_STATES.get(str(answer.get("state")), STOPPED))
    if place.system != "linux":
        raise not_here("service.*", place.system)
    words = ["systemctl", "show", "--no-pager", "-p", "LoadState,ActiveState", "--", _unit(service)]
    shown = place.run(words, deadline)
    if shown.code == 0 and "LoadState=" in shown.out:
        unit = dict(line.partition("=")[::2] for line in shown.out.splitlines())
        if unit["LoadState"] != "loaded":
            raise UsageError("action.no-such-service", found=service)
        return Seen("systemd", _STATES.get(unit.get("ActiveState", ""), STOPPED))
    return _look_sysv(place, service, deadline)


def _look_sysv(place: Place, service: str, deadline: Deadline) -> Seen:
    words = ["service", service, "status"]
    ran = place.run(words, deadline)
    if ran.code == MISSING:
        raise SupportctlError("action.no-program", program="systemctl, service")
    must_run(ran, words)
    if "unrecognized service" in ran.err + ran.out:
        raise UsageError("action.no-such-service", found=service)
    if ran.code == 0:
        return Seen("sysv", ACTIVE)
    if ran.code in _STOPPED_LSB:
        return Seen("sysv", STOPPED)
    raise SupportctlError("action.no-answer", program=" ".join(words))


def tell(place: Place, manager: str, verb: str, service: str, deadline: Deadline) -> Done:
    """Have a service restarted, started or stopped by the one who manages it."""
    if manager == "windows":
        return windows.change(place, "service", deadline, verb=verb, service=service)
    if manager == "systemd":
        words = ["systemctl", "--no-ask-password", "--no-pager", verb, "--", _unit(service)]
    else:
        words = ["service", service, verb]
    ran = place.run(words, deadline)
    return Done(ok=True) if ran.code == 0 else refusal(ran, words)


def _unit(service: str) -> str:
    return service if service.endswith(".service") else f"{service}.service"


class _Service:
    """What both have: a plan, and the way back to the state of before."""

    name: str
    params: Mapping[str, bool] = {"service": True}
    risk: Risk = "undoable"
    seconds = 15
    verb: str

    def plan(self, params: Mapping[str, str], place: Place, deadline: Deadline) -> Plan:
        """Return what would be done to the service."""
        given = checked(self.name, self.params, params)
        service = given["service"]
        if not _NAME.fullmatch(service):
            raise UsageError("action.bad-parameter", action=self.name, parameter="service", found=service)
        if service.lower().removesuffix(".service").partition("@")[0] in _PROTECTED:
            raise UsageError("action.service-protected", found=service)
        seen = look(place, service, deadline)
        return Plan(
            self.name,
            given,
            words={"service": clean(service), "was": seen.state},
            undo={"manager": seen.manager, "was": seen.state},
            needless=self.verb == "start" and seen.state == ACTIVE,
        )

    def run(self, plan: Plan, place: Place, deadline: Deadline) -> Done:
        """Do it, then look whether the service runs."""
        service = plan.params["service"]
        done = tell(place, plan.undo["manager"], self.verb, service, deadline)
        if not done.ok:
            return done
        if look(place, service, deadline).state == STOPPED:
            return Done(ok=False, code="action.failed-service-down", words={"service": clean(service)})
        return done

    def undo(self, plan: Plan, place: Place, deadline: Deadline) -> Done:
        """Let the service run if it ran before, stop it if it did not."""
        service, was = plan.params["service"], plan.undo["was"]
        seen = look(place, service, deadline)
        if (seen.state == STOPPED) == (was == STOPPED):
            return Done(ok=True)
        return tell(place, seen.manager, "stop" if was == STOPPED else "start", service, deadline)


class Restart(_Service):
    """Restarts a service; one that did not run is started."""

    name = "service.restart"
    verb = "restart"


class Start(_Service):
    """Starts a service that does not run."""

    name = "service.start"
    verb = "start"
