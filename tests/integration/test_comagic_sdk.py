"""comagic-data-api-sdk, a client that is not ours, against the lab's UIS: two readings of one account.

Its fields and filters are its own: what it asks for and gets tells whether our portal speaks the Data API.
Only its address is changed.
"""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from integrations.checking import Surroundings
from integrations.lab.day import CALLS, make_day, plant
from integrations.lab.serve import PortalServer
from integrations.lab.uis.portal import LOGIN, PASSWORD, TOKEN, UisPortal
from integrations.telephony.uis.source import UisSource
from supportctl.core.accounts import Uis
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline

pytestmark = pytest.mark.peer("comagic-data-api-sdk")
MOSCOW = ZoneInfo("Europe/Moscow")


@pytest.fixture(scope="module")
def portal():
    portal = UisPortal(SystemClock())
    plant(make_day(portal.clock.now(), MOSCOW), portal, None)
    return portal


@pytest.fixture(scope="module")
def server(portal):
    with PortalServer(portal) as server:
        yield server


@pytest.fixture
def client(server):
    from comagic import Comagic

    client = Comagic(token=TOKEN, uis=True)
    assert client.API_URL == "https://dataapi.uiscom.ru/v2.0"  # what we say is public
    client.API_URL = f"{server.url}/v2.0"
    yield client
    client._session.close()


@pytest.fixture
def window(portal):
    now = portal.clock.now().astimezone(MOSCOW).replace(tzinfo=None, microsecond=0)
    return now - timedelta(hours=24), now


def our_calls(server, portal):
    account = Uis(kind="uis", url=server.url, token=TOKEN)
    clock = portal.clock
    surroundings = Surroundings("pbx", clock, lambda secret: secret, MOSCOW, "RU")
    now = clock.now()
    return list(
        UisSource(account, surroundings).calls(now - timedelta(hours=24), now, Deadline.after(30, clock))
    )


def test_the_account(client, portal):
    account = client.get_account()
    assert (account.name, account.timezone) == (portal.name, "Europe/Moscow")


def test_both_read_the_same_calls(client, server, portal, window):
    theirs = list(
        client.get_calls_report(*window, sort=[{"field": "start_time", "order": "asc"}], limit=1000)
    )
    ours = our_calls(server, portal)
    assert len(ours) == len(theirs) > 100
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.call_id == str(other.id)
        assert mine.started_at == other.start_time.replace(tzinfo=MOSCOW)
        assert (mine.direction, mine.duration_s) == (other.direction, other.talk_duration)
        assert mine.contact_phone.removeprefix("+") == (other.contact_phone_number or "")
        assert (mine.recording_url is not None) == bool(other.call_records)
        if other.direction == "in":
            assert mine.answered != other.is_lost


def test_both_see_the_same_people_in_the_legs(client, server, portal, window):
    talked: dict[int, list[int]] = {}
    for leg in client.get_call_legs_report(*window, limit=10_000, sort=[{"field": "start_time"}]):
        if leg.is_operator and leg.is_talked and not leg.is_coach:
            talked.setdefault(leg.call_session_id, []).append(leg.employee_id)
    extensions = {each.id: each.extension["extension_phone_number"] for each in client.get_employees()}
    for call in our_calls(server, portal):
        people = [extensions[each] for each in talked.get(int(call.call_id), ())]
        if people and "internal" not in call.tags:
            assert call.employee == people[-1]


def test_pages_by_offset_add_up(client, window):
    pages = [
        [call.id for call in client.get_calls_report(*window, limit=50, offset=offset)]
        for offset in range(0, CALLS, 50)
    ]
    everything = [number for page in pages for number in page]
    assert len(set(everything)) == len(everything) == CALLS


def test_filters_are_understood(client, window):
    lost = list(client.get_calls_report(*window, filter={"field": "is_lost", "operator": "=", "value": True}))
    assert lost
    assert all(call.is_lost for call in lost)


def test_numbers(client):
    numbers = [number.virtual_phone_number for number in client.get_virtual_numbers()]
    assert sorted(numbers) == ["78120000001", "78120000002"]


def test_a_refusal_arrives_as_one(client, portal):
    from comagic.errors import ComagicException

    portal.switch("ip-not-whitelisted", on=True)
    try:
        with pytest.raises(ComagicException) as refused:
            client.get_account()
    finally:
        portal.switch("ip-not-whitelisted", on=False)
    assert refused.value.error_data["data"]["mnemonic"] == "ip_not_whitelisted"


def test_signing_in_with_a_password(server, monkeypatch):
    import requests
    from comagic import Comagic

    public = "https://dataapi.uiscom.ru/v2.0"
    post = requests.Session.post
    monkeypatch.setattr(
        requests.Session,
        "post",
        lambda self, url, **more: post(self, url.replace(public, f"{server.url}/v2.0"), **more),
    )
    client = Comagic(login=LOGIN, password=PASSWORD, uis=True)
    assert client.access_token.startswith("session-")
    assert client.get_account().app_id == 1103
    client._session.close()
