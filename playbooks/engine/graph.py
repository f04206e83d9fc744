"""A playbook as a graph: each step a node that knows what follows it. Included playbooks are part of it."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, NamedTuple

from playbooks.engine.conditions import Conditions
from playbooks.engine.model import (
    ActStep,
    AskStep,
    BranchStep,
    GotoStep,
    IncludeStep,
    Playbook,
    ResendStep,
    TellStep,
    WaitStep,
)
from supportctl.core.errors import UsageError
from supportctl.core.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from playbooks.engine.model import Arm, Step
    from playbooks.engine.needs import Parameter, Role
    from supportctl.core.report import Risk

END = "@end"
_MAX_DEPTH = 4  # of includes
_USUAL_S = {"check": 10, "ask": 20, "tell": 45, "act": 20, "reply": 10, "resend": 15, "sync": 30}
ENDINGS = frozenset({"hand_over", "out_of_scope", "solved"})


class Scope(NamedTuple):
    """Where a node comes from: the playbook itself, or one that it includes (then with a prefix)."""

    prefix: str
    playbook: Playbook
    conditions: Conditions
    roles: Mapping[str, str]  # the playbook's name of a role -> the run's name of it

    def role(self, name: str) -> str:
        """Return the run's name of a role."""
        return self.roles.get(name, name)


class Node(NamedTuple):
    """One step and what follows it. `arms` are the ways in which it lies, the outermost first.

    `next` is a node's id, `END`, or `BRANCH#NUMBER`: back to a branch, because this way did not help. `skip`
    is where a run goes on when the step's `when` is not true: a jump and an include are left out by it.
    """

    id: str
    kind: str
    step: Step
    scope: Scope
    next: str
    seconds: float
    arms: tuple[str, ...] = ()
    skip: str = END


class Way(NamedTuple):
    """One arm of a branch. `start` is where it begins: a node, what follows the branch, or back to it."""

    id: str  # BRANCH#NUMBER
    arm: Arm
    start: str


class Graph(NamedTuple):
    """A playbook that can be walked. `risks` are those of the actions that it uses."""

    playbook: Playbook
    nodes: Mapping[str, Node]
    ways: Mapping[str, tuple[Way, ...]]  # branch -> its arms
    otherwise: Mapping[str, str]  # branch -> where it goes when no arm is open
    start: str
    roles: Mapping[str, Role]
    parameters: Mapping[str, Parameter]
    causes: Mapping[str, Mapping[str, str]]
    risks: Mapping[str, Risk]

    def way(self, way_id: str) -> Way:
        """Return an arm by its id."""
        branch, _, number = way_id.rpartition("#")
        return self.ways[branch][int(number)]


def kind_of(step: Step) -> str:
    """Return the kind of a step, as a file names it."""
    return {
        "CheckStep": "check", "AskStep": "ask", "TellStep": "tell", "ActStep": "act", "WaitStep": "wait",
        "BranchStep": "branch", "GotoStep": "goto", "IncludeStep": "include", "ReplyStep": "reply",
        "ResendStep": "resend", "SyncStep": "sync", "HandOverStep": "hand_over",
        "OutOfScopeStep": "out_of_scope", "SolvedStep": "solved",
    }[type(step).__name__]  # fmt: skip


def steps_of(steps: Sequence[Step]) -> Iterator[Step]:
    """Yield steps in the order of the file, with those inside branches."""
    for step in steps:
        yield step
        if isinstance(step, BranchStep):
            for arm in step.branch.arms:
                yield from steps_of(arm.steps)
            yield from steps_of(step.branch.otherwise)


def conditions_of(playbook: Playbook) -> Conditions:
    """Return what compiles a playbook's conditions: its questions and parameters are the variables."""
    questions = {step.id: step.ask.kind for step in steps_of(playbook.steps) if isinstance(step, AskStep)}
    return Conditions(questions, playbook.parameters)


def actions_of(playbook: Playbook) -> Iterator[str]:
    """Yield the names of the actions that a playbook uses."""
    for step in steps_of(playbook.steps):
        if isinstance(step, ActStep):
            yield step.act.action
        elif isinstance(step, ResendStep) and step.resend.do != "status":
            yield f"resend.{step.resend.do}"


def build(playbook: Playbook, find: Callable[[str], Playbook], risk: Callable[[str], Risk]) -> Graph:
    """Return the graph of a playbook; `find` gives included ones, `risk` that of an action.

    Raises:
        UsageError: `playbook.no-such-step`, `playbook.same-id`, `playbook.include-loop`, or what `find` and
            `risk` raise.
    """
    builder = _Builder(playbook, find)
    start = builder.block(playbook.steps, END, builder.scope, ())
    builder.check_jumps()
    risks = {name: risk(name) for part in builder.parts for name in actions_of(part)}
    return Graph(
        playbook,
        builder.nodes,
        builder.ways,
        builder.otherwise,
        start,
        {name: role for part in reversed(builder.parts) for name, role in builder.roles_of(part)},
        {name: value for part in reversed(builder.parts) for name, value in part.parameters.items()},
        {name: text for part in reversed(builder.parts) for name, text in part.causes.items()},
        risks,
    )


class _Builder:
    def __init__(self, playbook: Playbook, find: Callable[[str], Playbook]) -> None:
        self.scope = Scope("", playbook, conditions_of(playbook), {})
        self.parts = [playbook]
        self.nodes: dict[str, Node] = {}
        self.ways: dict[str, tuple[Way, ...]] = {}
        self.otherwise: dict[str, str] = {}
        self._find = find
        self._jumps: list[tuple[str, str, Scope]] = []
        self._renamed: dict[str, Mapping[str, str]] = {playbook.name: {}}
        self._inside: list[str] = [playbook.name]

    def block(self, steps: Sequence[Step], after: str, scope: Scope, arms: tuple[str, ...]) -> str:
        """Add steps that follow each other; return where they begin."""
        for step in reversed(steps):  # the last first: each needs to know what follows it
            after = self._add(step, after, scope, arms)
        return after

    def _add(self, step: Step, after: str, scope: Scope, arms: tuple[str, ...]) -> str:
        node_id = scope.prefix + step.id
        if node_id in self.nodes:
            raise UsageError("playbook.same-id", found=node_id, playbook=scope.playbook.name)
        skip = after
        if isinstance(step, IncludeStep):
            after = self._include(step, after, scope, arms)
        elif isinstance(step, GotoStep):
            self._jumps.append((node_id, step.goto, scope))
        self.nodes[node_id] = Node(node_id, kind_of(step), step, scope, after, seconds_of(step), arms, skip)
        if isinstance(step, BranchStep):
            self._branch(node_id, step, after, scope, arms)
        return node_id

    def _branch(
        self, node_id: str, step: BranchStep, after: str, scope: Scope, arms: tuple[str, ...]
    ) -> None:
        ways = []
        for number, arm in enumerate(step.branch.arms):
            way_id = f"{node_id}#{number}"
            back = way_id if step.branch.order == "likely" else after
            if arm.goto:
                self._jumps.append((node_id, arm.goto, scope))
                start = scope.prefix + arm.goto
            else:
                start = self.block(arm.steps, back, scope, (*arms, way_id))
            ways.append(Way(way_id, arm, start))
        self.ways[node_id] = tuple(ways)
        self.otherwise[node_id] = self.block(step.branch.otherwise, after, scope, arms)

    def _include(self, step: IncludeStep, after: str, scope: Scope, arms: tuple[str, ...]) -> str:
        if step.include in self._inside or len(self._inside) > _MAX_DEPTH:
            raise UsageError("playbook.include-loop", found=" > ".join((*self._inside, step.include)))
        included = self._find(step.include)
        self.parts.append(included)
        roles = {name: scope.role(other) for name, other in step.roles.items()}
        self._renamed[included.name] = roles
        inner = Scope(f"{scope.prefix}{step.id}/", included, conditions_of(included), roles)
        self._inside.append(step.include)
        start = self.block(included.steps, after, inner, arms)
        self._inside.pop()
        return start

    def roles_of(self, part: Playbook) -> Iterator[tuple[str, Role]]:
        renamed = self._renamed[part.name]
        for name, role in part.roles.items():
            yield renamed.get(name, name), role

    def check_jumps(self) -> None:
        for node_id, goal, scope in self._jumps:
            if scope.prefix + goal not in self.nodes:
                known = [step.id for step in steps_of(scope.playbook.steps)]
                raise UsageError(
                    "playbook.no-such-step", found=goal, step=node_id, nearest=nearest(goal, known)
                )
            if isinstance(self.nodes[node_id].step, GotoStep):
                self.nodes[node_id] = self.nodes[node_id]._replace(next=scope.prefix + goal)


def seconds_of(step: Step) -> float:
    """Return how long a step takes, estimated: the author's number, else what is usual for its kind."""
    if step.seconds:
        return step.seconds
    if isinstance(step, WaitStep):
        return step.wait.for_ if step.wait.for_ is not None else step.wait.at_most
    usual = _USUAL_S.get(kind_of(step), 0)
    return usual + 10 if isinstance(step, TellStep) and step.verify else usual


def exits(graph: Graph, node_id: str) -> tuple[str, ...]:
    """Return where a node may go, the ends and the ways back as they are."""
    node = graph.nodes[node_id]
    skip = () if node.step.when is None else (node.skip,)
    if node.kind in ENDINGS:
        return skip
    if node.kind == "branch":
        return (*(way.start for way in graph.ways[node_id]), graph.otherwise[node_id], *skip)
    return (node.next, *skip)


def shortest(graph: Graph, start: str) -> float:
    """Return the seconds of the cheapest way from `start` to an end, or back to the branch it lies in."""
    queue: list[tuple[float, str]] = [(0.0, start)]
    seen: set[str] = set()
    while queue:
        cost, at = heapq.heappop(queue)
        if at not in graph.nodes:
            return cost
        if at in seen:
            continue
        seen.add(at)
        cost += graph.nodes[at].seconds
        if graph.nodes[at].kind in ENDINGS:
            return cost
        for way in exits(graph, at):
            heapq.heappush(queue, (cost, way))
    return float("inf")
