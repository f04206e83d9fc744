"""The planner on a small playbook: ways, clocks, undo, and going on after a break."""

from __future__ import annotations

from typing import Any

from planner_bench import (
    BEGUN,
    CHECK,
    EMPTY,
    FINE,
    PRINTER,
    SAY,
    STEPS,
    graph_of,
    played,
)

from playbooks.engine.events import (
    Acted,
    Answered,
    Begun,
    Checked,
    Consented,
    GaveUp,
    Resumed,
    Said,
    Shown,
    Ticked,
    Told,
    Undone,
    Waited,
)
from playbooks.engine.graph import exits, shortest
from playbooks.engine.planner import deadline_at, move
from playbooks.engine.state import (
    AskConsent,
    AskPerson,
    CauseNamed,
    DoAction,
    Finish,
    Outcome,
    RunCheck,
    State,
    StillToTry,
    TellPerson,
    UndoAction,
    Wait,
    Why,
)


def test_what_a_person_does_is_verified_and_ends_the_run() -> None:
    graph = graph_of(STEPS)
    state, commands = played(
        graph, BEGUN, Checked(2.0, (EMPTY,), (PRINTER,)), Told(60.0), Checked(62.0, (FINE,), (PRINTER,))
    )
    assert [type(command) for command in commands] == [RunCheck, TellPerson, RunCheck, Finish]
    assert commands[2].verify
    assert state.finish == Finish(Outcome.SOLVED, None, "", "roll")
    assert state.cause == "paper"
    assert [(tried.step, tried.result) for tried in state.tried] == [
        ("look", "checked"),
        ("roll", "verified"),
    ]
    assert state.tried[1].changed == ("-printer.paper-out",)


def test_the_cause_is_named_as_soon_as_a_finding_tells_it() -> None:
    graph = graph_of(STEPS)
    state, _ = played(graph, BEGUN)
    assert move(graph, state, Checked(2.0, (EMPTY,), (PRINTER,))).notices == (CauseNamed("paper"),)


def test_an_action_that_does_not_help_is_undone_and_the_run_goes_on() -> None:
    graph = graph_of(STEPS)
    state, commands = played(
        graph,
        BEGUN,
        Checked(2.0, (EMPTY,), (PRINTER,)),
        Told(10.0, Said.DID_NOT_HELP),
        Consented(15.0, yes=True),
        Acted(20.0, ok=True),
        Checked(22.0, (EMPTY,), (PRINTER,)),
        Undone(25.0, ok=True),
    )
    assert [type(command) for command in commands[2:]] == [
        AskConsent,
        DoAction,
        RunCheck,
        UndoAction,
        AskPerson,
    ]
    assert [tried.result for tried in state.tried] == ["checked", "did-not-help", "not-verified", "undone"]


def test_a_failed_undo_goes_to_the_next_line() -> None:
    graph = graph_of(STEPS)
    state, _ = played(
        graph,
        BEGUN,
        Checked(2.0, (EMPTY,), (PRINTER,)),
        Told(10.0, Said.SKIP),
        Consented(15.0, yes=True),
        Acted(20.0, ok=False, code="action.failed"),
        Undone(25.0, ok=False),
    )
    assert state.finish == Finish(Outcome.HANDED_OVER, Why.UNDO_FAILED, "second-line", "restart")


def test_nothing_is_done_without_consent() -> None:
    graph = graph_of(STEPS)
    _, commands = played(
        graph, BEGUN, Checked(2.0, (EMPTY,), (PRINTER,)), Told(10.0, Said.SKIP), Consented(15.0, yes=False)
    )
    assert not any(isinstance(command, DoAction) for command in commands)
    assert isinstance(commands[-1], AskPerson)


def test_no_progress_for_too_long_hands_over_but_an_answer_in_time_counts() -> None:
    graph = graph_of(STEPS, budget={"total": "10m", "no_progress": "4m"})
    state, _ = played(graph, BEGUN, Checked(2.0, (), (PRINTER,)))
    assert deadline_at(state) == 242.0  # two causes were ruled out at 2.0
    assert move(graph, state, Ticked(241.0)).command is None
    late = move(graph, state, Ticked(242.0))
    assert late.state.finish == Finish(Outcome.HANDED_OVER, Why.NO_PROGRESS, "second-line", "lamp")
    answered = move(graph, state, Answered(239.0, "red")).state
    assert answered.progress_at == 239.0


def test_an_instruction_that_was_done_is_no_progress() -> None:
    graph = graph_of([{"id": "a", "tell": {"say": SAY}}, {"id": "b", "tell": {"say": SAY}}])
    state, _ = played(graph, BEGUN, Told(200.0))
    assert state.progress_at == 0.0
    assert move(graph, state, Ticked(240.0)).state.finish.why is Why.NO_PROGRESS  # type: ignore[union-attr]


def test_the_budget_must_cover_the_next_step() -> None:
    graph = graph_of(STEPS, budget={"total": "60s", "no_progress": "60s"})
    state, commands = played(graph, BEGUN, Checked(2.0, (EMPTY,), (PRINTER,)))
    assert commands[-1] == Finish(Outcome.HANDED_OVER, Why.BUDGET, "second-line", "roll")
    assert state.resume_at == "roll"
    again = move(graph, state, Resumed(100.0, extra_s=600.0))
    assert isinstance(again.command, RunCheck)  # what the run stands on is looked at again
    state = move(graph, again.state, Checked(101.0, (EMPTY,), (PRINTER,))).state
    assert isinstance(state.doing, TellPerson)


def likely(cause: str, likelihood: float, step: str, seconds: int, *, impact: int = 1) -> dict[str, Any]:
    steps = [{"id": step, "tell": {"say": SAY}, "seconds": seconds}]
    return {"cause": cause, "likelihood": likelihood, "impact": impact, "steps": steps}


LIKELY: list[dict[str, Any]] = [
    {
        "id": "causes",
        "branch": {
            "order": "likely",
            "arms": [
                likely("power", 0.2, "p", 10),
                likely("cable", 0.6, "c", 20),
                likely("paper", 0.9, "r", 200, impact=2),
            ],
        },
    },
    {"id": "over", "hand_over": {"reason": SAY}},
]


def test_likely_ways_are_tried_by_likelihood_times_impact_by_cost() -> None:
    graph = graph_of(LIKELY)
    state = State()
    answer = move(graph, state, BEGUN)
    assert answer.notices == (StillToTry(3, 230),)
    steps = [answer.command.step]  # type: ignore[union-attr]
    for at in (10.0, 20.0):
        answer = move(graph, answer.state, Told(at, Said.DID_NOT_HELP))
        steps.append(answer.command.step)  # type: ignore[union-attr]
    assert steps == ["c", "p", "r"]
    assert answer.state.ruled_out == ("cable", "power")
    assert answer.state.progress_at == 20.0
    last = move(graph, answer.state, Told(200.0, Said.DID_NOT_HELP))
    assert last.state.finish.why is Why.STEP  # type: ignore[union-attr]


def test_a_way_that_does_not_fit_into_the_time_is_tried_after_those_that_do() -> None:
    graph = graph_of(LIKELY, budget={"total": "100s", "no_progress": "100s"})
    answer = move(graph, State(), BEGUN)
    answer = move(graph, answer.state, Told(10.0, Said.DID_NOT_HELP))
    answer = move(graph, answer.state, Told(20.0, Said.DID_NOT_HELP))
    assert answer.state.finish.why is Why.BUDGET  # type: ignore[union-attr]
    assert answer.state.resume_at == "r"


def test_who_leaves_in_the_middle_of_a_change_leaves_it_undone() -> None:
    graph = graph_of(STEPS)
    state, commands = played(
        graph,
        BEGUN,
        Checked(2.0, (EMPTY,), (PRINTER,)),
        Told(10.0, Said.SKIP),
        Consented(15.0, yes=True),
        Acted(20.0, ok=True),
        GaveUp(21.0),
        Undone(22.0, ok=True),
    )
    assert isinstance(commands[-2], UndoAction)
    assert state.finish is not None
    assert state.finish.outcome is Outcome.GAVE_UP


def test_an_action_whose_end_nobody_saw_is_looked_at_first() -> None:
    graph = graph_of(STEPS)
    state, _ = played(
        graph,
        BEGUN,
        Checked(2.0, (EMPTY,), (PRINTER,)),
        Told(10.0, Said.SKIP),
        Consented(15.0, yes=True),
    )
    assert isinstance(state.doing, DoAction)
    answer = move(graph, state, Resumed(100.0))
    assert isinstance(answer.command, RunCheck)
    assert move(graph, answer.state, Checked(101.0, (FINE,), (PRINTER,))).state.finish is not None
    undone = move(graph, answer.state, Checked(101.0, (EMPTY,), (PRINTER,)))
    assert isinstance(undone.command, UndoAction)
    again = move(graph, undone.state, Undone(103.0, ok=True))
    assert isinstance(again.command, AskConsent)  # it may never have been done: the person is asked once more


def test_what_held_before_the_break_and_holds_no_more_chooses_anew() -> None:
    graph = graph_of(STEPS)
    state, _ = played(graph, BEGUN, Checked(2.0, (EMPTY,), (PRINTER,)))
    answer = move(graph, state, Resumed(50.0))
    answer = move(graph, answer.state, Checked(51.0, (FINE,), (PRINTER,)))
    assert isinstance(answer.command, AskPerson)  # past the branch: the paper is there again


def test_several_printers_are_asked_about_before_anything_else() -> None:
    graph = graph_of(STEPS)
    other = "escpos+tcp://192.0.2.6:9100"
    state, commands = played(graph, Begun(0.0, {"printer": (PRINTER, other)}), Answered(5.0, other))
    assert commands[0] == AskPerson("role:printer", None, (PRINTER, other))
    assert commands[1].targets == (other,)
    assert state.roles == {"printer": (other,)}


def test_a_step_that_comes_round_too_often_goes_to_the_next_line() -> None:
    graph = graph_of([{"id": "a", "reply": {"text": SAY}}, {"id": "b", "goto": "a"}])
    answer = move(graph, State(), BEGUN)
    for _ in range(20):
        answer = move(graph, answer.state, Shown(1.0))
    assert answer.state.finish.why is Why.LOOP  # type: ignore[union-attr]


def test_waiting_looks_again_until_the_condition_holds() -> None:
    wait = {"until": 'ok("printer.paper")', "check": CHECK, "every": "5s", "at_most": "20s"}
    graph = graph_of([{"id": "w", "wait": wait}, {"id": "end", "solved": {"say": SAY}}])
    state, commands = played(
        graph,
        BEGUN,
        Checked(1.0, (EMPTY,), (PRINTER,)),
        Waited(6.0),
        Checked(7.0, (FINE,), (PRINTER,)),
    )
    assert [type(command) for command in commands] == [RunCheck, Wait, RunCheck, Finish]
    assert state.finish is not None


def test_the_shortest_way_through_counts_the_cheapest_arm() -> None:
    graph = graph_of(STEPS)
    assert shortest(graph, graph.start) == 10 + 20  # no arm has to be open
    assert shortest(graph, "roll") == 60 + 20 + 20
    assert shortest(graph, "lamp") == 20


def test_a_jump_and_an_end_are_left_out_by_their_condition() -> None:
    steps = [
        {"id": "jump", "when": 'found("printer.*")', "goto": "over"},
        {"id": "end", "when": 'found("printer.*")', "solved": {"say": SAY}},
        {"id": "say", "tell": {"say": SAY}},
        {"id": "over", "hand_over": {"reason": SAY}},
    ]
    graph = graph_of(steps)
    assert exits(graph, "jump") == ("over", "end")
    assert exits(graph, "end") == ("say",)
    state, _ = played(graph, BEGUN)
    assert state.at == "say"
