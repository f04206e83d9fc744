"""Chains of calls and records by phone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from integrations.sync.phone_groups import Groups, Side

entries = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9).map(float)), max_size=12)


def by_phone(side):
    found = {}
    for number, (phone, _) in enumerate(side):
        found.setdefault(phone, []).append(number)
    return found


@given(entries, entries)
def test_members_of_each_phone_that_has_both(calls, records):
    groups = Groups(*(Side([p for p, _ in s], [t for _, t in s], range(len(s))) for s in (calls, records)))
    members = [groups.members(*pair) for pair in groups.first()]
    ours, theirs = by_phone(calls), by_phone(records)
    assert sorted(members) == sorted((ours[p], theirs[p]) for p in ours.keys() & theirs.keys())
    plain = set(groups.plain())
    assert plain.isdisjoint(groups.crooked())
    assert plain | set(groups.crooked()) == set(groups.first())
    for numbers, some in (groups.members(*pair) for pair in plain):
        assert [calls[n][1] for n in numbers] == sorted(calls[n][1] for n in numbers)
        assert [records[n][1] for n in some] == sorted(records[n][1] for n in some)
