"""The check of a MoySklad account against the lab's: what is wrong is told with names, once."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from shop_moments import NOW, ZONE

from integrations.lab.moysklad.limits import FAILING_LIMIT
from integrations.lab.moysklad.portal import LOGIN, PASSWORD, TOKEN, Login
from integrations.shop.moysklad.api import judge, sign_in_header, steady_rate, weight_of
from supportctl.catalog import Catalog
from supportctl.catalog.compose import describe
from supportctl.core.deadline import Deadline
from supportctl.core.failure import Failure, ServiceError


def night(day, hour, minute=0):
    return datetime(2026, 11, day, hour, minute, tzinfo=ZONE)


@pytest.fixture
def shop(moysklad):
    """A shop with two warehouses of one name: the till is linked to the empty one."""
    empty = moysklad.plant_store("Основной склад")
    full = moysklad.plant_store("Основной склад", address="Ленина, 1")
    point = moysklad.plant_point("Касса на Ленина", empty)
    goods = [moysklad.plant_goods(f"Чай №{number}", {full: 10.0, empty: -1.0}) for number in range(7)]
    moysklad.plant_goods("Распродано", {full: 0.0, empty: 0.0})
    return {"empty": empty, "full": full, "point": point, "goods": goods}


def test_an_empty_account_is_healthy(check):
    found = check()
    assert found.problems == []
    assert {f.code for f in found.findings} == {
        "shop.reachable", "shop.signed-in", "shop.rights", "shop.warehouses", "shop.documents",
    }  # fmt: skip


def test_the_mismatch_names_point_warehouses_and_goods(check, shop):
    found = check().one("shop.warehouse-mismatch")
    assert found.status == "fault"
    assert found.args["point"] == "Касса на Ленина"
    assert found.args["count"] == 7
    assert found.args["goods"].startswith("Чай №")
    assert found.args["goods"].endswith(", …")
    assert found.args["linked"] == f"Основной склад [{shop['empty'][:8]}]"
    assert found.args["other"] == f"Основной склад [{shop['full'][:8]}]"


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_its_words(check, shop, lang):
    told = describe(check().one("shop.warehouse-mismatch"), Catalog(lang))
    whole = " ".join((told.title, told.explanation, *(r.text for r in told.remedies)))
    assert "Чай №" in whole
    assert "?" not in told.title + told.explanation
    assert told.remedies[0].who == "shop-manager"


def test_the_right_link_is_fine(check, moysklad, shop):
    from integrations.lab.moysklad.books import Ref

    moysklad.books.change("retailstore", shop["point"], {"store": Ref("store", shop["full"])})
    assert "shop.warehouse-mismatch" not in check().problems


def test_transfers_from_there_are_the_shops_way(check, moysklad, shop):
    from integrations.lab.moysklad.books import Ref

    links = {"sourceStore": Ref("store", shop["full"]), "targetStore": Ref("store", shop["empty"])}
    moysklad.plant_document("move", NOW - timedelta(days=40), **links)
    assert check().of("shop.warehouse-mismatch")
    moysklad.plant_document("move", NOW - timedelta(days=3), **links)
    assert check().problems == []


def test_the_configuration_may_name_the_warehouse(check, moysklad, shop):
    moysklad.books.change("store", shop["full"], {"name": "Торговый зал"})
    assert check().of("shop.warehouse-mismatch")[0].status == "warning"  # a guess
    found = check(stores={"касса на Ленина": "торговый зал"}).one("shop.warehouse-mismatch")
    assert (found.status, found.args["why"]) == ("fault", "shop.because-configured")
    assert check(stores={"Касса на Ленина": shop["empty"]}).problems == []


def test_a_warehouse_in_the_archive(check, moysklad, shop):
    moysklad.books.change("store", shop["empty"], {"name": "Старый", "archived": True})
    assert check().one("shop.warehouse-mismatch").args["why"] == "shop.because-archived"


def test_no_more_is_asked_than_needed(check, moysklad, shop):
    check()
    assert moysklad.operations == [
        "context.employee", "entity.retailstore", "entity.store", "report.stock.bystore.current",
        "entity.move", "entity.assortment", "audit",
    ]  # fmt: skip


@pytest.fixture
def edits(moysklad):
    """Anna edits at night, Oleg long after, an integration and an import at night, too."""
    anna = moysklad.plant_user("anna@lab", "Анна Кузнецова", role="cashier")
    moysklad.plant_user("oleg@lab", "Олег Панов", role="admin")
    sale = moysklad.plant_document("retaildemand", night(20, 15), 120000.0)
    other = moysklad.plant_document("retaildemand", night(20, 16), 50000.0)
    moysklad.plant_edit("retaildemand", sale, night(20, 23, 30), "anna@lab", sum=90000.0)
    moysklad.plant_removal("retaildemand", other, night(21, 1, 10), "anna@lab", to_bin=False)
    old = moysklad.plant_document("supply", night(12, 10), 700000.0)
    moysklad.plant_edit("supply", old, night(19, 14), "oleg@lab", sum=800000.0)
    fresh = moysklad.plant_document("supply", night(19, 10))
    moysklad.plant_edit("supply", fresh, night(19, 15), "oleg@lab", sum=1.0)
    moysklad.plant_edit("supply", fresh, night(20, 3), LOGIN, source="remap-1.2", sum=2.0)
    moysklad.plant_edit("supply", fresh, night(20, 4), LOGIN, source="import", sum=3.0)
    return {"anna": anna, "sale": sale, "old": old, "fresh": fresh}


def test_a_night_and_an_old_document(check, edits):
    found = check()
    at_night, late = sorted(found.of("shop.document-edited-at-night"), key=lambda f: f.args["person"])
    assert at_night.args["person"] == "Анна Кузнецова"
    assert (at_night.args["changed"], at_night.args["removed"]) == (1, 1)
    assert (at_night.args["day"], at_night.args["first"], at_night.args["last"]) == (
        "20.11.2026",
        "23:30",
        "01:10",
    )
    assert at_night.args["sums"] == "170000 → 90000"
    assert (late.args["person"], late.args["span"]) == ("Олег Панов", "shop.long-after")
    assert late.args["day"] == "19.11.2026"
    assert edits["old"] in late.evidence[0].got
    assert found.one("shop.system-edits").args["sources"] == "import (1), remap-1.2 (1)"
    assert not found.of("shop.documents")


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_nobody_is_accused(check, edits, lang):
    for finding in check().of("shop.document-edited-at-night"):
        told = describe(finding, Catalog(lang))
        whole = " ".join(
            (told.title, told.summary, told.reassurance, told.explanation, told.remedies[0].text)
        ).lower()
        for word in (
            "theft",
            "steal",
            "fraud",
            "suspect",
            "guilty",
            "украл",
            "краж",
            "мошен",
            "подозр",
            "винов",
        ):
            assert word not in whole
        assert "?" not in told.title


def test_only_what_may_matter_is_read_from_the_audit(check, moysklad, edits):
    """Two contexts of the night; the history of one old document, of none that is fresh."""
    check()
    asked = [o for o in moysklad.operations if "audit" in o or o in {"entity.supply", "entity.retaildemand"}]
    assert asked == ["audit", "audit.events", "audit.events", "entity.supply", "entity.supply.audit"]


def test_hours_and_lateness_are_config(check, edits):
    quiet = check(night="02:00-05:00", late_edit_after="30d")
    assert not quiet.of("shop.document-edited-at-night")
    assert quiet.one("shop.documents").args["days"] == 7


def test_people_and_roles_are_config(check, edits):
    assert {
        f.args["person"] for f in check(ignore_users=["Анна Кузнецова"]).of("shop.document-edited-at-night")
    } == {"Олег Панов"}
    assert not check(ignore_users=["anna@lab", "OLEG@lab"]).of("shop.document-edited-at-night")
    found = check(watch_roles=["cashier"]).of("shop.document-edited-at-night")
    assert [f.args["person"] for f in found] == ["Анна Кузнецова"]


def test_a_document_in_the_bin_by_day_is_told_by_its_own_time(check, moysklad):
    for day, name in ((2, "old"), (21, "new")):
        document = moysklad.plant_document("demand", night(day, 10), name=name)
        moysklad.plant_removal("demand", document, night(21, 15), LOGIN)
    (found,) = check().of("shop.document-edited-at-night")
    assert found.args["documents"] == "demand old"


def test_what_was_only_printed_was_not_edited(check, moysklad):
    document = moysklad.plant_document("demand", night(20, 10))
    moysklad.plant_edit("demand", document, night(20, 23, 30), LOGIN, printed=True)
    assert check().problems == []


def test_many_contexts_are_paged(check, moysklad):
    document = moysklad.plant_document("demand", night(20, 10))
    for number in range(250):
        moysklad.plant_edit(
            "demand", document, night(20, 12) + timedelta(seconds=number), LOGIN, sum=float(number)
        )
    check()
    assert moysklad.operations.count("audit") == 3


def test_time_that_is_too_short_is_told(check, moysklad):
    document = moysklad.plant_document("demand", night(20, 10))
    for number in range(60):
        moysklad.plant_edit(
            "demand", document, night(20, 23) + timedelta(seconds=number), LOGIN, sum=float(number)
        )
    found = check(deadline_s=8.0)
    assert found.one("shop.document-edited-at-night").args["changed"] == 1  # what was read is kept
    assert found.one("shop.not-finished").status == "unknown"
    assert not found.of("shop.documents")


FAULTS = {
    "expired-token": ("shop.auth-failed", "fault"),
    "too-many-logins": ("shop.auth-failed", "fault"),
    "no-api-access": ("shop.blocked", "fault"),
    "plan-limited": ("shop.plan-limited", "unknown"),
    "rate-limited": ("shop.rate-limited", "unknown"),
    "parallel-limited": ("shop.rate-limited", "unknown"),
    "maintenance": ("shop.maintenance", "unknown"),
    "overloaded": ("shop.maintenance", "unknown"),
    "old-host": ("shop.wrong-address", "fault"),
    "unavailable": ("shop.maintenance", "unknown"),
    "server-error": ("shop.unreachable", "fault"),
    "not-json": ("shop.not-understood", "unknown"),
    "reset": ("shop.unreachable", "fault"),
    "never-ending": ("shop.unreachable", "fault"),
}


@pytest.mark.parametrize(("fault", "expected"), FAULTS.items())
def test_every_fault_of_the_connection_says_who_must_act(check, moysklad, shop, fault, expected):
    moysklad.switch(fault, on=True)
    found = check()
    assert [(f.code, f.status.value) for f in found.findings] == [expected]
    for lang in ("en", "ru"):
        told = describe(found.findings[0], Catalog(lang))
        assert told.remedies[0].text
        assert "?" not in told.title + told.explanation


@pytest.mark.parametrize("fault", ["rate-limited", "maintenance", "overloaded", "unavailable", "reset"])
def test_a_fault_that_passes_is_waited_for(check, moysklad, fault):
    moysklad.switch(fault, on=True, times=1)
    assert check(deadline_s=90.0).problems == ([] if fault != "rate-limited" else ["shop.rate-limited"])


def test_missing_rights_are_told_and_nothing_is_concluded_from_them(check, moysklad, shop, edits):
    moysklad.switch("narrow-rights", on=True)
    found = check()
    assert [f.args["part"] for f in found.of("shop.rights-limited")] == [
        "shop.part-warehouses",
        "shop.part-documents",
    ]
    assert found.one("shop.warehouses").because == "shop.rights-limited"
    assert found.one("shop.documents").because == "shop.rights-limited"
    assert set(found.problems) == {"shop.rights-limited"}


def test_a_part_that_is_refused_leaves_the_others(check, moysklad, edits):
    moysklad.switch("no-rights", on=True, operations="report.stock*")
    found = check()
    assert found.one("shop.rights-limited").args["part"] == "shop.part-warehouses"
    assert len(found.of("shop.document-edited-at-night")) == 2


def test_the_token_of_a_solution_tells_no_rights(check, moysklad):
    moysklad.tokens[TOKEN] = Login("app.vendor@lab", "solution")
    found = check(token_of="solution")
    assert found.problems == []
    assert found.one("shop.signed-in").args["user"] == "shop.a-solution"
    assert not found.of("shop.rights")


def test_login_and_password(moysklad, moysklad_api, clock):
    api = moysklad_api()
    api.http._session.headers["Authorization"] = sign_in_header(None, LOGIN, PASSWORD)
    assert api.get("context/employee", Deadline.after(5, clock))["uid"] == LOGIN


@pytest.mark.parametrize(
    ("day", "user", "draft"),
    [((2026, 5, 11), 1, 4), ((2026, 5, 13), 2, 4), ((2026, 9, 2), 3, 4), ((2026, 12, 2), 4, 4)],
)
def test_weights_of_2026(day, user, draft):
    now = datetime(*day, tzinfo=ZONE)
    assert (weight_of("user", now), weight_of("draft", now), weight_of("solution", now)) == (user, draft, 1)


@pytest.mark.parametrize("kind", ["user", "solution", "draft"])
def test_paging_uses_the_allowed_rate_and_never_earns_a_limit_error(moysklad, moysklad_api, clock, kind):
    """Two minutes of requests one after the other, on a wire that takes no time."""
    moysklad.tokens[TOKEN] = Login(LOGIN, kind)
    api = moysklad_api(token_of=kind)
    deadline = Deadline.after(120, clock)
    with pytest.raises(ServiceError, match="own-limit"):
        _ask_without_end(api, deadline)
    count = moysklad.operations.count("entity.store")
    allowed = 45 // weight_of(kind, NOW) * 40
    assert 0.95 * allowed <= count <= allowed + 1
    assert not moysklad.limits._counts


def _ask_without_end(api, deadline):
    while True:
        api.get("entity/store", deadline)


def test_heavy_reports_weigh_five(moysklad, moysklad_api, clock):
    api = moysklad_api(token_of="solution")
    moysklad.tokens[TOKEN] = Login(LOGIN, "solution")
    started = clock.monotonic()
    for _ in range(20):
        api.get("report/stock/bystore", Deadline.after(60, clock))
    assert clock.monotonic() - started == pytest.approx(19 * 5 / steady_rate(1), rel=0.01)


def test_when_others_empty_the_basket_we_wait_as_told(moysklad, moysklad_api, clock):
    api = moysklad_api()
    for _ in range(15):
        moysklad.limits.spend(LOGIN, "user", "/entity/store")  # another program of the same user
    rows = api.get("entity/store", Deadline.after(30, clock))["rows"]
    assert rows == []
    assert clock.monotonic() >= 3.0
    assert moysklad.operations.count("entity.store") == 2


def test_access_goes_off_after_too_many_failing_requests(moysklad, moysklad_api, clock):
    session = moysklad_api().http._session
    answers = [
        session.get("https://api.moysklad.ru/api/remap/1.2/entity/nothing", timeout=5).json()["errors"][0][
            "code"
        ]
        for _ in range(FAILING_LIMIT * 20)
        if clock.advance(0.28) is None
    ]
    assert 1061 in answers
    assert moysklad.limits.off == {LOGIN}


def test_a_list_without_an_end_ends(moysklad_api, moysklad, clock, monkeypatch):
    def endless(asked, operation):
        from integrations.lab.portal import document

        return document({"meta": {"size": 10**9}, "rows": [{"id": "x"}]})

    monkeypatch.setattr(moysklad, "answer", endless)
    api = moysklad_api(token_of="solution")
    with pytest.raises(ServiceError) as error:
        for _ in api.rows("entity/store", Deadline.after(10**6, clock)):
            pass
    assert (error.value.failure, error.value.code) == (Failure.DATA, "not-understood")


def test_an_error_in_an_answer_with_200_is_an_error():
    from integrations.http import Reply, Request

    request = Request("GET", "https://x.example", "x", reads=True)
    body = json.dumps({"errors": [{"error": "Ошибка аутентификации", "code": 1056}]}).encode()
    error = judge(request, Reply(200, {}, body), NOW)
    assert (error.failure, error.code) == (Failure.SIGN_IN, "1056")
    assert judge(request, Reply(200, {}, b"[]"), NOW) is None
