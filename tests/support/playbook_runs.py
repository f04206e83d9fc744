"""A small playbook, and runs of it: one that was handed over, and any that chance can make."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from hypothesis import strategies as st

from playbooks.actions.model import Plan
from playbooks.engine.events import (
    Acted,
    Answered,
    Begun,
    Checked,
    Consented,
    GaveUp,
    HandOverNow,
    Resumed,
    Said,
    Shown,
    Ticked,
    Told,
    Undone,
    Waited,
)
from playbooks.engine.graph import build
from playbooks.engine.model import Playbook
from playbooks.engine.planner import move
from playbooks.engine.records import Header, Intent
from playbooks.engine.state import (
    AskConsent,
    AskPerson,
    DoAction,
    LookAtLane,
    RunCheck,
    RunSync,
    ShowReply,
    State,
    TellPerson,
    UndoAction,
    Wait,
)
from supportctl.core.finding import Evidence, Finding, Status

PRINTER = "escpos+tcp://192.0.2.5:9100"
SECOND = "escpos+tcp://192.0.2.6:9100"
AT = datetime(2026, 11, 22, 14, 0, tzinfo=timezone(timedelta(hours=3)))
HEADER = Header(
    "20261122-140000-ab12", "printer-silent", 3, "f" * 64, "0.1.0", "en", AT, ticket="T-77", site="shop-12"
)


def both(en: str, ru: str) -> dict[str, str]:
    return {"en": en, "ru": ru}


CHECK = {"targets": ["printer", "computer"]}
PAPER = {"check": CHECK, "expect": 'ok("printer.paper")'}
RESTART = {
    "id": "restart",
    "act": {"action": "service.restart", "params": {"service": "cups"}},
    "verify": PAPER,
}
STEPS = [
    {"id": "look", "check": CHECK, "seconds": 10},
    {
        "id": "lamp",
        "ask": {
            "question": both("Which colour is the lamp?", "Какого цвета лампочка?"),
            "why": both("It tells the power.", "По ней видно питание."),
            "choices": {"red": both("Red", "Красная"), "off": both("Off", "Не горит")},
        },
    },
    {
        "id": "serial",
        "ask": {"question": both("The number?", "Номер?"), "why": both("w", "з"), "kind": "text"},
    },
    {
        "id": "weight",
        "ask": {"question": both("Weight?", "Вес?"), "why": both("w", "з"), "kind": "number"},
    },
    {
        "id": "which",
        "branch": {
            "order": "likely",
            "arms": [
                {
                    "when": 'found("printer.paper-out")',
                    "cause": "paper",
                    "steps": [
                        {
                            "id": "roll",
                            "tell": {"say": both("Put in a roll.", "Вставьте рулон.")},
                            "verify": PAPER,
                            "seconds": 60,
                        }
                    ],
                },
                {"when": 'answers.lamp != "off"', "cause": "service", "steps": [RESTART]},
                {
                    "when": 'found("printer.cover-open")',
                    "cause": "cover",
                    "steps": [{"id": "lid", "tell": {"say": both("Close the lid.", "Закройте крышку.")}}],
                },
            ],
        },
    },
    {"id": "wait", "wait": {"for": 5}},
    {"id": "answer", "reply": {"text": both("We look at {printer}.", "Смотрим на {printer}.")}},
    {
        "id": "over",
        "hand_over": {"to": "vendor-engineer", "reason": both("The head is broken.", "Сломана головка.")},
    },
]


def graph():
    playbook = Playbook.model_validate(
        {
            "schema": "supportctl.playbook/1",
            "name": "printer-silent",
            "version": 3,
            "owner": "first-line",
            "title": both("The receipt printer is silent", "Чековый принтер молчит"),
            "about": both("x", "х"),
            "symptoms": {"en": ["x"], "ru": ["x"]},
            "roles": {
                "printer": {"title": both("Receipt printer", "Чековый принтер"), "protocols": ["escpos"]},
                "scale": {"title": both("Scale", "Весы"), "optional": True},
            },
            "causes": {
                "paper": both("No paper.", "Нет бумаги."),
                "service": both("The print service hangs.", "Завис сервис печати."),
                "cover": both("The cover is open.", "Открыта крышка."),
            },
            "steps": STEPS,
        }
    )
    return build(playbook, None, lambda _name: "undoable")


def evidence(at=AT, got="7e"):
    return Evidence("DLE EOT 4", at, 12.0, "100404", got, "printer.paper-absent")


def finding(code, status=Status.FAULT, target=PRINTER, **more):
    return Finding(code, status, target, "receipt-printer", **more)


OUT = finding("printer.paper-out", evidence=(evidence(),))
FINE = finding("printer.paper", Status.OK)
COVER = finding("printer.cover-open")
CUT_OFF = finding("link.refused", args={"port": 9100})
DARK = finding("printer.cover", Status.SKIPPED, because="link.refused")

HANDED_OVER = (
    Begun(0.0, {"printer": (PRINTER,), "scale": ()}),
    Checked(2.0, (OUT,), (PRINTER,)),
    Answered(20.0, "red"),
    Answered(40.0, "SN-0815"),
    Answered(45.0, None),
    Consented(100.0, True),
    Acted(110.0, True),
    Checked(112.0, (CUT_OFF, DARK), (PRINTER,)),
    Undone(118.0, True),
    Waited(130.0),
    Shown(131.0),
)
INTENTS = (
    Intent(
        100.0,
        "restart",
        Plan("service.restart", {"service": "cups"}, {"service": "cups", "was": "running"}, {}),
    ),
)


def answers_to(command, draw, at):
    """Return an event that answers a command, as chance has it."""
    found = st.lists(st.sampled_from([OUT, FINE, COVER, CUT_OFF, DARK]), max_size=3)
    match command:
        case AskPerson(question=None):
            return Answered(at, draw(st.sampled_from(command.options)))
        case AskPerson():
            return Answered(at, draw(st.sampled_from([None, "red", "off", "SN`1` @all #2", "<b>|x|", 2.5])))
        case TellPerson():
            return Told(at, draw(st.sampled_from(list(Said))))
        case AskConsent():
            return Consented(at, draw(st.booleans()))
        case DoAction():
            return Acted(at, draw(st.booleans()), "action.denied", needless=draw(st.booleans()))
        case UndoAction():
            return Undone(at, draw(st.booleans()), "action.denied")
        case RunCheck() | RunSync() | LookAtLane():
            return Checked(at, tuple(draw(found)), (PRINTER,))
        case Wait():
            return Waited(at)
        case ShowReply():
            return Shown(at)
    return Ticked(at)


@st.composite
def walks(draw):
    """Events of a run that anything may happen to, cut anywhere."""
    made, state, at = graph(), State(), 0.0
    targets = draw(st.sampled_from([(), (PRINTER,), (PRINTER, SECOND)]))
    events = [Begun(0.0, {"printer": targets, "scale": ()})]
    state = move(made, state, events[0]).state
    for _ in range(draw(st.integers(0, 25))):
        at += draw(st.sampled_from([0.5, 5.0, 30.0, 200.0]))
        event = answers_to(state.doing, draw, at)
        wish = draw(st.integers(0, 30))
        if wish < 3:
            event = (HandOverNow(at), GaveUp(at), Resumed(at, 300.0))[wish]
        events.append(event)
        state = move(made, state, event).state
    return tuple(events), state
