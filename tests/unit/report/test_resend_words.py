"""The words about deliveries: every state, failure and event in every language, harmless on a terminal."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from resend.ledger.views import Event, LaneView
from resend.model import Acts, Breaker, Delivery, State
from supportctl.catalog import Catalog
from supportctl.core.call import Call
from supportctl.core.failure import Failure
from supportctl.core.language import LANGUAGES
from supportctl.report.resend.as_text import render_list, render_status, render_stories
from supportctl.report.resend.model import Ledger, Status, Story
from supportctl.report.resend.words import ResendWords

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
AT = NOW.timestamp()
LEDGER = Ledger({"acme": "bitrix24"}, ZoneInfo("Europe/Moscow"), NOW)
CALL = Call(
    "c-1", "pbx", "in", NOW, 125, "+79161234567", answered=True, recording_url="https://rec.example/1"
)
LANE = LaneView(
    "acme", {State.WAITING: 3060}, AT - 7500, AT, AT + 86400, Breaker.CLOSED, 0.0, 1.5, "", "", "", ""
)


def delivery(state=State.WAITING, failure=None, **more):
    made = Delivery(
        7, "acme", "pbx", "c-1", CALL, 0, state, "", {}, 2, AT - 60, AT + 60, AT + 86340, failure,
        "EVIL\x1b[2J", "said \u202e so" if failure else "", remote_id="150",
    )  # fmt: skip
    return made._replace(**more)


def event(kind="try", state=State.WAITING, failure="", **more):
    return Event(AT - 30, kind, "registered", state, failure, "", "", "", AT + 60)._replace(**more)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_state_and_failure_has_its_words(lang):
    catalog = Catalog(lang)
    for state, failure, acts in product(State, (None, *Failure), Acts):
        story = Story(delivery(state, failure, who_acts=acts), (), LANE)
        text = render_stories([story], LEDGER, catalog) + render_list([story.delivery], 1, LEDGER, catalog)
        assert "Bitrix24" in text
        assert not re.search(r"[{}?]|None|\x1b|\u202e", text), text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_event_has_its_words(lang):
    words = ResendWords(LEDGER, Catalog(lang))
    kinds = ("try", "lookup", "update", "lost", "expired", "hand")
    for kind, state, failure in product(kinds, State, ("", *Failure)):
        told = words.event(event(kind, state, failure, who="anna"), delivery())
        assert told
        assert not re.search(r"[{}?]|event-", told), told


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("verb", ["now", "hold", "cancel"])
def test_what_was_done_by_hand_has_its_person_and_reason(lang, verb):
    words = ResendWords(LEDGER, Catalog(lang))
    told = words.event(event("hand", code=verb, who="anna", text="portal moves"), delivery())
    assert told.startswith("anna: ")
    assert told.endswith(": portal moves")


def test_an_event_of_a_later_version_is_shown_as_it_is():
    assert ResendWords(LEDGER, Catalog("en")).event(event("merged"), delivery()) == "merged"


def test_what_comes_next_is_said_with_its_time():
    words = ResendWords(LEDGER, Catalog("en"))
    told = words.event(event("try", State.VERIFYING, Failure.AMBIGUOUS), delivery())
    assert told.endswith("15:01:00 it is asked what it has.")
    assert "2026" not in told


@pytest.mark.parametrize(
    ("seconds", "en", "ru"),
    [
        (0, "0 s", "0 с"),
        (59.6, "1 min", "1 мин"),
        (2040, "34 min", "34 мин"),
        (7500, "2 h 5 min", "2 ч 5 мин"),
        (90000, "1 d 1 h", "1 дн. 1 ч"),
        (86400 + 59, "1 d", "1 дн."),
        (-5, "0 s", "0 с"),
    ],
)
def test_lengths(seconds, en, ru):
    assert ResendWords(LEDGER, Catalog("en")).length(seconds) == en
    assert ResendWords(LEDGER, Catalog("ru")).length(seconds) == ru


def status(*lanes, known=("acme",), acts=None):
    return Status(LEDGER, lanes, (), frozenset(known), acts or {})


def test_a_forecast_in_the_status():
    text = render_status(status(LANE), Catalog("en"))
    assert re.search(r"acme +3,060 .*2 h 5 min +1.5/s +34 min", text)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_stands_in_the_way_is_said(lang):
    catalog = Catalog(lang)
    broken = {"open_until": AT + 90, "broken_since": AT - 3600, "broken_why": "expired_token: no more."}
    lanes = (
        LANE._replace(breaker=Breaker.OPEN, **broken),
        LANE._replace(destination="half", breaker=Breaker.HALF_OPEN, **broken),
        LANE._replace(destination="paused", paused_by="anna", paused_why="portal moves"),
        LANE._replace(destination="limit", open_until=AT + 30),
        LANE._replace(destination="late", nearest_deadline_at=AT + 600),
        LANE._replace(destination="over", nearest_deadline_at=AT - 600),
        LANE._replace(destination="gone", counts={State.HELD: 1, State.ESCALATED: 2}),
    )
    known = {lane.destination for lane in lanes} - {"gone"}
    text = render_status(status(*lanes, known=known, acts={"acme": Acts.CUSTOMER}), catalog)
    told = [line.split(": ", 1)[0] for line in text.splitlines() if re.match(r"[a-z]+: ", line)]
    assert told == ["acme", "half", "paused", "gone", "late", "limit", "over"] or set(told) == {
        lane.destination for lane in lanes
    }
    assert "14:00:00" in text, "since when, in the shop's zone"
    assert "15:01:30" in text, "the next try"
    assert "anna" in text
    assert not re.search(r"[{}?]|None", text), text


def test_many_lanes_show_those_with_trouble_first():
    lanes = [LANE._replace(destination=f"lane-{n:03}") for n in range(100)]
    lanes[70] = lanes[70]._replace(breaker=Breaker.OPEN)
    lines = render_status(
        status(*lanes, known={lane.destination for lane in lanes}), Catalog("en")
    ).splitlines()
    assert lines[1].startswith("lane-070")
    assert "and 60 more lanes" in "\n".join(lines)
    assert re.search(r"all lanes +306,000", "\n".join(lines))


def test_colours_are_there_when_asked_for_only():
    plain, coloured = (render_status(status(LANE), Catalog("en"), color=color) for color in (False, True))
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain
