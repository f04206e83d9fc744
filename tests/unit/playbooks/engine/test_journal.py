"""A run is its events: what is written is read back, cut lines do not count, damaged ones are told."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_bench import Hands, Person, begun, graph_of

from playbooks.actions.model import Plan
from playbooks.engine.events import (
    Acted,
    Answered,
    Begun,
    Checked,
    Consented,
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
from playbooks.engine.journal import Journal, read, replay
from playbooks.engine.records import Ended, Header, Intent, RecordError, line_of, record_of
from supportctl.core.clock import FakeClock
from supportctl.core.errors import UsageError
from supportctl.core.finding import Evidence, Finding, Meaning, Status
from supportctl.core.text import clean

times = st.floats(0, 10**7, allow_nan=False).map(lambda at: round(at, 3))
texts = st.text(st.characters(codec="utf-8"), max_size=30)
numbers = st.floats(allow_nan=False, allow_infinity=False)
answers = texts | numbers
shown = texts.map(lambda text: clean(text, 2_000))  # all that a finding holds has been made safe to show
args = st.dictionaries(shown, shown | st.integers() | numbers | shown.map(Meaning), max_size=3)
moments = st.datetimes(timezones=st.just(UTC))
evidences = st.builds(Evidence, shown, moments, numbers, st.none() | shown, st.none() | shown, shown, args)
findings = st.builds(
    Finding, shown, st.sampled_from(Status), shown, st.none() | shown, args,
    st.lists(evidences, max_size=2).map(tuple), st.none() | shown, st.none() | st.booleans(),
    st.none() | st.booleans(),
)  # fmt: skip
words = st.dictionaries(texts, texts, max_size=3)
names = st.lists(texts, max_size=3).map(tuple)
events = st.one_of(
    st.builds(Begun, times, st.dictionaries(texts, names, max_size=2), words),
    st.builds(Checked, times, st.lists(findings, max_size=3).map(tuple), names, names,
              st.dictionaries(texts, answers, max_size=2)),
    st.builds(Answered, times, st.none() | answers),
    st.builds(Told, times, st.sampled_from(Said)),
    st.builds(Consented, times, st.booleans(), texts, words),
    st.builds(Acted, times, st.booleans(), texts, words, st.booleans()),
    st.builds(Undone, times, st.booleans(), texts),
    st.builds(Resumed, times, times),
    *(st.builds(kind, times) for kind in (Waited, Shown, HandOverNow, GaveUp, Ticked)),
)  # fmt: skip


def plain_of(record):
    """Return a record as it is read back: secrets gone."""
    return record_of(line_of(record))


@given(events)
def test_an_event_is_read_back_whole_and_once_read_it_stays(event):
    line = line_of(event)
    assert "\n" not in line
    heard = record_of(line)
    assert type(heard) is type(event)
    assert plain_of(heard) == heard
    if "***" not in line:
        assert heard == event
        if isinstance(event, Checked):
            kinds = [[type(arg) for arg in finding.args.values()] for finding in event.findings]
            assert kinds == [[type(arg) for arg in finding.args.values()] for finding in heard.findings]


@given(st.text(max_size=60) | st.recursive(
    st.none() | st.booleans() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["event", "at", "intent", "plan", "schema", "ended", "findings", "value"]), inner
    ),
).map(json.dumps))  # fmt: skip
def test_whatever_a_line_holds_it_is_a_record_or_told_as_none(line):
    try:
        record_of(line)
    except RecordError:
        return


def test_a_line_that_nests_without_end_is_none():
    with pytest.raises(RecordError):
        record_of("[" * 100_000)
    with pytest.raises(RecordError):
        record_of('{"event":"answered","at":' + "9" * 5000 + "}")


def test_secrets_are_gone_before_the_planner_hears():
    event = plain_of(Answered(1.0, "the token: abcdef and password=hunter2"))
    assert event.value == "the token: *** and password=***"


@pytest.mark.parametrize("text", ["Пароль оператора 30", "the operator password is 30", "пароль — 30"])
def test_what_people_type_has_no_secret_as_they_write_it(text):
    at = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
    header = Header("r", "p", 1, "d", "0", "ru", at, ticket=text, params={"note": text})
    plan = Plan("a.b", {"note": text}, {"was": text}, {})
    for record in (Answered(1.0, text), header, Begun(0.0, {}, {"note": text}), Intent(1.0, "x", plan)):
        assert "30" not in line_of(record).replace(at.isoformat(), "")


def test_a_parameter_that_is_called_a_secret_is_hidden_whatever_it_is():
    params = {"password": "kitten", "token": "secret://env/A", "api_key": "", "days": "3"}
    shown = {"password": "***", "token": "secret://env/A", "api_key": "", "days": "3"}
    assert plain_of(Begun(0.0, {}, params)).params == shown
    at = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
    assert plain_of(Header("r", "p", 1, "d", "0", "en", at, params=params)).params == shown


def test_header_and_ends_are_read_back():
    at = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
    header = Header("r", "p", 2, "d", "0.1", "ru", at, "T", "shop", "anna", dry_run=True,
                    roles={"a": ("x",)}, params={"b": "c"}, source="/p.yaml")  # fmt: skip
    assert plain_of(header) == header
    ended = Ended(3.0, "handed-over", "budget", "bank", "x")
    assert plain_of(ended) == ended
    intent = Intent(1.0, "fix", Plan("a.b", {"x": "y"}, {}, {"was": "1"}))
    assert plain_of(intent) == intent
    assert plain_of(intent._replace(plan=Plan("a.b", {}, {}, {"was": "pin token=abcde"}))).whole is False


@pytest.fixture
def ran(tmp_path):
    clock, path = FakeClock(), tmp_path / "r1.jsonl"
    said = {"lamp": None, "roll": Said.DONE, "fix": True}
    result = begun(path, clock, graph_of(), Hands(clock), Person(clock, said))
    return path, result.state


def test_replay_gives_the_state_of_the_live_run(ran):
    path, state = ran
    assert replay(graph_of(), read(path)) == state


def test_every_prefix_of_a_journal_replays(ran):
    path, _ = ran
    lines = path.read_bytes()
    first = lines.index(b"\n") + 1
    for end in range(first, len(lines)):
        path.write_bytes(lines[:end])
        record = read(path)
        assert record.cut == (lines[end - 1 : end] != b"\n")
        replay(graph_of(), record)


def test_a_cut_line_is_taken_out_before_anything_follows_it(ran):
    path, _ = ran
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    journal, record = Journal.reopen(path)
    with journal:
        assert record.cut
        journal.hear(Resumed(10_000.0))
    assert read(path).events[-1] == Resumed(10_000.0)


@pytest.mark.parametrize(
    ("number", "line"),
    [
        (3, b"garbage"),
        (3, b"\0\0\0"),
        (2, b'{"event":"told","at":1}'),
        (4, b'{"event":"begun","at":9}'),
        (1, b'{"schema":"supportctl.run/2"}'),
        (4, b'{"event":"dance","at":9}'),
        (4, b'{"event":"checked","at":9,"findings":[{"code":1,"status":"ok","target":"x"}]}'),
        (4, b""),
        (9, b'{"event":"waited","at":0.5}'),
        (3, b"\xff\xfe"),
    ],
)
def test_garbage_in_the_middle_is_told_with_its_line(ran, number, line):
    path, _ = ran
    lines = path.read_bytes().split(b"\n")
    lines[number - 1] = line
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(UsageError) as error:
        read(path)
    assert error.value.key == "run.journal-broken"
    assert error.value.args_by_name["where"] == f"{path}:{number}"
    before = path.read_bytes()
    with pytest.raises(UsageError):
        Journal.reopen(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("data", [b"", b'{"schema":"supportctl.run/1"'])
def test_a_journal_without_a_whole_line_is_empty(tmp_path, data):
    path = tmp_path / "r.jsonl"
    path.write_bytes(data)
    with pytest.raises(UsageError) as error:
        read(path)
    assert error.value.key == "run.journal-empty"


def test_nobody_else_may_read_it(ran):
    assert stat.S_IMODE(ran[0].stat().st_mode) == 0o600


def test_a_journal_that_is_not_there(tmp_path):
    with pytest.raises(UsageError) as error:
        read(tmp_path / "none.jsonl")
    assert error.value.key == "run.no-journal"


def test_a_thousand_answers_that_are_well_fit(tmp_path):
    clock = FakeClock()
    seen = Evidence("x" * 200, clock.now(), 1.0, got="y" * 400)
    many = tuple(Finding("a.b", Status.OK, str(n), evidence=(seen,) * 4) for n in range(2000))
    with Journal.begin(tmp_path / "r.jsonl", Header("r", "p", 1, "d", "0", "en", clock.now())) as journal:
        heard = journal.hear(Checked(1.0, many))
    assert len(heard.findings) == 2000
    assert not heard.findings[0].evidence
