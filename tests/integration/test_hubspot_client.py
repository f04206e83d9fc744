"""HubSpot's own client against the lab's account: what it writes we read, and what both read is the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from integrations.checking import Surroundings
from integrations.crm.hubspot.reader import HubSpotReader
from integrations.crm.reader import Employee
from integrations.lab.hubspot.portal import PROPERTY, HubSpotPortal
from integrations.lab.serve import PortalServer
from supportctl.core.accounts import HubSpot
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline

pytestmark = pytest.mark.peer("hubspot-api-client")
BEGAN = datetime(2026, 9, 15, 10, 0, tzinfo=UTC)


@pytest.fixture
def portal():
    portal = HubSpotPortal(SystemClock())
    portal.plant_employee(Employee("9001", "Irina Petrova"))
    portal.plant_employee(Employee("9002", "Oleg Smirnov", active=False))
    return portal


@pytest.fixture(scope="module")
def served():
    with PortalServer(HubSpotPortal(SystemClock())) as server:
        yield server


@pytest.fixture
def server(served, portal):
    """Return the module's server, with a portal that nobody has written to."""
    served.portal = portal
    return served


@pytest.fixture
def client(portal, server, monkeypatch):
    """Return the client; each of its parts has a configuration of its own with a fixed host."""
    from hubspot import HubSpot as Client
    from hubspot.crm import associations, objects, owners, properties
    from hubspot.crm.associations import v4
    from hubspot.crm.objects import calls

    for part in (associations, objects, owners, properties, calls, v4):
        configuration = part.configuration.Configuration
        made = configuration.__init__

        def to_the_lab(self, *args, _made=made, **kwargs):
            _made(self, *args, **kwargs)
            self.host = self._base_path = server.url

        monkeypatch.setattr(configuration, "__init__", to_the_lab)
    return Client(access_token=portal.token)


@pytest.fixture
def reader(portal, server):
    clock = SystemClock()
    around = Surroundings("acme", clock, lambda secret: secret, UTC, "RU")
    return HubSpotReader(HubSpot(**portal.account(server.url)), around)


@pytest.fixture
def deadline():
    return Deadline.after(60, SystemClock())


def facts(number, **changes):
    return {
        "hs_timestamp": (BEGAN + timedelta(minutes=number)).isoformat().replace("+00:00", "Z"),
        "hs_call_direction": "INBOUND",
        "hs_call_duration": "61000",
        "hs_call_from_number": f"+7999{number:07d}",
        "hs_call_to_number": "+74951112233",
        "hs_call_status": "COMPLETED",
        "hs_call_recording_url": f"https://rec.example/{number}.mp3",
        "hubspot_owner_id": "9001",
        PROPERTY: f"uis-{number}",
        **changes,
    }


def test_calls_that_the_client_writes_are_read_by_both_alike(portal, client, reader, deadline):
    from hubspot.crm.objects.calls import (
        BatchInputSimplePublicObjectBatchInputForCreate,
        PublicObjectSearchRequest,
        SimplePublicObjectInputForCreate,
    )

    contact = portal.plant_contact("+79990000001", "Anna")
    link = {
        "to": {"id": contact.partition(":")[2]},
        "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 194}],
    }
    one = SimplePublicObjectInputForCreate(properties=facts(1), associations=[link])
    made = client.crm.objects.calls.basic_api.create(one)
    more = [SimplePublicObjectInputForCreate(properties=facts(number), associations=[]) for number in (2, 3)]
    batch = BatchInputSimplePublicObjectBatchInputForCreate(inputs=more)
    assert len(client.crm.objects.calls.batch_api.create(batch).results) == 2

    question = PublicObjectSearchRequest(
        filter_groups=[
            {
                "filters": [
                    {
                        "propertyName": "hs_timestamp",
                        "operator": "BETWEEN",
                        "value": str(round(BEGAN.timestamp() * 1000)),
                        "highValue": str(round((BEGAN + timedelta(hours=1)).timestamp() * 1000)),
                    }
                ]
            }
        ],
        sorts=["hs_timestamp"],
        properties=list(facts(1)),
        limit=2,
    )
    theirs = []
    while True:
        page = client.crm.objects.calls.search_api.do_search(question)
        theirs += page.results
        if not (page.paging and page.paging.next):
            break
        question.after = page.paging.next.after
    ours = list(reader.records(BEGAN, BEGAN + timedelta(hours=1), deadline))
    assert page.total == len(theirs) == len(ours) == 3
    for call, their in zip(ours, theirs, strict=True):
        values = their.properties
        assert call.record_id == their.id
        assert call.started_at == datetime.fromisoformat(values["hs_timestamp"])
        assert call.external_id == values[PROPERTY]
        assert call.duration_s * 1000 == int(values["hs_call_duration"])
        assert call.phone == values["hs_call_from_number"]
        assert call.line == values["hs_call_to_number"]
        assert call.employee == values["hubspot_owner_id"]
        assert call.recording_url == values["hs_call_recording_url"]
        assert call.created_at == their.created_at
    assert [call.contact for call in ours] == [contact, "", ""]
    alone = client.crm.objects.calls.basic_api.get_by_id(made.id, associations=["contacts"])
    assert f"CONTACT:{alone.associations['contacts'].results[0].id}" == ours[0].contact


def test_upsert_by_the_unique_property_is_found_by_both(client, reader, deadline):
    from hubspot.crm.objects.calls import (
        BatchInputSimplePublicObjectBatchInputUpsert,
        BatchReadInputSimplePublicObjectId,
        SimplePublicObjectBatchInputUpsert,
        SimplePublicObjectId,
    )

    from supportctl.core.call import Call

    def upsert(**changes):
        item = SimplePublicObjectBatchInputUpsert(
            id="uis-7", id_property=PROPERTY, properties=facts(7, **changes)
        )
        batch = BatchInputSimplePublicObjectBatchInputUpsert(inputs=[item])
        return client.crm.objects.calls.batch_api.upsert(batch).results[0]

    first, second = upsert(), upsert(hs_call_status="NO_ANSWER")
    assert (first.new, second.new) == (True, False)
    assert first.id == second.id
    wanted = BatchReadInputSimplePublicObjectId(
        id_property=PROPERTY,
        inputs=[SimplePublicObjectId(id="uis-7"), SimplePublicObjectId(id="uis-8")],
        properties=["hs_call_status"],
        properties_with_history=[],
    )
    theirs = client.crm.objects.calls.batch_api.read(wanted)
    call = Call("uis-7", "pbx", "in", BEGAN, 61, "+79990000007", answered=True)
    ours = reader.find([call, call._replace(call_id="uis-8")], deadline)
    assert [found.id for found in theirs.results] == [ours["uis-7"][0].record_id] == [first.id]
    assert "uis-8" not in ours
    assert theirs.num_errors == 1


def test_owners_and_the_property(client, reader, deadline):
    listed = [
        owner
        for archived in (False, True)
        for owner in client.crm.owners.owners_api.get_page(archived=archived).results
    ]
    theirs = [(owner.id, f"{owner.first_name} {owner.last_name}", not owner.archived) for owner in listed]
    assert theirs == [(owner.id, owner.name, owner.active) for owner in reader.employees(deadline)]
    found = client.crm.properties.core_api.get_by_name("calls", PROPERTY)
    assert found.has_unique_value is True


@pytest.mark.parametrize(
    ("fault", "status", "category"),
    [
        ("expired-token", 401, "EXPIRED_AUTHENTICATION"),
        ("missing-scopes", 403, "MISSING_SCOPES"),
        ("rate-limited", 429, "RATE_LIMITS"),
        ("validation-error", 400, "VALIDATION_ERROR"),
    ],
)
def test_the_client_understands_the_errors(portal, client, fault, status, category):
    import json

    from hubspot.crm.objects.calls import ApiException, SimplePublicObjectInputForCreate

    portal.switch(fault, on=True)
    with pytest.raises(ApiException) as refused:
        client.crm.objects.calls.basic_api.create(
            SimplePublicObjectInputForCreate(properties=facts(1), associations=[])
        )
    assert refused.value.status == status
    assert json.loads(refused.value.body)["category"] == category


def test_archived_calls_are_gone_for_both(client, reader, deadline):
    from hubspot.crm.objects.calls import (
        BatchInputSimplePublicObjectId,
        SimplePublicObjectId,
        SimplePublicObjectInputForCreate,
    )

    one = SimplePublicObjectInputForCreate(properties=facts(1), associations=[])
    number = client.crm.objects.calls.basic_api.create(one).id
    gone = BatchInputSimplePublicObjectId(inputs=[SimplePublicObjectId(id=number)])
    client.crm.objects.calls.batch_api.archive(gone)
    assert not list(reader.records(BEGAN, BEGAN + timedelta(hours=1), deadline))
