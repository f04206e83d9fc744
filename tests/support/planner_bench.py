"""A small playbook and its planner: what the planner's tests stand on."""

from __future__ import annotations

from typing import Any

import pytest

from playbooks.engine.events import Begun
from playbooks.engine.graph import build
from playbooks.engine.model import Playbook
from playbooks.engine.planner import move
from playbooks.engine.state import State
from supportctl.core.finding import Finding, Status

PRINTER = "escpos+tcp://192.0.2.5:9100"
SAY = {"en": "Do it.", "ru": "Сделайте."}
CHECK = {"targets": ["printer"]}
PAPER = {"check": CHECK, "expect": 'ok("printer.paper")'}


def playbook(steps: list[dict[str, Any]], **more: Any) -> Playbook:
    return Playbook.model_validate(
        {
            "schema": "supportctl.playbook/1",
            "name": "printer-test",
            "version": 1,
            "owner": "first-line",
            "title": SAY,
            "about": SAY,
            "symptoms": {"en": ["x"], "ru": ["x"]},
            "roles": {"printer": {"title": SAY, "protocols": ["escpos"]}},
            "causes": {"paper": SAY, "cable": SAY, "power": SAY},
            "steps": steps,
            **more,
        }
    )


def graph_of(steps: list[dict[str, Any]], **more: Any) -> Any:
    return build(playbook(steps, **more), pytest.fail, lambda _name: "undoable")


def finding(code: str, status: Status = Status.FAULT, **args: Any) -> Finding:
    return Finding(code, status, PRINTER, args=args)


BEGUN = Begun(0.0, {"printer": (PRINTER,)})
EMPTY, FINE = finding("printer.paper-out"), finding("printer.paper", Status.OK)

STEPS: list[dict[str, Any]] = [
    {"id": "look", "check": CHECK, "seconds": 10},
    {
        "id": "which",
        "branch": {
            "arms": [
                {
                    "when": 'found("printer.paper-out")',
                    "cause": "paper",
                    "steps": [
                        {"id": "roll", "tell": {"say": SAY}, "verify": PAPER, "seconds": 60},
                        {"id": "restart", "act": {"action": "printer.restart"}, "verify": PAPER},
                    ],
                },
                {
                    "when": 'found("link.*")',
                    "cause": "cable",
                    "steps": [{"id": "cable", "tell": {"say": SAY}}],
                },
            ]
        },
    },
    {"id": "lamp", "ask": {"question": SAY, "why": SAY, "choices": {"red": SAY, "off": SAY}}},
    {"id": "over", "hand_over": {"reason": SAY}},
]


def played(graph: Any, *events: Any) -> tuple[State, list[Any]]:
    state, commands = State(), []
    for event in events:
        answer = move(graph, state, event)
        state = answer.state
        commands.append(answer.command)
    return state, commands
