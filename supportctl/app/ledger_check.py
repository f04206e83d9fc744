"""What `check` says of the ledger of calls: lanes that stand still, calls that wait, problems for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.registry import ProbeEntry
from resend.ledger import trouble
from resend.ledger.escalations import OPEN, escalations
from resend.ledger.views import lane_views
from resend.model import Breaker, State
from supportctl.app.resend_desk import Desk
from supportctl.core.errors import SupportctlError
from supportctl.core.target import Target
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from probes.context import ProbeContext
    from resend.ledger.views import LaneView
    from supportctl.core.clock import Clock
    from supportctl.core.finding import Finding
    from supportctl.core.site import SiteConfig

PROBE_ID = "resend.ledger"
_LONG_S = 900.0
_NAMES = 5
_SQLITE = "sqlite:///"
_WAITING = (State.WAITING, State.VERIFYING)


def ledger_target(config: SiteConfig) -> Target:
    """Return the ledger as a target; its address may hold a password, so only its kind is shown."""
    return Target("ledger", "sqlite" if "sqlite" in config.store[:10] else "database", name="ledger")


def has_ledger(config: SiteConfig, folder: Path | None) -> bool:
    """Return whether there is one to ask: a check makes no files."""
    from pathlib import Path as AnyPath

    if not config.store.startswith(_SQLITE):
        return True
    return (folder or AnyPath()).joinpath(config.store.removeprefix(_SQLITE)).is_file()


def ledger_entry(config: SiteConfig, folder: Path | None, clock: Clock) -> ProbeEntry:
    """Return the row of the probe table that asks the ledger."""
    return ProbeEntry(PROBE_ID, lambda: LedgerProbe(config, folder, clock), budget_s=20.0)


class LedgerProbe:
    """Looks at counts and indexes only: a million waiting calls cost it nothing."""

    codes = frozenset({
        "resend.lanes", "resend.lane-paused", "resend.calls", "resend.backlog", "resend.deadlines",
        "resend.deadline-near", "resend.escalations", "resend.escalated", "resend.trackers",
        "escalation.not-told", "resend.ledger-unusable",
    })  # fmt: skip

    def __init__(self, config: SiteConfig, folder: Path | None, clock: Clock) -> None:
        self._config = config
        self._folder = folder
        self._clock = clock

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield findings."""
        try:
            desk = Desk(self._config, self._folder, self._clock)
        except SupportctlError as error:
            yield context.unknown("resend.ledger-unusable", error=error)
            return
        with desk:
            views = lane_views(desk.store)
            now = self._clock.now().timestamp()
            busy = [view for view in views if any(view.counts.get(state) for state in _WAITING)]
            still = [view for view in busy if _stands(view, now)]
            yield from _lanes(context, views, still)
            yield from _backlog(context, [view for view in busy if view not in still], now)
            yield self._deadlines(context, desk, busy, now)
            yield from _escalations(context, desk)

    def _deadlines(self, context: ProbeContext, desk: Desk, busy: Sequence[LaneView], now: float) -> Finding:
        before = now + self._config.escalation.deadline_warning
        near = [view for view in busy if view.nearest_deadline_at and view.nearest_deadline_at <= before]
        count = sum(trouble.near_deadline(desk.store, view.destination, before) for view in near)
        if not count:
            return context.ok("resend.deadlines")
        return context.warning("resend.deadline-near", count=count, names=_names(near))


def _stands(view: LaneView, now: float) -> bool:
    broken = view.breaker is not Breaker.CLOSED and now - view.broken_since >= _LONG_S
    return bool(view.paused_by) or broken


def _lanes(context: ProbeContext, views: Sequence[LaneView], still: Sequence[LaneView]) -> Iterator[Finding]:
    broken = [view for view in still if not view.paused_by]
    paused = [view for view in still if view.paused_by]
    if broken:
        args = _args(broken)
        yield context.fault("resend.lane-paused", **args, error=broken[0].broken_why or broken[0].last_error)
    if paused:
        why = f"{paused[0].paused_by}: {paused[0].paused_why}"
        yield context.warning("resend.lane-paused", **_args(paused), error=why)
    if not still:
        yield context.ok("resend.lanes", lanes=len(views))


def _backlog(context: ProbeContext, moving: Sequence[LaneView], now: float) -> Iterator[Finding]:
    """Yield whether calls are due that nobody sends: a worker that works holds its lane."""
    idle = [view for view in moving if not view.holder and _due_for(view, now) >= _LONG_S]
    if not idle:
        yield context.ok("resend.calls")
        return
    minutes = int(max(_due_for(view, now) for view in idle) // 60)
    yield context.warning("resend.backlog", minutes=minutes, **_args(idle))


def _due_for(view: LaneView, now: float) -> float:
    return now - view.next_attempt_at if view.next_attempt_at is not None else 0.0


def _escalations(context: ProbeContext, desk: Desk) -> Iterator[Finding]:
    found = [case for case in escalations(desk.store, (OPEN,)) if case.news]
    silent = [case for case in found if case.tracker_error]
    if silent:
        yield context.warning("escalation.not-told", count=len(silent), error=silent[0].tracker_error)
    else:
        yield context.ok("resend.trackers")
    if not found:
        yield context.ok("resend.escalations")
        return
    worst = max(found, key=lambda case: case.affected)
    calls = sum(case.affected for case in found)
    said = f"{worst.fingerprint} {worst.cause.code}".strip()
    yield context.fault("resend.escalated", count=len(found), calls=calls, worst=said)


def _args(views: Sequence[LaneView]) -> dict[str, object]:
    calls = sum(view.counts.get(state, 0) for view in views for state in _WAITING)
    return {"names": _names(views), "count": calls}


def _names(views: Sequence[LaneView]) -> str:
    shown = ", ".join(clean(view.destination, 64) for view in views[:_NAMES])
    return f"{shown}, …" if len(views) > _NAMES else shown
