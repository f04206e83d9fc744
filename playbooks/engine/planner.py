"""The planner: state and event in, state and what to do next out. Pure: no clock, no wire, no chance.

Time is in the events. A run is its events: replayed, they give the same state, which is how a run that was
killed goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from playbooks.engine.branches import came_back, choose
from playbooks.engine.changing import Changing
from playbooks.engine.conditions import ConditionError
from playbooks.engine.events import (
    Acted,
    Answered,
    Begun,
    Checked,
    Consented,
    Event,
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
from playbooks.engine.graph import END
from playbooks.engine.model import BranchStep, CheckStep, TellStep, WaitStep
from playbooks.engine.situation import View, changes, merged
from playbooks.engine.state import (
    ROLE,
    AskConsent,
    AskPerson,
    DoAction,
    Finish,
    LookAtLane,
    Move,
    Outcome,
    RunCheck,
    RunSync,
    ShowReply,
    TellPerson,
    UndoAction,
    Wait,
    Why,
)
from playbooks.engine.steps import begin

if TYPE_CHECKING:
    from playbooks.engine.graph import Graph
    from playbooks.engine.state import Command, State
    from supportctl.core.finding import Finding

MAX_VISITS = 8  # of one step: more is a loop that nobody meant
RESUMABLE = frozenset({Why.BUDGET, Why.NO_PROGRESS, Why.ASKED})


def move(graph: Graph, state: State, event: Event) -> Move:
    """Return what follows from an event. The same arguments give the same answer, always."""
    return _Planner(graph, state).hear(event)


def deadline_at(state: State) -> float | None:
    """Return when the run is handed over if a person who is waited for says nothing; None: nobody is."""
    if not isinstance(state.doing, AskPerson | TellPerson | AskConsent):
        return None
    return min(state.budget_s, state.progress_at + state.no_progress_s)


def resumable(finish: Finish) -> bool:
    """Return whether a run that ended so can go on: time was short, or somebody wanted to stop."""
    return finish.outcome is Outcome.GAVE_UP or finish.why in RESUMABLE


class _Planner(Changing):
    """One move."""

    def hear(self, event: Event) -> Move:
        self.set(now=max(event.at, self.state.now))
        if self.state.finish is not None and not isinstance(event, Resumed):
            return Move(self.state)
        command = self._heard(event)
        if command is None:
            return Move(self.state)
        if isinstance(command, Finish):
            waiting = isinstance(event, Ticked | HandOverNow | GaveUp)  # what was asked can be asked again
            self.set(finish=command, doing=self.state.doing if waiting else None)
        else:
            self.set(doing=command)
        return Move(self.state, tuple(self.notices), command)

    def _heard(self, event: Event) -> Command | None:
        match event:
            case Begun():
                return self._begin(event)
            case Ticked():
                return self.out_of_time() if deadline_at(self.state) is not None else None
            case HandOverNow():
                return self.leave(self.hand_over(Why.ASKED))
            case GaveUp():
                return self.leave(Finish(Outcome.GAVE_UP, None, "", self.state.at))
            case Resumed():
                return self._resume(event)
            case Checked() | Answered() | Told() | Consented() | Acted() | Undone() | Waited() | Shown():
                return self._answer(event)
            case _:
                assert_never(event)

    def _answer(  # noqa: PLR0911  one way out for each kind of answer
        self, event: Checked | Answered | Told | Consented | Acted | Undone | Waited | Shown
    ) -> Command | None:
        match self.state.doing, event:
            case AskPerson(question=None) as ask, Answered():
                return self._role_chosen(ask, event)
            case AskPerson(), Answered():
                return self._answered(event)
            case TellPerson(), Told():
                return self._told(event)
            case AskConsent() as ask, Consented():
                return self.consented(ask, event)
            case DoAction(), Acted():
                return self.acted(event)
            case UndoAction(), Undone():
                return self.undone(event)
            case RunCheck() | RunSync() | LookAtLane(), Checked():
                return self._checked(event)
            case Wait(), Waited():
                return self._waited()
            case ShowReply(), Shown():
                return self.go_on("shown")
        return None  # an answer to what is not asked any more

    # --- the beginning: which targets are meant -----------------------------------------------------------

    def _begin(self, event: Begun) -> Command:
        budget = self.graph.playbook.budget
        several = {
            name: tuple(found)
            for name, found in event.roles.items()
            if len(found) > 1 and name in self.graph.roles and not self.graph.roles[name].many
        }
        self.set(
            budget_s=budget.total,
            no_progress_s=budget.no_progress,
            progress_at=event.at,
            roles={name: tuple(found) for name, found in event.roles.items() if name not in several},
            choices=several,
            params=dict(event.params),
        )
        return self._next_choice()

    def _next_choice(self) -> Command:
        for role, options in self.state.choices.items():
            return AskPerson(ROLE + role, None, options)
        return self.enter(self.graph.start)

    def _role_chosen(self, ask: AskPerson, event: Answered) -> Command:
        role = ask.step.removeprefix(ROLE)
        value = event.value if event.value in ask.options else ask.options[0]
        choices = {name: options for name, options in self.state.choices.items() if name != role}
        roles = {**self.state.roles, role: (str(value),)}
        self.set(roles=roles, choices=choices, progress_at=self.state.now)
        return self._next_choice()

    # --- from step to step --------------------------------------------------------------------------------

    def enter(self, node_id: str) -> Command:
        """Go to a node, and on through those that need nobody."""
        while True:
            if "#" in node_id:
                node_id = came_back(self, node_id)
            if node_id == END:
                return self.hand_over(Why.NOTHING_LEFT)
            node = self.graph.nodes[node_id]
            visits = {**self.state.visits, node_id: self.state.visits.get(node_id, 0) + 1}
            self.set(at=node_id, phase="", visits=visits)
            if visits[node_id] > MAX_VISITS:
                return self.hand_over(Why.LOOP)
            try:
                if node.step.when is not None and not self.holds(node.step.when, node):
                    node_id = node.skip
                elif isinstance(node.step, BranchStep):
                    node_id = choose(self, node, node.step)
                else:
                    command = self._at(node_id)
                    if command is not None:
                        return command
                    node_id = node.next
            except ConditionError:
                return self.hand_over(Why.CONDITION)

    def _at(self, node_id: str) -> Command | None:
        late = self.out_of_time(self.graph.nodes[node_id])
        if late is not None:
            self.set(resume_at=node_id)
            return late
        return begin(self, self.graph.nodes[node_id])

    # --- people -------------------------------------------------------------------------------------------

    def _answered(self, event: Answered) -> Command:
        self.set(answers={**self.state.answers, self.state.at: event.value})
        if event.value is None:
            return self.go_on("skipped")
        self.set(progress_at=self.state.now)
        return self.go_on("answered")

    def _told(self, event: Told) -> Command:
        step = self.node.step
        assert isinstance(step, TellStep), "who is told something is at a step that tells"
        if event.said is Said.DID_NOT_HELP:  # an answer, and something that is out of the question now
            self.set(progress_at=self.state.now)
        if event.said is not Said.DONE or step.verify is None:
            return self.go_on(event.said.value)
        self.set(since_act=self.state.now)
        return self.verify(step.verify)

    # --- looking ------------------------------------------------------------------------------------------

    def _checked(self, event: Checked) -> Command:
        before = self.state.findings
        after = merged(before, event)
        changed = changes(before, after)
        self.set(findings=after, facts={**self.state.facts, **event.facts})
        if any(change.startswith("-") for change in changed):
            self.set(progress_at=self.state.now)
        if self.state.phase == "resume":
            return self._continue(before)
        if self.state.phase == "verify":
            return self.verified(changed)
        step = self.node.step
        try:
            if isinstance(step, WaitStep):
                return self._looked(step, changed)
            solved_if = getattr(step, "solved_if", None)
            if solved_if and self.holds(solved_if, self.node):
                self.note("verified", changed)
                return Finish(Outcome.SOLVED, None, "", self.state.at)
        except ConditionError:
            return self.hand_over(Why.CONDITION)
        return self.go_on("checked", changed)

    def _looked(self, step: WaitStep, changed: tuple[str, ...]) -> Command:
        waiting = step.wait
        if waiting.until is not None and self.holds(waiting.until, self.node):
            return self.go_on("waited", changed)
        if self.state.now - self.state.since_act >= waiting.at_most:
            return self.go_on("waited-in-vain", changed)
        return Wait(self.state.at, waiting.every)

    def _waited(self) -> Command:
        step = self.node.step
        verify = getattr(step, "verify", None)
        if self.state.phase == "verify" and verify is not None:
            return self.verify(verify)
        assert isinstance(step, WaitStep), "what waits is a step that waits, or one that is being verified"
        if step.wait.for_ is not None:
            return self.go_on("waited")
        if step.wait.check is not None:
            targets = self.targets(self.node, step.wait.check.targets)
            return RunCheck(self.state.at, step.wait.check, targets)
        try:
            return self._looked(step, ())
        except ConditionError:
            return self.hand_over(Why.CONDITION)

    # --- going on after a break ---------------------------------------------------------------------------

    def _resume(self, event: Resumed) -> Command | None:
        """Look again at what the run stands on; then ask for what was being done."""
        finish = self.state.finish
        if finish is not None and not resumable(finish):
            return None
        self.set(progress_at=event.at, budget_s=self.state.budget_s + event.extra_s, finish=None)
        doing = self.state.doing
        if isinstance(doing, DoAction):
            return self.unclear(doing)
        last = next((tried for tried in reversed(self.state.tried) if tried.kind == "check"), None)
        if last is None or isinstance(doing, RunCheck | UndoAction | RunSync | LookAtLane):
            return doing or self._go_back()
        node = self.graph.nodes[last.step]
        assert isinstance(node.step, CheckStep), "a check was done at a step that checks"
        self.set(phase="resume", pending=doing, pending_phase=self.state.phase)
        return RunCheck(node.id, node.step.check, self.targets(node, node.step.check.targets))

    def _continue(self, before: tuple[Finding, ...]) -> Command:
        """Go on where the run was; choose anew where a way that held before holds no more."""
        pending, then = self.state.pending, self.state._replace(findings=before)
        self.set(phase=self.state.pending_phase, pending=None, pending_phase="")
        at = self.state.resume_at if pending is None else self.state.at
        for way_id in self.graph.nodes[at].arms if at in self.graph.nodes else ():
            when, branch = self.graph.way(way_id).arm.when, self.graph.nodes[way_id.rpartition("#")[0]]
            try:
                held = when is not None and branch.scope.conditions.holds(when, View(then, branch.scope))
                if when is not None and held and not self.holds(when, branch):
                    return self.enter(branch.id)
            except ConditionError:
                return self.hand_over(Why.CONDITION)
        return pending or self._go_back()

    def _go_back(self) -> Command:
        at = self.state.resume_at or self.state.at
        self.set(resume_at="")
        if not at:
            return self._next_choice()
        self.set(visits={**self.state.visits, at: self.state.visits.get(at, 1) - 1})
        return self.enter(at)
