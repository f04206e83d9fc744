"""`clock.set`: this computer takes its time from the network; on request the clock is set at once.

Without `server` the system's own time service is switched on (systemd's `timedatectl`, Windows' `w32time`)
and does the rest. With it, that server is asked (NTP) and the clock is moved by what it says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from playbooks.actions import windows
from playbooks.actions.model import Done, Plan
from playbooks.actions.parts import checked, must_run, not_here, refusal
from probes.network.clock_sources import ask_configured
from supportctl.core.errors import SupportctlError
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbooks.actions.model import Place, Ran
    from supportctl.core.deadline import Deadline
    from supportctl.core.report import Risk

RIGHT_S = 1.0  # a clock that is nearer to the truth is not moved
_YES, _NO = "yes", "no"


class SetClock:
    """Undoing brings the switch of the time service back, and the clock to where it was."""

    name = "clock.set"
    params: Mapping[str, bool] = {"server": False}
    risk: Risk = "undoable"
    seconds = 15

    def plan(self, params: Mapping[str, str], place: Place, deadline: Deadline) -> Plan:
        """Return whether the time service is on, and how far the clock is off if a server is named."""
        given = checked(self.name, self.params, params)
        service, right = _look(place, deadline, needed="server" not in given)
        undo, words = {"service": service}, {"offset": "?", "server": given.get("server", "-")}
        if "server" in given:
            offset = _offset(given["server"], deadline)
            if offset is None:
                raise SupportctlError("action.no-time", found=given["server"])
            words["offset"] = f"{offset:+.0f}"
            right = abs(offset) < RIGHT_S
            undo["offset"] = "0" if right else f"{offset:.3f}"
        return Plan(self.name, given, words, undo, needless=right and service != _NO)

    def run(self, plan: Plan, place: Place, deadline: Deadline) -> Done:
        """Move the clock if that was planned and is still so, then switch the time service on."""
        server = plan.params.get("server")
        if server:
            offset = _offset(server, deadline)
            if offset is None:
                return Done(ok=False, code="action.failed-no-time", words={"server": clean(server)})
            if abs(offset) >= RIGHT_S:
                moved = _move(offset, place, deadline)
                if not moved.ok:
                    return moved
        if plan.undo["service"] == "none":
            return Done(ok=True)
        return _switch(place, deadline, on=True, was_on=plan.undo["service"] == _YES)

    def undo(self, plan: Plan, place: Place, deadline: Deadline) -> Done:
        """Switch the service back first, or it would set the clock again."""
        if plan.undo["service"] == _NO:
            done = _switch(place, deadline, on=False, was_on=False)
            if not done.ok:
                return done
        was = float(plan.undo.get("offset", "0"))
        if abs(was) < RIGHT_S:
            return Done(ok=True)
        now = _offset(plan.params["server"], deadline)
        if now is None:
            return Done(
                ok=False, code="action.failed-no-time", words={"server": clean(plan.params["server"])}
            )
        if abs(now) >= abs(was) / 2:  # it was never moved, or is back already
            return Done(ok=True)
        return _move(now - was, place, deadline)


def _look(place: Place, deadline: Deadline, *, needed: bool) -> tuple[str, bool]:
    """Return whether the time service is on (`yes`, `no`, `none` if there is none), and keeps the time."""
    if place.system == "windows":
        seen = windows.look(place, "clock", deadline)
        return (_YES if seen.get("running") else _NO), bool(seen.get("synchronised"))
    if place.system != "linux":
        raise not_here(SetClock.name, place.system)
    words = ["timedatectl", "show", "-p", "CanNTP", "-p", "NTP", "-p", "NTPSynchronized"]
    ran = place.run(words, deadline)
    told = dict(line.partition("=")[::2] for line in ran.out.splitlines())
    if ran.code or told.get("CanNTP") != _YES:
        if needed:
            must_run(ran, words)
            raise SupportctlError("action.no-time-service")
        return "none", False
    return (_YES if told.get("NTP") == _YES else _NO), told.get("NTPSynchronized") == _YES


def _switch(place: Place, deadline: Deadline, *, on: bool, was_on: bool) -> Done:
    if place.system == "windows":
        return windows.change(place, "clock", deadline, verb="on" if on else "off")
    if on and was_on:  # on, and yet the clock is wrong: it asks anew when it starts anew
        _timedatectl(place, deadline, "false")
    words = ["timedatectl", "--no-ask-password", "set-ntp", "true" if on else "false"]
    ran = _timedatectl(place, deadline, words[-1])
    return Done(ok=True) if ran.code == 0 else refusal(ran, words)


def _timedatectl(place: Place, deadline: Deadline, value: str) -> Ran:
    return place.run(["timedatectl", "--no-ask-password", "set-ntp", value], deadline)


def _offset(server: str, deadline: Deadline) -> float | None:
    """Return how far the server is ahead of our clock, in seconds; None if it does not tell."""
    answer = ask_configured(server, deadline.within(3.0))
    return answer.sample.offset_s if answer.sample else None


def _move(offset_s: float, place: Place, deadline: Deadline) -> Done:
    moment = place.clock.now().timestamp() + offset_s
    if place.system == "windows":
        return windows.change(place, "clock", deadline, verb="move", moment=moment)
    words = ["date", "--utc", f"--set=@{moment:.3f}"]
    ran = place.run(words, deadline)
    return Done(ok=True) if ran.code == 0 else refusal(ran, words)
