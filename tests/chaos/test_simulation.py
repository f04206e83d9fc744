"""Every accepted call is in the portal exactly once, with its recording, or people are told: seed by seed."""

from __future__ import annotations

import os
import random
import time
from collections import Counter

import memory_lanes
import pretended_workers
import pytest
from simulation import MemoryLedger, Size, SqlLedger, World, judge, run

from resend import gather
from resend import lane as lane_module
from resend.model import State
from resend.policy import decide
from supportctl.core import log
from supportctl.core.failure import Failure

NAMED = os.environ.get("SUPPORTCTL_SEED")
FIRST = random.SystemRandom().randrange(10**6) * 1000
SMALL = Size(days=1, lanes=1, calls_a_day=6, faults_a_day=3, deaths_a_day=1.5)
SECONDS, MOST = 5.0, 500


@pytest.fixture(autouse=True)
def _quiet():
    """Keep thousands of days from being logged."""
    log.configure("error", "text")
    yield
    log.configure("warning", "text")


@pytest.mark.parametrize("ledger", [MemoryLedger, SqlLedger])
def test_every_call_is_there_once_through_everything(ledger):
    """As many histories as fit into some seconds; `make soak` lives through more, and longer ones."""
    end = time.monotonic() + SECONDS
    seeds = [int(NAMED)] if NAMED else range(FIRST, FIRST + MOST)
    seen = Counter()
    for seed in seeds:
        wrong, happened = run(seed, SMALL, ledger)
        assert not wrong, f"SUPPORTCTL_SEED={seed}: {wrong}"
        seen += happened
        if time.monotonic() > end:
            break
    assert NAMED or len(seen) > 10, seen


def story(seed, size, ledger):
    """Return all that came of a history."""
    world = World(seed, size, ledger)
    try:
        world.run()
        portals = {name: site.portal.operations for name, site in world.sites.items()}
        issues = [{**each, "text": ""} for each in world.tracker.issues]
        return world.clock.now(), world.seen, world.ledger.story(), portals, issues
    finally:
        world.close()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_seed_is_one_history(seed):
    assert story(seed, SMALL, MemoryLedger) == story(seed, SMALL, MemoryLedger)


@pytest.mark.parametrize("number", range(1 if NAMED else 6))  # names of tests must not depend on chance
def test_a_history_is_the_same_on_both_ledgers(number):
    """Each delivery and try, each lane, escalation and issue: what the fast one shows holds for both."""
    seed = int(NAMED) if NAMED else FIRST + number
    size = SMALL._replace(days=2, lanes=2)
    assert story(seed, size, MemoryLedger) == story(seed, size, SqlLedger), f"SUPPORTCTL_SEED={seed}"


def test_a_worker_may_die_between_as_many_transactions_on_both_ledgers():
    """In this history an accident waits while what is overdue is reported: two transactions, not one."""
    size = SMALL._replace(days=2, lanes=2)
    assert story(519_948_005, size, MemoryLedger) == story(519_948_005, size, SqlLedger)


# What holds the invariant must also break without it, or the simulation shows nothing.


def _without_looking(patch):
    patch.setattr(lane_module, "decide", _blind)


def _blind(outcome, moment, schedule, chance):
    if outcome.failure is Failure.AMBIGUOUS:
        outcome = outcome._replace(failure=Failure.RETRY)
    return decide(outcome, moment, schedule, chance)


def _without_an_intent_of_the_dead(patch):
    """What a dead worker left is sent again at once."""
    patch.setattr(memory_lanes, "recover", _back_to_waiting)


def _back_to_waiting(store, lease, settle_s):
    with store.write() as ledger:
        lane = ledger.lanes[lease.destination]
        for row in lane.rows(State.SENDING):
            lane.move(row, State.WAITING)
            row.step = "sent-before"


def _with_time_from_the_intent_on(patch):
    """A worker that stood still after its intent believes that it has all its time."""
    real = lane_module.Lane._advanced

    def advanced(self, parcels, _):
        return real(self, parcels, lane_module.Deadline.after(90, self._store.clock))

    patch.setattr(lane_module.Lane, "_advanced", advanced)
    patch.setattr(pretended_workers.Worker, "at", _only_still_after_an_intent(pretended_workers.Worker.at))


def _about_to_write(world):
    """Return whether something is in mid-send that the portal was asked about already."""
    lanes = world.ledger.store.lanes.values()
    return any("asked" in row.facts for lane in lanes for row in lane.of[State.SENDING].values())


def _only_still_after_an_intent(real):
    def at(self, place, *, may_stall=True):
        if self.is_dead or place != "after-write" or self.world.accidents <= 0:
            return
        if _about_to_write(self.world) and not self.is_still:
            self.world.accidents -= 1
            self.world.stand_still(self, 450.0)

    return at


def _without_a_horizon(patch):
    """What is past its horizon in a lane that stands still is left to itself."""
    patch.setattr(gather.Gathering, "_end_overdue", lambda *args, **more: None)


def _without_a_look_at_lanes(patch):
    """Nobody is told of a lane before its calls have come to their end."""
    patch.setattr(gather.Gathering, "_look_at", lambda *args: [])


@pytest.mark.parametrize(
    "spoil",
    [
        _without_a_horizon,
        _without_a_look_at_lanes,
        _without_looking,
        _without_an_intent_of_the_dead,
        _with_time_from_the_intent_on,
    ],
)
def test_the_simulation_notices_what_is_missing(spoil):
    size = SMALL._replace(deaths_a_day=6, faults_a_day=8)
    with pytest.MonkeyPatch.context() as patch:
        spoil(patch)
        for seed in range(1, 60):
            world = World(seed, size)
            world.accident_rate = 0.2
            try:
                world.run()
                if judge(world):
                    return
            finally:
                world.close()
    raise AssertionError("60 histories, and nothing was noticed")
