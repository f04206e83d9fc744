"""A Bitrix24 portal of the lab on a pretended clock, and requests to it without a socket."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import requests

from integrations.checking import Surroundings
from integrations.crm.bitrix24.client import Client
from integrations.crm.bitrix24.reader import Bitrix24Reader
from integrations.crm.reader import Employee
from integrations.lab.bitrix24 import Bitrix24Portal
from integrations.lab.bitrix24.portal import WEBHOOK_CODE
from integrations.lab.inprocess import InProcess
from integrations.lab.portal import Asked
from supportctl.core.accounts import Bitrix24
from supportctl.core.call import Call
from supportctl.core.clock import FakeClock
from supportctl.core.deadline import Deadline

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
URL = "https://acme.example"
HOOK = f"/rest/1/{WEBHOOK_CODE}"
PHONE = "+79990001122"
KNOWN_PHONE = "+79990001133"


class Lab:
    """A portal with three employees (5 is dismissed) and one contact; `ask` sends a request as JSON."""

    def __init__(self, **settings):
        self.clock = FakeClock(START)
        self.portal = Bitrix24Portal(self.clock, "acme", **settings)
        for employee in (
            Employee("1", "Irina Admin", "101"),
            Employee("17", "Denis Li", "105"),
            Employee("5", "Petr Belov", "106", active=False),
        ):
            self.portal.plant_employee(employee)
        self.contact = self.portal.plant_contact(KNOWN_PHONE, "Maria")
        self.session = requests.Session()
        self.session.mount(URL, InProcess(self.portal))

    def send(self, method, params=None, *, path=None, form=False):
        """Return status and document of one request."""
        kind = "application/x-www-form-urlencoded" if form else "application/json"
        body = urlencode(params or {}).encode() if form else json.dumps(params or {}).encode()
        asked = Asked("POST", path or f"{HOOK}/{method}.json", (), {"content-type": kind}, body)
        said = self.portal.respond(asked)
        return said.status, json.loads(said.body)

    def ask(self, method, params=None, **more):
        """Return the result of a request that succeeds."""
        status, document = self.send(method, params, **more)
        assert status == 200, document
        return document["result"]

    def refused(self, method, params=None, **more):
        """Return status, code and text of a request that is refused."""
        status, document = self.send(method, params, **more)
        return status, document["error"], document["error_description"]

    def register(self, **more):
        """Register a call without effects on people; return its CALL_ID."""
        params = {"USER_ID": 17, "PHONE_NUMBER": PHONE, "TYPE": 2, "SHOW": 0, "ADD_TO_CHAT": 0, **more}
        return self.ask("telephony.externalCall.register", params)["CALL_ID"]

    def finish(self, call_id, **more):
        """Finish a call; return the whole result."""
        params = {"CALL_ID": call_id, "USER_ID": 17, "DURATION": 61, "ADD_TO_CHAT": 0, **more}
        return self.ask("telephony.externalCall.finish", params)

    def statistics(self, **params):
        """Return rows of the statistics."""
        return self.ask("voximplant.statistic.get", params)

    def plant(self, count, *, seconds=30, **more):
        """Plant calls "c0", "c1" … that began every `seconds` from START back; return them."""
        calls = [call_at(f"c{n}", START - timedelta(seconds=seconds * (count - n))) for n in range(count)]
        for call in calls:
            self.portal.plant_call(call, **{"employee": "17", "contact": self.contact, **more})
        return calls

    def account(self, **more):
        """Return the account of the configuration that names this portal."""
        return Bitrix24(**{**self.portal.account(URL), **more})

    def surroundings(self, resolve=str):
        """Return the surroundings of a connector."""
        return Surroundings("acme", self.clock, resolve, None, "RU")

    def client(self, resolve=str, **more):
        """Return our client of this portal."""
        return Client(self.account(**more), self.surroundings(resolve), self.session)

    def reader(self, *, account=None, **more):
        """Return our reader of this portal."""
        return Bitrix24Reader(account or self.account(), self.surroundings(), self.session, **more)

    def deadline(self, seconds=600.0):
        """Return a deadline on the pretended clock."""
        return Deadline.after(seconds, self.clock)

    def read(self, reader=None, **more):
        """Return everything that the reader yields of the last days."""
        reader = reader or self.reader(**more)
        return list(
            reader.records(START - timedelta(days=30), START + timedelta(days=1), self.deadline(9000))
        )


def call_at(call_id, at, phone=KNOWN_PHONE, **more):
    """Return an incoming call of a minute."""
    return Call(call_id, "pbx", "in", at, 60, phone, answered=True, line="+78120000001", **more)
