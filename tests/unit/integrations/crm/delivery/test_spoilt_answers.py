"""Whatever a system answers, a destination says what became of each call, and raises nothing."""

from __future__ import annotations

import os
from importlib import import_module
from random import Random

import pytest
import requests
from delivery_simulation import ADDRESS, NOW, some_calls
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import Spoilt
from pydantic import TypeAdapter

from integrations.checking import Surroundings
from integrations.crm.reader import Employee
from integrations.lab.catalogue import PORTALS
from integrations.lab.inprocess import InProcess
from integrations.registry import DESTINATIONS
from supportctl.core.accounts import Crm
from supportctl.core.clock import FakeClock
from supportctl.core.deadline import Deadline
from supportctl.core.delivery import Found, Outcome, Parcel
from supportctl.core.failure import Failure
from supportctl.core.text import clean

EXAMPLES = int(os.environ.get("SUPPORTCTL_EXAMPLES", "10"))
KINDS = sorted(set(DESTINATIONS) - {"bitrix24"})
STEPS = {
    "amocrm": [
        ("", {}),
        ("unknown", {}),
        ("contacted", {"contact": "4001"}),
        ("called", {"card": "contacts:4001"}),
        ("inbox", {"lead": "4002"}),
    ],
    "hubspot": [("", {}), ("called", {"id": "5001", "recording": ""})],
    "moysklad": [("", {}), ("attaching", {"id": "1"}), ("called", {"id": "1", "recording": ""})],
    "webhook": [("", {})],
}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=EXAMPLES, database=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_every_call_has_its_outcome(kind, seed):
    chance = Random(seed)
    clock = FakeClock(NOW)
    portal = PORTALS[kind].load()(clock)
    if hasattr(portal, "plant_contact"):
        portal.plant_employee(Employee("601", "Anna", "101"))
        portal.plant_contact("+79990001122", "Known Person")
    session = requests.Session()
    session.mount(ADDRESS, InProcess(Spoilt(portal, chance, chance.choice([0.3, 0.6, 1.0]))))
    unknown = chance.choice(["create", "inbox"])
    entry = portal.account(ADDRESS) | {"fallback_employee": 601, "unknown_phone": unknown}
    account = TypeAdapter(Crm).validate_python(entry)
    around = Surroundings("acme", clock, lambda secret: secret, region="RU")
    module, _, name = DESTINATIONS[kind].partition(":")
    destination = getattr(import_module(module), name)(account, around, session)
    parcels = []
    for number, call in enumerate(some_calls(8, chance, ["101", "999", ""])):
        step, facts = chance.choice(STEPS[kind])
        phone = chance.choice([call.contact_phone, "+79990001122"])
        of_phone = call._replace(contact_phone=phone)
        parcels.append(Parcel(number, of_phone, step, facts, chance.randrange(1, 4)))
    for _ in range(3):
        started = clock.monotonic()
        outcomes = destination.advance(parcels, Deadline.after(90, clock))
        assert sorted(each.delivery_id for each in outcomes) == list(range(8))
        answers = destination.look_up(parcels, Deadline.after(90, clock))
        assert clock.monotonic() - started < 2 * (90 + 35)
        assert sorted(answers) == list(range(8))
        for said in (*outcomes, *answers.values()):
            _is_sound(said)
        by_id = {each.delivery_id: each for each in outcomes}
        parcels = [
            each._replace(step=by_id[each.delivery_id].step, facts=by_id[each.delivery_id].facts)
            for each in parcels
        ]


def _is_sound(said):
    if said is None:
        return
    assert isinstance(said, Outcome | Found)
    for name, value in said.facts.items():
        assert isinstance(value, str), name
        assert value == clean(value, 2000), name
    assert said.remote_id == clean(said.remote_id, 80)
    if isinstance(said, Outcome):
        assert said.failure is None or isinstance(said.failure, Failure)
        assert len(said.text) <= 300
        assert said.text.isprintable()
        assert not (said.done and said.failure)
