"""Escalation plugged together: the ledger, the trackers and chats of the configuration, the words."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple, Self

from resend.escalate import Offices, Teller, Told
from resend.gather import Gathering
from resend.ledger.escalations import OPEN, RECOVERED, by_prefix, escalations
from resend.model import Acts
from resend.routing import Escalating
from supportctl.app.accounts import surroundings, value_of
from supportctl.app.resend_look import ledger_of
from supportctl.catalog import Catalog
from supportctl.core import log
from supportctl.core.errors import SupportctlError, UsageError
from supportctl.core.nearest import nearest
from supportctl.report.escalation.issue import IssueWriter
from supportctl.report.escalation.words import EscalationWords

if TYPE_CHECKING:
    from resend.ledger.escalations import Escalation
    from resend.ports import Notifier, Tracker
    from supportctl.app.resend_desk import Desk
    from supportctl.core.clock import Clock
    from supportctl.core.site import SiteConfig

_ENDING_S = 60.0  # a tracker that is asked just now is waited for so long when a worker ends


class Flushed(NamedTuple):
    """What was told, and the problems that this was about; with `dry_run` what would be told."""

    told: Told
    cases: tuple[Escalation, ...]
    dry_run: bool


def words_of(desk: Desk, lang: str) -> EscalationWords:
    """Return the words for people at this computer."""
    return EscalationWords(ledger_of(desk), Catalog(lang))


def listed(desk: Desk, *, every: bool) -> list[Escalation]:
    """Return the problems, brought up to date; `every`: closed ones, too. Nobody is told of anything."""
    gathering_of(desk).gather()
    return [case for case in escalations(desk.store, () if every else (OPEN, RECOVERED)) if case.news]


def one(desk: Desk, fingerprint: str) -> Escalation:
    """Return the problem whose fingerprint begins so; an issue's whole mark may be given.

    Raises:
        UsageError: `escalation.unknown`: none, or several.
    """
    wanted = fingerprint.strip().removeprefix("[").removesuffix("]").removeprefix("fp:").lower()
    found = [case for case in by_prefix(desk.store, wanted) if case.news] if wanted else []
    if len(found) != 1:
        known = [case.fingerprint for case in found or listed(desk, every=True)]
        near = ", ".join(known[:5]) if found else nearest(wanted, known)
        raise UsageError("escalation.unknown", found=fingerprint, nearest=near or "-")
    return found[0]


def flush(desk: Desk, lang: str, *, dry_run: bool = False) -> Flushed:
    """Tell of all that is new; with `dry_run` only say what would be told.

    Raises:
        UsageError: `escalation.unknown-tracker`, or a secret that is not there.
    """
    cases = gathering_of(desk).gather()
    teller = _teller(desk, lang)
    if dry_run:
        return Flushed(Told(), tuple(teller.for_people(cases)), dry_run=True)
    told = teller.tell(cases)
    names = {*told.opened, *told.commented, *told.closed, *told.notified}
    return Flushed(told, tuple(case for case in cases if case.fingerprint in names), dry_run=False)


class Watch:
    """Looks for problems every minute or so while a worker works, inside `with`; no delivery waits for it.

    What fails here is logged, and tried again.
    """

    def __init__(self, desk: Desk, lang: str) -> None:
        self._desk = desk
        self._lang = lang
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="escalation", daemon=True)

    def __enter__(self) -> Self:
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Look once more, so that what has ended is told of, and end."""
        self._ending.set()
        self._thread.join(_ENDING_S)

    def _run(self) -> None:
        every = self._desk.config.escalation.every
        while not self._ending.wait(every):
            self._look()
        self._look()

    def _look(self) -> None:
        try:
            flush(self._desk, self._lang)
        except SupportctlError as error:
            log.event("warning", "escalation.failed", error=error)
        except Exception as error:  # noqa: BLE001  a mistake in here must not end the deliveries
            log.event("error", "escalation.failed", error=f"{type(error).__name__}: {error}")


def settings_of(desk: Desk) -> Escalating:
    """Return the times and limits of the configuration."""
    chosen = desk.config.escalation
    return Escalating(
        mass_destinations=chosen.mass_destinations,
        mass_share=chosen.mass_share,
        own_fault_calls=chosen.own_fault_calls,
        open_after_s=chosen.open_after,
        update_every_s=chosen.update_every,
        close_after_s=chosen.close_after,
        deadline_warning_s=chosen.deadline_warning,
        settle_s=desk.config.resend.settle,
    )


def gathering_of(desk: Desk) -> Gathering:
    """Return what brings the problems of the ledger up to date."""
    kinds = {name: model.kind for name, model in desk.config.crm.items()}
    return Gathering(desk.store, kinds.get, settings_of(desk))


def _teller(desk: Desk, lang: str) -> Teller:
    settings = desk.config.escalation
    writer = IssueWriter(words_of(desk, settings.language or lang))
    return Teller(desk.store, offices_of(desk.config, desk.clock), writer, settings_of(desk))


def offices_of(config: SiteConfig, clock: Clock) -> Offices:
    """Return the trackers and chats of the configuration, and who looks where.

    Raises:
        UsageError: `escalation.unknown-tracker`, or a secret that is not there.
    """
    settings = config.escalation
    route: dict[Acts | str, str] = {Acts(who): name for who, name in settings.routes.items()}
    if settings.tracker is not None:
        route[""] = settings.tracker
    trackers = {name: _tracker(config, clock, name) for name in sorted(set(route.values()))}
    return Offices(trackers, route, _notifiers(config, clock) if settings.notify else {})


def _tracker(config: SiteConfig, clock: Clock, name: str) -> Tracker:
    from integrations.registry import tracker

    known = config.trackers
    if name not in known:
        raise UsageError("escalation.unknown-tracker", found=name, nearest=nearest(name, known) or "-")
    client: Tracker = tracker(known[name], surroundings(config, name, clock))
    return client


def _notifiers(config: SiteConfig, clock: Clock) -> dict[str, Notifier]:
    """Return the chats by a name that says nothing of their address, and stays when others come and go."""
    import hashlib

    from integrations.registry import notifier

    found: dict[str, Notifier] = {}
    for secret in config.notify:
        address = value_of(secret)
        place = f"chat-{hashlib.sha256(address.encode()).hexdigest()[:8]}"
        found[place] = notifier(address, surroundings(config, place, clock))
    return found
