"""The documents of resend (docs/contract.md): held by JSON Schemas, over a ledger with every state."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from resend.ledger.accept import accept
from resend.ledger.schema import COUNTS, DELIVERIES, LANES
from resend.ledger.store import Store
from resend.model import Acts, Breaker, State
from supportctl.core.call import Call
from supportctl.core.clock import SystemClock

jsonschema = pytest.importorskip("jsonschema")

TEXT, NUMBER, FLAG = {"type": "string"}, {"type": "integer", "minimum": 0}, {"type": "boolean"}
MOMENT = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+03:00$"}
ZONED = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?[+-]\d\d:\d\d$"}
STATES = [state.value for state in State]


def maybe(schema):
    return {"anyOf": [schema, {"type": "null"}]}


def record(**properties):
    return {"type": "object", "required": list(properties), "properties": properties}


def list_of(schema):
    return {"type": "array", "items": schema}


COUNTED = dict.fromkeys(STATES, NUMBER)
WHO = {"enum": [who.value for who in Acts]}
LANE = record(
    destination=TEXT,
    **COUNTED,
    oldest_at=maybe(MOMENT),
    next_attempt_at=maybe(MOMENT),
    breaker={"enum": [breaker.value for breaker in Breaker]},
    rate_per_s={"type": "number", "minimum": 0},
    forecast_s=maybe({"type": "number", "minimum": 0}),
    kind=maybe(TEXT),
    nearest_deadline_at=maybe(MOMENT),
    breaker_since=maybe(MOMENT),
    breaker_until=maybe(MOMENT),
    breaker_why=maybe(TEXT),
    paused_by=maybe(TEXT),
    paused_why=maybe(TEXT),
    last_error=maybe(TEXT),
    who_acts=WHO,
    configured=FLAG,
)
LANES_1 = record(
    schema={"const": "supportctl.lanes/1"}, at=MOMENT, lanes=list_of(LANE), totals=record(**COUNTED)
)
DISAGREEMENT = record(
    destination=TEXT, what={"enum": [*STATES, "no-lane", "token"]}, kept=NUMBER, actual=NUMBER
)
CHECKED_1 = {"allOf": [LANES_1, record(disagreements=list_of(DISAGREEMENT))]}
DELIVERY = record(
    id=NUMBER,
    destination=TEXT,
    source=TEXT,
    call_id=TEXT,
    state={"enum": STATES},
    attempts=NUMBER,
    next_attempt_at=maybe(MOMENT),
    deadline_at=MOMENT,
    last_error=maybe(TEXT),
    who_acts=WHO,
    failure=maybe(TEXT),
    error_code=maybe(TEXT),
    started_at=MOMENT,
    contact_phone=TEXT,
    enqueued_at=MOMENT,
    step=maybe(TEXT),
    remote_id=maybe(TEXT),
    revision=NUMBER,
    escalation=maybe(TEXT),
)
DELIVERIES_1 = record(
    schema={"const": "supportctl.deliveries/1"},
    total=NUMBER,
    total_is_exact=FLAG,
    deliveries=list_of(DELIVERY),
)
EVENT = record(
    at=MOMENT,
    kind={"enum": ["accepted", "try", "lookup", "hand", "update", "lost", "expired"]},
    step=maybe(TEXT),
    state={"enum": STATES},
    failure=maybe(TEXT),
    code=maybe(TEXT),
    text=maybe(TEXT),
    who=maybe(TEXT),
    next_attempt_at=maybe(MOMENT),
)
TIMELINE = {"type": "array", "items": EVENT, "minItems": 1}
SHOWN = {
    "allOf": [DELIVERY, record(timeline=TIMELINE, why=TEXT, call=record(call_id=TEXT, started_at=ZONED))]
}
SHOW_1 = record(
    schema={"const": "supportctl.deliveries/1"}, total=NUMBER, deliveries=list_of(SHOWN), timeline=TIMELINE
)
REJECTED = record(line=NUMBER, reason={"type": "string", "minLength": 5}, code=TEXT)
ENQUEUED_1 = record(
    schema={"const": "supportctl.enqueued/1"},
    accepted=NUMBER,
    already_known=NUMBER,
    updated=NUMBER,
    rejected=list_of(REJECTED),
    destination=TEXT,
    dry_run=FLAG,
)
HAND_1 = record(
    schema={"const": "supportctl.by-hand/1"},
    verb={"enum": ["now", "hold", "cancel"]},
    dry_run=FLAG,
    would_change=NUMBER,
    changed=NUMBER,
    who=TEXT,
    why=maybe(TEXT),
    chosen=list_of(record(destination=TEXT, state={"enum": STATES}, count=NUMBER)),
    left_alone=list_of(record(destination=TEXT, state={"enum": STATES}, count=NUMBER)),
)
CONFIG = """
site: {id: lab, timezone: Europe/Moscow, phone_region: RU}
crm:
  acme: {kind: webhook, url: "https://acme.example/calls"}
  idle: {kind: webhook, url: "https://idle.example/calls"}
"""


def a_call(number):
    started_at = datetime.now(UTC) - timedelta(minutes=30 + number)
    return Call(f"c-{number}", "pbx", "in", started_at, 60, f"+7916123450{number}", answered=True)


@pytest.fixture
def config(tmp_path):
    """A ledger with one delivery in each state, a lane that stands still, one without calls."""
    path = tmp_path / "supportctl.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    store = Store(f"sqlite:///{tmp_path / 'supportctl.db'}", SystemClock())
    accept(store, "acme", [a_call(number) for number in range(len(State))], 86400)
    now = datetime.now(UTC).timestamp()
    with store.write() as connection:
        for number, state in enumerate(State, 1):
            values = {"state": state.value, "failure": "retry", "error_code": "http-503", "attempts": 2}
            connection.execute(sa.update(DELIVERIES).where(DELIVERIES.c.id == number).values(values))
            connection.execute(
                sa.delete(COUNTS).where(COUNTS.c.destination == "acme", COUNTS.c.state == state.value)
            )
            connection.execute(sa.insert(COUNTS).values(destination="acme", state=state.value, count=1))
        broken = {
            "breaker": "open",
            "broken_since": now - 60,
            "open_until": now + 60,
            "broken_why": "http-503",
        }
        connection.execute(sa.update(LANES).values(**broken))
    store.close()
    return str(path)


@pytest.fixture
def ask(supportctl, config):
    def run(*words, exit_code=0):
        ended = supportctl("--lang", "en", "--config", config, "resend", *words, "--format", "json")
        assert (ended.exit_code, ended.err) == (exit_code, ""), ended
        return json.loads(ended.out)

    return run


def holds(document, schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(document)


def test_lanes(ask):
    document = ask("status")
    holds(document, LANES_1)
    assert [lane["destination"] for lane in document["lanes"]] == ["acme", "idle"]
    acme = document["lanes"][0]
    assert (acme["breaker"], acme["forecast_s"]) == ("open", None)
    assert {acme[state] for state in STATES} == {1}
    assert "disagreements" not in document
    assert document["totals"] == dict.fromkeys(STATES, 1)


def test_lanes_of_a_checked_ledger(ask, tmp_path):
    document = ask("status", "--check")
    holds(document, CHECKED_1)
    assert document["disagreements"] == []
    store = Store(f"sqlite:///{tmp_path / 'supportctl.db'}", SystemClock())
    with store.write() as connection:
        connection.execute(sa.update(COUNTS).where(COUNTS.c.state == "held").values(count=2))
    store.close()
    document = ask("status", "--check", exit_code=3)
    holds(document, CHECKED_1)
    assert document["disagreements"] == [{"destination": "acme", "what": "held", "kept": 2, "actual": 1}]


def test_deliveries(ask):
    document = ask("list")
    holds(document, DELIVERIES_1)
    assert document["total"] == len(State)
    upcoming = {d["state"]: d["next_attempt_at"] is not None for d in document["deliveries"]}
    assert upcoming == {state: state in {"waiting", "sending", "verifying"} for state in STATES}


def test_show_adds_the_timeline(ask):
    ask("hold", "1", "--why", "test")
    document = ask("show", "1")
    holds(document, SHOW_1)
    assert [event["kind"] for event in document["timeline"]] == ["accepted", "hand"]
    assert document["deliveries"][0]["timeline"] == document["timeline"]


def test_enqueued(ask, tmp_path):
    file = tmp_path / "calls.jsonl"
    call = a_call(8).document()
    file.write_text(json.dumps(call) + "\n{}\n" + json.dumps(call) + "\n", encoding="utf-8")
    document = ask("add", "--destination", "acme", str(file), exit_code=4)
    holds(document, ENQUEUED_1)
    assert (document["accepted"], [r["line"] for r in document["rejected"]]) == (1, [2, 3])


@pytest.mark.parametrize("verb", ["now", "hold", "cancel"])
def test_by_hand(ask, verb):
    document = ask(verb, "--destination", "acme", "--dry-run")
    holds(document, HAND_1)
    assert (document["changed"], document["dry_run"]) == (0, True)
    told = {(each["state"], each["count"]) for each in document["chosen"] + document["left_alone"]}
    assert told == {(state, 1) for state in STATES}


def test_a_destination_that_left_the_configuration_is_still_shown(ask, config):
    Path(config).write_text(CONFIG.replace("acme:", "other:"), encoding="utf-8")
    lane = ask("status", "--destination", "acme")["lanes"][0]
    assert (lane["configured"], lane["kind"]) == (False, None)
