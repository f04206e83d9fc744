"""Which hypotheses of a run are open, and why: what nobody tried or could see is not ruled out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playbooks.engine.conditions import PROBLEMS
from playbooks.engine.state import Outcome, Why
from supportctl.core.finding import Status

if TYPE_CHECKING:
    from playbooks.engine.graph import Graph
    from supportctl.app.playbook_story import Story
    from supportctl.core.run_report import Open

_LOOKS_FOR = re.compile(r"""\b(?:found|fault|warning|unknown|ok)\(\s*["']([a-z0-9-]+)\.""")
_BLIND = frozenset({Status.UNKNOWN, Status.SKIPPED})
_BY_WHY: dict[Why | None, Open] = {
    Why.BUDGET: "no-time",
    Why.NO_PROGRESS: "no-time",
    Why.ASKED: "stopped",
    Why.CONDITION: "unclear",
}


def why_open(graph: Graph, story: Story, cause: str) -> Open | None:
    """Return why a hypothesis is open; None: it is ruled out, or proved.

    The planner closes a way that did not help, and one whose condition is not true. A way that was refused or
    skipped, or whose signs gave no answer, proves nothing: its cause stays open here.
    """
    ways = {way.id: way for several in graph.ways.values() for way in several if way.arm.cause == cause}
    results = [
        taken.tried.result
        for taken in story.taken
        if taken.tried.step in graph.nodes and set(graph.nodes[taken.tried.step].arms) & set(ways)
    ]
    finish = story.state.finish
    solved = finish is not None and finish.outcome is Outcome.SOLVED
    if solved and (cause == story.state.cause or cause not in story.state.ruled_out):
        return None  # it was this, or something else
    if "refused" in results:
        return "refused"
    if "skip" in results:
        return "skipped"
    if cause in story.state.ruled_out:
        blind = not results and any(_is_blind(story, way.arm.when) for way in ways.values())
        return "unclear" if blind else None
    if results or cause == story.state.cause:
        return "unfinished"
    return _BY_WHY.get(finish.why, "not-reached") if finish else "not-reached"


def _is_blind(story: Story, when: str | None) -> bool:
    """Return whether a condition was about something to which no answer came."""
    asked = set(_LOOKS_FOR.findall(when or ""))
    findings = story.state.findings
    areas = {finding.code.partition(".")[0] for finding in findings if finding.status not in _BLIND}
    dark = {finding.code.partition(".")[0] for finding in findings if finding.status in _BLIND}
    cut_off = any(f.code.startswith("link.") and f.status in PROBLEMS for f in findings)
    return bool(asked & dark) or bool(cut_off and asked - areas)
