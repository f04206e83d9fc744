"""What a history must end with: each accepted call is at its portal once, or in an escalation."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from resend.ledger.escalations import OPEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulation import World


def judge(world: World) -> list[str]:
    """Return what is wrong, in words; nothing where the invariant holds."""
    wrong = list(world.wrong)
    for name in world.sites:
        wrong += [f"{name}: {each}" for each in _lane(world, name)]
    wrong += _office(world)
    counted, rows = world.ledger.counted(), world.ledger.states()
    if counted != rows:
        wrong.append(f"counts {counted} are not those of the rows {rows}")
    return wrong


def _lane(world: World, name: str) -> Iterator[str]:
    site, deliveries = world.sites[name], world.ledger.rows(name)
    if set(deliveries) != set(world.calls[name]):
        yield f"accepted and in the ledger differ: {set(deliveries) ^ set(world.calls[name])}"
    for call_id, call in world.calls[name].items():
        row = deliveries[call_id]
        there = site.copies(call, row.revision)
        if len(there) > 1:
            yield f"{call_id} is there {len(there)} times"
        if row.state == "delivered":
            if not there:
                yield f"{call_id} is delivered and not there"
            elif not site.is_whole(there[0], call):
                yield f"{call_id} is delivered without its recording"
        elif row.state == "escalated":
            yield from _given_up(world, row, refused=site.may_refuse(call))
        else:
            yield f"{call_id} is {row.state}: {row.error_code} {row.error_text}"
    yield from site.wrong(set(world.calls[name]))


def _given_up(world: World, row, *, refused: bool) -> Iterator[str]:
    world.seen["given up"] += 1
    if row.failure == "data":
        if not refused:
            yield f"{row.call_id} was given up: {row.error_code} {row.error_text}"
    elif world.ledger.ended_at(row.id) < row.deadline_at - 1:
        yield f"{row.call_id} was given up before its horizon: {row.failure} {row.error_text}"
    issues = [each for each in world.tracker.issues if each["fingerprint"] == row.fingerprint]
    if not issues:
        yield f"{row.call_id} was given up, and nobody was told ({row.fingerprint})"


def _office(world: World) -> Iterator[str]:
    still_open = Counter(each["fingerprint"] for each in world.tracker.issues if each["open"])
    for fingerprint, number in still_open.items():
        if number > 1:
            yield f"{number} open issues of {fingerprint}"
    for case in world.ledger.cases():
        if case.state == OPEN and not still_open[case.fingerprint]:
            yield f"{case.code} ({case.fingerprint}) is in no open issue"
