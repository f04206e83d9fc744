"""Tells people of problems: one issue for each, updated and not repeated; one message for all news to a chat.

What is to be told is in the ledger. Before an issue is created or closed the intent is written down; after an
unclear answer, or a death in between, the tracker is asked what it has. A comment is written once at most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from resend.gather import Books, Gathering
from resend.ledger.escalations import CLOSED, OPEN, RECOVERED
from resend.routing import Escalating
from supportctl.core import log
from supportctl.core.delivery import Issue
from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from resend.ledger.escalations import Escalation
    from resend.ledger.store import Store
    from resend.model import Acts
    from resend.ports import Notifier, Tracker

UPDATE = "update"  # a comment without news: it has grown since the last one
_GONE = frozenset({404, 410})


class Writer(Protocol):
    """Finds the words. None of them holds a secret or a whole telephone number."""

    def issue(self, case: Escalation) -> tuple[str, str]:
        """Return title and text of a new issue."""

    def comment(self, case: Escalation, kind: str) -> str:
        """Return a comment; `kind` is the kind of news, or `UPDATE`."""

    def handed_on(self, case: Escalation) -> str:
        """Return the last comment on an issue whose problem moves to another tracker."""

    def closing(self, case: Escalation) -> str:
        """Return the last word."""

    def digest(self, cases: Sequence[Escalation]) -> tuple[str, str]:
        """Return title and text of one message about several problems."""


class Told(NamedTuple):
    """What a sweep has told: fingerprints, and per place what failed ("code: text")."""

    opened: tuple[str, ...] = ()
    commented: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    notified: tuple[str, ...] = ()
    failed: Mapping[str, str] = {}


class Offices(NamedTuple):
    """Who is told: trackers by name, the tracker of each kind of person ("" for all others), chats."""

    trackers: Mapping[str, Tracker]
    route: Mapping[Acts | str, str]
    notifiers: Mapping[str, Notifier]

    def tracker_for(self, who: Acts) -> str | None:
        """Return the name of the tracker in which these people look, None if there is none."""
        name = self.route.get(who) or self.route.get("")
        return name if name in self.trackers else None


def sweep(  # noqa: PLR0917  who tells whom of what, and how
    store: Store,
    offices: Offices,
    writer: Writer,
    system_of: Callable[[str], str | None],
    settings: Escalating | None = None,
    books: Books | None = None,
) -> Told:
    """Bring the escalations up to date and tell of what is new; safe at any time, by several at once."""
    settings = settings or Escalating()
    cases = Gathering(store, system_of, settings, books).gather()
    return Teller(store, offices, writer, settings, books).tell(cases)


class Teller:
    """One round of telling. A tracker that fails is left alone until the next round."""

    def __init__(
        self,
        store: Store,
        offices: Offices,
        writer: Writer,
        settings: Escalating,
        books: Books | None = None,
    ) -> None:
        self._store = store
        self._cases = (books or Books()).cases
        self._offices = offices
        self._writer = writer
        self._settings = settings
        self._failed: dict[str, str] = {}
        self._done: dict[str, list[str]] = {"opened": [], "commented": [], "closed": [], "notified": []}

    def tell(self, cases: Sequence[Escalation]) -> Told:
        """Tell of these, as far as somebody has to be told."""
        for case in sorted(cases, key=lambda case: (case.tracker_issue != "", case.first_at)):
            if self._for_tracker(case, self._now()):
                self._with_claim(case.fingerprint, self._tell_tracker)
        for place in self._offices.notifiers:
            self._tell_place(place, cases)
        done = {name: tuple(found) for name, found in self._done.items()}
        return Told(**done, failed=self._failed)

    def for_people(self, cases: Sequence[Escalation]) -> list[Escalation]:
        """Return those that a tracker or a chat would be told of now."""
        now = self._now()
        return [
            case
            for case in cases
            if self._for_tracker(case, now)
            or any(_for_place(case, place) for place in self._offices.notifiers)
        ]

    def _for_tracker(self, case: Escalation, now: float) -> bool:
        name = self._offices.tracker_for(case.who_acts)
        if name is None or case.news == 0:
            return False
        if not case.tracker_issue:
            return case.state == OPEN or case.intent != ""
        if case.told_news < case.news or case.intent or self._is_over(case, now):
            return True
        grown = case.state == OPEN and case.peak > case.told_count
        return grown and now >= case.told_at + self._settings.update_every_s

    def _is_over(self, case: Escalation, now: float) -> bool:
        return case.state == RECOVERED and now >= case.recovered_at + self._settings.close_after_s

    def _with_claim(self, fingerprint: str, tell: Callable[[Escalation, str], None]) -> None:
        case = self._cases.claim(self._store, fingerprint)
        if case is None:
            return  # somebody else tells of it
        name = case.tracker if case.tracker_issue else self._offices.tracker_for(case.who_acts)
        try:
            # what others have told since we looked is not told again
            usable = name is not None and name in self._offices.trackers and name not in self._failed
            if name is not None and usable and self._for_tracker(case, self._now()):
                tell(case, name)
        except ServiceError as error:
            words = f"{error.code}: {error.text}" if error.text else error.code
            log.event("warning", "escalation.not-told", tracker=name, fingerprint=fingerprint, error=words)
            self._cases.told(self._store, case, tracker_error=words)
            if name is not None and error.failure is not Failure.DATA:
                self._failed[name] = words
        finally:
            self._cases.release(self._store, case)

    def _tell_tracker(self, case: Escalation, name: str) -> None:
        if not case.tracker_issue:
            self._open(case, name)
        elif case.intent == "close" or self._is_over(case, self._now()):
            self._close(case, name)
        elif case.state == OPEN and self._moves(case):
            self._hand_on(case, name)
        else:
            self._comment(case, name)

    def _moves(self, case: Escalation) -> bool:
        wanted = self._offices.tracker_for(case.who_acts)
        return case.told_news < case.news and wanted is not None and wanted != case.tracker

    def _open(self, case: Escalation, name: str) -> None:
        tracker, unclear = self._offices.trackers[name], case.intent == "create"
        if unclear and self._now() < case.intent_at + self._settings.settle_s:
            return  # what was sent may still be on its way
        found = tracker.find(case.fingerprint)
        if found is not None and (found.is_open or unclear):
            heard = {} if unclear else {"told_news": 0, "told_count": 0, "told_at": 0.0}
            self._cases.told(self._store, case, **_issue_values(name, found), **heard)
            return
        if case.state != OPEN:  # it has mended itself before anybody was told
            self._cases.told(self._store, case, intent="")
            return
        if len(self._done["opened"]) >= self._settings.new_issues:
            return
        intent = {"intent": "create", "intent_at": self._now(), "tracker": name}
        clock = self._store.clock
        began = clock.monotonic()
        if not self._cases.told(self._store, case, **intent, **self._told_now(case)):
            return
        title, text = self._writer.issue(case)
        if clock.monotonic() - began > self._settings.settle_s:
            return  # we stood still: somebody else may have asked by now, and found nothing
        try:
            issue = tracker.create(case.fingerprint, title, text)
        except ServiceError as error:
            if error.failure is not Failure.AMBIGUOUS:
                self._cases.told(self._store, case, intent="", told_news=0, told_count=0, told_at=0.0)
            raise
        self._cases.told(self._store, case, **_issue_values(name, issue))
        log.event("info", "escalation.opened", tracker=name, issue=issue.number, fingerprint=case.fingerprint)
        self._done["opened"].append(case.fingerprint)

    def _comment(self, case: Escalation, name: str) -> None:
        kind = case.news_kind if case.told_news < case.news else UPDATE
        if not self._cases.told(self._store, case, **self._told_now(case)):
            return
        try:
            self._offices.trackers[name].comment(_issue_of(case), self._writer.comment(case, kind))
        except ServiceError as error:
            if error.failure is not Failure.AMBIGUOUS:
                before = {"told_news": case.told_news, "told_count": case.told_count, "told_at": case.told_at}
                self._cases.told(self._store, case, **before)
            if error.status in _GONE:  # somebody has deleted it
                self._cases.told(self._store, case, tracker_issue="", tracker_link="")
            raise
        self._cases.told(self._store, case, tracker_error="")
        self._done["commented"].append(case.fingerprint)

    def _hand_on(self, case: Escalation, name: str) -> None:
        if self._cases.told(self._store, case, tracker_issue="", tracker_link="", intent=""):
            self._offices.trackers[name].comment(_issue_of(case), self._writer.handed_on(case))

    def _close(self, case: Escalation, name: str) -> None:
        tracker = self._offices.trackers[name]
        if case.intent == "close":
            found = tracker.find(case.fingerprint)
            if found is None or not found.is_open:
                self._cases.told(self._store, case, state=CLOSED, intent="", tracker_error="")
                return
        if not self._cases.told(self._store, case, intent="close", intent_at=self._now()):
            return
        try:
            tracker.close(_issue_of(case), self._writer.closing(case))
        except ServiceError as error:
            if error.failure not in {Failure.CONFIGURATION, Failure.DATA}:
                raise
            # we may not close it: a person will; our last word is said
            words = f"{error.code}: {error.text}"
            self._cases.told(self._store, case, state=CLOSED, intent="", tracker_error=words)
            return
        self._cases.told(self._store, case, state=CLOSED, intent="", tracker_error="", **self._told_now(case))
        self._done["closed"].append(case.fingerprint)

    def _tell_place(self, place: str, cases: Sequence[Escalation]) -> None:
        fresh = [
            self._cases.claim(self._store, each.fingerprint) for each in cases if _for_place(each, place)
        ]
        claimed = [case for case in fresh if case is not None]
        try:
            news = [case for case in claimed if _for_place(case, place)]
            if news and self._notify(place, news):
                for case in news:
                    self._cases.told(self._store, case, notified={**case.notified, place: case.news})
                    self._done["notified"].append(case.fingerprint)
        finally:
            for case in claimed:
                self._cases.release(self._store, case)

    def _notify(self, place: str, news: Sequence[Escalation]) -> bool:
        """Send one message; return whether its news has been told, or may have been."""
        title, text = self._writer.digest(news)
        try:
            self._offices.notifiers[place].notify(title, text)
        except ServiceError as error:
            self._failed[place] = f"{error.code}: {error.text}" if error.text else error.code
            log.event("warning", "escalation.not-notified", place=place, error=self._failed[place])
            return error.failure is Failure.AMBIGUOUS
        return True

    def _told_now(self, case: Escalation) -> dict[str, float | int]:
        return {"told_news": case.news, "told_count": case.peak, "told_at": self._now()}

    def _now(self) -> float:
        with self._store.read() as connection:
            return self._store.now(connection)


def _for_place(case: Escalation, place: str) -> bool:
    """Return whether a chat has something to hear; a problem that was over before is nothing to it."""
    heard = case.notified.get(place, 0)
    return case.news > heard and (case.state == OPEN or (heard > 0 and case.state == RECOVERED))


def _issue_of(case: Escalation) -> Issue:
    return Issue(case.tracker_issue, case.tracker_link, is_open=True)


def _issue_values(name: str, issue: Issue) -> dict[str, object]:
    return {
        "tracker": name,
        "tracker_issue": issue.number,
        "tracker_link": issue.link,
        "intent": "",
        "tracker_error": "",
    }
