"""What the tests of amoCRM and HubSpot share: a pretended clock, sessions into a portal, calls, findings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import requests

from integrations.checking import Surroundings
from integrations.lab.inprocess import InProcess
from integrations.lab.portal import Asked
from probes.context import ProbeContext
from supportctl.catalog import Catalog
from supportctl.catalog.compose import describe
from supportctl.core.call import Call
from supportctl.core.clock import FakeClock
from supportctl.core.deadline import Deadline
from supportctl.core.finding import Status
from supportctl.core.target import Target

NOW = datetime(2026, 9, 15, 15, 0, tzinfo=UTC)
ADDRESS = "https://acme.example"


@pytest.fixture
def clock():
    return FakeClock(NOW)


@pytest.fixture
def around(clock):
    return Surroundings("acme", clock, lambda secret: secret, ZoneInfo("Europe/Moscow"), "RU")


@pytest.fixture
def deadline(clock):
    return Deadline.after(36_000, clock)


@pytest.fixture
def session_to():
    """Return a function that gives a session whose requests a portal answers."""

    def make(portal):
        session = requests.Session()
        session.mount(ADDRESS, InProcess(portal))
        return session

    return make


@pytest.fixture
def make_call():
    """Return a function that makes the call with a number; each began a minute after the one before."""

    def make(number=1, **changes):
        began = NOW - timedelta(hours=6) + timedelta(minutes=number)
        facts = {
            "call_id": f"uis-{900100200 + number}",
            "source": "pbx",
            "direction": "in",
            "started_at": began,
            "duration_s": 61,
            "contact_phone": f"+7999{number:07d}",
            "answered": True,
            "line": "+74951112233",
        }
        return Call(**{**facts, **changes})

    return make


@pytest.fixture
def ask(clock):
    """Return a function that puts one request to a portal, signed, after a pause."""

    def put(portal, method, path, body=None, **params):
        import json

        clock.advance(0.3)
        query = tuple((name, str(value)) for name, value in params.items())
        headers = {"authorization": f"Bearer {portal.token}", "host": "acme.example"}
        payload = b"" if body is None else json.dumps(body).encode()
        return portal.respond(Asked(method, path, query, headers, payload))

    return put


@pytest.fixture
def findings_of(clock):
    """Return a function that runs a connection check: code -> finding; every text of it can be told."""

    def run(check, seconds=120.0):
        target = Target("amocrm", "https", "acme.example", name="acme")
        context = ProbeContext(target, Deadline.after(seconds, clock), clock, lambda *_: None)
        found = list(check.run(context))
        assert {finding.code for finding in found} <= check.codes
        for lang in ("en", "ru"):
            told = [describe(f, Catalog(lang)) for f in found if f.status is not Status.OK]
            assert not [text for text in told if "?" in text.title.replace("(?)", "")]
        return {finding.code: finding for finding in found}

    return run
