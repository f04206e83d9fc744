"""The supporter's copy of a run, when the customer's computer sends what it likes."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from signed_runs import GUIDING, Supporter

from supportctl.app.playbook import RunRequest
from supportctl.app.playbook_copy import Line, RunCopy
from supportctl.app.remote_person import MAX_TEXT, Talk
from supportctl.app.signed_playbooks import Received
from supportctl.core.clock import SystemClock
from supportctl.core.errors import SupportctlError

HEAD = """\
schema: supportctl.playbook/1
name: look-only
version: 1
owner: x
title: {en: T, ru: Т}
about: {en: T, ru: Т}
symptoms: {en: [a], ru: [а]}
roles:
  printer: {title: {en: P, ru: П}, protocols: [escpos]}
"""
LIBRARY = Received({"look-only.yaml": HEAD + GUIDING}, {})
DIGEST = LIBRARY.digest("look-only")
PRINTER = "escpos+tcp://127.0.0.1:9100"
BEGUN = json.dumps({"event": "begun", "at": 0.0, "roles": {"printer": [PRINTER]}, "params": {}})


@pytest.fixture
def copy(tmp_path):
    """Return a copy that hears what a test says; it can ask nobody for what it has missed."""

    def nobody(method, params, **_more):
        return {"news": []}

    made = RunCopy(
        Line(SimpleNamespace(call=nobody)), LIBRARY, RunRequest("look-only"), lambda *_run: Supporter(),
        name="look-only", folder=tmp_path / "runs", clock=SystemClock(),
    )  # fmt: skip
    yield made
    made.close()
    assert all(path.parent == tmp_path / "runs" for path in tmp_path.rglob("*.jsonl"))


def message(number, **value):
    return {"run": "r", "number": number, **value}


def begin(copy, **more):
    header = {"digest": DIGEST, "roles": {"printer": [PRINTER]}, "params": {}, "site": "", **more}
    copy.heard(message(1, header=header))


def refused(copy, *messages):
    for each in messages[:-1]:
        copy.heard(each)
    with pytest.raises(SupportctlError, match=r"signing\.diverged"):
        copy.heard(messages[-1])


def test_another_playbook(copy):
    with pytest.raises(SupportctlError, match=r"signing\.diverged"):
        begin(copy, digest="0" * 64)


@pytest.mark.parametrize(
    "line",
    ["{", "[]", "null", '{"event": "told", "at": -1}', '{"event": "shell", "at": 1}',
     '{"schema": "supportctl.run/1"}',
     '{"ended": "solved", "at": 1, "why": "", "to": "", "step": ""}', "[" * 5000,
     '{"event": "begun", "at": 1e999}', '{"event": "consented", "at": 1, "yes": "yes"}'],
)  # fmt: skip
def test_lines_that_make_no_sense(copy, line):
    begin(copy)
    refused(copy, message(2, line=BEGUN), message(3, line=line))


def test_time_that_goes_back(copy):
    begin(copy)
    copy.heard(message(2, line=BEGUN))
    refused(
        copy, message(3, line='{"event": "ticked", "at": 5}'), message(4, line='{"event": "ticked", "at": 4}')
    )


def test_a_question_that_the_playbook_does_not_ask(copy):
    begin(copy)
    copy.heard(message(2, line=BEGUN))
    refused(copy, message(3, asks="plug"))


def test_another_run_and_a_number_that_is_none(copy):
    begin(copy)
    refused(copy, {"run": "other", "number": 2, "line": BEGUN})
    refused(copy, {"run": "r", "number": "2", "line": BEGUN})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.fixed_dictionaries({}, optional={
    "header": JSON, "line": JSON | JSON.map(json.dumps), "failed": JSON, "words": JSON, "asks": JSON,
    "plan": JSON,
}), max_size=4))  # fmt: skip
def test_whatever_comes_only_ends_the_run(tmp_path, messages):
    made = RunCopy(
        Line(SimpleNamespace(call=lambda *_a, **_k: {"news": []})), LIBRARY, RunRequest("look-only"),
        lambda *_run: Supporter(), name="look-only", folder=tmp_path / "runs", clock=SystemClock(),
    )  # fmt: skip
    try:
        begin(made)
        made.heard(message(2, line=BEGUN))
        for number, each in enumerate(messages, 3):
            made.heard(message(number, **each))
    except SupportctlError as error:
        assert error.key == "signing.diverged"  # noqa: PT017  which of them ends it is chance
    finally:
        made.close()


def test_what_was_missed_fits_into_a_frame():
    talk = Talk(SimpleNamespace(progress=lambda _message: None))
    for _ in range(6):
        talk.tell(line="x" * 1_500_000)
    sizes = []
    at = 0
    while news := talk.since(at):
        sizes.append(len(news))
        at += len(news)
    assert at == 6
    assert max(sizes) * 1_500_000 < 16 * 1024 * 1024 / 2
    assert MAX_TEXT < 4096, "an answer fits into a parameter"
