"""The on-call verbs as steps of a playbook: look at a lane, bring what was lost, try now, hold back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playbooks.actions.model import Done, Plan
from playbooks.engine.ports import Looked
from supportctl.core.errors import SupportctlError, UsageError
from supportctl.core.finding import Finding, Status
from supportctl.core.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from playbooks.actions.model import Place
    from resend.ledger.hand import Verb
    from supportctl.app.resend_desk import Desk
    from supportctl.core.clock import Clock
    from supportctl.core.deadline import Deadline
    from supportctl.core.report import Risk

VERBS = ("recover", "now", "hold")
_SECONDS = {"recover": 120, "now": 10, "hold": 10}
_WHY = "playbook"
_MOST = 1000  # deliveries that are held by a playbook: each is noted so that it can be let go again
_WAITING = ("waiting", "sending", "verifying")


def look_at_lane(destination: str, config: Path | None, clock: Clock) -> Looked:
    """Return what waits for a destination: facts `waiting`, `held`, `oldest_s`, and findings `resend.*`.

    A ledger that cannot be read is a finding.
    """
    from supportctl.app.resend_desk import open_desk
    from supportctl.app.resend_look import status

    try:
        with open_desk(config, clock) as desk:
            lanes = status(desk, destination).lanes
    except SupportctlError as error:
        finding = Finding(
            "resend.ledger-unusable", Status.UNKNOWN, destination, destination, {"error": str(error)}
        )
        return Looked((finding,), (destination,), areas=("resend",))
    now = clock.now().timestamp()
    waiting = sum(lane.counts.get(state, 0) for lane in lanes for state in lane.counts if state in _WAITING)
    held = sum(lane.counts.get(state, 0) for lane in lanes for state in lane.counts if state == "held")
    oldest = min((lane.oldest_at for lane in lanes if lane.oldest_at), default=now)
    facts = {"waiting": float(waiting), "held": float(held), "oldest_s": round(now - oldest, 1)}
    found = []
    for lane in lanes:
        args: dict[str, str | int | float] = {"names": lane.destination, "count": waiting}
        if lane.paused_by:
            args["error"] = f"{lane.paused_by}: {lane.paused_why}"
            found.append(Finding("resend.lane-paused", Status.WARNING, destination, destination, args))
        elif lane.breaker != "closed":
            args["error"] = lane.broken_why or lane.last_error
            found.append(Finding("resend.lane-paused", Status.FAULT, destination, destination, args))
    if not found:
        found.append(Finding("resend.lanes", Status.OK, destination, destination, {"lanes": len(lanes)}))
    return Looked(tuple(found), (destination,), facts, ("resend",))


def resend_action(name: str, config: Path | None, clock: Clock, lang: str) -> ResendAction:
    """Return the action of a verb.

    Raises:
        UsageError: `action.unknown`.
    """
    verb = name.partition(".")[2]
    if verb not in VERBS:
        known = [f"resend.{each}" for each in VERBS]
        raise UsageError("action.unknown", found=name, nearest=nearest(name, known))
    return ResendAction(verb, config, clock, lang)


class ResendAction:
    """One verb. What was brought cannot be taken back; what was held can be let go."""

    params: Mapping[str, bool] = {"destination": True, "since": False}

    def __init__(self, verb: str, config: Path | None, clock: Clock, lang: str) -> None:
        self.name = f"resend.{verb}"
        self.risk: Risk = "undoable" if verb == "hold" else "cannot-undo"
        self.seconds = _SECONDS[verb]
        self._verb = verb
        self._config = config
        self._clock = clock
        self._lang = lang

    def plan(self, params: Mapping[str, str], place: Place, deadline: Deadline) -> Plan:  # noqa: ARG002  the ledger's own
        """Return how many calls it is about.

        Raises:
            UsageError: there is no such destination, or no such time.
        """
        from playbooks.actions.parts import checked

        given = checked(self.name, self.params, params)
        with self._desk() as desk:
            desk.check_destination(given["destination"])
            if self._verb == "recover":
                return self._planned(given, self._recover(desk, given, dry_run=True))
            ids = self._ids(desk, given["destination"])
        return self._planned(given, len(ids), " ".join(map(str, ids)) if self._verb == "hold" else "")

    def run(self, plan: Plan, place: Place, deadline: Deadline) -> Done:  # noqa: ARG002  the ledger's own
        """Do it."""
        with self._desk() as desk:
            if self._verb == "recover":
                self._recover(desk, plan.params, dry_run=False)
            elif self._verb == "hold":
                self._by_hand(desk, "hold", plan.undo["ids"])
            else:
                self._by_hand(desk, "now", " ".join(map(str, self._ids(desk, plan.params["destination"]))))
        return Done(ok=True)

    def undo(self, plan: Plan, place: Place, deadline: Deadline) -> Done:  # noqa: ARG002  the ledger's own
        """Let go what was held."""
        if self._verb != "hold":
            return Done(ok=False, code="action.failed-no-undo")
        with self._desk() as desk:
            self._by_hand(desk, "now", plan.undo["ids"], states=("held",))
        return Done(ok=True)

    def _planned(self, given: Mapping[str, str], calls: int, ids: str = "") -> Plan:
        words = {"destination": given["destination"], "since": given.get("since", "24h"), "calls": str(calls)}
        return Plan(self.name, given, words, {"ids": ids}, needless=not calls)

    def _desk(self) -> Desk:
        from supportctl.app.resend_desk import open_desk

        return open_desk(self._config, self._clock)

    def _ids(self, desk: Desk, destination: str) -> list[int]:
        from supportctl.app.resend_look import Wanted, deliveries

        states = (
            ("waiting", "verifying")
            if self._verb == "hold"
            else ("waiting", "verifying", "held", "escalated")
        )
        _, found = deliveries(desk, Wanted(destination=destination, states=states), _MOST)
        return [delivery.id for delivery in found]

    def _by_hand(self, desk: Desk, verb: Verb, ids: str, states: tuple[str, ...] = ()) -> None:
        from supportctl.app.resend_hand import carry_out, plan
        from supportctl.app.resend_look import Wanted

        if ids:
            carry_out(desk, plan(desk, verb, Wanted(ids=tuple(ids.split()), states=states)), _WHY)

    def _recover(self, desk: Desk, given: Mapping[str, str], *, dry_run: bool) -> int:
        from supportctl.app.resend_recover import Lost, recover
        from supportctl.app.sync import SyncRequest

        lost = Lost(given["destination"], given.get("since") or "24h", None)
        request = SyncRequest(self._lang, config=self._config)
        done = recover(desk, lost, request, dry_run=dry_run, on_progress=None, on_found=lambda _found: None)
        return done.enqueued.accepted
