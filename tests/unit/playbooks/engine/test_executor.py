"""The loop: what is written before what, and that a run that was killed ends as it would have."""

from __future__ import annotations

import json

import pytest
from run_bench import PRINTER, Hands, Person, begun, graph_of, header

from playbooks.engine.events import Said
from playbooks.engine.executor import DRY_RUN, Executor, Since
from playbooks.engine.journal import Journal, read, replay
from playbooks.engine.ports import Key, Late
from playbooks.engine.state import Outcome, Why
from supportctl.core.clock import FakeClock
from supportctl.core.errors import SupportctlError

SAID = {"lamp": "red", "roll": Said.DONE, "fix": True}


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "r1.jsonl"


def results(state):
    return [(tried.step, tried.result) for tried in state.tried]


def test_what_does_not_verify_is_undone_and_the_run_goes_on(clock, path):
    hands = Hands(clock)
    person = Person(clock, dict(SAID))
    ran = begun(path, clock, graph_of(), hands, person)
    assert hands.done == ["check", "check", "plan", "act", "check", "undo old"]
    assert results(ran.state)[2:5] == [("roll", "not-verified"), ("fix", "not-verified"), ("fix", "undone")]
    assert (ran.state.finish.outcome, ran.state.finish.why) == (Outcome.HANDED_OVER, Why.STEP)
    assert person.heard[-1] == ran.state.finish
    assert not ran.paused


def test_what_helps_ends_the_run(clock, path):
    ran = begun(path, clock, graph_of(), Hands(clock, helps=True), Person(clock, dict(SAID)))
    assert ran.state.finish.outcome is Outcome.SOLVED
    assert read(path).ended.outcome == "solved"


def test_the_intent_is_written_before_the_act_with_what_undoing_needs(clock, path):
    hands, lines = Hands(clock, helps=True), []
    hands.on_act = lambda: lines.extend(path.read_text().splitlines())
    begun(path, clock, graph_of(), hands, Person(clock, dict(SAID)))
    intent = next(json.loads(line) for line in lines if line.startswith('{"intent"'))
    assert intent["plan"]["undo"] == {"was": "old"}
    assert intent["plan"]["params"] == {"what": PRINTER}
    assert json.loads(lines[-1])["event"] == "consented"


def test_without_consent_nothing_is_done(clock, path):
    hands = Hands(clock)
    ran = begun(path, clock, graph_of(), hands, Person(clock, {**SAID, "fix": False}))
    assert "act" not in hands.done
    assert ("fix", "refused") in results(ran.state)
    assert not read(path).intents


def test_a_dry_run_plans_and_asks_and_never_acts(clock, path):
    hands = Hands(clock)
    ran = begun(path, clock, graph_of(), hands, Person(clock, dict(SAID)), dry_run=True)
    assert hands.done.count("plan") == 1
    assert not {"act", "undo old"} & set(hands.done)
    assert ("fix", f"failed {DRY_RUN}") in results(ran.state)
    assert ran.state.finish.outcome is Outcome.HANDED_OVER


def test_what_is_as_wanted_already_is_not_asked_for_and_not_done(clock, path):
    hands = Hands(clock, needless=True)
    ran = begun(path, clock, graph_of(), hands, Person(clock, {**SAID, "fix": AssertionError}))
    assert "act" not in hands.done
    assert "undo old" not in hands.done
    assert ran.state.finish is not None


def test_what_cannot_be_planned_here_is_told_and_nobody_is_asked(clock, path):
    hands = Hands(clock)

    def plan(action, params):
        raise SupportctlError("action.no-program", program="lpstat")

    hands.plan = plan
    ran = begun(path, clock, graph_of(), hands, Person(clock, {**SAID, "fix": AssertionError}))
    assert ("fix", "cannot action.no-program") in results(ran.state)


@pytest.mark.parametrize("error", [SupportctlError("action.no-answer", program="x"), ZeroDivisionError()])
def test_an_action_that_crashes_is_undone(clock, path, error):
    hands = Hands(clock)

    def crash():
        raise error

    hands.on_act = crash
    ran = begun(path, clock, graph_of(), hands, Person(clock, dict(SAID)))
    assert hands.done[-2:] == ["act", "undo old"]
    assert ("fix", "undone") in results(ran.state)


@pytest.mark.parametrize(
    ("key", "outcome", "why"),
    [("hand-over", Outcome.HANDED_OVER, Why.ASKED), ("gave-up", Outcome.GAVE_UP, None)],
)
def test_keys_end_a_run(clock, path, key, outcome, why):
    ran = begun(path, clock, graph_of(), Hands(clock), Person(clock, {**SAID, "roll": Key(key)}))
    assert (ran.state.finish.outcome, ran.state.finish.why) == (outcome, why)


def test_silence_is_a_tick_and_hands_over_when_it_is_time(clock, path):
    class Silent(Person):
        def tell(self, tell, state, until):
            clock.advance(until - (clock.monotonic()) + 1)
            return Late()

    ran = begun(path, clock, graph_of(), Hands(clock), Silent(clock, dict(SAID)))
    assert ran.state.finish.why is Why.NO_PROGRESS


def resumed(path, clock, graph, hands, person, extra=0.0):
    journal, record = Journal.reopen(path)
    with journal:
        state = replay(graph, record)
        since = Since(clock, record.header.started_at, record.last_at)
        return Executor(graph, hands, person, journal, since).resume(record, state, extra)


def test_a_pause_keeps_the_place_and_takes_nothing_of_the_budget(clock, path):
    graph = graph_of()
    ran = begun(path, clock, graph, Hands(clock), Person(clock, {**SAID, "roll": Key("pause")}))
    assert ran.paused
    assert read(path).ended.outcome == "paused"
    clock.advance(86_400)
    ran = resumed(path, clock, graph, Hands(clock, helps=True), Person(clock, dict(SAID)))
    assert ran.state.finish.outcome is Outcome.SOLVED
    assert ran.state.answers["lamp"] == "red"


def test_ctrl_c_while_devices_are_asked_is_a_pause(clock, path):
    hands = Hands(clock)

    def interrupted(check, targets):
        raise KeyboardInterrupt

    hands.check = interrupted
    assert begun(path, clock, graph_of(), hands, Person(clock, {})).paused


class KilledError(BaseException):
    """The process is gone: nothing of it tidies up."""


def test_killed_in_the_middle_of_an_action_it_is_looked_at_and_brought_back(clock, path):
    graph, hands = graph_of(), Hands(clock)

    def kill():
        raise KilledError

    hands.on_act = kill
    with pytest.raises(KilledError):
        begun(path, clock, graph, hands, Person(clock, dict(SAID)))
    after = Hands(clock)
    ran = resumed(path, clock, graph, after, Person(clock, {"fix": False}))
    assert after.done == ["check", "undo old", "plan"]
    told = [("fix", "unclear"), ("fix", "undone"), ("fix", "refused"), ("rest", "waited")]
    assert results(ran.state)[-5:-1] == told


def test_killed_in_the_middle_of_an_action_it_may_be_done_again_with_a_new_consent(clock, path):
    graph, hands = graph_of(), Hands(clock)

    def kill():
        raise KilledError

    hands.on_act = kill
    with pytest.raises(KilledError):
        begun(path, clock, graph, hands, Person(clock, dict(SAID)))
    after = Hands(clock)
    ran = resumed(path, clock, graph, after, Person(clock, dict(SAID)))
    assert after.done == ["check", "undo old", "plan", "act", "check", "undo old"]
    assert results(ran.state)[-4:-2] == [("fix", "not-verified"), ("fix", "undone")]


def test_what_was_a_secret_in_the_plan_cannot_be_brought_back_after_a_kill_and_nobody_pretends(clock, path):
    graph, hands = graph_of(), Hands(clock)
    hands.undo_data = {"was": "password=hunter22"}

    def kill():
        raise KilledError

    hands.on_act = kill
    with pytest.raises(KilledError):
        begun(path, clock, graph, hands, Person(clock, dict(SAID)))
    assert "hunter22" not in path.read_text()
    after = Hands(clock)
    ran = resumed(path, clock, graph, after, Person(clock, {}))
    assert after.done == ["check"]
    assert ran.state.finish.why is Why.UNDO_FAILED


@pytest.mark.parametrize("helps", [True, False])
def test_killed_after_any_line_the_run_ends_as_it_would_have(clock, tmp_path, helps):
    graph, whole = graph_of(), tmp_path / "whole.jsonl"
    expected = begun(whole, clock, graph, Hands(clock, helps=helps), Person(clock, dict(SAID))).state
    lines = whole.read_bytes().splitlines(keepends=True)[:-1]
    for kept in range(2, len(lines) + 1):
        path = tmp_path / f"{kept}.jsonl"
        path.write_bytes(b"".join(lines[:kept]) + b'{"event":"tol')
        hands = Hands(clock, helps=helps)
        hands.fine = helps and b'"consented"' in b"".join(lines[:kept])  # what was done is done
        ran = resumed(path, clock, graph, hands, Person(clock, dict(SAID)))
        assert ran.state.finish == expected.finish, kept
        assert read(path).cut is False


def test_the_clock_of_a_run_does_not_follow_the_clock_of_the_computer(clock):
    began = clock.now()
    since = Since(clock, began, 20.0)
    clock._now = clock._now.replace(year=2001)
    clock._monotonic += 1.5
    assert since() == 21.5


def test_a_second_pair_of_hands_is_refused_while_a_run_is_live(clock, path):
    with Journal.begin(path, header(clock)), pytest.raises(SupportctlError) as refused:
        Journal.reopen(path)
    assert refused.value.key == "run.live"
