"""The vendor's own SDK (moysklad-remap-12-sdk) against the lab's MoySklad, over a socket.

It was made from the vendor's OpenAPI description and shares nothing with the portal or with our reader. What
it reads has to be what our reader reads; where they disagree, ours is wrong until shown otherwise.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from moysklad_sdk import load

from integrations.lab.moysklad import MoySkladPortal
from integrations.lab.moysklad.portal import LOGIN, PASSWORD, TOKEN, Login
from integrations.lab.serve import PortalServer
from integrations.shop.moysklad.api import MoySkladApi, sign_in_header
from integrations.shop.moysklad.facts import MSK
from integrations.shop.moysklad.reader import MoySkladReader
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline

pytestmark = pytest.mark.peer("moysklad-remap-12-sdk")
ROOT = "/api/remap/1.2"


@pytest.fixture(scope="module")
def portal():
    clock = SystemClock()
    portal = MoySkladPortal(clock)
    portal.tokens[TOKEN] = Login(LOGIN, "solution")  # the tests ask quickly
    portal.plant_shop(clock.now(), MSK, troubles=True)
    with PortalServer(portal) as server:
        portal.url = server.url
        yield portal


@pytest.fixture(scope="module")
def sdk(portal):
    vendor = load()
    configuration = vendor.configuration.Configuration(host=f"{portal.url}{ROOT}", access_token=TOKEN)
    with vendor.api_client.ApiClient(configuration) as client:
        client.set_default_header("Accept-Encoding", "gzip")  # it sends none by itself, and is refused (415)
        yield lambda name: getattr(vendor.api, name)(client)


@pytest.fixture(scope="module")
def ours(portal):
    api = MoySkladApi(portal.clock, sign_in_header(TOKEN), url=portal.url, token_of="solution")
    return MoySkladReader(api)


@pytest.fixture
def soon(portal):
    return Deadline.after(20, portal.clock)


def id_of(linked):
    return linked.meta.href.rpartition("/")[2]


def test_points_of_sale(sdk, ours, soon):
    rows = sdk("RetailStoresApi").get_retail_stores().rows
    theirs = {row.id: (row.name, id_of(row.store), row.active and not row.archived) for row in rows}
    assert theirs == {point.id: (point.name, point.store_id, point.active) for point in ours.points(soon)}
    assert len(theirs) == 2


def test_warehouses_with_their_groups(sdk, ours, soon):
    rows = sdk("StoresApi").get_stores(filter="archived=true;archived=false").rows
    theirs = {
        row.id: (row.name, row.path_name, id_of(row.parent) if row.parent else "", row.archived)
        for row in rows
    }
    assert theirs == {s.id: (s.name, s.path, s.parent_id, s.archived) for s in ours.stores(soon).values()}
    assert len(theirs) == 4


def test_stock_by_both_reports(sdk, ours, soon):
    theirs: dict[str, dict[str, float]] = {}
    for row in sdk("ReportsStockCurrentApi").get_stock_by_store_current():
        theirs.setdefault(row.store_id, {})[row.assortment_id] = float(row.stock)
    mine = ours.stock(soon)
    assert theirs == mine
    whole = sdk("ReportsStockByStoreApi").get_stock_by_store().rows
    by_store = {(id_of(line), id_of(row)): line.stock for row in whole for line in row.stock_by_store}
    for (store, good), quantity in by_store.items():
        assert mine.get(store, {}).get(good, 0.0) == quantity


def test_audit(sdk, ours, soon, portal):
    api = sdk("AuditApi")
    contexts = api.get_audit_contexts(limit=100, filter="eventType=update;eventType=puttorecyclebin").rows
    until = portal.clock.now() + timedelta(minutes=1)
    mine = list(ours._contexts(until - timedelta(days=9), until, soon))
    assert {(c.id, c.uid, c.source, c.event_type) for c in contexts} == {
        (c.id, c.uid, c.source, c.event) for c in mine
    }
    for context in contexts:
        (event,) = api.get_audit_context_events(context.id).rows
        (same,) = list(ours._events(f"audit/{context.id}/events", soon))
        assert (event.name, event.entity_type, id_of(event.entity)) == (same.name, same.type, same.id)
        assert f"{same.at:%Y-%m-%d %H:%M:%S}" == event.moment
        assert event.diff.get("sum", {}).get("oldValue") == same.sum_before
        history = api.get_entity_audit_events(same.type, same.id).rows
        assert event.moment in {one.moment for one in history}


def test_employees_and_roles(sdk, ours, soon):
    api = sdk("EmployeesApi")
    theirs = {row.uid: (row.id, row.name) for row in api.get_employees().rows}
    mine = ours.people(soon)
    assert theirs == {uid: (person.id, person.name) for uid, person in mine.items()}
    assert ours.role(mine["anna@lab"].id, soon) == "cashier"


def test_what_it_writes_is_stored(sdk, portal):
    api = sdk("StoresApi")
    store = load().models.Store(name="Новый склад", externalCode="x-1")
    created = api.create_store(store)
    assert portal.books.entities["store"][created.id]["externalCode"] == "x-1"
    assert api.get_store_by_id(created.id).name == "Новый склад"
    api.delete_store(created.id)
    assert created.id not in portal.books.entities["store"]


@pytest.mark.parametrize(
    ("fault", "status", "code"), [("no-rights", 403, 1016), ("expired-token", 401, 1056)]
)
def test_errors_are_errors_to_it_too(sdk, portal, fault, status, code):
    portal.switch(fault, on=True)
    try:
        with pytest.raises(load().exceptions.ApiException) as error:
            sdk("RetailStoresApi").get_retail_stores()
    finally:
        portal.switch(fault, on=False)
    assert error.value.status == status
    assert str(code) in str(error.value.body)


def test_login_and_password(portal):
    vendor = load()
    configuration = vendor.configuration.Configuration(
        host=f"{portal.url}{ROOT}", username=LOGIN, password=PASSWORD
    )
    with vendor.api_client.ApiClient(configuration) as client:
        client.set_default_header("Accept-Encoding", "gzip")
        assert len(vendor.api.StoresApi(client).get_stores().rows) == 4
