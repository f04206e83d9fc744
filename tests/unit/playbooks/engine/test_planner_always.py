"""What holds for the planner whatever happens, in whichever order."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from planner_bench import (
    BEGUN,
    EMPTY,
    FINE,
    PRINTER,
    STEPS,
    finding,
    graph_of,
)

from playbooks.engine.events import (
    Acted,
    Answered,
    Checked,
    Consented,
    HandOverNow,
    Resumed,
    Said,
    Shown,
    Ticked,
    Told,
    Undone,
    Waited,
)
from playbooks.engine.planner import move
from playbooks.engine.state import DoAction, RunCheck, State, UndoAction


def answers() -> st.SearchStrategy[list[Any]]:
    some = st.sampled_from(
        [
            ("checked", (EMPTY,)),
            ("checked", (FINE,)),
            ("checked", (finding("link.silent"),)),
            ("answered", "red"),
            ("answered", None),
            ("told", Said.DONE),
            ("told", Said.DID_NOT_HELP),
            ("consented", True),
            ("consented", False),
            ("acted", True),
            ("acted", False),
            ("undone", True),
            ("waited", None),
            ("shown", None),
            ("ticked", None),
            ("hand-over", None),
            ("resumed", None),
        ]
    )
    return st.lists(st.tuples(some, st.floats(0, 50)), max_size=60)


def event_of(kind: str, value: Any, at: float) -> Any:
    return {
        "checked": lambda: Checked(at, value, (PRINTER,)),
        "answered": lambda: Answered(at, value),
        "told": lambda: Told(at, value),
        "consented": lambda: Consented(at, value),
        "acted": lambda: Acted(at, value),
        "undone": lambda: Undone(at, value),
        "waited": lambda: Waited(at),
        "shown": lambda: Shown(at),
        "ticked": lambda: Ticked(at),
        "hand-over": lambda: HandOverNow(at),
        "resumed": lambda: Resumed(at),
    }[kind]()


@given(answers())
def test_whatever_happens_no_change_is_left_unproved(events: list[Any]) -> None:
    graph = graph_of(STEPS)
    state, now = State(), 0.0
    changed = False  # something was changed, and neither verified nor brought back
    state = move(graph, state, BEGUN).state
    for (kind, value), seconds in events:
        now += seconds
        before = state
        answer = move(graph, state, event_of(kind, value, now))
        again = move(graph, state, event_of(kind, value, now))
        assert again == answer, "the same state and event give the same answer"
        state = answer.state
        if isinstance(before.doing, DoAction) and isinstance(state.doing, RunCheck | UndoAction):
            changed = True
        if isinstance(before.doing, UndoAction) and kind == "undone" and state.doing != before.doing:
            changed = False
        if state.tried and state.tried[-1].result == "verified":
            changed = False
        if state.finish is not None:
            assert not changed, "a run ends only when what it changed is proved or brought back"
            assert before.now <= state.now
