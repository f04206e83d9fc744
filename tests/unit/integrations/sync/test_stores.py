"""What goes into the stores comes out again, and phones keep apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.crm.reader import CrmCall
from integrations.sync.rules import Rules
from integrations.sync.spill import ROWS, Spill
from integrations.sync.stores import CallStore, PhoneKeys, RecordStore
from supportctl.core.call import Call, Rejected
from supportctl.core.sync_settings import SyncSettings

ZONES = [
    UTC, timezone(timedelta(hours=3)), timezone(timedelta(hours=-9, minutes=-30)), ZoneInfo("Europe/Berlin"),
    timezone(timedelta(minutes=1, microseconds=7)),
]  # fmt: skip
FIRST, LAST = datetime(1969, 1, 1), datetime(2200, 1, 1)  # noqa: DTZ001  the zone is drawn beside
moments = st.datetimes(FIRST, LAST, timezones=st.sampled_from(ZONES))
text = st.text(max_size=6)
phones = st.one_of(
    st.from_regex(r"\+?[0-9]{0,20}", fullmatch=True), text, st.sampled_from(["", "+", "٣", "1_0"])
)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | text,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(text, inner, max_size=2),
    max_leaves=4,
)
calls = st.builds(
    Call, text, text, st.sampled_from(["in", "out"]), moments, st.integers(0, 10**6), phones, st.booleans(),
    st.none() | st.integers(0, 999), text, text, st.none() | text, st.lists(text, max_size=2).map(tuple),
    st.none() | st.dictionaries(text, plain, max_size=2),
)  # fmt: skip
records = st.builds(
    CrmCall, text, moments, phones, st.sampled_from(["in", "out", ""]),
    text, st.none() | st.integers(0, 10**6),
    text, text, text, st.none() | st.booleans(), st.none() | text, st.none() | moments, st.none() | text,
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(st.lists(calls, max_size=5), st.integers(1, 3))
def test_calls_come_back_as_they_were(given_calls, times):
    many = (given_calls * (ROWS // 2))[: 3 * ROWS]
    store = CallStore(Rules(SyncSettings().exclude), PhoneKeys())
    for _ in range(times):  # a last block that is not full, and another after it
        store.take(many)
    assert [store.call(n) for n in range(len(store))] == many * times
    assert [store.call(n).started_at.tzinfo for n in range(len(store))] == [
        c.started_at.tzinfo for c in many
    ] * times
    store.close()


@settings(deadline=None, max_examples=60)
@given(st.lists(records, max_size=5))
def test_records_come_back_as_they_were(given_records):
    store = RecordStore(PhoneKeys())
    store.take(given_records * 20)
    assert [store.record(n) for n in range(len(store))] == given_records * 20
    store.close()


@given(st.lists(phones, min_size=1, max_size=8, unique=True), st.integers(0, 7))
def test_phones_keep_apart_whoever_stands_beside_them(some, place):
    keys = PhoneKeys()
    together = keys.take(some)
    assert len(set(together)) == len(some)
    assert [keys.take([phone])[0] for phone in some] == together
    assert all(-(2**63) <= key < 2**63 for key in together)


def test_rejected_lines_are_kept_apart(words):
    bad = Rejected(1, "telephony.bad-field", {})
    store = CallStore(Rules(()), PhoneKeys())
    store.take([bad, words.call("a", 0), bad])
    assert (len(store), store.rejected) == (1, [bad, bad])


def test_time_without_a_zone_is_refused(words):
    store = CallStore(Rules(()), PhoneKeys())
    with pytest.raises(ValueError, match="zone"):
        store.take([words.call("a", 0)._replace(started_at=datetime(2026, 9, 1))])  # noqa: DTZ001  that is the point


def test_rows_go_to_a_file_when_they_are_many():
    spill = Spill()
    rows = [(f"{n:0100}" * 10, n) for n in range(200 * ROWS)]
    for start in range(0, len(rows), ROWS):
        spill.append(tuple(zip(*rows[start : start + ROWS], strict=True)))
        assert tuple(spill.row(start // 2)) == rows[start // 2]  # read between the writing
    assert spill._file is not None
    assert [tuple(spill.row(n)) for n in range(0, len(rows), 777)] == rows[::777]
    spill.close()


def test_texts_with_the_mark_between_texts_survive():
    spill = Spill()
    spill.append((("a\0b", "c"), ("x", "x"), (None, "y")))
    assert [spill.row(n) for n in (0, 1)] == [["a\0b", "x", None], ["c", "x", "y"]]
