"""Whatever stands in a record, it is a sound call or a rejected line."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from asterisk_records import COLUMNS, DAY, MOSCOW, row
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from integrations.telephony.asterisk.columns import MASTER
from integrations.telephony.asterisk.leg import Leg, LegReader, RecordError
from integrations.telephony.asterisk.local_time import LocalTime
from supportctl.core.call import Rejected
from supportctl.core.text import clean

NAMES = (*MASTER, *COLUMNS["all"])
anything = (
    st.none()
    | st.text()
    | st.binary()
    | st.integers()
    | st.floats()
    | st.booleans()
    | st.decimals()
    | st.datetimes()
    | st.datetimes(timezones=st.timezones())
    | st.just("2026-09-01 10:00:00")
    | st.just("ANSWERED")
    | st.sampled_from(
        ["9" * 5000, "Local/\u202e@x;1", "PJSIP/" + "a-" * 500, Decimal("1e999999"), b"\xff" * 3000]
    )
)


@given(st.lists(anything, min_size=len(NAMES), max_size=len(NAMES)))
@example([datetime.max.replace(tzinfo=UTC)] * len(NAMES))
@example([datetime.min.replace(tzinfo=UTC)] * len(NAMES))
@example([Decimal("NaN")] * len(NAMES))
@example([timedelta(seconds=5)] * len(NAMES))
@example([10**5000] * len(NAMES))
@example([Decimal("sNaN")] * len(NAMES))
def test_whatever_a_database_gives(values):
    reader = LegReader(NAMES, LocalTime(MOSCOW))
    good = row("10:00:00")
    for place, name in enumerate(NAMES):
        record = [good[each] for each in NAMES]
        record[place] = values[place]
        _read(reader, record)
        record = list(values)
        record[NAMES.index("start")] = good["start"]
        record[place] = good[name]
        _read(reader, record)


def _read(reader, record):
    try:
        leg = reader.read(record)
    except RecordError as error:
        shown = [*error.args_by_name.values()]
        leg = None
    if leg is None:
        assert all(clean(text) == text for text in shown)
        return
    assert isinstance(leg, Leg)
    assert leg.start <= leg.end
    assert leg.answer is None or leg.start <= leg.answer
    assert clean(leg.key) == leg.key


USUAL = (
    "", "101", "+79161234567", "s", "*97", "PJSIP/101-0000002a", "Local/101@q-0000001;1", "ANSWERED", "Queue",
    "VoiceMail", "from-trunk", "2026-09-01 10:00:00", "2026-09-01 10:00:30", "0", "60", "-5", "1788246000.1",
    "x" * 900, "\u202e",
)  # fmt: skip
texts = st.text(max_size=30) | st.sampled_from(USUAL)
records = st.lists(st.lists(texts, min_size=21, max_size=21), max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records)
def test_whatever_a_file_holds(read, rows):
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    for values in rows:
        record = [*values]
        record[9] = "2026-09-01 10:00:00"
        record[12:14] = ["65", "60"]
        writer.writerow(record)
    calls, rejected = read(
        out.getvalue().encode("utf-8", "surrogatepass"),
        since=DAY - timedelta(days=1),
        until=DAY + timedelta(days=2),
        trunks=["mts*"],
        outside_prefix="9",
        recordings="/rec",
    )
    assert len(calls) + len(rejected) <= sum("".join(record).count("\n") + 1 for record in rows)
    for call in calls:
        assert call.started_at.utcoffset() is not None
        assert call.duration_s >= 0
        assert call.wait_s >= 0
        shown = (call.call_id, call.contact_phone, call.line, call.employee, *call.tags)
        assert all(clean(text, 2000) == text for text in shown), shown
        assert call.call_id
        json.dumps(call.document(), allow_nan=False)
    for line in rejected:
        assert isinstance(line, Rejected)
        assert all(clean(text, 2000) == text for text in line.args.values())
