"""One turn of the planner: the state while it is being replaced, and what every part of the planner needs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from playbooks.engine.situation import View, facts_of
from playbooks.engine.state import Finish, Outcome, Tried, Why
from playbooks.engine.texts import filled

if TYPE_CHECKING:
    from playbooks.engine.graph import Graph, Node
    from playbooks.engine.state import Command, Notice, State

NEXT_LINE = "second-line"


class Turn(ABC):
    """The state is replaced, never changed. `enter` goes to a node and says what is to be done there."""

    def __init__(self, graph: Graph, state: State) -> None:
        self.graph = graph
        self.state = state
        self.notices: list[Notice] = []

    @abstractmethod
    def enter(self, node_id: str) -> Command:
        """Go to a node, and on through those that need nobody."""

    @property
    def node(self) -> Node:
        """The node at which the run is."""
        return self.graph.nodes[self.state.at]

    def set(self, **values: object) -> None:
        """Replace parts of the state."""
        self.state = self.state._replace(**values)  # type: ignore[arg-type]

    def holds(self, condition: str, node: Node) -> bool:
        """Return whether a condition of this node's playbook is true now.

        Raises:
            ConditionError: it has no answer.
        """
        return node.scope.conditions.holds(condition, View(self.state, node.scope))

    def targets(self, node: Node, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the targets behind the names in a check: those of roles, and others as they are."""
        found: list[str] = []
        for name in names:
            role = node.scope.role(name)
            found.extend(self.state.roles.get(role, ()) if role in self.graph.roles else (name,))
        return tuple(dict.fromkeys(found))

    def account(self, node: Node, role: str) -> str:
        """Return the name of a role's account, "" if there is none."""
        return next(iter(self.state.roles.get(node.scope.role(role), ())), "").partition(":")[2]

    def filled(self, text: str, node: Node) -> str:
        """Return a parameter with its places filled."""
        return filled(text, facts_of(self.state, node.scope))

    def note(self, result: str, changed: tuple[str, ...] = ()) -> Node:
        """Write down what came of the step, and return its node."""
        node = self.node
        tried = Tried(node.id, node.kind, self.state.now, result, changed)
        self.set(tried=(*self.state.tried, tried), phase="")
        return node

    def go_on(self, result: str, changed: tuple[str, ...] = ()) -> Command:
        """Note what came of the step, and go to what follows it."""
        return self.enter(self.note(result, changed).next)

    def hand_over(self, why: Why) -> Finish:
        """Return the end of a run that the next line goes on with."""
        return Finish(Outcome.HANDED_OVER, why, NEXT_LINE, self.state.at)

    def out_of_time(self, node: Node | None = None) -> Finish | None:
        """Return the hand-over if the budget does not cover `node`, or nothing has moved for too long."""
        now, state = self.state.now, self.state
        if node is not None and node.seconds <= 0:
            return None  # what ends the run, or shows something, always fits
        if now >= state.budget_s or (node is not None and state.budget_s - now < node.seconds):
            return self.hand_over(Why.BUDGET)
        if now - state.progress_at >= state.no_progress_s:
            return self.hand_over(Why.NO_PROGRESS)
        return None
