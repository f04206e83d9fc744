"""Lanes, deliveries and one delivery's story for a terminal."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from resend.acts import acts_of
from resend.model import Acts, Breaker, State
from supportctl.core.text import clean
from supportctl.report.layout import DEFAULT_WIDTH, MIN_WIDTH, columns, painted, wrap
from supportctl.report.presentable import text_of
from supportctl.report.resend.words import ResendWords

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from resend.ledger.views import LaneView
    from resend.model import Delivery
    from supportctl.catalog import Catalog
    from supportctl.report.resend.model import Ledger, Status, Story

LANES_SHOWN = 40
_INDENT = "  "
_NONE = "–"
_STATE_STYLES = {
    State.HELD: "yellow", State.ESCALATED: "red", State.DELIVERED: "green", State.VERIFYING: "magenta",
}  # fmt: skip
Row = list[str]


def render_status(status: Status, catalog: Catalog, *, color: bool = False, width: int | None = None) -> str:
    """Return all lanes: those with trouble first, then those with most to do."""
    words = ResendWords(status.ledger, catalog)
    page = _StatusPage(status, words, color=color, width=max(width or DEFAULT_WIDTH, MIN_WIDTH))
    return text_of(chain(page.lines(), page.agreement()))


class _StatusPage:
    def __init__(self, status: Status, words: ResendWords, *, color: bool, width: int) -> None:
        self._status = status
        self._words = words
        self._color = color
        self._width = width
        ranked = sorted(status.lanes, key=self._rank)
        self._shown, self._hidden = ranked[:LANES_SHOWN], ranked[LANES_SHOWN:]

    def lines(self) -> Iterator[str]:
        say = self._words.say
        if not self._status.lanes:
            names = ", ".join(self._status.idle)
            yield say("no-lanes", names=names) if names else say("no-destinations")
            return
        yield from self._table()
        if self._hidden:
            yield _INDENT + self._words.count("more-lanes", len(self._hidden))
        for view in self._shown:
            for number, sentence in enumerate(self._sentences(view)):
                if not number:
                    yield ""
                first = _INDENT if number else f"{clean(view.destination)}: "
                yield from wrap(sentence, self._width, first, _INDENT)

    def agreement(self) -> Iterator[str]:
        """Yield what a check of the ledger has found."""
        found = self._status.disagreements
        if found is None:
            return
        yield ""
        if not found:
            yield self._words.say("agrees")
            return
        yield from wrap(self._words.count("disagrees", len(found)), self._width, "", "")
        for each in found[:LANES_SHOWN]:
            sentence = self._words.disagreement(each)
            yield from wrap(sentence, self._width, f"{_INDENT}{clean(each.destination)}: ", _INDENT * 2)
        if len(found) > LANES_SHOWN:
            yield _INDENT + self._words.count("more-disagreements", len(found) - LANES_SHOWN)

    def _rank(self, view: LaneView) -> tuple[bool, int, str]:
        stopped = view.breaker is not Breaker.CLOSED or bool(view.paused_by)
        return not stopped, -view.pending, view.destination

    def _sentences(self, view: LaneView) -> list[str]:
        known = view.destination in self._status.known
        told = self._words.trouble(view, known=known)
        if view.destination in self._status.acts:
            who = self._words.who(self._status.acts[view.destination])
            told.append(self._words.say("lane-acts", who=who))
        held, escalated = view.counts.get(State.HELD, 0), view.counts.get(State.ESCALATED, 0)
        if held:
            told.append(self._words.count("lane-held", held, destination=view.destination))
        if escalated:
            told.append(self._words.count("lane-escalated", escalated, destination=view.destination))
        return told

    def _table(self) -> Iterator[str]:
        words, say = self._words, self._words.say
        keys = ("lane", "waiting", "verifying", "held", "escalated", "delivered", "oldest", "rate", "done-in")
        rows = [[say(f"column-{key}") for key in keys]]
        rows += [self._row(view) for view in self._shown]
        if len(self._status.lanes) > 1:
            rows.append(self._totals())
        right = frozenset(range(1, 6))
        yield from _table(rows, right, lambda number, line: self._painted(number, line, len(rows)))
        if not any(view.pending for view in self._status.lanes):
            yield _INDENT + words.say("nothing-waits")

    def _painted(self, number: int, line: str, count: int) -> str:
        style = "dim" if number == 0 else "bold" if number == count - 1 and number > len(self._shown) else ""
        if 0 < number <= len(self._shown):
            view = self._shown[number - 1]
            stopped = view.breaker is not Breaker.CLOSED
            style = "red" if stopped else "yellow" if view.paused_by else style
        return painted(line, style, color=self._color)

    def _row(self, view: LaneView) -> Row:
        words = self._words
        waiting = view.counts.get(State.WAITING, 0) + view.counts.get(State.SENDING, 0)
        others = (State.VERIFYING, State.HELD, State.ESCALATED, State.DELIVERED)
        return [
            clean(view.destination),
            self._number(waiting),
            *(self._number(view.counts.get(state, 0)) for state in others),
            words.ago(view.oldest_at) if view.oldest_at is not None else _NONE,
            self._rate(view),
            self._end(view),
        ]

    def _rate(self, view: LaneView) -> str:
        if not view.rate_per_s or not view.pending:
            return _NONE
        return self._words.say("per-second", n=f"{view.rate_per_s:.3g}")

    def _end(self, view: LaneView) -> str:
        words = self._words
        if view.paused_by:
            return words.say("end-paused")
        if view.breaker is not Breaker.CLOSED:
            return words.breaker(view.breaker)
        return words.forecast(view) or (words.say("end-unknown") if view.pending else _NONE)

    def _totals(self) -> Row:
        total = {state: sum(view.counts.get(state, 0) for view in self._status.lanes) for state in State}
        waiting = total[State.WAITING] + total[State.SENDING]
        numbers = (total[State.VERIFYING], total[State.HELD], total[State.ESCALATED], total[State.DELIVERED])
        oldest = [view.oldest_at for view in self._status.lanes if view.oldest_at is not None]
        return [
            self._words.say("total"),
            self._number(waiting),
            *map(self._number, numbers),
            self._words.ago(min(oldest)) if oldest else _NONE,
            _NONE,
            "",
        ]

    def _number(self, n: int) -> str:
        return self._words.number(n) if n else _NONE


def render_list(
    found: Sequence[Delivery], total: int, ledger: Ledger, catalog: Catalog, *, color: bool = False
) -> str:
    """Return deliveries, one a line."""
    words = ResendWords(ledger, catalog)
    return text_of(_list_lines(found, total, words, color=color))


def _list_lines(found: Sequence[Delivery], total: int, words: ResendWords, *, color: bool) -> Iterator[str]:
    if not total:
        yield words.say("no-deliveries")
        return
    keys = ("id", "lane", "call", "began", "phone", "state", "tries", "next", "error")
    rows = [[words.say(f"column-{key}") for key in keys]]
    rows += [_delivery_row(delivery, words) for delivery in found]

    def style(number: int, line: str) -> str:
        name = "dim" if number == 0 else _STATE_STYLES.get(found[number - 1].state, "")
        return painted(line, name, color=color)

    yield from _table(rows, frozenset({0, 6}), style)
    more = "+" if getattr(total, "more", False) else ""  # counting was ended there
    yield words.count("shown", total, shown=words.number(len(found)), more=more)


def _delivery_row(delivery: Delivery, words: ResendWords) -> Row:
    state = delivery.state
    upcoming = state in {State.WAITING, State.VERIFYING}
    due = delivery.next_attempt_at <= words.ledger.now.timestamp()
    when = (words.say("at-once") if due else words.time(delivery.next_attempt_at)) if upcoming else _NONE
    acts = acts_of(delivery)
    error = words.error(delivery.error_code, delivery.error_text) if state is not State.DELIVERED else ""
    return [
        str(delivery.id),
        clean(delivery.destination),
        clean(delivery.call_id, 40),
        words.moment(delivery.call.started_at),
        clean(delivery.call.contact_phone) or words.say("hidden"),
        words.state(state),
        str(delivery.attempts),
        when,
        " · ".join(part for part in (error, words.who(acts) if acts is not Acts.NOBODY else "") if part),
    ]


def render_stories(
    found: Sequence[Story], ledger: Ledger, catalog: Catalog, *, color: bool = False, width: int | None = None
) -> str:
    """Return each delivery with the reason in words and everything that happened to it."""
    words = ResendWords(ledger, catalog)
    wide = max(width or DEFAULT_WIDTH, MIN_WIDTH)

    def lines() -> Iterator[str]:
        for number, story in enumerate(found):
            if number:
                yield ""
            yield from _story_lines(story, words, color=color, width=wide)

    return text_of(lines())


def _story_lines(story: Story, words: ResendWords, *, color: bool, width: int) -> Iterator[str]:
    delivery = story.delivery
    call = delivery.call
    state = painted(words.state(delivery.state), _STATE_STYLES.get(delivery.state, "bold"), color=color)
    title = words.say("show-title", id=delivery.id, destination=clean(delivery.destination),
                      system=words.ledger.system(delivery.destination))  # fmt: skip
    yield f"{painted(title, 'bold', color=color)}  {state}"
    about = (
        words.say("show-call", call_id=clean(delivery.call_id), source=clean(delivery.source)),
        words.say(f"call-{call.direction}"),
        clean(call.contact_phone) or words.say("hidden"),
        words.moment(call.started_at),
        words.length(call.duration_s) if call.answered else words.say("call-unanswered"),
        words.say("show-recording") if call.recording_url else words.say("show-no-recording"),
    )
    yield from wrap(" · ".join(about), width, _INDENT)
    for sentence in words.now(story):
        yield from wrap(sentence, width, _INDENT)
    yield ""
    accepted = words.say("event-accepted", deadline=words.time(delivery.deadline_at))
    told = [(words.time(delivery.enqueued_at), accepted)]
    told += [(words.time(event.at), words.event(event, delivery)) for event in story.events]
    wide = max(columns(when) for when, _ in told)
    for when, text in told:
        yield from wrap(text, width, f"{_INDENT}{when}{' ' * (wide - columns(when))}  ")


def _table(rows: Sequence[Row], right: frozenset[int], paint: Callable[[int, str], str]) -> Iterator[str]:
    """Yield rows in columns; those of `right` end where their column ends."""
    wide = [max(columns(row[place]) for row in rows) for place in range(len(rows[0]))]
    for number, row in enumerate(rows):
        cells = []
        for place, text in enumerate(row):
            blanks = " " * (wide[place] - columns(text))
            cells.append(blanks + text if place in right else text + blanks)
        yield paint(number, "  ".join(cells).rstrip())
