"""A destination asks once: its lane has a schedule, and a dead system is not asked again and again."""

from __future__ import annotations

from collections import Counter

import pytest

from integrations.crm.amocrm.destination import AmoCrmDestination
from integrations.crm.hubspot.destination import HubSpotDestination
from integrations.crm.moysklad_destination import MoySkladDestination
from integrations.http import Http
from integrations.lab.amocrm.portal import AmoCrmPortal
from integrations.lab.hubspot.portal import HubSpotPortal
from integrations.lab.moysklad.portal import MoySkladPortal
from supportctl.core.accounts import AmoCrm, HubSpot, MoySklad
from supportctl.core.failure import Failure, ServiceError

WORLDS = (
    (AmoCrmPortal, AmoCrm, AmoCrmDestination),
    (HubSpotPortal, HubSpot, HubSpotDestination),
    (MoySkladPortal, MoySklad, MoySkladDestination),
)


@pytest.mark.parametrize(("portal", "account", "destination"), WORLDS)
@pytest.mark.parametrize("failure", [Failure.RETRY, Failure.WAIT])
def test_a_dead_system_gets_each_question_once(
    connect, address, make_parcel, soon, monkeypatch, portal, account, destination, failure
):
    bench, made = connect(portal)
    asked = Counter()

    def dead(self, request, exchange):
        asked[request.method, request.url, request.params, request.body] += 1
        raise ServiceError(failure, "http-503", status=503)

    monkeypatch.setattr(Http, "_converse", dead)
    there = destination(account(**made.account(address)), bench.around, bench.session)
    parcel = make_parcel()
    assert there.look_up([parcel], soon(bench))[1].failure is failure
    assert set(asked.values()) == {1}, asked
    asked.clear()
    there.advance([parcel], soon(bench))
    assert set(asked.values()) == {1}, asked
