"""The pairing of one phone's calls and records, beside every pairing that there is."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.sync.group import Times, link_group

TOLERANCE = 60.0


def times(calls, records):
    return Times(
        [at for at, _ in calls],
        [at for at, _ in records],
        lambda number: calls[number][1],
        lambda number: records[number][1],
        lambda call, record: abs(calls[call][0] - records[record][0]),
    )


def all_pairings(known, calls, records):
    """Every largest set of pairs."""
    best, size = [], 0
    padded = [*range(len(records)), *[None] * len(calls)]
    for chosen in set(permutations(padded, len(calls))):
        pairs = frozenset((c, r) for c, r in enumerate(chosen) if r is not None)
        if len(pairs) >= size and all(known.fits(c, r, TOLERANCE) for c, r in pairs):
            if len(pairs) > size:
                best, size = [], len(pairs)
            best.append(pairs)
    return best


def side(ways):
    return st.lists(st.tuples(st.integers(0, 240).map(float), st.sampled_from(ways)), max_size=4).map(sorted)


@settings(max_examples=250, deadline=None)
@given(calls=side((1, 2)), records=side((0, 1, 2)))
def test_as_many_pairs_as_there_can_be_and_no_guess(calls, records):
    known = times(calls, records)
    links = link_group(range(len(calls)), range(len(records)), known, TOLERANCE, None)
    possible = all_pairings(known, calls, records)
    unsure = {call for one in links.ambiguous for call in one.calls}
    used = {record for one in links.ambiguous for record in one.records}
    paired = dict(links.pairs)
    assert len(links.pairs) == len(paired) == len(set(paired.values()))
    assert not unsure & set(paired)
    assert not used & set(paired.values())
    assert all(known.fits(c, r, TOLERANCE) for c, r in links.pairs)
    # as many as can be: ambiguous records are all somebody's
    assert len(paired) + len(used) == len(possible[0])
    for call in range(len(calls)):
        always = all(any(c == call for c, _ in pairs) for pairs in possible)
        never = not any(c == call for pairs in possible for c, _ in pairs)
        assert (call in paired) is always
        assert (call in unsure) is (not always and not never)


def test_pairing_of_a_whole_set_is_the_cheapest():
    calls, records = [(0.0, 1), (10.0, 1)], [(0.0, 1), (10.0, 1)]
    crossed = times(calls, records)._replace(cost=lambda call, record: float(call == record))
    assert sorted(link_group([0, 1], [0, 1], crossed, TOLERANCE, None).pairs) == [(0, 1), (1, 0)]


def test_many_calls_in_one_minute_stay_quick():
    """A phone in every call of a file without phones: thousands within reach of each other."""
    calls = [(n / 50, 1) for n in range(20_000)]
    records = [(n / 50, 1) for n in range(20_000) if n % 100]
    known = times(calls, records)
    links = link_group(range(len(calls)), range(len(records)), known, TOLERANCE, None)
    assert len(links.ambiguous[0].calls) == 20_000
    whole = link_group(range(len(calls)), range(len(calls)), times(calls, calls), TOLERANCE, None)
    assert len(whole.pairs) == 20_000


def test_tight_times_settle_what_is_whole():
    calls, records = [(0.0, 1), (30.0, 1)], [(31.0, 1)]
    assert link_group([0, 1], [0], times(calls, records), TOLERANCE, None).pairs == []
    assert link_group([0, 1], [0], times(calls, records), TOLERANCE, 1.0).pairs == [(1, 0)]
    near = [(29.0, 1), (30.0, 1)]  # both within the steadiness of the times: nobody knows
    assert link_group([0, 1], [0], times(near, records), TOLERANCE, 1.0).pairs == []
