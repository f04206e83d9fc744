"""The rules of docs/contract.md "Default statuses" over every state that a register can tell."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.context import ProbeContext, ProbeSettings
from probes.devices.fiscal import errors, vendor_errors
from probes.devices.fiscal.judge import CODES, judge
from probes.devices.fiscal.state import (
    FiscalStorage,
    OperatorQueue,
    RegisterState,
    Shift,
    StoragePhase,
    VendorError,
)
from supportctl.catalog import Catalog
from supportctl.catalog.compose import describe
from supportctl.core.clock import FakeClock
from supportctl.core.deadline import Deadline
from supportctl.core.finding import Meaning, Status
from supportctl.core.target import parse_target

MOSCOW = timezone(timedelta(hours=3))
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
LOCAL = datetime(2026, 11, 22, 12, 0)  # noqa: DTZ001  what the register's own clock should show


def told(state, **expect):
    """Every finding about `state`, by code."""
    clock = FakeClock(NOW)
    context = ProbeContext(
        parse_target("shtrih+tcp://192.0.2.7"),
        Deadline.after(5, clock),
        clock,
        None,
        ProbeSettings(timezone=MOSCOW, expect=expect),
    )
    findings = list(judge(state, context))
    assert {f.code for f in findings} <= CODES
    by_code = {f.code: f for f in findings}
    assert len(by_code) == len(findings) or state.errors, "one finding a code"
    return by_code


def problems(state, **expect):
    return {c: f.status.value for c, f in told(state, **expect).items() if f.status is not Status.OK}


def state(**parts):
    return RegisterState(read_at=NOW, **parts)


HEALTHY = state(
    maker="ШТРИХ-М",
    clock=LOCAL,
    shift=Shift.OPEN,
    shift_number=57,
    paper_present=True,
    cover_open=False,
    cutter_error=False,
    mechanical_error=False,
    document_open=False,
    registered=True,
    storage=FiscalStorage("9960440300123456", StoragePhase.FISCAL, date(2027, 12, 31), memory_low=False),
    queue=OperatorQueue(unsent=0, transport_up=True),
)


def test_a_healthy_register_has_no_problem_and_every_question_is_answered():
    findings = told(HEALTHY)
    assert problems(HEALTHY) == {}
    assert set(findings) == {
        "fiscal.answers", "fiscal.shift", "fiscal.paper", "fiscal.cover", "fiscal.cutter", "fiscal.mechanism",
        "fiscal.clock", "fiscal.storage", "fiscal.storage-life", "fiscal.storage-memory", "fiscal.queue",
        "fiscal.transport", "fiscal.document", "fiscal.registration",
    }  # fmt: skip


def test_a_register_that_says_nothing_is_not_called_fine():
    assert set(told(state())) == {"fiscal.answers"}


@pytest.mark.parametrize(
    ("seconds", "status"),
    [(0, None), (119, None), (120, "warning"), (299, "warning"), (300, "fault"), (3600, "fault")],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_clock(seconds, status, sign):
    found = problems(state(clock=LOCAL + sign * timedelta(seconds=seconds)))
    assert found == ({"fiscal.clock-drift": status} if status else {})


def test_clock_says_which_way_and_how_far():
    finding = told(state(clock=LOCAL - timedelta(minutes=7)))["fiscal.clock-drift"]
    assert finding.args["minutes"] == 7
    assert finding.args["direction"] == Meaning("fiscal.clock-slow")
    assert "отстают на 7 мин" in describe(finding, Catalog("ru")).explanation
    assert "7 min slow" in describe(finding, Catalog("en")).explanation


def test_the_clock_is_compared_in_the_zone_of_the_shop():
    assert problems(state(clock=LOCAL)) == {}
    assert problems(state(clock=LOCAL - timedelta(hours=3))) == {"fiscal.clock-drift": "fault"}


@pytest.mark.parametrize(
    ("days", "code", "status"),
    [
        (31, None, None),
        (30, "fiscal.fn-expiring", "warning"),
        (4, "fiscal.fn-expiring", "warning"),
        (3, "fiscal.fn-expiring", "fault"),
        (0, "fiscal.fn-expiring", "fault"),  # its last day is still a day
        (-1, "fiscal.fn-expired", "fault"),
    ],
)
def test_storage_life(days, code, status):
    storage = FiscalStorage(phase=StoragePhase.FISCAL, expires=LOCAL.date() + timedelta(days=days))
    assert problems(state(storage=storage)) == ({code: status} if code else {})


@pytest.mark.parametrize(("within", "status"), [(3, "fault"), (30, "warning")])
def test_the_storages_own_warning_counts_without_a_date_and_before_it(within, status):
    for expires in (None, date(2028, 1, 1)):
        storage = FiscalStorage(phase=StoragePhase.FISCAL, expires=expires, expires_within=within)
        assert problems(state(storage=storage)) == {"fiscal.fn-expiring": status}


def test_only_an_expired_storage_stops_sales():
    catalog = Catalog("en")
    for days, stops in ((2, False), (-1, True)):
        storage = FiscalStorage(phase=StoragePhase.FISCAL, expires=LOCAL.date() + timedelta(days=days))
        found = [describe(f, catalog) for f in told(state(storage=storage)).values()]
        assert any(f.stops_sales for f in found) is stops


@pytest.mark.parametrize(
    ("age", "code", "status"),
    [
        (timedelta(hours=24), None, None),
        (timedelta(hours=25), "fiscal.ofd-queue", "warning"),
        (timedelta(days=25), "fiscal.ofd-queue", "warning"),
        (timedelta(days=25, hours=1), "fiscal.ofd-queue-old", "warning"),
        (timedelta(days=30), "fiscal.ofd-queue-old", "warning"),
        (timedelta(days=30, hours=1), "fiscal.ofd-blocked", "fault"),
    ],
)
def test_queue(age, code, status):
    queue = OperatorQueue(unsent=37, first_number=4675, first_at=LOCAL - age)
    assert problems(state(queue=queue)) == ({code: status} if code else {})


def test_queue_tells_the_days_that_are_left():
    queue = OperatorQueue(unsent=37, first_number=4675, first_at=LOCAL - timedelta(days=12, hours=1))
    args = told(state(queue=queue))["fiscal.ofd-queue"].args
    assert (args["unsent"], args["first"], args["days"], args["left"]) == (37, 4675, 12, 17)
    assert args["since"] == "2026-11-10"


def test_another_countrys_queue_locks_after_its_own_time():
    day = timedelta(days=1)
    for hours, code in ((6, None), (13, "ofd-queue"), (21, "ofd-queue-old"), (25, "ofd-blocked")):
        queue = OperatorQueue(unsent=1, first_at=LOCAL - timedelta(hours=hours), lock_after=day)
        assert set(problems(state(queue=queue))) == ({f"fiscal.{code}"} if code else set())


def test_the_registers_word_counts_where_no_time_is_known():
    assert problems(state(queue=OperatorQueue(unsent=5))) == {}
    overdue = FiscalStorage(phase=StoragePhase.FISCAL, operator_overdue=True)
    assert problems(state(queue=OperatorQueue(unsent=5), storage=overdue)) == {"fiscal.ofd-queue": "warning"}
    assert problems(state(storage=overdue)) == {"fiscal.ofd-queue": "warning"}
    assert problems(state(queue=OperatorQueue(unsent=0), storage=overdue)) == {}
    assert problems(state(queue=OperatorQueue(locked=True))) == {"fiscal.ofd-blocked": "fault"}


def test_a_transport_that_rests_is_no_fault_while_nothing_waits():
    assert problems(state(queue=OperatorQueue(unsent=0, transport_up=False))) == {}
    waiting = OperatorQueue(unsent=2, transport_up=False, error_text="no route\x1b[2J")
    finding = told(state(queue=waiting))["fiscal.ofd-unreachable"]
    assert finding.status is Status.WARNING
    assert finding.args["said"] == "no route\\x1b[2J"


def test_shift():
    assert problems(state(shift=Shift.EXPIRED)) == {"fiscal.shift-over-24h": "fault"}
    assert problems(state(shift=Shift.OPEN), shift="open") == {}
    closed = state(shift=Shift.CLOSED)
    assert problems(closed) == {}
    assert told(closed)["fiscal.shift-closed"].status is Status.OK
    assert problems(closed, shift="closed") == {}
    assert problems(closed, shift="open") == {"fiscal.shift-closed": "warning"}


@pytest.mark.parametrize("phase", [StoragePhase.SETUP, StoragePhase.READY])
def test_a_new_storage_is_one_finding_whatever_else_it_says(phase):
    storage = FiscalStorage(phase=phase, expires=date(2020, 1, 1))
    assert problems(state(storage=storage, registered=False)) == {"fiscal.fn-not-fiscalised": "fault"}


@pytest.mark.parametrize("phase", [StoragePhase.CLOSED_SENDING, StoragePhase.ARCHIVE_CLOSED])
def test_a_closed_archive_does_not_expire(phase):
    storage = FiscalStorage(phase=phase, expires=date(2020, 1, 1))
    assert problems(state(storage=storage)) == {"fiscal.fn-archive-closed": "fault"}


def test_a_broken_storage_is_not_believed():
    storage = FiscalStorage(phase=StoragePhase.READY, critical=True, memory_full=True)
    assert problems(state(storage=storage)) == {"fiscal.fn-fault": "fault"}


@pytest.mark.parametrize(
    ("parts", "code", "status"),
    [
        ({"paper_present": False, "paper_near_end": True}, "paper-out", "fault"),
        ({"paper_present": True, "paper_near_end": True}, "paper-near-end", "warning"),
        ({"cover_open": True}, "cover-open", "fault"),
        ({"cutter_error": True}, "cutter-error", "fault"),
        ({"mechanical_error": True}, "mechanical-error", "fault"),
        ({"overheated": True}, "overheated", "fault"),
        ({"waits_for_continue": True}, "continue-print", "fault"),
        ({"document_open": True}, "document-open", "warning"),
        ({"registered": False}, "not-registered", "fault"),
        ({"locked": "fiscal.no-reason"}, "blocked", "fault"),
        ({"battery_low": True}, "battery-low", "warning"),
        ({"storage": FiscalStorage(memory_low=True)}, "fn-memory-low", "warning"),
        ({"storage": FiscalStorage(memory_low=True, memory_full=True)}, "fn-memory-full", "fault"),
    ],
)
def test_one_fact_one_finding(parts, code, status):
    assert problems(state(**parts)) == {f"fiscal.{code}": status}


def test_the_drawer_is_told_only_where_it_is_expected_closed():
    assert problems(state(drawer_open=True)) == {}
    assert problems(state(drawer_open=True), drawer="closed") == {"fiscal.drawer-open": "warning"}
    assert "fiscal.drawer" in told(state(drawer_open=False), drawer="closed")


# A table of our own, so that the rules do not depend on a maker's.
ROWS = {
    0x4E: errors.ErrorFacts("fiscal.shift-over-24h", False, "cashier", Meaning("x.a"), Meaning("x.a-do")),
    0x11: errors.ErrorFacts("fiscal.ofd-queue", True, "first-line", Meaning("x.b"), Meaning("x.b-do")),
    0x4F: errors.ErrorFacts("fiscal.wrong-password", True, "cashier", Meaning("x.c"), Meaning("x.c-do")),
    0x46: errors.ErrorFacts(None, True, "cashier", Meaning("x.d"), Meaning("x.d-do")),
    0x74: errors.ErrorFacts(None, False, "vendor-engineer", Meaning("x.e"), Meaning("x.e-do")),
    0x3D: errors.ErrorFacts("fiscal.shift-closed", True, "cashier", Meaning("x.f"), Meaning("x.f-do")),
}  # fmt: skip


class TestVendorErrors:
    """What becomes of the rows of a vendor's table."""

    @pytest.fixture(autouse=True)
    def _table(self, monkeypatch):
        monkeypatch.setattr(vendor_errors, "look_up", lambda _table, number: ROWS.get(number))
        monkeypatch.setattr(vendor_errors, "shown", lambda _table, number: f"{number:02x}")

    @staticmethod
    def of(*numbers, **parts):
        return state(errors=tuple(VendorError("x", number, "10h") for number in numbers), **parts)

    def test_an_error_with_a_code_is_that_finding(self):
        assert problems(self.of(0x4E)) == {"fiscal.shift-over-24h": "fault"}
        assert problems(self.of(0x4F)) == {"fiscal.wrong-password": "unknown"}
        assert problems(self.of(0x3D)) == {}

    def test_what_the_state_has_said_is_not_said_twice(self):
        assert len(told(self.of(0x4E, shift=Shift.EXPIRED))) == 2
        queue = OperatorQueue(unsent=1, first_at=LOCAL - timedelta(days=31))
        assert problems(self.of(0x11, queue=queue)) == {"fiscal.ofd-blocked": "fault"}
        assert "fiscal.shift-closed" not in told(self.of(0x3D, shift=Shift.EXPIRED))

    def test_a_row_without_a_code_is_told_in_the_vendors_words(self):
        may, stops = (told(self.of(number))["fiscal.device-error"] for number in (0x46, 0x74))
        assert (may.status, may.stops_sales) == (Status.WARNING, False)
        assert (stops.status, stops.stops_sales) == (Status.FAULT, True)
        assert (stops.args["number"], stops.args["says"], stops.args["who"]) == (
            "74",
            "x.e",
            "vendor-engineer",
        )
        assert describe(stops, Catalog("ru")).remedies[0].who == "vendor-engineer"

    def test_a_number_that_no_table_has_is_unknown(self):
        finding = told(self.of(0xEE))["fiscal.device-error"]
        assert (finding.status, finding.args["number"]) == (Status.UNKNOWN, "ee")

    def test_the_same_error_from_two_commands_is_one_finding(self):
        clock = FakeClock(NOW)
        context = ProbeContext(parse_target("shtrih+tcp://192.0.2.7"), Deadline.after(5, clock), clock, None)
        assert len(list(judge(self.of(0x46, 0x46, 0x46), context))) == 2

    def test_what_is_known_is_in_the_words_of_an_error(self):
        known = told(self.of(0x11, queue=OperatorQueue(unsent=9)))
        assert known["fiscal.ofd-queue"].args["unsent"] == 9


MAYBE = st.sampled_from([None, True, False])
ERRORS = st.builds(VendorError, st.sampled_from(errors.tables()), st.integers(0, 255), st.just("10h"))
STATES = st.builds(
    RegisterState,
    read_at=st.just(NOW),
    clock=st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)),  # noqa: DTZ001
    shift=st.sampled_from([None, *Shift]),
    paper_present=MAYBE,
    paper_near_end=MAYBE,
    cover_open=MAYBE,
    cutter_error=MAYBE,
    mechanical_error=MAYBE,
    overheated=MAYBE,
    drawer_open=MAYBE,
    document_open=MAYBE,
    waits_for_continue=MAYBE,
    registered=MAYBE,
    locked=st.sampled_from([None, "fiscal.no-reason"]),
    battery_low=MAYBE,
    storage=st.builds(
        FiscalStorage,
        phase=st.sampled_from([None, *StoragePhase]),
        expires=st.none() | st.dates(),
        expires_within=st.sampled_from([None, 3, 30]),
        memory_low=MAYBE,
        memory_full=MAYBE,
        critical=MAYBE,
        operator_overdue=MAYBE,
    ),
    queue=st.builds(
        OperatorQueue,
        unsent=st.none() | st.integers(0, 65535),
        first_at=st.none() | st.datetimes(),
        transport_up=MAYBE,
        error_text=st.none() | st.text(st.characters(exclude_characters="{}")),
        locked=MAYBE,
    ),
    errors=st.lists(ERRORS),
)


@given(STATES)
def test_any_state_is_judged_in_words(some):
    """Whatever a register says: allowed statuses, texts in both languages, no argument left out."""
    for finding in told(some, drawer="closed", shift="open").values():
        facts = None if finding.status is Status.OK else Catalog("en").facts(finding.code)
        assert facts is None or finding.status.value in facts.statuses
        for lang in ("en", "ru"):
            reported = describe(finding, Catalog(lang))
            assert reported.title
            assert "{" not in reported.title + reported.explanation


@pytest.mark.parametrize(
    ("firmware", "expected", "old"),
    [
        ("5.8.14", "5.8.100", True),
        ("5.8.100", "5.8.14", False),
        ("C.3 b664", "C.3 b664", False),
        (None, "1", False),
    ],
)
def test_old_firmware_is_told_only_where_the_configuration_asks(firmware, expected, old):
    found = told(state(firmware=firmware), firmware=expected)
    assert ("fiscal.firmware-old" in found) is old
    assert "fiscal.firmware-old" not in told(state(firmware=firmware))
