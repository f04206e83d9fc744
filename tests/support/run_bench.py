"""A small playbook, pretended hands and a person with a script: what the runner's tests stand on."""

from __future__ import annotations

from typing import Any

from playbooks.actions.model import Done, Plan
from playbooks.engine.executor import Executor, Since
from playbooks.engine.graph import build
from playbooks.engine.journal import Journal
from playbooks.engine.model import Playbook
from playbooks.engine.ports import Looked, areas_of
from playbooks.engine.records import Header
from supportctl.core.evidence import evidence
from supportctl.core.finding import Finding, Meaning, Status

PRINTER = "escpos+tcp://192.0.2.5:9100"
SAY = {"en": "Do it.", "ru": "Сделайте."}
CHECK = {"targets": ["printer"]}
FINE = {"check": CHECK, "expect": 'ok("printer.paper")'}
STEPS: list[dict[str, Any]] = [
    {"id": "look", "check": CHECK, "seconds": 10},
    {"id": "lamp", "ask": {"question": SAY, "why": SAY, "choices": {"red": SAY, "off": SAY}}},
    {"id": "roll", "tell": {"say": SAY}, "verify": FINE},
    {"id": "fix", "act": {"action": "test.fix", "params": {"what": "{printer}"}}, "verify": FINE},
    {"id": "rest", "wait": {"for": "3s"}},
    {"id": "answer", "reply": {"text": SAY}},
    {"id": "over", "hand_over": {"reason": SAY}},
]


def graph_of(steps: list[dict[str, Any]] | None = None, risk: str = "undoable", **more: Any) -> Any:
    playbook = Playbook.model_validate(
        {
            "schema": "supportctl.playbook/1",
            "name": "printer-test",
            "version": 1,
            "owner": "first-line",
            "title": SAY,
            "about": SAY,
            "symptoms": {"en": ["x"], "ru": ["x"]},
            "roles": {"printer": {"title": SAY, "protocols": ["escpos"]}},
            "causes": {"paper": SAY},
            "steps": STEPS if steps is None else steps,
            **more,
        }
    )
    return build(playbook, lambda name: playbook, lambda _name: risk)


class Hands:
    """Empty paper, until something helps. Notes what it is asked for."""

    def __init__(self, clock: Any, *, helps: bool = False, needless: bool = False) -> None:
        self.clock = clock
        self.done: list[str] = []
        self.helps = helps
        self.needless = needless
        self.fine = False
        self.on_act: Any = None
        self.undo_data = {"was": "old"}

    def candidates(self, name: str, role: Any, given: str | None) -> tuple[str, ...]:
        return (PRINTER,)

    def check(self, check: Any, targets: tuple[str, ...]) -> Looked:
        self.clock.advance(2)
        self.done.append("check")
        code, status = ("printer.paper", Status.OK) if self.fine else ("printer.paper-out", Status.FAULT)
        seen = evidence(self.clock, "DLE EOT 4", "printer.paper-absent", started=0.0, got=b"\x7e", n=1)
        finding = Finding(code, status, PRINTER, "till", {"n": 2, "word": Meaning("printer.x")}, (seen,))
        return Looked((finding,), targets, {"lamps": 3.0}, areas_of(check))

    def sync(self, source: str, crm: str, since: str) -> Looked:
        return Looked(())

    def lane(self, destination: str) -> Looked:
        return Looked(())

    def plan(self, action: str, params: Any) -> Plan:
        self.done.append("plan")
        return Plan(action, dict(params), {"what": "x"}, self.undo_data, needless=self.needless)

    def act(self, plan: Plan) -> Done:
        self.done.append("act")
        if self.on_act is not None:
            self.on_act()
        self.fine = self.fine or self.helps
        return Done(ok=True)

    def undo(self, plan: Plan) -> Done:
        self.done.append(f"undo {plan.undo.get('was', '')}")
        return Done(ok=True)


class Person:
    """Says what the script says, step by step; each answer takes ten seconds."""

    def __init__(self, clock: Any, said: dict[str, Any]) -> None:
        self.clock = clock
        self.said = said
        self.heard: list[Any] = []

    def _next(self, step: str) -> Any:
        self.clock.advance(10)
        said = self.said[step]
        return said.pop(0) if isinstance(said, list) else said

    def ask(self, ask: Any, state: Any, until: Any) -> Any:
        return self._next(ask.step)

    def tell(self, tell: Any, state: Any, until: Any) -> Any:
        return self._next(tell.step)

    def consent(self, ask: Any, plan: Any, state: Any, until: Any) -> Any:
        return self._next(ask.step)

    def show(self, reply: Any, state: Any) -> Any:
        return None

    def wait(self, wait: Any, state: Any) -> Any:
        self.clock.advance(wait.seconds)
        return None

    def notice(self, notice: Any, state: Any) -> None:
        self.heard.append(notice)

    def looking(self, command: Any, state: Any) -> None:
        pass

    def failed(self, code: str, words: Any) -> None:
        self.heard.append(code)

    def finished(self, finish: Any, state: Any, graph: Any) -> None:
        self.heard.append(finish)


def header(clock: Any, **more: Any) -> Header:
    return Header("r1", "printer-test", 1, "d", "0.1", "en", clock.now(), "T-1", **more)


def begun(path: Any, clock: Any, graph: Any, hands: Any, person: Any, **more: Any) -> Any:
    """Run from the beginning with a journal at `path`."""
    since = Since(clock, clock.now())
    with Journal.begin(path, header(clock)) as journal:
        return Executor(graph, hands, person, journal, since, **more).begin({"printer": (PRINTER,)}, {})
