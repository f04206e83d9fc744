"""`queue.resume`: a stopped print queue prints and takes jobs again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playbooks.actions import cups, windows
from playbooks.actions.model import Done, Plan
from playbooks.actions.parts import checked, not_here, refusal
from supportctl.core.errors import UsageError
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbooks.actions.model import Place
    from supportctl.core.deadline import Deadline
    from supportctl.core.report import Risk

_YES, _NO = "yes", "no"


class Resume:
    """Takes a queue out of "paused", "offline" and "not accepting"; undoing puts it back as it was."""

    name = "queue.resume"
    params: Mapping[str, bool] = {"queue": True}
    risk: Risk = "undoable"
    seconds = 5

    def plan(self, params: Mapping[str, str], place: Place, deadline: Deadline) -> Plan:
        """Return how the queue is now."""
        given = checked(self.name, self.params, params)
        queue = given["queue"]
        if place.system == "windows":
            seen = windows.look(place, "queue", deadline, queue=queue)
            if not seen.get("found"):
                raise UsageError("action.no-such-queue", found=queue, nearest="-")
            paused, offline = bool(seen.get("paused")), bool(seen.get("offline"))
            undo = {"paused": _word(paused), "offline": _word(offline)}
            jobs, needless = len(seen.get("jobs") or []), not (paused or offline)
        elif place.system in {"linux", "darwin"}:
            cups.check_name(self.name, queue)
            state = cups.state_of(place, queue, deadline)
            undo = {"enabled": _word(state.enabled), "accepting": _word(state.accepting)}
            undo["reason"] = state.reason
            needless = state.enabled and state.accepting
            jobs = len(cups.jobs_of(place, queue, deadline))
        else:
            raise not_here(self.name, place.system)
        return Plan(self.name, given, {"queue": clean(queue), "jobs": str(jobs)}, undo, needless)

    def run(self, plan: Plan, place: Place, deadline: Deadline) -> Done:
        """Let the queue print."""
        queue = plan.params["queue"]
        if place.system == "windows":
            return windows.change(place, "queue", deadline, verb="resume", queue=queue)
        for words in (["cupsaccept", queue], ["cupsenable", queue]):
            ran = place.run(words, deadline)
            if ran.code:
                return refusal(ran, words)
        if not all(cups.state_of(place, queue, deadline)[:2]):  # its printer stopped it again at once
            return Done(ok=False, code="action.failed-queue-stops", words={"queue": clean(queue)})
        return Done(ok=True)

    def undo(self, plan: Plan, place: Place, deadline: Deadline) -> Done:
        """Put the queue back as it was before."""
        queue, was = plan.params["queue"], plan.undo
        if place.system == "windows":
            back = {name: was[name] == _YES for name in ("paused", "offline")}
            return windows.change(place, "queue", deadline, verb="back", queue=queue, **back)
        why = ["-r", was["reason"]] if was["reason"] else []
        now = cups.state_of(place, queue, deadline)
        if now.enabled and was["enabled"] == _NO:
            words = ["cupsdisable", *why, queue]
            ran = place.run(words, deadline)
            if ran.code:
                return refusal(ran, words)
        if now.accepting and was["accepting"] == _NO:
            words = ["cupsreject", *why, queue]
            ran = place.run(words, deadline)
            if ran.code:
                return refusal(ran, words)
        return Done(ok=True)


def _word(value: bool) -> str:  # noqa: FBT001  a switch is what it turns into a word
    return _YES if value else _NO
