"""Rules about the ways through a playbook, and the time that they take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playbooks.engine.graph import END, ENDINGS, exits, seconds_of, shortest
from playbooks.engine.lint.table import Found
from playbooks.engine.model import ActStep, BranchStep
from supportctl.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playbooks.engine.graph import Graph
    from playbooks.engine.lint.table import Subject

MOST_TOTAL_S = 600.0
MOST_NO_PROGRESS_S = 300.0


def includes_can_be_loaded(subject: Subject) -> Iterator[Found]:
    """What is included is there and sound. Its own mistakes are told at its own file."""
    if subject.graph is None and subject.graph_error is not None:
        at = next((path for path, step in subject.steps if getattr(step, "include", None)), ("steps",))
        error = subject.graph_error
        name = error.args_by_name.get("found", "")
        yield Found((*at, "include"), {"found": name, "where": error.args_by_name.get("where", "-")})


def every_step_can_be_reached(subject: Subject) -> Iterator[Found]:
    """A step that no way leads to is never done."""
    graph = subject.graph
    if graph is None:
        return
    reached = _reachable(graph, graph.start)
    for step_id, path in subject.paths.items():
        if step_id in graph.nodes and step_id not in reached:
            yield Found((*path, "id"), {"step": step_id})


def every_step_has_a_way_out(subject: Subject) -> Iterator[Found]:
    """From each step an end can be reached: a circle holds the customer until the time is over."""
    graph = subject.graph
    if graph is None:
        return
    told: set[str] = set()
    for step_id, path in subject.paths.items():
        if step_id not in graph.nodes or step_id in told:
            continue
        around = _reachable(graph, step_id)
        if END not in around and not any(graph.nodes[node].kind in ENDINGS for node in around):
            told |= around
            yield Found((*path, "id"), {"step": step_id, "circle": ", ".join(sorted(around)[:5])})


def the_end_is_written(subject: Subject) -> Iterator[Found]:
    """Where the steps run out, the run is handed over with "nothing left to try": better said in words."""
    graph = subject.graph
    if graph is None:
        return
    reached = _reachable(graph, graph.start)
    if END in reached and subject.playbook.steps:
        last = len(subject.playbook.steps) - 1
        yield Found(("steps", last, "id"), {"step": subject.playbook.steps[last].id})


def no_arm_hides_the_next(subject: Subject) -> Iterator[Found]:
    """Of arms that are taken as written, those after one without a condition are never taken."""
    for path, step in subject.steps:
        if isinstance(step, BranchStep) and step.branch.order == "written":
            open_ = [number for number, arm in enumerate(step.branch.arms) if arm.when is None]
            if open_ and (open_[0] < len(step.branch.arms) - 1 or step.branch.otherwise):
                yield Found((*path, "branch", "arms", open_[0]), {"step": step.id, "number": open_[0] + 1})


def the_budget_covers_the_shortest_way(subject: Subject) -> Iterator[Found]:
    """A run must be able to come to an end in its time."""
    graph = subject.graph
    if graph is None:
        return
    needed, total = shortest(graph, graph.start), subject.playbook.budget.total
    if total < needed < float("inf"):
        yield Found(("budget", "total"), {"needed": round(needed), "limit": round(total)})


def no_step_outlasts_the_clock(subject: Subject) -> Iterator[Found]:
    """A single step that takes longer than the clock without progress would always be handed over."""
    limit = subject.playbook.budget.no_progress
    for path, step in subject.steps:
        if seconds_of(step) > limit:
            yield Found(
                (*path, "id"), {"step": step.id, "needed": round(seconds_of(step)), "limit": round(limit)}
            )


def the_customer_does_not_wait_too_long(subject: Subject) -> Iterator[Found]:
    """Ten minutes for a remote fix, five without a step forward: then the next line is faster."""
    budget = subject.playbook.budget
    if budget.total > MOST_TOTAL_S:
        yield Found(("budget", "total"), {"found": round(budget.total), "limit": round(MOST_TOTAL_S)})
    if budget.no_progress > MOST_NO_PROGRESS_S:
        args = {"found": round(budget.no_progress), "limit": round(MOST_NO_PROGRESS_S)}
        yield Found(("budget", "no_progress"), args)


def what_changes_is_verified(subject: Subject) -> Iterator[Found]:
    """An action that changes something is followed by a look whether it helped: else nothing is undone."""
    for path, step in subject.steps:
        if isinstance(step, ActStep) and step.verify is None:
            try:
                risk = subject.known.risk(step.act.action)
            except UsageError:
                continue  # told by another rule
            if risk != "none":
                yield Found((*path, "act"), {"step": step.id, "action": step.act.action})


def likelihoods_are_shares(subject: Subject) -> Iterator[Found]:
    """The likelihoods of one branch are parts of a whole."""
    for path, step in subject.steps:
        if isinstance(step, BranchStep) and step.branch.order == "likely":
            total = sum(arm.likelihood for arm in step.branch.arms)
            given = [arm for arm in step.branch.arms if "likelihood" in arm.model_fields_set]
            if given and total > 1.005:
                yield Found((*path, "branch"), {"step": step.id, "total": f"{total:.2f}"})


def likely_arms_name_causes(subject: Subject) -> Iterator[Found]:
    """An arm that is tried by likelihood follows a cause: ruling it out is progress, and is told later."""
    for path, step in subject.steps:
        if isinstance(step, BranchStep) and step.branch.order == "likely":
            for number, arm in enumerate(step.branch.arms):
                if arm.cause is None:
                    yield Found((*path, "branch", "arms", number), {"step": step.id, "number": number + 1})


def _reachable(graph: Graph, start: str) -> set[str]:
    """Return the nodes, and `END`, that a run may come to from `start`."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        at = waiting.pop()
        at = at.rpartition("#")[0] if "#" in at else at  # back to a branch
        if at in found:
            continue
        found.add(at)
        if at in graph.nodes:
            waiting.extend(exits(graph, at))
    return found
