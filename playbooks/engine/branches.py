"""Which way a run goes at a branch, and what that rules out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playbooks.engine.graph import shortest
from playbooks.engine.state import CauseNamed, StillToTry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from playbooks.engine.graph import Graph, Node, Way
    from playbooks.engine.model import BranchStep
    from playbooks.engine.turn import Turn


def choose(turn: Turn, node: Node, step: BranchStep) -> str:
    """Return where the run goes on: into an arm, or where the branch goes when none is open.

    Raises:
        ConditionError: a condition has no answer.
    """
    ways = turn.graph.ways[node.id]
    open_ways = [way for way in ways if way.id not in turn.state.closed]
    holding = [way for way in open_ways if way.arm.when is None or turn.holds(way.arm.when, node)]
    if step.branch.order == "written":
        chosen = next(iter(holding), None)
        passed = ways[: ways.index(chosen)] if chosen else ways
        rule_out(turn, (way for way in passed if way not in holding))
    else:
        chosen = likeliest(turn.graph, holding, turn.state.budget_s - turn.state.now)
        rule_out(turn, (way for way in open_ways if way not in holding))
        if len(holding) > 1:
            seconds = sum(shortest(turn.graph, way.start) for way in holding)
            turn.notices.append(StillToTry(len(holding), round(seconds)))
    if chosen is None:
        return turn.graph.otherwise[node.id]
    turn.set(taken=turn.state.taken | {chosen.id})
    if chosen.arm.cause:
        turn.set(cause=chosen.arm.cause)
        if chosen.arm.when is not None:
            turn.notices.append(CauseNamed(chosen.arm.cause))
    return chosen.start


def likeliest(graph: Graph, ways: Iterable[Way], left_s: float) -> Way | None:
    """Return the way with the best likelihood × impact ÷ cost; one that fits into the time before others."""

    def rank(way: Way) -> tuple[bool, float]:
        cost = shortest(graph, way.start)
        return cost <= left_s, way.arm.likelihood * way.arm.impact / max(cost, 1.0)

    return max(ways, key=rank, default=None)


def came_back(turn: Turn, way_id: str) -> str:
    """A way did not help: close it, and return its branch, which chooses anew."""
    branch = way_id.rpartition("#")[0]
    closed, visits = turn.state.closed | {way_id}, {**turn.state.visits, branch: 0}
    turn.set(closed=closed, cause="", visits=visits)
    rule_out(turn, [turn.graph.way(way_id)])
    return branch


def rule_out(turn: Turn, ways: Iterable[Way]) -> None:
    """Note the causes that are out of the question now; that is progress."""
    causes = dict.fromkeys(way.arm.cause for way in ways if way.arm.cause)
    fresh = tuple(cause for cause in causes if cause not in turn.state.ruled_out)
    if fresh:
        turn.set(ruled_out=(*turn.state.ruled_out, *fresh), progress_at=turn.state.now)
