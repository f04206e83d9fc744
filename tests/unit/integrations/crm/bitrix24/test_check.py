"""The connection check: each fault of the portal is a finding that says who must act."""

from __future__ import annotations

import pytest
from bitrix24_lab import HOOK, START, URL, Lab, call_at

from integrations.crm.bitrix24.check import Bitrix24Check
from integrations.crm.reader import Employee
from integrations.lab.bitrix24.portal import Token
from probes.context import ProbeContext
from supportctl.catalog import Catalog
from supportctl.catalog.compose import describe
from supportctl.core.finding import Status
from supportctl.core.target import parse_target

QUESTIONS = [
    "crm.reachable", "crm.signed-in", "crm.scopes", "crm.employees", "crm.fallback", "crm.rights",
    "crm.lines", "crm.batch", "crm.limits",
]  # fmt: skip


def check(lab, *, account=None, seconds=25.0):
    """Return the findings of a check."""
    deadline = lab.deadline(seconds)
    context = ProbeContext(parse_target("https://acme.example"), deadline, lab.clock, opener=None)
    probe = Bitrix24Check(account or lab.account(), lab.surroundings(), lab.session)
    found = list(probe.run(context))
    assert {finding.code for finding in found} <= probe.codes
    for finding in found:
        for lang in ("en", "ru"):
            told = describe(finding, Catalog(lang))
            assert "?" not in told.title
            assert "{" not in told.title + told.explanation + told.summary
            if finding.status is not Status.OK:
                assert told.remedies
                assert told.hand_over_to
    return found


def problems(found):
    return [finding.code for finding in found if finding.status is not Status.OK]


@pytest.fixture
def shop(lab):
    """Return a portal with some calls of several people."""
    lab.plant(20)
    lab.plant(6, employee="1")
    return lab


def test_a_healthy_portal(shop):
    found = check(shop)
    assert [finding.code for finding in found] == QUESTIONS
    assert problems(found) == []


def test_it_only_reads(shop):
    before = shop.portal.state()
    check(shop)
    after = shop.portal.state()
    assert {key for key in before if before[key] != after[key]} == {"executed"}
    assert set(after["executed"]) == {
        "profile", "scope", "user.get", "voximplant.statistic.get", "telephony.externalline.get",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "codes"),
    [
        ("query-limit", ["crm.rate-limited"]),
        ("operation-limit", ["crm.operating-limit"]),
        ("expired-token", ["crm.token-expired"]),
        ("missing-scope", ["crm.scope-missing"]),
        ("access-denied", ["crm.plan-too-low"]),
        ("overload-blocked", ["crm.blocked"]),
        ("portal-deleted", ["crm.account-closed"]),
        ("wrong-auth-type", ["crm.app-context-needed"]),
        ("invalid-credentials", ["crm.webhook-invalid"]),
        ("no-method", ["crm.method-missing"]),
        ("internal-error", ["crm.internal-error"]),
        ("ok-with-error", ["crm.internal-error"]),
        ("broken-batch", ["crm.batch-failing"]),
        ("payment-required", ["crm.payment-required"]),
        ("restricted-rights", ["crm.rights-limited"]),
        ("no-statistics-right", ["crm.rights-missing"]),
        ("gateway", ["crm.internal-error"]),
        ("statistics-late", []),  # nobody can see that from here
        ("array-filter-ignored", []),  # the reader sees to that
        ("reset", ["crm.unreachable"]),
        ("never-ending", ["crm.unreachable"]),
        ("torn", ["crm.unreachable"]),
        ("lost-answer", ["crm.unreachable"]),
        ("not-json", ["crm.not-understood"]),
        ("unavailable", ["crm.internal-error"]),
        ("server-error", ["crm.internal-error"]),
        ("slow", []),
    ],
)
def test_each_fault_is_its_own_finding(shop, fault, codes):
    assert fault in shop.portal.faults
    shop.portal.switch(fault, on=True)
    assert problems(check(shop, seconds=60.0)) == codes


def test_every_fault_of_the_portal_is_tried():
    cases = next(m for m in test_each_fault_is_its_own_finding.pytestmark if m.name == "parametrize")
    assert {fault for fault, _ in cases.args[1]} == set(Lab().portal.faults)


def test_the_end_of_a_fault_is_seen(shop):
    shop.portal.switch("query-limit", on=True, times=1)
    assert problems(check(shop)) == []


def test_secrets_are_in_no_finding(shop):
    for fault in ("reset", "invalid-credentials", "not-json"):
        shop.portal.switch(fault, on=True)
        assert "labwebhook" not in repr(check(shop))
        shop.portal.switch(fault, on=False)


def test_a_token_that_is_not_known_and_one_that_is_missing():
    lab = Lab(rate=0, tokens={"abc": Token(1, "5")})
    assert problems(check(lab, account=lab.account(url=URL, token="wrong"))) == ["crm.auth-failed"]
    assert problems(check(lab, account=lab.account(url=URL))) == ["crm.webhook-invalid"]
    assert lab.portal.operations == ["profile"]  # without a key nothing is asked
    assert "crm.webhook-invalid" not in problems(check(lab, account=lab.account(url=URL, token="abc")))


def test_a_wrong_code_of_a_webhook(shop):
    account = shop.account(url=f"{URL}{HOOK[:-3]}xyz/")
    assert problems(check(shop, account=account)) == ["crm.webhook-invalid"]


@pytest.mark.parametrize(
    ("scopes", "missing", "status"),
    [
        (("telephony", "user"), "crm", Status.WARNING),
        (("telephony", "crm"), "user_basic", Status.WARNING),
        (("crm", "user_brief"), "telephony", Status.FAULT),
        ((), "telephony, crm, user_basic", Status.FAULT),
    ],
)
def test_scopes(shop, scopes, missing, status):
    shop.portal.scopes = scopes
    finding = next(finding for finding in check(shop) if finding.code == "crm.scope-missing")
    assert (finding.status, finding.args["scopes"]) == (status, missing)


@pytest.mark.parametrize(("fallback", "name"), [(5, "Petr Belov (5)"), (99, "99"), ("irina", "irina")])
def test_a_fallback_who_cannot_get_calls(shop, fallback, name):
    found = check(shop, account=shop.account(fallback_employee=fallback))
    finding = next(finding for finding in found if finding.code == "crm.user-inactive")
    assert (finding.status, finding.args["employee"]) == (Status.FAULT, name)


def test_employees_without_an_inner_number(shop):
    shop.portal.plant_employee(Employee("30", "Olga Kim", ""))
    shop.portal.plant_employee(Employee("31", "Gone Away", "", active=False))
    finding = next(finding for finding in check(shop) if finding.code == "crm.employee-unmapped")
    assert (finding.args["count"], finding.args["names"]) == (1, "Olga Kim")


def test_a_portal_where_nobody_has_an_inner_number_does_not_use_them():
    lab = Lab(rate=0)
    for number in (1, 17):
        lab.portal.plant_employee(Employee(str(number), "Somebody", ""))
    assert "crm.employee-unmapped" not in problems(check(lab))


def test_a_limited_right_is_a_suspicion_only_for_who_is_no_administrator(lab):
    lab.plant(8, employee="1")
    assert problems(check(lab)) == []
    lab.portal.store.users.rows[1].admin = False
    finding = next(finding for finding in check(lab) if finding.code == "crm.rights-limited")
    assert finding.status is Status.WARNING
    assert (finding.args["rows"], finding.args["others"]) == (8, 1)
    lab.plant(1, employee="17")
    assert problems(check(lab)) == []


def test_a_right_that_hides_everything_is_a_suspicion_too(lab):
    lab.plant(8, employee="17")
    lab.portal.switch("restricted-rights", on=True)
    assert problems(check(lab)) == ["crm.rights-limited"]


def test_a_line_that_calls_come_from_and_the_portal_does_not_know(shop):
    del shop.portal.store.lines["+78120000001"]
    finding = next(finding for finding in check(shop) if finding.code == "crm.line-missing")
    assert finding.args["lines"] == "+78120000001"


def test_lines_of_others_telephony_are_not_looked_for(lab):
    lab.portal.plant_call(call_at("a", START), employee="1")
    lab.portal.store.lines.clear()
    row = lab.portal.store.statistics.rows[1]
    row.call.call_id = "voximplant.1"
    assert problems(check(lab)) == []


def test_time_that_is_nearly_used_up(shop):
    shop.portal.operating.spend("user.get", 400.0)
    finding = next(finding for finding in check(shop) if finding.code == "crm.operating-limit")
    assert (finding.args["method"], finding.args["used"]) == ("user.get", 400.0)


def test_an_answer_of_another_shape(shop):
    shop.portal._methods["profile"] = lambda *_: ["not", "a", "profile"]
    assert problems(check(shop)) == ["crm.not-understood"]


def test_names_of_others_are_made_safe(shop):
    shop.portal.store.users.rows[1].name = "Eve\x1b[31m \u202eliA"
    for finding in check(shop):
        assert "\x1b" not in repr(finding.args.values())
        assert "\u202e" not in str(finding.args)
