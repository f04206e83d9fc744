"""`port.free`: asks the program that holds a serial port to end. It is asked, never killed."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from playbooks.actions.model import Done, Plan
from playbooks.actions.parts import checked, refusal
from probes.links.holders import Holder, holders
from supportctl.core.errors import SupportctlError, UsageError
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbooks.actions.model import Place
    from supportctl.core.deadline import Deadline
    from supportctl.core.report import Risk

_ENDS_IN_S = 8.0  # what has not ended by then asks its user something, or hangs
_POLL_S = 0.05
_PROTECTED = frozenset({
    "systemd", "init", "sshd", "dbus-daemon", "xorg", "xwayland", "gnome-shell", "kwin_wayland", "login",
    "modemmanager", "explorer", "svchost", "services", "lsass", "csrss", "wininit", "winlogon", "smss",
    "system", "dwm", "spoolsv",
})  # fmt: skip


class Free:
    """Ends the program that holds a port. On Windows the holder is a guess: there `program` must name it."""

    name = "port.free"
    params: Mapping[str, bool] = {"port": True, "program": False}
    risk: Risk = "cannot-undo"
    seconds = 10

    def plan(self, params: Mapping[str, str], place: Place, deadline: Deadline) -> Plan:  # noqa: ARG002  the kernel answers at once
        """Return which program holds the port."""
        given = checked(self.name, self.params, params)
        port = _port_of(given["port"], place)
        found = holders(port)
        named = [holder for holder in found if _is(holder, given.get("program", ""))]
        if found and given.get("program") and not (named if place.system == "windows" else named == found):
            raise UsageError("action.holder-other", port=port, found=_told(found), wanted=given["program"])
        if given.get("program"):
            found = named
        if any(not holder.sure for holder in found) and not given.get("program"):
            raise SupportctlError("action.holder-unsure", port=port, found=_told(found))
        stamps = []
        for holder in found:
            if _protected(holder):
                raise UsageError("action.holder-protected", port=port, found=str(holder))
            stamps.append(f"{holder.pid}@{_created(holder.pid)}")
        words = {"port": clean(port), "holder": _told(found) if found else "-"}
        return Plan(self.name, given, words, {"port": port, "holders": " ".join(stamps)}, needless=not found)

    def run(self, plan: Plan, place: Place, deadline: Deadline) -> Done:
        """Ask the planned processes to end, each only if it is still the same one and still has the port."""
        port, until = plan.undo["port"], deadline.within(_ENDS_IN_S)
        planned = dict(stamp.split("@") for stamp in plan.undo["holders"].split())
        still = {str(holder.pid): holder for holder in holders(port)}
        words = {"port": clean(port), "holder": plan.words["holder"]}
        strangers = [h for pid, h in still.items() if h.sure and planned.get(pid) != _created(h.pid)]
        if strangers:
            return Done(
                ok=False, code="action.failed-other-holder", words={**words, "holder": _told(strangers)}
            )
        asked = [
            int(pid) for pid, created in planned.items() if pid in still and _created(int(pid)) == created
        ]
        for pid in asked:
            refused = _ask_to_end(pid, place, until)
            if refused is not None:
                return refused
        while any(_created(pid) == planned[str(pid)] for pid in asked):
            if until.expired:
                return Done(ok=False, code="action.failed-holder-stays", words=words)
            place.clock.sleep(_POLL_S)
        return Done(ok=True)

    def undo(self, plan: Plan, place: Place, deadline: Deadline) -> Done:  # noqa: ARG002  we do not know how it was started
        """Tell that it cannot be undone."""
        return Done(ok=False, code="action.failed-no-undo")


def _port_of(text: str, place: Place) -> str:
    """Return the port: a device file, COM3, or the name or URL of a serial target."""
    if text.startswith("/") or (text.upper().startswith("COM") and text[3:].isdecimal()):
        return text
    target = place.target(text)
    if target.wire != "serial":
        raise UsageError("action.not-serial", action=Free.name, found=target.url)
    return target.path


def _is(holder: Holder, program: str) -> bool:
    return holder.name.lower().removesuffix(".exe") == program.lower().removesuffix(".exe")


def _told(found: list[Holder]) -> str:
    return clean(", ".join(map(str, found[:5])))


def _protected(holder: Holder) -> bool:
    """Return whether ending it would end the session, the computer, or ourselves."""
    import psutil

    name = holder.name.lower().removesuffix(".exe")
    if holder.pid <= 2 or name in _PROTECTED or name.startswith("systemd"):
        return True
    ours = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return holder.pid in ours


def _created(pid: int) -> str:
    """Return when a process began, "" when it has ended: a number that is given again is another process."""
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return ""
        return f"{process.create_time():.2f}"
    except psutil.NoSuchProcess:
        return ""
    except psutil.Error:
        return "?"


def _ask_to_end(pid: int, place: Place, deadline: Deadline) -> Done | None:
    if place.system == "windows":
        words = ["taskkill", "/PID", str(pid)]  # without /F: its windows are asked to close
        ran = place.run(words, deadline)
        return refusal(ran, words) if ran.code else None
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return None
    except PermissionError as error:
        words_told = {"program": "kill", "said": clean(error.strerror)}
        return Done(ok=False, code="action.failed-permission", words=words_told)
    return None
