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
