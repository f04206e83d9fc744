"""The connection check against the lab's UIS: every fault its own finding, with who must act."""

from __future__ import annotations

from datetime import timedelta

import pytest

from integrations.lab.day import make_day, plant
from integrations.lab.portal import document
from integrations.lab.uis.portal import TOKEN, UisPortal
from integrations.telephony.uis import delivery
from integrations.telephony.uis.check import UisCheck
from supportctl.catalog import Catalog
from supportctl.core.accounts import Uis

ADDRESS = "https://portal.example"
HEALTHY = [
    "telephony.reachable", "telephony.signed-in", "telephony.limits", "telephony.lines", "telephony.calls",
    "telephony.employees", "telephony.recordings", "telephony.notifications",
]  # fmt: skip
# fault -> finding, its status, who acts first
FAULTS = {
    "expired-token": ("telephony.key-expired", "fault", "administrator"),
    "blocked-token": ("telephony.key-blocked", "fault", "administrator"),
    "invalid-token": ("telephony.auth-failed", "fault", "second-line"),
    "ip-not-whitelisted": ("telephony.ip-not-allowed", "fault", "administrator"),
    "account-inactive": ("telephony.account-inactive", "fault", "shop-manager"),
    "forbidden": ("telephony.rights-missing", "fault", "administrator"),
    "component-disabled": ("telephony.component-missing", "fault", "administrator"),
    "tariff-restrictions": ("telephony.tariff-limit", "fault", "shop-manager"),
    "internal-error": ("telephony.system-error", "fault", "first-line"),
    "ok-with-error": ("telephony.refused", "fault", "second-line"),
    "day-limit": ("telephony.quota-low", "fault", "second-line"),
    "minute-limit": ("telephony.rate-limited", "unknown", "first-line"),
    "points-low": ("telephony.quota-low", "warning", "second-line"),
    "notifications-failing": ("telephony.notifications-failing", "fault", "second-line"),
    "recordings-late": ("telephony.recordings-late", "warning", "administrator"),
    "line-not-routed": ("telephony.line-not-routed", "warning", "administrator"),
    "employee-without-extension": ("telephony.employee-unmapped", "warning", "administrator"),
    "reset": ("telephony.unreachable", "fault", "first-line"),
    "lost-answer": ("telephony.unreachable", "fault", "first-line"),
    "never-ending": ("telephony.unreachable", "fault", "first-line"),
    "torn": ("telephony.unreachable", "fault", "first-line"),
    "not-json": ("telephony.not-understood", "unknown", "second-line"),
    "unavailable": ("telephony.system-error", "fault", "first-line"),
    "server-error": ("telephony.system-error", "fault", "first-line"),
}


@pytest.fixture
def portal(clock) -> UisPortal:
    portal = UisPortal(clock)
    plant(make_day(clock.now()), portal, None)
    return portal


@pytest.fixture
def findings(portal, around, session_to, findings_of):
    def run(**more):
        account = Uis(kind="uis", url=ADDRESS, token=TOKEN, **more)
        return findings_of(UisCheck(account, around, session_to(portal)))

    return run


def test_a_healthy_account(findings, portal):
    found = findings()
    assert found.codes == HEALTHY
    assert not found.problems
    assert len(portal.operations) <= 8
    assert found.of["telephony.signed-in"].args["account"] == portal.name


@pytest.mark.parametrize("fault", sorted(set(FAULTS)))
def test_every_fault_has_its_own_finding(findings, portal, fault):
    code, status, who = FAULTS[fault]
    portal.switch(fault, on=True)
    found = findings()
    assert found.problems == [code]
    finding = found.of[code]
    assert finding.status == status
    assert Catalog("en").facts(code).remedies[0].who == who
    assert finding.evidence
    assert finding.evidence[0].asked.startswith("get.")
    assert TOKEN not in repr(finding)


def test_every_own_fault_of_the_portal_is_looked_at(portal):
    assert set(portal.faults) - set(FAULTS) == {"slow"}


def test_a_slow_account_is_healthy(findings, portal):
    portal.switch("slow", on=True, times=2)
    assert not findings().problems


def test_an_option_for_the_log_alone_is_no_fault_of_the_calls(findings, portal):
    portal.switch("component-disabled", on=True, operations="get.reports_list")
    found = findings()
    assert found.problems == ["telephony.component-missing"]
    assert found.of["telephony.component-missing"].status == "unknown"
    assert "telephony.calls" in found.codes


def test_the_report_of_notifications_may_be_named(findings, portal):
    portal.switch("forbidden", on=True, operations="get.reports_list")
    assert not findings(notifications_report=77).problems


def test_failed_notifications_are_counted(findings, portal):
    portal.switch("notifications-failing", on=True)
    args = findings().of["telephony.notifications-failing"].args
    assert 3 <= args["failed"] < args["total"]
    assert args["kinds"].startswith("Сервер вернул ошибку 502 Bad Gateway (")
    assert args["recipient"] == "crm.example"  # never the path: a webhook carries its secret there
    assert args["since"] <= args["last"]


def test_single_failures_long_ago_are_a_warning():
    def row(number, error=""):
        return {
            "notification_error_message": error,
            "notification_send_date_time": f"2026-09-15 08:{number:02}:00",
        }

    rows = [row(number, "502" if number == 3 else "") for number in range(20)]
    log = delivery.summary(rows)
    assert (log.failed, log.total, log.is_failing) == (1, 20, False)
    assert delivery.summary([*rows, *(row(40 + n, "502") for n in range(3))]).is_failing
    assert delivery.summary(["nonsense", {}, {"notification_channel": {"value_id": "sms"}}]).failed == 0


def test_an_account_without_calls(clock, around, session_to, findings_of):
    portal = UisPortal(clock)
    check = UisCheck(Uis(kind="uis", url=ADDRESS, token=TOKEN), around, session_to(portal))
    assert findings_of(check).problems == ["telephony.no-recent-calls"]


def test_the_newest_call_is_old(clock, portal, findings):
    clock.advance(timedelta(days=3).total_seconds())
    found = findings()
    assert found.problems == ["telephony.no-recent-calls"]
    assert 70 < found.of["telephony.no-recent-calls"].args["hours"] < 100


def test_a_time_zone_that_nobody_knows(portal, findings):
    portal.answer = lambda *_: document({"result": {"data": [{"timezone": "Mars/Olympus"}]}})
    assert findings().problems == ["telephony.not-understood"]
