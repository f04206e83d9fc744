"""Lines of calls as people send them, and short ways to read them."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from integrations.telephony.files.reading import read_calls
from integrations.telephony.files.record import Rules
from supportctl.core.call import Call, Rejected

MOSCOW = ZoneInfo("Europe/Moscow")
RULES = Rules("pbx", MOSCOW, "RU")
GOOD = {
    "call_id": "1788246123.17",
    "direction": "in",
    "started_at": "2026-09-01T10:02:03+03:00",
    "duration_s": 61,
    "contact_phone": "8 (916) 123-45-67",
    "answered": True,
}
BEGAN = datetime(2026, 9, 1, 7, 2, 3, tzinfo=UTC)
CALL = Call("1788246123.17", "pbx", "in", BEGAN, 61, "+79161234567", answered=True)
CSV = "call_id,direction,started_at,duration_s,contact_phone,answered\n"
ROW = "1788246123.17,in,2026-09-01T10:02:03+03:00,61,+79161234567,true\n"


def read(data, rules=RULES):
    """Return what a file gives."""
    return list(read_calls(io.BytesIO(data if isinstance(data, bytes) else data.encode()), "calls", rules))


def line(**changes):
    """Return a line of JSON; `...` leaves a field out."""
    record = {**GOOD, **changes}
    return json.dumps({name: value for name, value in record.items() if value is not ...}) + "\n"


def only(**changes):
    """Return what one line gives."""
    (found,) = read(line(**changes))
    return found


def reason(**changes):
    """Return why one line is rejected."""
    found = only(**changes)
    assert isinstance(found, Rejected)
    assert found.line == 1
    return found.reason


def call_of(found):
    """Return what was found, which is a call."""
    assert isinstance(found, Call), found
    return found
