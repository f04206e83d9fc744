"""Events on standard error hold no secret, whatever field it is in."""

from __future__ import annotations

import json

import pytest

from supportctl.core import log


@pytest.fixture(autouse=True)
def _as_json():
    log.configure("debug", "json")
    yield
    log.configure("warning", "text")
    log.wanted(on_terminal=False)


@pytest.fixture
def _on_a_terminal(monkeypatch):
    log.configure("warning", "text")
    log.wanted(on_terminal=False)
    monkeypatch.setattr(log, "_at_terminal", lambda: True)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("error", "GET /x?access_token=hunter2&a=1"),
        ("error", ValueError('{"password": "ab hunter2"}')),
        ("why", "пароль оператора — hunter2"),
        ("why", "the password is hunter2"),
        ("api_key", "hunter2"),
        ("words", ["Cookie: sid=hunter2"]),
    ],
)
def test_no_secret_is_in_an_event(capsys, field, value):
    log.event("warning", "lane.paused", **{field: value}, destination="acme")
    written = capsys.readouterr().err
    assert "hunter2" not in written
    told = json.loads(written)
    assert (told["event"], told["destination"]) == ("lane.paused", "acme")
    assert "***" in told[field]


@pytest.mark.usefixtures("_on_a_terminal")
def test_on_a_terminal_no_event_stands_between_the_words(capsys):
    log.event("error", "resend.lane-crashed", destination="acme")
    log.event("info", "resend.accepted")
    assert capsys.readouterr().err == ""
    assert (log.withheld(), log.withheld()) == (1, 0)


@pytest.mark.usefixtures("_on_a_terminal")
def test_who_asks_for_the_log_gets_it_on_a_terminal(capsys):
    log.configure("warning", "text")
    log.event("warning", "resend.breaker")
    assert "resend.breaker" in capsys.readouterr().err
    assert log.withheld() == 0


@pytest.mark.usefixtures("_on_a_terminal")
def test_a_command_that_has_only_the_log_writes_it(capsys):
    log.wanted(on_terminal=True)
    log.event("warning", "resend.engine-ended")
    assert "resend.engine-ended" in capsys.readouterr().err


@pytest.mark.usefixtures("_on_a_terminal")
def test_what_was_held_back_is_said_at_the_end(supportctl):
    log.event("warning", "resend.breaker", destination="acme")
    first, second = supportctl("--lang", "en", "codes"), supportctl("--lang", "en", "codes")
    assert "timestamp" not in first.err
    assert "not written here: 1." in first.err
    assert "--log-level warning" in first.err
    assert second.err == ""


def test_a_pipe_gets_the_log(capsys):
    log.wanted(on_terminal=False)
    log.event("warning", "resend.breaker")
    assert "resend.breaker" in capsys.readouterr().err
