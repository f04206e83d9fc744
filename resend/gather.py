"""From deliveries and lanes to problems: one look at the ledger, as often as one likes."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from resend.fingerprint import Cause, cause
from resend.ledger import escalations, trouble
from resend.ledger.escalations import CLOSED, EXAMPLES, OPEN, RECOVERED, Escalation
from resend.model import Acts, Breaker, State
from resend.policy import TRIP_AFTER
from resend.routing import Escalating, assign

if TYPE_CHECKING:
    from collections.abc import Callable

    from resend.ledger.store import Store
    from resend.ledger.trouble import Failing, Unreported
    from resend.ports import Cases, Trouble

_AT_ONCE = frozenset({"configuration", "sign-in", "blocked"})
_GRACE_S = 60.0  # a lane may be making the last try
_GROWTH = 10


class Books(NamedTuple):
    """The parts of the ledger that escalation needs."""

    trouble: Trouble = trouble
    cases: Cases = escalations


class Live(NamedTuple):
    """A problem as it is now: how many calls it hits, where, and the nearest deadline (0: none)."""

    cause: Cause
    affected: int
    destinations: frozenset[str]
    lanes: frozenset[str]  # those whose whole lane waits because of it
    deadline_at: float

    def plus(self, other: Live) -> Live:
        """Return both as one."""
        deadlines = [at for at in (self.deadline_at, other.deadline_at) if at]
        return Live(
            self.cause,
            self.affected + other.affected,
            self.destinations | other.destinations,
            self.lanes | other.lanes,
            min(deadlines, default=0.0),
        )


class Gathering:
    """Looks at the ledger and writes down what it has found.

    `system_of` returns the kind of a destination, None for one that is not configured here.
    """

    def __init__(
        self,
        store: Store,
        system_of: Callable[[str], str | None],
        settings: Escalating,
        books: Books | None = None,
    ) -> None:
        self._store = store
        self._trouble, self._cases = books or Books()
        self._system_of = system_of
        self._settings = settings
        self._causes: dict[str, Cause] = {}

    def gather(self) -> list[Escalation]:
        """Return every escalation that is not closed, brought up to date. Nobody is told of anything."""
        with self._store.read() as connection:
            now = self._store.now(connection)
        self._report_ended(now)
        known = {case.fingerprint: case for case in self._cases.escalations(self._store)}
        self._causes |= {case.fingerprint: case.cause for case in known.values()}
        live: dict[str, Live] = {}
        for lane in self._trouble.lanes_with_work(self._store):
            for found in self._look_at(lane, now):
                self._add(live, found)
        for hit in self._trouble.hits(self._store):
            counted = hit.fingerprint in live and hit.destination in live[hit.fingerprint].lanes
            calls = hit.out_of_lane + (0 if counted else hit.in_lane)
            where = frozenset({hit.destination})
            if calls and hit.fingerprint in self._causes:
                self._add(live, Live(self._causes[hit.fingerprint], calls, where, frozenset(), 0.0))
        lanes = len(self._trouble.lane_names(self._store))
        wanted = {*live, *(fingerprint for fingerprint, case in known.items() if case.state != CLOSED)}
        current = [self._bring_up(each, live.get(each), now, lanes) for each in sorted(wanted)]
        return [case for case in current if case is not None and case.state != CLOSED]

    def _add(self, live: dict[str, Live], found: Live) -> None:
        key = found.cause.fingerprint
        self._causes[key] = found.cause
        live[key] = live[key].plus(found) if key in live else found

    def _report_ended(self, now: float) -> None:
        while found := self._trouble.unreported(self._store, now + self._settings.deadline_warning_s):
            groups: dict[Cause, list[Unreported]] = defaultdict(list)
            for delivery in found:
                groups[self._cause_of(delivery)].append(delivery)
            if not self._trouble.report(self._store, groups):
                return  # somebody else does the same

    def _cause_of(self, delivery: Unreported) -> Cause:
        system = self._system_of(delivery.destination) or ""
        if delivery.state is State.HELD and delivery.who_acts is not Acts.CUSTOMER:
            return Cause(system, "held")
        if not delivery.failure:
            return Cause(system, "late")
        own = delivery.failure == "data" or delivery.state is State.HELD  # else it is its lane's, in any step
        step = delivery.step if own else ""
        return cause(system, delivery.failure, delivery.error_code, delivery.error_text, step)

    def _look_at(self, lane: Failing, now: float) -> list[Live]:
        """Return what is wrong with a lane; what is past its horizon is made part of it."""
        system = self._system_of(lane.destination)
        warn_at = now + self._settings.deadline_warning_s
        near = 0.0 < lane.deadline_at <= warn_at
        broken = lane.breaker is not Breaker.CLOSED and lane.failure != ""
        where = frozenset({lane.destination})
        if broken and (near or self._is_long(lane, now)):
            why = self._cause_of_lane(lane, system or "")
            self._end_overdue(lane, why, now, stuck=True)
            pending = self._still_pending(lane, near=near)
            return [Live(why, pending, where, where, lane.deadline_at if near else 0.0)]
        if not near:
            return []
        why = Cause(system, "late") if system else Cause("", "not-configured")
        stuck = bool(lane.paused_by) or system is None or lane.breaker is not Breaker.CLOSED
        self._end_overdue(lane, why, now, stuck=stuck)
        calls = self._trouble.near_deadline(self._store, lane.destination, warn_at)
        return [Live(why, calls, where, frozenset(), lane.deadline_at)] if calls else []

    def _cause_of_lane(self, lane: Failing, system: str) -> Cause:
        """Return why a lane stands still. One that has refused call after call has that of these calls."""
        why = cause(system, lane.failure, lane.error_code, lane.error_text)
        if lane.failure != "data":
            return why
        same = (known for known in self._causes.values() if known._replace(step="") == why)
        return next(same, why)

    def _still_pending(self, lane: Failing, *, near: bool) -> int:
        if not near:
            return lane.pending
        again = self._trouble.lanes_with_work(self._store, lane.destination)
        return again[0].pending if again else 0

    def _is_long(self, lane: Failing, now: float) -> bool:
        """Return whether a lane is broken for certain: its first canary has failed, or time has passed."""
        if lane.failure in _AT_ONCE and lane.failures > TRIP_AFTER:
            return True
        return now - lane.broken_since >= self._settings.open_after_s

    def _end_overdue(self, lane: Failing, why: Cause, now: float, *, stuck: bool) -> None:
        if not 0.0 < lane.deadline_at <= now:
            return
        self._causes[why.fingerprint] = why
        if stuck:
            _, who = assign(why, lane.pending, 1, 1, self._settings)
            words = (lane.error_code, lane.error_text, who)
            self._trouble.expire(self._store, lane.destination, why, words, _GRACE_S)
        self._trouble.report_overdue(self._store, lane.destination, why)

    def _bring_up(self, fingerprint: str, live: Live | None, now: float, lanes: int) -> Escalation | None:
        examples = []
        if live is not None:
            examples = self._cases.some_examples(self._store, fingerprint, sorted(live.lanes))
        with self._store.write() as connection:
            case = self._cases.read(connection, fingerprint, lock=True)
            if case is None:
                if live is None:
                    return None
                case = _blank(live.cause, now)
            merged = merge(case, live, now, lanes, self._settings)
            if len(merged.examples) < EXAMPLES and examples:
                merged = merged._replace(examples=tuple(examples))
            if merged != case:
                self._cases.put(connection, merged, afresh=case.state == CLOSED and merged.state == OPEN)
            return self._cases.read(connection, fingerprint)


def merge(case: Escalation, live: Live | None, now: float, lanes: int, settings: Escalating) -> Escalation:
    """Return a problem as it is now, with news where something is worth telling."""
    if live is None or live.affected <= 0:
        return _calm(case, now, settings)
    if case.state == CLOSED:
        case = _blank(case.cause, now)
    destinations = tuple(sorted({*case.destinations, *live.destinations}))
    peak = max(case.peak, live.affected)
    code, who = assign(case.cause, peak, len(destinations), lanes, settings)
    near = live.deadline_at if 0.0 < live.deadline_at <= now + settings.deadline_warning_s else 0.0
    kind = _news(case, code, peak, near)
    case = case._replace(
        code=code,
        who_acts=who,
        peak=peak,
        affected=live.affected,
        destinations=destinations,
        last_at=now,
        deadline_at=case.deadline_at or near,
        state=OPEN,
        recovered_at=0.0,
    )
    return case._replace(news=case.news + 1, news_kind=kind, news_count=peak) if kind else case


def _news(case: Escalation, code: str, peak: int, near: float) -> str:
    if case.news == 0:
        return "opened"
    if case.state == RECOVERED:
        return "again"
    if case.code != code:
        return "moved"
    if near and not case.deadline_at:
        return "deadline"
    return "grew" if peak >= _GROWTH * max(case.news_count, 1) else ""


def _calm(case: Escalation, now: float, settings: Escalating) -> Escalation:
    if case.state == OPEN:
        case = case._replace(affected=0, state=RECOVERED, recovered_at=now, deadline_at=0.0)
        return case._replace(news=case.news + 1, news_kind="recovered") if case.news else case
    over = now >= case.recovered_at + settings.close_after_s
    if case.state == RECOVERED and over and not case.tracker_issue and not case.intent:
        return case._replace(state=CLOSED)
    return case


def _blank(why: Cause, now: float) -> Escalation:
    return Escalation(why.fingerprint, "", why, Acts.NOBODY, 0, 0, (), (), now, now, 0.0, OPEN)
