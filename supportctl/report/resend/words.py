"""The words of resend in one language: times, lengths, numbers, what happened, why, and who acts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resend.acts import acts_of
from resend.model import Acts, Breaker, State
from supportctl.core.text import clean
from supportctl.report.wording import counted

if TYPE_CHECKING:
    from datetime import datetime

    from resend.ledger.audit import Disagreement
    from resend.ledger.views import Event, LaneView
    from resend.model import Delivery
    from supportctl.catalog import Catalog
    from supportctl.report.resend.model import Ledger, Story

_UNITS = (("days", 86400), ("hours", 3600), ("minutes", 60), ("seconds", 1))
_SAID = 160
_NEAR_S = 2 * 3600  # so close to its deadline a delivery is worth a word
_NOTES = {
    "crm.user-inactive": "note-user-inactive",
    "crm.no-card": "note-no-card",
    "sync.no-contact": "note-no-card",
}
_PENDING = frozenset({State.WAITING, State.SENDING, State.VERIFYING})
_EVENTS = frozenset({"update", "lost", "expired"})
_HAND = frozenset({"now", "hold", "cancel"})


class ResendWords:
    """The words about one ledger."""

    def __init__(self, ledger: Ledger, catalog: Catalog) -> None:
        self.ledger = ledger
        self._catalog = catalog
        self._russian = catalog.lang == "ru"

    def say(self, key: str, **args: object) -> str:
        """Return a phrase of this area."""
        return self._catalog.phrase(f"resend.{key}", **args)

    def count(self, key: str, n: int, **args: object) -> str:
        """Return a phrase in the form that `n` asks for; `{number}` is `n` in groups of three digits."""
        texts = {name: str(value) for name, value in args.items()}
        return counted(self._catalog, f"resend.{key}", n, number=self.number(n), **texts)

    def disagreement(self, found: Disagreement) -> str:
        """Return where the ledger does not agree with itself."""
        kept, actual = self.number(found.kept), self.number(found.actual)
        if found.what == "no-lane":
            return self.count("no-lane", found.actual)
        if found.what == "token":
            return self.count("early-token", found.actual, token=kept)
        known = found.what in set(State)
        state = self.say(f"state-{found.what}") if known else clean(found.what)
        return self.say("miscounted", state=state, kept=kept, actual=actual)

    def number(self, n: int) -> str:
        """Return a number in groups of three digits."""
        text = f"{n:,}"
        return text.replace(",", "\N{NO-BREAK SPACE}") if self._russian else text

    def moment(self, at: datetime) -> str:
        """Return a time in the shop's zone: of today only the time, else the day, too."""
        local = at.astimezone(self.ledger.zone)
        if local.date() == self.ledger.now.astimezone(self.ledger.zone).date():
            return f"{local:%H:%M:%S}"
        return f"{local:%d.%m %H:%M}" if self._russian else f"{local:%m-%d %H:%M}"

    def time(self, seconds: float) -> str:
        """Return a time of the ledger."""
        return self.moment(self.ledger.at(seconds))

    def length(self, seconds: float) -> str:
        """Return a length of time in its two largest units."""
        left = max(round(seconds), 0)
        parts: list[tuple[str, int]] = []
        for unit, size in _UNITS:
            n, left = divmod(left, size)
            if n or parts:
                parts.append((unit, n))
        told = [self.say(f"short-{unit}", n=n) for unit, n in parts[:2] if n]
        return " ".join(told) or self.say("short-seconds", n=0)

    def ago(self, seconds: float) -> str:
        """Return how long a time of the ledger lies back."""
        return self.length(self.ledger.now.timestamp() - seconds)

    def state(self, state: State) -> str:
        """Return a state in a word or two."""
        return self.say(f"state-{state.value}")

    def breaker(self, breaker: Breaker) -> str:
        """Return what a lane's breaker means."""
        return self.say(f"breaker-{breaker.value}")

    def who(self, acts: Acts) -> str:
        """Return who has to act."""
        return self.say(f"who-{acts.value}")

    def error(self, code: str, text: str) -> str:
        """Return what a system said, as it said it."""
        said = clean(text, _SAID).rstrip(". ")
        return f"{clean(code)}: {said}" if code and said else clean(code) or said

    def forecast(self, view: LaneView) -> str:
        """Return in how long a lane will be drained, "" if that cannot be told."""
        seconds = view.forecast_s
        if not view.pending or seconds is None:
            return ""
        return self.say("forecast", length=self.length(max(seconds, 1)))

    def trouble(self, view: LaneView, *, known: bool) -> list[str]:
        """Return the sentences about a lane that sends nothing or that people have to look at."""
        told = []
        if not known:
            told.append(self.say("lane-unknown"))
        if view.paused_by:
            why = clean(view.paused_why, _SAID)
            told.append(self.say("lane-paused", who=clean(view.paused_by), why=why))
        if view.breaker is not Breaker.CLOSED:
            told.append(self._stopped(view))
        elif view.open_until > self.ledger.now.timestamp():
            told.append(self.say("lane-limit", until=self.time(view.open_until)))
        if view.nearest_deadline_at is not None and view.pending:
            left = view.nearest_deadline_at - self.ledger.now.timestamp()
            if left <= 0:
                told.append(self.say("deadline-passed"))
            elif left < _NEAR_S:
                told.append(self.say("deadline-near", length=self.length(left)))
        return told

    def _stopped(self, view: LaneView) -> str:
        said = clean(view.broken_why or view.last_error, _SAID).rstrip(".")
        key = "lane-open" if view.breaker is Breaker.OPEN else "lane-half-open"
        due = view.open_until <= self.ledger.now.timestamp()
        return self.say(
            key,
            since=self.time(view.broken_since) if view.broken_since else self.say("some-time"),
            error=said or self.say("unknown-error"),
            again=self.say("next-now") if due else self.say("next-at", at=self.time(view.open_until)),
        )

    def now(self, story: Story) -> list[str]:
        """Return what is with a delivery now: why it is where it is, what comes next, and who acts."""
        delivery, system = story.delivery, self.ledger.system(story.delivery.destination)
        told = [
            self.say(
                f"now-{delivery.state.value}",
                system=system,
                at=self._next(delivery),
                deadline=self.time(delivery.deadline_at),
                record=self._record(delivery),
            )
        ]
        hand = next((event for event in reversed(story.events) if event.kind == "hand"), None)
        if hand and delivery.state in {State.HELD, State.CANCELLED} and hand.state is delivery.state:
            who, why = clean(hand.who), clean(hand.text, _SAID)
            told = [self.say(f"now-{delivery.state.value}-by-hand", who=who, why=why)]
        elif delivery.failure is not None and delivery.state is not State.DELIVERED:
            failure, code, text = delivery.failure.value, delivery.error_code, delivery.error_text
            told.append(self._reason(failure, code, text, system))
        if story.lane is not None and delivery.state in {State.WAITING, State.VERIFYING}:
            told += self.trouble(story.lane, known=delivery.destination in self.ledger.kinds)[:1]
        acts = acts_of(delivery)
        if acts is not Acts.NOBODY or delivery.state in _PENDING:
            told.append(self.say("acts", who=self.who(acts)))
        return told

    def event(self, event: Event, delivery: Delivery) -> str:
        """Return one line of the timeline."""
        system = self.ledger.system(delivery.destination)
        if event.kind == "hand":
            done = self.say(f"hand-{event.code}") if event.code in _HAND else clean(event.code)
            why = f": {clean(event.text, _SAID)}" if event.text else ""
            return f"{clean(event.who)}: {done}{why}"
        if event.kind not in {"try", "lookup"}:
            known = event.kind in _EVENTS
            return self.say(f"event-{event.kind}", system=system) if known else clean(event.kind)
        step = clean(event.step)
        if event.failure:
            why = self._reason(event.failure, event.code, event.text, system)
            told = self.say(f"event-{event.kind}-failed", system=system, why=why)
        else:
            on = "on" if step or event.kind == "lookup" else "next"
            key = f"event-{event.kind}-{'done' if event.state is State.DELIVERED else on}"
            told = self.say(key, system=system, step=step, record=self._record(delivery))
            told = f"{told} {self.note(event.code)}".rstrip()
        if event.state in {State.WAITING, State.VERIFYING} and event.next_attempt_at > event.at:
            key = "event-then-ask" if event.state is State.VERIFYING else "event-then-try"
            return f"{told} {self.say(key, at=self.time(event.next_attempt_at))}"
        if event.state in {State.HELD, State.ESCALATED}:
            return f"{told} {self.say(f'event-then-{event.state.value}')}"
        return told

    def note(self, code: str) -> str:
        """Return what was put right on the way, "" if nothing was."""
        key = _NOTES.get(code)
        return self.say(key) if key else clean(code)

    def _reason(self, failure: str, code: str, text: str, system: str) -> str:
        return self.say(f"failure-{failure}", system=system, error=self.error(code, text))

    def _next(self, delivery: Delivery) -> str:
        if delivery.next_attempt_at <= self.ledger.now.timestamp():
            return self.say("at-once")
        return self.time(delivery.next_attempt_at)

    def _record(self, delivery: Delivery) -> str:
        return self.say("record", id=clean(delivery.remote_id)) if delivery.remote_id else ""
