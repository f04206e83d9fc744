"""Calls and records in a few words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from integrations.crm.reader import CrmCall, Employee
from integrations.sync.compare import Comparison
from integrations.sync.model import Window
from supportctl.core.call import Call
from supportctl.core.sync_settings import SyncSettings

DAY = datetime(2026, 9, 1, tzinfo=UTC)
WINDOW = Window(DAY, DAY + timedelta(days=1))
NOW = DAY + timedelta(days=2)
EMPLOYEES = (
    Employee("7", "Anna", "101"),
    Employee("9", "Oleg", "102"),
    Employee("21", "Pyotr", "106", active=False),
)
PHONE = "+79161234567"


def at(seconds):
    return DAY + timedelta(seconds=seconds)


def call(name, seconds, phone=PHONE, **other):
    known = {"direction": "in", "duration_s": 60, "answered": True, "employee": "101", "wait_s": 5}
    return Call(name, "pbx", started_at=at(seconds), contact_phone=phone, **{**known, **other})


def record(name, seconds, phone=PHONE, **other):
    known = {
        "direction": "in", "duration_s": 60, "employee": "7", "contact": "CONTACT:1", "recording": True,
        "created_at": at(seconds + 80),
    }  # fmt: skip
    return CrmCall(name, at(seconds), phone, **{**known, **other})


def settings(**changed):
    return SyncSettings.model_validate(changed)


def compared(calls, records, *, window=WINDOW, now=NOW, employees=EMPLOYEES, config=None, **reading):
    """Return the result with its gaps made, and every call as it was settled."""
    settled = []
    with Comparison(window, config or SyncSettings(), now, employees=employees, **reading) as comparison:
        comparison.take_calls(calls)
        comparison.take_records(records)
        result = comparison.result(on_settled=settled.append)
        return SimpleNamespace(
            result=result._replace(gaps=tuple(result.gaps)),
            settled=settled,
            told=told(result),
            clock=result.clock,
        )


def told(result):
    """Return the gaps as a sorted list of (code without area, whose)."""
    return sorted(
        (gap.code.partition(".")[2], gap.call.call_id if gap.call else gap.crm.record_id)
        for gap in result.gaps
    )


@pytest.fixture(scope="session")
def words():
    return SimpleNamespace(
        at=at, call=call, record=record, settings=settings, compared=compared, told=told, PHONE=PHONE,
        DAY=DAY,
        WINDOW=WINDOW,
        NOW=NOW, EMPLOYEES=EMPLOYEES,
    )  # fmt: skip
