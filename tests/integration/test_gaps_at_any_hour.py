"""The lab's day, compared over sockets at any moment: what was planted and no more, whenever one asks.

The lab makes its day from the moment at which it is opened. A gap that can be planted at ten and not be found
at noon is a fault of one of both sides, and nobody who looks once a day would ever see it.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from integrations.lab.house import PortalHouse, Wanted
from supportctl.app.sync import SyncRequest, run_sync
from supportctl.core.clock import SystemClock

PAIR = (Wanted("pbx", "uis", "telephony"), Wanted("acme", "bitrix24", "crm"))
MIDNIGHT = datetime(2026, 11, 22, tzinfo=UTC)
DAY_S = 24 * 3600


class Moved(SystemClock):
    """The clock of this computer, as it would go at another moment."""

    def __init__(self, start):
        self._by = start - super().now()

    def now(self):
        return super().now() + self._by


@pytest.mark.parametrize("zone", [UTC, ZoneInfo("Asia/Vladivostok")], ids=str)
@pytest.mark.parametrize("day", ["gaps", "gaps-clock"])
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(second=st.integers(0, DAY_S - 1), verify=st.booleans())
@example(second=71_040, verify=False)  # a caller with a short number was taken for one who has no card
def test_what_was_planted_and_no_more(tmp_path, day, zone, second, verify):
    clock = Moved(MIDNIGHT + timedelta(seconds=second))
    with PortalHouse(PAIR, day=day, clock=clock, zone=zone) as house:
        file = tmp_path / "supportctl.yaml"
        site = {"id": "lab", "phone_region": "RU", "timezone": str(zone)}
        file.write_text(json.dumps({"site": site, **house.sections()}), encoding="utf-8")
        request = SyncRequest(since="24h", verify_recordings=verify, config=file)
        with run_sync(request, clock=clock) as report:
            found = {(gap.code, gap.call.call_id) for gap in report.result.gaps if gap.call}
            phantoms = [gap for gap in report.result.gaps if gap.call is None]
    planted = house.day.expected(verify_recordings=verify)
    expected = {tuple(gap) for gap in planted if gap.code != "sync.phantom-call"}
    assert (found - expected, expected - found) == (set(), set()), clock.now()
    assert len(phantoms) == sum(gap.code == "sync.phantom-call" for gap in planted)
