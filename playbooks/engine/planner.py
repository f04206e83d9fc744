"""The planner: state and event in, state and what to do next out. Pure: no clock, no wire, no chance.

Time is in the events. A run is its events: replayed, they give the same state, which is how a run that was
killed goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never, cast

from playbooks.engine.conditions import ConditionError
from playbooks.engine.graph import END, shortest
from playbooks.engine.model import (
    ActStep,
    AskStep,
    BranchStep,
    CheckStep,
    HandOverStep,
    OutOfScopeStep,
    ReplyStep,
    ResendStep,
    SolvedStep,
    SyncStep,
    TellStep,
    WaitStep,
)
from playbooks.engine.situation import View, changes, facts_of, merged
from playbooks.engine.state import (
    ROLE,
    Acted,
    Answered,
    AskConsent,
    AskPerson,
    Begun,
    CauseNamed,
    Checked,
    Consented,
    DoAction,
    Event,
    Finish,
    GaveUp,
    HandOverNow,
    LookAtLane,
    Move,
    Notice,
    Outcome,
    Resumed,
    RunCheck,
    RunSync,
    Said,
    ShowReply,
    Shown,
    State,
    StillToTry,
    TellPerson,
    Ticked,
    Told,
    Tried,
    UndoAction,
    Undone,
    Wait,
    Waited,
    Why,
)
from playbooks.engine.texts import filled

if TYPE_CHECKING:
    from playbooks.engine.graph import Graph, Node, Way
    from playbooks.engine.model import Verify
    from playbooks.engine.state import Command

MAX_VISITS = 8  # of one step: more is a loop that nobody meant
_RETRY_S = 5.0  # between two looks whether something helped
_NEXT_LINE = "second-line"


def move(graph: Graph, state: State, event: Event) -> Move:
    """Return what follows from an event. The same arguments give the same answer, always."""
    return _Turn(graph, state).hear(event)


def deadline_at(state: State) -> float | None:
    """Return when the run is handed over if a person who is waited for says nothing; None: nobody is."""
    if not isinstance(state.doing, AskPerson | TellPerson | AskConsent):
        return None
    return min(state.budget_s, state.progress_at + state.no_progress_s)


class _Turn:
    """One move. The state is replaced, never changed."""

    def __init__(self, graph: Graph, state: State) -> None:
        self._graph = graph
        self._state = state
        self._notices: list[Notice] = []

    # --- hearing ------------------------------------------------------------------------------------------

    def hear(self, event: Event) -> Move:
        self._set(now=max(event.at, self._state.now))
        if self._state.finish is not None and not isinstance(event, Resumed):
            return Move(self._state)
        before = self._state
        command = self._heard(event)
        if command is None and self._state is before:
            return Move(self._state)
        if command is not None:
            self._set(doing=command)
        if isinstance(command, Finish):
            self._set(finish=command, doing=before.doing if command.why in _CLOCKS else None)
        return Move(self._state, tuple(self._notices), command)

    def _heard(self, event: Event) -> Command | None:
        match event:
            case Begun():
                return self._begin(event)
            case Ticked():
                return self._out_of_time() if deadline_at(self._state) is not None else None
            case HandOverNow():
                return self._leave(Finish(Outcome.HANDED_OVER, Why.ASKED, _NEXT_LINE, self._state.at))
            case GaveUp():
                return self._leave(Finish(Outcome.GAVE_UP, None, "", self._state.at))
            case Resumed():
                return self._resume(event)
            case Checked() | Answered() | Told() | Consented() | Acted() | Undone() | Waited() | Shown():
                return self._answer(event)
            case _:
                assert_never(event)

    def _begin(self, event: Begun) -> Command:
        budget = self._graph.playbook.budget
        roles = {name: tuple(found) for name, found in event.roles.items()}
        several = {
            name: found
            for name, found in roles.items()
            if len(found) > 1 and name in self._graph.roles and not self._graph.roles[name].many
        }
        self._set(
            budget_s=budget.total,
            no_progress_s=budget.no_progress,
            progress_at=event.at,
            roles={name: found for name, found in roles.items() if name not in several},
            choices=several,
            params=dict(event.params),
        )
        return self._next_choice()

    def _next_choice(self) -> Command:
        for role, options in self._state.choices.items():
            return AskPerson(ROLE + role, None, options)
        return self._enter(self._graph.start)

    def _answer(
        self, event: Checked | Answered | Told | Consented | Acted | Undone | Waited | Shown
    ) -> Command | None:
        doing = self._state.doing
        match doing, event:
            case AskPerson(question=None), Answered():
                return self._role_chosen(doing, event)
            case AskPerson(), Answered():
                return self._answered(event)
            case TellPerson(), Told():
                return self._told(event)
            case AskConsent(), Consented():
                return self._consented(doing, event)
            case DoAction(), Acted():
                return self._acted(doing, event)
            case UndoAction(), Undone():
                return self._undone(event)
            case RunCheck() | RunSync() | LookAtLane(), Checked():
                return self._checked(event)
            case Wait(), Waited():
                return self._waited()
            case ShowReply(), Shown():
                return self._go_on("shown")
        return None  # an answer to what is not asked any more

    # --- going from step to step --------------------------------------------------------------------------

    def _enter(self, node_id: str) -> Command:
        """Go to a node, and on through those that need nobody."""
        while True:
            if "#" in node_id:
                node_id = self._came_back(node_id)
            if node_id == END:
                return Finish(Outcome.HANDED_OVER, Why.NOTHING_LEFT, _NEXT_LINE, self._state.at)
            node = self._graph.nodes[node_id]
            visits = {**self._state.visits, node_id: self._state.visits.get(node_id, 0) + 1}
            self._set(at=node_id, phase="", visits=visits)
            if visits[node_id] > MAX_VISITS:
                return Finish(Outcome.HANDED_OVER, Why.LOOP, _NEXT_LINE, node_id)
            try:
                if node.step.when is not None and not self._holds(node.step.when, node):
                    node_id = node.next
                    continue
                if isinstance(node.step, BranchStep):
                    node_id = self._choose(node, node.step)
                    continue
            except ConditionError:
                return Finish(Outcome.HANDED_OVER, Why.CONDITION, _NEXT_LINE, node_id)
            late = self._out_of_time(node)
            if late is not None:
                return late
            command = self._begin_step(node)
            if command is not None:
                return command
            node_id = node.next

    def _begin_step(self, node: Node) -> Command | None:
        """Return what a step asks for; None: nothing (a jump, an include)."""
        step = node.step
        match step:
            case CheckStep():
                return RunCheck(node.id, step.check, self._targets(node, step.check.targets))
            case AskStep():
                return AskPerson(node.id, step.ask)
            case TellStep():
                return TellPerson(node.id, step.tell)
            case ActStep():
                facts = facts_of(self._state, node.scope)
                params = {name: filled(value, facts) for name, value in step.act.params.items()}
                return AskConsent(node.id, step.act.action, params)
            case ResendStep():
                return self._begin_resend(node, step)
            case WaitStep():
                return self._begin_wait(node, step)
            case SyncStep():
                source, crm = (self._account(node, role) for role in (step.sync.source, step.sync.crm))
                return RunSync(node.id, source, crm, self._filled(step.sync.since, node))
            case ReplyStep():
                return ShowReply(node.id, step.reply)
            case HandOverStep():
                hand = step.hand_over
                return Finish(Outcome.HANDED_OVER, Why.STEP, hand.to, node.id, hand_over=hand)
            case OutOfScopeStep():
                return Finish(Outcome.OUT_OF_SCOPE, None, "", node.id, out_of_scope=step.out_of_scope)
            case SolvedStep():
                if step.solved.cause:
                    self._name(step.solved.cause)
                return Finish(Outcome.SOLVED, None, "", node.id, solved=step.solved)
        return None

    def _begin_resend(self, node: Node, step: ResendStep) -> Command:
        destination = self._account(node, step.resend.destination)
        if step.resend.do == "status":
            return LookAtLane(node.id, destination)
        since = self._filled(step.resend.since, node)
        return AskConsent(node.id, f"resend.{step.resend.do}", {"destination": destination, "since": since})

    def _begin_wait(self, node: Node, step: WaitStep) -> Command:
        self._set(since_act=self._state.now)
        if step.wait.check is not None:
            return RunCheck(node.id, step.wait.check, self._targets(node, step.wait.check.targets))
        return Wait(node.id, step.wait.for_ if step.wait.for_ is not None else step.wait.every)

    def _go_on(self, result: str, changed: tuple[str, ...] = ()) -> Command:
        """Note what came of the step, and go to what follows it."""
        node = self._note(result, changed)
        return self._enter(node.next)

    def _note(self, result: str, changed: tuple[str, ...] = ()) -> Node:
        node = self._graph.nodes[self._state.at]
        tried = Tried(node.id, node.kind, self._state.now, result, changed)
        self._set(tried=(*self._state.tried, tried), phase="")
        return node

    # --- branches -----------------------------------------------------------------------------------------

    def _choose(self, node: Node, step: BranchStep) -> str:
        ways = self._graph.ways[node.id]
        open_ways = [way for way in ways if way.id not in self._state.closed]
        holding = [way for way in open_ways if way.arm.when is None or self._holds(way.arm.when, node)]
        if step.branch.order == "written":
            chosen = next(iter(holding), None)
            passed = ways[: ways.index(chosen)] if chosen else ways
            self._rule_out(way for way in passed if way not in holding)
        else:
            self._rule_out(way for way in open_ways if way not in holding)
            chosen = self._likeliest(holding)
            if chosen and len(holding) > 1:
                seconds = sum(shortest(self._graph, way.start) for way in holding)
                self._notices.append(StillToTry(len(holding), round(seconds)))
        if chosen is None:
            return self._graph.otherwise[node.id]
        if chosen.arm.cause:
            self._set(cause=chosen.arm.cause)
            if chosen.arm.when is not None:
                self._notices.append(CauseNamed(chosen.arm.cause))
        return chosen.start

    def _likeliest(self, ways: list[Way]) -> Way | None:
        """Return the way with the best likelihood × impact ÷ cost; one that fits into the time before others."""
        left = self._state.budget_s - self._state.now

        def rank(way: Way) -> tuple[bool, float]:
            cost = shortest(self._graph, way.start)
            return cost <= left, way.arm.likelihood * way.arm.impact / max(cost, 1.0)

        return max(ways, key=rank, default=None)

    def _came_back(self, way_id: str) -> str:
        """A way did not help: it is closed, and its branch chooses anew."""
        way = self._graph.way(way_id)
        self._set(closed=self._state.closed | {way_id}, cause="")
        self._rule_out([way])
        branch = way_id.rpartition("#")[0]
        self._set(visits={**self._state.visits, branch: 0})
        return branch

    def _rule_out(self, ways: object) -> None:
        causes = [way.arm.cause for way in cast("list[Way]", list(cast("list[Way]", ways))) if way.arm.cause]
        fresh = tuple(cause for cause in dict.fromkeys(causes) if cause not in self._state.ruled_out)
        if fresh:
            self._set(ruled_out=(*self._state.ruled_out, *fresh), progress_at=self._state.now)

    def _name(self, cause: str) -> None:
        self._set(cause=cause)
        self._notices.append(CauseNamed(cause))

    # --- people -------------------------------------------------------------------------------------------

    def _role_chosen(self, doing: AskPerson, event: Answered) -> Command:
        role = doing.step.removeprefix(ROLE)
        value = event.value if event.value in doing.options else doing.options[0]
        choices = {name: options for name, options in self._state.choices.items() if name != role}
        roles = {**self._state.roles, role: (str(value),)}
        self._set(roles=roles, choices=choices, progress_at=self._state.now)
        return self._next_choice()

    def _answered(self, event: Answered) -> Command:
        answers = {**self._state.answers, self._state.at: event.value}
        if event.value is None:
            self._set(answers=answers)
            return self._go_on("skipped")
        self._set(answers=answers, progress_at=self._state.now)
        return self._go_on("answered")

    def _told(self, event: Told) -> Command:
        node = self._graph.nodes[self._state.at]
        assert isinstance(node.step, TellStep)
        if event.said is not Said.DONE or node.step.verify is None:
            return self._go_on(event.said.value)
        self._set(since_act=self._state.now)
        return self._verify(node, node.step.verify)

    # --- changing -----------------------------------------------------------------------------------------

    def _consented(self, doing: AskConsent, event: Consented) -> Command:
        if not event.yes:
            return self._go_on("refused")
        return DoAction(doing.step, doing.action, doing.params)

    def _acted(self, doing: DoAction, event: Acted) -> Command:
        node = self._graph.nodes[self._state.at]
        self._set(since_act=self._state.now, facts={**self._state.facts, "acted": doing.action})
        if not event.ok:
            return self._undo(node, f"failed {event.code}".strip())
        verify = _verify_of(node)
        if verify is None:
            return self._go_on("needless" if event.needless else "done")
        return self._verify(node, verify)

    def _verify(self, node: Node, verify: Verify) -> Command:
        self._set(phase="verify")
        return RunCheck(node.id, verify.check, self._targets(node, verify.check.targets), verify=True)

    def _verified(self, node: Node, changed: tuple[str, ...]) -> Command:
        verify = _verify_of(node)
        assert verify is not None
        try:
            helped = self._holds(verify.expect, node)
        except ConditionError:
            helped = False
        if helped:
            self._note("verified", changed)
            if getattr(node.step, "solved", False):
                return Finish(Outcome.SOLVED, None, "", node.id)
            return self._enter(node.next)
        if self._state.now - self._state.since_act < verify.within:
            return Wait(node.id, _RETRY_S)
        return self._undo(node, "not-verified", changed)

    def _undo(self, node: Node, result: str, changed: tuple[str, ...] = ()) -> Command:
        """Bring back what was, where that can be done; then go on."""
        command = self._undoing(node)
        if command is None:
            return self._go_on(result, changed)
        self._note(result, changed)
        self._set(phase="undo")
        return command

    def _undoing(self, node: Node) -> UndoAction | None:
        if not isinstance(node.step, ActStep) or self._graph.risks.get(node.step.act.action) != "undoable":
            return None
        facts = facts_of(self._state, node.scope)
        params = {name: filled(value, facts) for name, value in node.step.act.params.items()}
        return UndoAction(node.id, node.step.act.action, params)

    def _undone(self, event: Undone) -> Command:
        leaving = self._state.facts.get("leaving")
        self._note("undone" if event.ok else f"undo-failed {event.code}".strip())
        if not event.ok:
            return Finish(Outcome.HANDED_OVER, Why.UNDO_FAILED, _NEXT_LINE, self._state.at)
        if leaving:
            return _ending(str(leaving), self._state.at)
        return self._enter(self._graph.nodes[self._state.at].next)

    def _leave(self, finish: Finish) -> Command:
        """End now; but what was changed and not verified is brought back first."""
        doing = self._state.doing
        if isinstance(doing, UndoAction | DoAction) or (
            self._state.phase == "verify" and self._undoing(self._graph.nodes[self._state.at])
        ):
            self._set(facts={**self._state.facts, "leaving": finish.outcome.value})
            node = self._graph.nodes[self._state.at]
            undo = self._undoing(node)
            if undo is not None:
                self._set(phase="undo")
                return undo
        return finish

    # --- looking ------------------------------------------------------------------------------------------

    def _checked(self, event: Checked) -> Command:
        node = self._graph.nodes[self._state.at]
        before = self._state.findings
        after = merged(self._state, event.findings, event.targets, event.areas)
        changed = changes(before, after)
        self._set(findings=after, facts={**self._state.facts, **event.facts})
        if any(change.startswith("-") for change in changed):
            self._set(progress_at=self._state.now)
        if self._state.phase == "resume":
            return self._continue(before)
        if self._state.phase == "verify":
            return self._verified(node, changed)
        if isinstance(node.step, WaitStep):
            return self._looked(node, node.step, changed)
        solved_if = getattr(node.step, "solved_if", None)
        try:
            if solved_if and self._holds(solved_if, node):
                self._note("verified", changed)
                return Finish(Outcome.SOLVED, None, "", node.id)
        except ConditionError:
            return Finish(Outcome.HANDED_OVER, Why.CONDITION, _NEXT_LINE, node.id)
        return self._go_on("checked", changed)

    def _looked(self, node: Node, step: WaitStep, changed: tuple[str, ...]) -> Command:
        waiting = step.wait
        try:
            if waiting.until is not None and self._holds(waiting.until, node):
                return self._go_on("waited", changed)
        except ConditionError:
            return Finish(Outcome.HANDED_OVER, Why.CONDITION, _NEXT_LINE, node.id)
        if self._state.now - self._state.since_act >= waiting.at_most:
            return self._go_on("waited in vain", changed)
        return Wait(node.id, waiting.every)

    def _waited(self) -> Command:
        node = self._graph.nodes[self._state.at]
        verify = _verify_of(node)
        if self._state.phase == "verify" and verify is not None:
            return self._verify(node, verify)
        assert isinstance(node.step, WaitStep)
        waiting = node.step.wait
        if waiting.for_ is not None:
            return self._go_on("waited")
        if waiting.check is not None:
            return RunCheck(node.id, waiting.check, self._targets(node, waiting.check.targets))
        return self._looked(node, node.step, ())

    # --- going on after a break ---------------------------------------------------------------------------

    def _resume(self, event: Resumed) -> Command | None:
        """Look again at what the run stands on; then ask for what was being done."""
        self._set(progress_at=event.at, budget_s=self._state.budget_s + event.extra_s)
        finish = self._state.finish
        if finish is not None and finish.why not in _CLOCKS:
            return None
        self._set(finish=None)
        doing = self._state.doing
        if isinstance(doing, DoAction):
            return self._unclear(doing)
        last = next((tried for tried in reversed(self._state.tried) if tried.kind == "check"), None)
        if last is None or isinstance(doing, RunCheck | UndoAction | RunSync | LookAtLane):
            return doing or self._enter(self._state.at or self._graph.start)
        node = self._graph.nodes[last.step]
        assert isinstance(node.step, CheckStep)
        self._set(
            phase="resume",
            facts={**self._state.facts, "resume-phase": self._state.phase},
            pending=doing,
        )
        return RunCheck(node.id, node.step.check, self._targets(node, node.step.check.targets))

    def _continue(self, before: tuple[object, ...]) -> Command:
        """The preconditions were looked at again: go on, or choose anew where a way does not hold any more."""
        now = self._state
        then = now._replace(findings=cast("tuple[object, ...]", before))  # type: ignore[arg-type]
        self._set(phase=str(now.facts.get("resume-phase", "")))
        node = self._graph.nodes[now.at] if now.at in self._graph.nodes else None
        for way_id in node.arms if node else ():
            way = self._graph.way(way_id)
            branch = self._graph.nodes[way_id.rpartition("#")[0]]
            if way.arm.when is None:
                continue
            try:
                held = branch.scope.conditions.holds(way.arm.when, View(then, branch.scope))
                if held and not self._holds(way.arm.when, branch):
                    return self._enter(branch.id)
            except ConditionError:
                continue
        if now.pending is not None:
            return now.pending
        return self._enter(now.at or self._graph.start)

    def _unclear(self, doing: DoAction) -> Command:
        """Nobody saw whether the action happened: look, and bring it back unless it helped."""
        node = self._graph.nodes[doing.step]
        verify = _verify_of(node)
        self._set(since_act=self._state.now)
        return self._verify(node, verify) if verify is not None else self._undo(node, "unclear")

    # --- time ---------------------------------------------------------------------------------------------

    def _out_of_time(self, node: Node | None = None) -> Finish | None:
        now, state = self._state.now, self._state
        if node is not None and node.seconds <= 0:
            return None  # what ends the run, or shows something, always fits
        if now >= state.budget_s or (node is not None and state.budget_s - now < node.seconds):
            return Finish(Outcome.HANDED_OVER, Why.BUDGET, _NEXT_LINE, state.at)
        if now - state.progress_at >= state.no_progress_s:
            return Finish(Outcome.HANDED_OVER, Why.NO_PROGRESS, _NEXT_LINE, state.at)
        return None

    # --- small things -------------------------------------------------------------------------------------

    def _holds(self, condition: str, node: Node) -> bool:
        return node.scope.conditions.holds(condition, View(self._state, node.scope))

    def _targets(self, node: Node, names: tuple[str, ...]) -> tuple[str, ...]:
        found: list[str] = []
        for name in names:
            role = node.scope.role(name)
            found.extend(self._state.roles.get(role, ()) if role in self._graph.roles else (name,))
        return tuple(dict.fromkeys(found))

    def _account(self, node: Node, role: str) -> str:
        return next(iter(self._state.roles.get(node.scope.role(role), ())), "").partition(":")[2]

    def _filled(self, text: str, node: Node) -> str:
        return filled(text, facts_of(self._state, node.scope))

    def _set(self, **values: object) -> None:
        self._state = self._state._replace(**values)  # type: ignore[arg-type]


_CLOCKS = frozenset({Why.BUDGET, Why.NO_PROGRESS, Why.ASKED})


def _verify_of(node: Node) -> Verify | None:
    return getattr(node.step, "verify", None)


def _ending(outcome: str, step: str) -> Finish:
    if outcome == Outcome.GAVE_UP:
        return Finish(Outcome.GAVE_UP, None, "", step)
    return Finish(Outcome.HANDED_OVER, Why.ASKED, _NEXT_LINE, step)
