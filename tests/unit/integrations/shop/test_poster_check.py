"""The check of a Poster account against the lab's: supplies and cost keep up with sales, or it is told."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from shop_moments import NOW, ZONE

from integrations.http import Reply, Request
from integrations.lab.poster.books import DISH, Sold
from integrations.shop.poster.api import judge
from integrations.shop.poster.facts import Product, sales_of
from integrations.shop.poster.facts import Sold as Line
from integrations.shop.poster.judging import costless, counted
from supportctl.catalog import Catalog
from supportctl.catalog.compose import describe
from supportctl.core.deadline import Deadline
from supportctl.core.failure import Failure, ServiceError

DAY = timedelta(days=1)


@pytest.fixture
def cafe(poster):
    """A café with a bar and a kitchen; everything was supplied a week ago and is sold every day."""
    poster.books.zone = ZONE
    bar, kitchen = poster.books.plant_storage("Бар"), poster.books.plant_storage("Кухня")
    spot = poster.books.plant_spot("Кафе на Ленина", [bar, kitchen])
    goods = [poster.books.plant_product(f"Вода №{number}", cost=3000) for number in range(6)]
    poster.books.plant_supply(bar, NOW - 7 * DAY, dict.fromkeys(goods, 100.0))
    for number in range(10):
        lines = [Sold(good, 2, 20000) for good in goods]
        poster.books.plant_sale(spot, NOW - number * DAY, *lines)
    return {"bar": bar, "kitchen": kitchen, "spot": spot, "goods": goods}


def test_a_healthy_cafe(poster_check, cafe):
    found = poster_check()
    assert found.problems == []
    assert found.one("shop.costs").args["count"] == 6
    assert found.one("shop.supplies").args["spots"] == 1
    assert {f.code for f in found.findings} == {
        "shop.reachable", "shop.signed-in", "shop.costs", "shop.supplies",
    }  # fmt: skip


def test_no_supply_for_days(poster_check, cafe):
    found = poster_check(no_supplies_days=5).one("shop.no-supplies")
    assert found.status == "warning"
    assert (found.args["spot"], found.args["storages"]) == ("Кафе на Ленина", "Бар, Кухня")
    assert found.args["last"] == "15.11.2026"
    assert found.args["sold"] == 6
    assert found.args["sum"] == "7 200.00"  # six days, six goods, 200 each


def test_none_as_far_as_was_looked(poster, poster_check, cafe):
    poster.switch("no-supplies", on=True)
    found = poster_check().one("shop.no-supplies")
    assert found.args["last"] == "shop.never"
    for lang in ("en", "ru"):
        told = describe(found, Catalog(lang))
        assert "90" in told.explanation
        assert "Кухня" in told.explanation
        assert "?" not in told.title + told.explanation


def test_a_supply_that_was_deleted_is_none(poster, poster_check, cafe):
    poster.books.plant_supply(cafe["bar"], NOW - DAY, {cafe["goods"][0]: 5.0}, deleted=True)
    assert "shop.no-supplies" in poster_check(no_supplies_days=5).problems


@pytest.mark.parametrize("target", ["bar", "kitchen"])
def test_a_transfer_is_a_supply_to_the_location(poster, poster_check, cafe, target):
    central = poster.books.plant_storage("Центральный")
    poster.books.plant_move(central, cafe[target], NOW - DAY)
    assert poster_check(no_supplies_days=5).problems == []


def test_a_supply_to_the_warehouse_of_another_location_is_none(poster, poster_check, cafe):
    other = poster.books.plant_storage("Другой")
    poster.books.plant_spot("Второе кафе", [other])
    poster.books.plant_supply(other, NOW - DAY, dict.fromkeys(cafe["goods"], 100.0))
    assert poster_check(no_supplies_days=5).one("shop.no-supplies").args["spot"] == "Кафе на Ленина"


def test_a_location_that_sells_nothing_is_not_judged(poster, poster_check, cafe):
    poster.books.plant_spot("Летняя веранда", [poster.books.plant_storage("Веранда")])
    assert poster_check().problems == []


def test_goods_below_zero_that_no_supply_brought(poster, poster_check, cafe):
    juices = [poster.books.plant_product(f"Сок №{number}", cost=2000) for number in range(4)]
    poster.books.plant_sale(cafe["spot"], NOW - DAY, *[Sold(juice, 1, 15000) for juice in juices])
    found = poster_check().one("shop.no-supplies")
    assert (found.args["count"], found.args["ground"]) == (4, "shop.ground-goods")
    assert found.args["goods"] == "Сок №0, Сок №1, Сок №2, Сок №3"
    assert poster_check(no_supplies_products=5).problems == []
    poster.books.plant_supply(cafe["bar"], NOW, dict.fromkeys(juices[:2], 0.5))
    assert poster_check().problems == []  # two of them came in: too few are left


def test_what_a_transfer_brought_is_not_known_so_nothing_is_told(poster, poster_check, cafe):
    juices = [poster.books.plant_product(f"Сок №{number}", cost=2000) for number in range(4)]
    poster.books.plant_sale(cafe["spot"], NOW - DAY, *[Sold(juice, 1, 15000) for juice in juices])
    poster.books.plant_move(cafe["kitchen"], cafe["bar"], NOW - DAY)
    assert poster_check().problems == []


def test_no_cost(poster, poster_check, cafe):
    free = poster.books.plant_product("Пакет")
    dish = poster.books.plant_product("Борщ", type_=DISH)
    poster.books.plant_sale(cafe["spot"], NOW - DAY, Sold(free, 10, 5000), Sold(dish, 2, 60000))
    found = poster_check().one("shop.cost-missing")
    assert (found.args["count"], found.args["goods"]) == (2, "Борщ, Пакет")
    assert found.args["sum"] == "650.00"
    left = poster_check(ignore_products=["пакет"]).one("shop.cost-missing")
    assert left.args["goods"] == "Борщ"
    assert "shop.cost-missing" not in poster_check(ignore_products=["Пакет", dish]).problems


def test_what_is_given_away_needs_no_cost(poster, poster_check, cafe):
    poster.books.plant_sale(cafe["spot"], NOW, Sold(poster.books.plant_product("Комплимент"), 3, 0))
    assert poster_check().problems == []


def test_ignored_locations(poster_check, cafe):
    assert poster_check(no_supplies_days=5, ignore_spots=["Кафе на Ленина"]).problems == []


def test_a_cost_that_depends_on_the_choice():
    line = Line("1", "", "Ланч", 2, 60000.0, cost=20000.0)
    menu = {"1": Product("1", "Ланч", 0.0, depends=True)}
    assert costless([line], menu) == []
    assert costless([line._replace(cost=None)], menu) == []  # cannot be told
    assert costless([line._replace(cost=0.0)], menu) == [line._replace(cost=0.0)]


def test_modifications_have_a_cost_of_their_own():
    menu = {"1": Product("1", "Чай", 500.0, modifications={"7": 0.0, "8": 900.0})}
    lines = [Line("1", "7", "Чай (0,5)", 1, 100.0, 0.0), Line("1", "8", "Чай (1,0)", 1, 100.0, 0.0)]
    assert [line.modification_id for line in costless(lines, menu)] == ["7"]


def test_the_cost_in_the_sales_agrees_with_the_samples_of_the_documentation():
    """Figures of the documented answers: cost of a piece 22.13 and 43.40."""
    rows = [
        {"product_id": "168", "count": "171.0000", "payed_sum": "7650000", "tax_sum": "72000",
         "product_profit": "7199716", "product_name": "a"},
        {"product_id": "169", "count": "168.0000", "payed_sum": "9185000", "tax_sum": "88000",
         "product_profit": "8367880", "product_name": "b"},
    ]  # fmt: skip
    costs = [line.cost / line.quantity for line in sales_of(rows)]
    assert costs == pytest.approx([2213, 4340], abs=1)


def test_deleted_goods_are_not_judged():
    assert counted([Line("1", "", "x", 1, 5.0, deleted=True), Line("2", "", "y", 0, 5.0)], frozenset()) == []


FAULTS = {
    "bad-token": ("shop.auth-failed", "fault"),
    "expired-token": ("shop.auth-failed", "fault"),
    "not-authorized": ("shop.rights-limited", "unknown"),
    "access-denied": ("shop.rights-limited", "unknown"),
    "rate-limited": ("shop.rate-limited", "unknown"),
    "unavailable": ("shop.maintenance", "unknown"),
    "server-error": ("shop.unreachable", "fault"),
    "not-json": ("shop.not-understood", "unknown"),
    "reset": ("shop.unreachable", "fault"),
    "never-ending": ("shop.unreachable", "fault"),
}


@pytest.mark.parametrize(("fault", "expected"), FAULTS.items())
def test_every_fault_of_the_connection_says_who_must_act(poster, poster_check, cafe, fault, expected):
    poster.switch(fault, on=True)
    found = poster_check()
    assert [(f.code, f.status.value) for f in found.findings] == [expected]
    assert describe(found.findings[0], Catalog("ru")).remedies[0].text


def test_a_later_question_that_is_refused_keeps_what_was_told(poster, poster_check, cafe):
    poster.switch("access-denied", on=True, operations="storage.*")
    found = poster_check()
    assert found.problems == ["shop.rights-limited"]
    assert found.one("shop.costs")
    assert found.one("shop.rights-limited").args["part"] == "shop.part-supplies"


def test_no_more_is_asked_than_needed(poster, poster_check, cafe):
    poster_check()
    assert poster.operations == [
        "access.getSpots", "dash.getProductsSales", "menu.getProducts", "storage.getSupplies",
        "storage.getMoves", "storage.getStorageLeftovers", "storage.getStorageLeftovers",
    ]  # fmt: skip


def test_the_token_is_in_no_error(poster, poster_api, clock):
    poster.switch("reset", on=True)
    api = poster_api()
    with pytest.raises(ServiceError) as error:
        api.get("access.getSpots", Deadline.after(5, clock))
    assert "lab-poster-token" not in str(error.value.args) + error.value.text
    address = f"https://joinposter.com/api/x?token={poster.token}"
    wire = ServiceError(Failure.RETRY, "connection", f"Max retries exceeded with url: {address}")
    assert "lab-poster-token" not in api._without_token(wire).text


@pytest.mark.parametrize("code", [10, 11, 12])
def test_an_error_in_an_answer_with_200_is_an_error(code):
    request = Request("GET", "https://x.example", "x", reads=True)
    for body in ({"error": {"code": code, "message": "m"}}, {"error": code, "message": "m"}):
        error = judge(request, Reply(200, {}, json.dumps(body).encode()))
        assert (error.failure, error.code, error.text) == (Failure.SIGN_IN, str(code), "m")
    assert judge(request, Reply(200, {}, b'{"response": [], "error": {"code": 0}}')) is None


def test_receipts_are_given_with_goods_and_history_page_by_page(poster, poster_api, cafe, clock):
    api, deadline = poster_api(), Deadline.after(60, clock)
    window = {"dateFrom": "20261001", "dateTo": "20261122"}
    rows = api.get(
        "dash.getTransactions", deadline, include_products="true", include_history="true", **window
    )
    assert len(rows) == 10
    assert rows[0]["products"][0]["product_cost"] == "3000"
    assert [row["type_history"] for row in rows[0]["history"]] == ["close", "open"]
    after = rows[3]["transaction_id"]
    assert (
        api.get("dash.getTransactions", deadline, next_tr=after, **window)[0]["transaction_id"]
        == (rows[4]["transaction_id"])
    )
    lines = api.get("dash.getTransactionProducts", deadline, transaction_id=after)
    assert sum(int(line["payed_sum"]) for line in lines) == 120000
