"""Whatever a server answers: the only thing that is raised is ServiceError."""

from __future__ import annotations

import json
from contextlib import suppress
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.http import Reply, Request
from integrations.shop.moysklad import api, facts
from integrations.shop.poster import api as poster_api
from integrations.shop.poster import facts as poster
from supportctl.core.failure import ServiceError

from shop_moments import NOW  # isort: skip

REQUEST = Request("GET", "https://x.example", "x", reads=True)
ZONE = ZoneInfo("Europe/Moscow")
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["2026-11-22 10:00:00", "ALL", "update", "retaildemand", "1e999", "-1", "0"]),
)  # fmt: skip
NAMES = [
    "id", "name", "parent", "archived", "store", "active", "meta", "href", "storeId", "assortmentId", "stock",
    "uid", "permissions", "view", "moment", "eventType", "entityType", "diff", "entity", "sum", "oldValue",
    "errors", "error", "code", "response", "spot_id", "storages", "storage_id", "product_id", "count",
    "payed_sum", "tax_sum", "product_profit", "cost", "ingredient_id", "modifications", "supply_id", "date",
    "to_storage",
]  # fmt: skip
keys = st.one_of(st.sampled_from(NAMES), st.text(max_size=4))
anything = st.recursive(
    leaves, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=8))
)
rows = st.dictionaries(st.sampled_from(NAMES), anything, max_size=16)
PARSERS = [
    facts.stock_of, facts.rights_of, poster.spots_of, poster.sales_of, poster.products_of,
    poster.ingredients_of, poster.leftovers_of, lambda value: poster.supplies_of(value, ZONE),
    lambda value: poster.moves_of(value, ZONE),
]  # fmt: skip


@settings(max_examples=50)
@given(value=st.one_of(anything, st.lists(rows, max_size=2), rows))
def test_answers(value):
    for parse in PARSERS:
        with suppress(ServiceError):
            parse(value)


META = {"href": "https://api.moysklad.ru/api/remap/1.2/entity/store/s1", "type": "store"}
GOOD = [
    (facts.store_of, {"id": "s1", "name": "a", "parent": {"meta": META}, "pathName": "", "archived": False}),
    (facts.point_of, {"id": "p", "name": "a", "store": {"meta": META}, "active": True}),
    (facts.context_of, {"id": "c", "moment": "2026-11-22 10:00:00", "uid": "u", "objectCount": 1}),
    (
        facts.edit_of,
        {"eventType": "update", "entityType": "demand", "moment": "2026-11-22 10:00:00", "name": "1",
         "entity": {"meta": META}, "diff": {"sum": {"oldValue": 1, "newValue": 2}, "moment": {}}},
    ),
    (facts.rights_of, {"id": "e", "uid": "u", "permissions": {"stock": {"view": "ALL"}}}),
    (
        lambda row: poster.sales_of([row]),
        {"product_id": "1", "product_name": "a", "modification_id": "0", "modificator_name": None,
         "count": "1.0", "payed_sum": "5", "tax_sum": "0", "product_profit": "1", "delete": "0"},
    ),
    (
        lambda row: poster.products_of([row]),
        {"product_id": "1", "product_name": "a", "cost": "5", "ingredient_id": "9", "modifications": [],
         "group_modifications": []},
    ),
    (
        lambda row: poster.supplies_of([row], ZONE),
        {"supply_id": "1", "storage_id": 1, "date": "2026-11-22 10:00:00", "delete": "0"},
    ),
    (
        lambda row: poster.spots_of([row]),
        {"spot_id": "1", "spot_name": "a", "storages": [{"storage_id": 1, "storage_name": "b"}]},
    ),
    (lambda row: facts.stock_of([row]), {"assortmentId": "a", "storeId": "s", "stock": 5}),
]  # fmt: skip


@settings(max_examples=150)
@given(good=st.sampled_from(GOOD), data=st.data(), bad=anything)
def test_rows_with_one_bad_field(good, data, bad):
    parse, row = good
    assert parse(row)
    with suppress(ServiceError):
        parse({**row, data.draw(st.sampled_from(sorted(row))): bad})


@given(
    st.one_of(anything.map(lambda value: json.dumps(value).encode()), st.binary(max_size=64)),
    st.sampled_from([200, 301, 400, 401, 403, 404, 415, 429, 500, 503]),
    st.dictionaries(
        st.sampled_from(["x-lognex-retry-after", "x-lognex-reset", "x-ratelimit-remaining"]),
        st.one_of(st.text(max_size=6), st.floats().map(str), st.integers().map(str)),
    ),
)
def test_judges(body, status, headers):
    reply = Reply(status, headers, body)
    for error in (api.judge(REQUEST, reply, NOW), poster_api.judge(REQUEST, reply)):
        assert error is None or isinstance(error, ServiceError)
        assert error is not None or 200 <= status < 300
