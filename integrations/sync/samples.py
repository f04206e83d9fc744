"""Samples of what both sides tell of the times: how the clocks differ, how near the times of pairs are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from integrations.sync.clock import LARGEST_S, Sighting
from integrations.sync.stores import REPEATED, SECOND

if TYPE_CHECKING:
    from array import array
    from collections.abc import Container, Mapping

    from integrations.sync.stores import CallStore, RecordStore

_SAMPLE = 20_000
_ENOUGH_IDS = 20
_MANY = 50  # a phone with more records than this says nothing about the clocks
_TIGHT_FROM = 50  # pairs that show how near the times are
_TIGHT_LEAST_S = 1.0


def sightings(
    calls: CallStore,
    records: RecordStore,
    by_id: Mapping[int, int],
    sharing: Container[int],
    of_call: array[int],
) -> list[Sighting]:
    """Return what a sample of the calls shows of the clocks: by their ids, else by their phones.

    `by_id` leads from an id to its call, `sharing` are the ids of several calls.
    """
    found = _by_id(calls, records, by_id, sharing)
    return found if len(found) >= _ENOUGH_IDS else _by_phone(calls, records, of_call)


def tight(residuals: array[float], tolerance: float) -> float | None:
    """Return how near the times of nearly all pairs are, if that is much nearer than the tolerance."""
    apart = sorted(map(abs, residuals[:: max(len(residuals) // _SAMPLE, 1)]))
    if len(apart) < _TIGHT_FROM:
        return None
    found = max(apart[math.ceil(len(apart) * 0.995) - 1], _TIGHT_LEAST_S * SECOND)
    return found if 4 * found <= tolerance else None


def _by_id(
    calls: CallStore, records: RecordStore, by_id: Mapping[int, int], sharing: Container[int]
) -> list[Sighting]:
    found = []
    for record in range(0, len(records), max(len(records) // _SAMPLE, 1)):
        number = by_id.get(records.id[record])
        if number is not None and records.id[record] not in sharing:
            at = calls.start[number]
            found.append(Sighting(at / SECOND, ((records.start[record] - at) / SECOND,)))
    return found


def _by_phone(calls: CallStore, records: RecordStore, of_call: array[int]) -> list[Sighting]:
    step = max(len(calls) // _SAMPLE, 1)
    sample = range(0, len(calls), step)
    of_phone: dict[int, list[float]] = {calls.phone[number]: [] for number in sample}
    get = of_phone.get
    for key, at in zip(records.phone, records.start, strict=True):
        times = get(key)
        if times is not None and len(times) <= _MANY:
            times.append(at)
    reach = LARGEST_S * SECOND
    found = []
    for number in sample:
        at, times = calls.start[number], of_phone[calls.phone[number]]
        if of_call[number] != REPEATED and len(times) <= _MANY:
            near = tuple((time - at) / SECOND for time in times if abs(time - at) <= reach)
            found.append(Sighting(at / SECOND, near))
    return found
