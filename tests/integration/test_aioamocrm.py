"""A client of amoCRM that is not ours against the lab's account: both read the same calls.

It was written from the documentation and compared with amoCRM's own PHP client, so it is a second reading of
the same words, not a real account.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from integrations.checking import Surroundings
from integrations.crm.amocrm.reader import AmoCrmReader
from integrations.crm.reader import Employee
from integrations.lab.amocrm.portal import AmoCrmPortal
from integrations.lab.serve import PortalServer
from supportctl.core.accounts import AmoCrm
from supportctl.core.call import Call
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline

pytestmark = pytest.mark.peer("aioamocrm")


@pytest.fixture
def portal():
    portal = AmoCrmPortal(SystemClock())
    portal.plant_employee(Employee("504002", "Irina Petrova", "101"))
    portal.plant_employee(Employee("504003", "Oleg Smirnov", "102", active=False))
    return portal


@pytest.fixture(scope="module")
def served():
    with PortalServer(AmoCrmPortal(SystemClock())) as server:
        yield server


@pytest.fixture
def server(served, portal):
    """Return the module's server, with a portal that nobody has written to."""
    served.portal = portal
    return served


@pytest.fixture
def reader(portal, server):
    around = Surroundings("acme", SystemClock(), lambda secret: secret, UTC, "RU")
    return AmoCrmReader(AmoCrm(**portal.account(server.url)), around)


@pytest.fixture
def deadline():
    return Deadline.after(60, SystemClock())


@pytest.fixture
def talk(portal, server):
    """Return a function that runs a conversation of the client with the account."""
    from aioamocrm import AmoCRMClient, LongLivedToken, RetryPolicy

    def run(conversation):
        async def whole():
            auth = LongLivedToken(portal.token)
            once = RetryPolicy(max_attempts=1)
            async with AmoCRMClient(base_url=server.url, auth=auth, retry=once, rate_limit=6.5) as client:
                return await conversation(client)

        return asyncio.run(whole())

    return run


def sent(number, began):
    return {
        "direction": "inbound",
        "uniq": f"uis-{number}",
        "duration": 61,
        "source": "pbx",
        "phone": "+79990000001",
        "link": f"https://rec.example/{number}.mp3",
        "call_status": 4,
        "responsible_user_id": 504002,
        "created_at": int(began.timestamp()) + number,
    }


def test_calls_that_the_client_posts_are_read_by_both_alike(portal, talk, reader, deadline):
    contact = portal.plant_contact("8 (999) 000-00-01", "Anna")
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)

    async def conversation(client):
        made = await client.request("POST", "calls", json=[sent(n, began) for n in range(260)][:250])
        made_too = await client.request("POST", "calls", json=[sent(n, began) for n in range(250, 260)])
        types = {"note_type": ["call_in", "call_out"]}
        notes = [note async for note in client.contacts.notes.iterate(filter=types, order={"id": "asc"})]
        return made["_total_items"] + made_too["_total_items"], notes

    total, notes = talk(conversation)
    ours = list(reader.records(began, began + timedelta(hours=1), deadline))
    assert total == len(notes) == len(ours) == 260
    for call, note in zip(ours, notes, strict=True):
        assert call.record_id == str(note.id)
        assert call.started_at == datetime.fromtimestamp(note.created_at, UTC)
        assert call.external_id == note.params["uniq"]
        assert call.duration_s == note.params["duration"]
        assert call.phone == note.params["phone"]
        assert call.recording_url == note.params["link"]
        assert call.employee == str(note.responsible_user_id)
        assert call.contact == f"CONTACT:{note.entity_id}" == contact
    # entered two hours after they began: both clients see the event, ours tells it as the time of entry
    assert all(call.created_at > call.started_at + timedelta(minutes=90) for call in ours)


def test_users_and_the_account(talk, reader, deadline):
    async def conversation(client):
        users = [user async for user in client.users.iterate(with_=["phone_number"])]
        return users, await client.account.get()

    users, account = talk(conversation)
    ours = reader.employees(deadline)
    assert [(str(user.id), user.name) for user in users] == [(user.id, user.name) for user in ours]
    assert account.model_extra.get("current_user_id", getattr(account, "current_user_id", None)) == 504001


def test_contacts_are_found_and_made(portal, talk, reader, deadline):
    from aioamocrm import Contact

    async def conversation(client):
        contact = Contact(name="Boris")
        contact.set_field("PHONE", "8 999 000 00 07", enum_code="WORK")
        [made] = await client.contacts.create([contact])
        await client.request("POST", "calls", json=[{**sent(1, datetime.now(UTC)), "phone": "+79990000007"}])
        found = await client.contacts.get_page(query="79990000007")
        nobody = await client.contacts.get_page(query="79990000008")
        return made.id, [card.id for card in found], list(nobody)

    made, found, nobody = talk(conversation)
    assert (found, nobody) == ([made], [])
    call = Call("uis-1", "pbx", "in", datetime.now(UTC), 61, "+79990000007", answered=True)
    assert reader.find([call], deadline)["uis-1"][0].contact == f"CONTACT:{made}"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("expired-token", "AuthError"),
        ("unpaid", "PaymentRequiredError"),
        ("forbidden", "ForbiddenError"),
        ("ip-blocked", "ForbiddenError"),
        ("rate-limited", "RateLimitError"),
        ("validation-error", "ValidationError"),
    ],
)
def test_the_client_understands_the_errors(portal, talk, fault, kind):
    import aioamocrm

    portal.switch(fault, on=True)

    async def conversation(client):
        with pytest.raises(getattr(aioamocrm, kind)) as refused:
            await client.contacts.get_page(1)
        return refused.value

    error = talk(conversation)
    if fault == "validation-error":
        assert [issue.path for issue in error.errors] == ["phone"]


def test_a_call_of_nobody_known_is_an_error_for_the_client(talk):
    import aioamocrm

    async def conversation(client):
        with pytest.raises(aioamocrm.ValidationError) as refused:
            await client.request("POST", "calls", json=[sent(1, datetime.now(UTC))])
        return refused.value

    assert talk(conversation).body["errors"][0]["title"] == "Entity not found"
