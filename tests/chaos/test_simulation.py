"""Every accepted call is in the portal exactly once, with its recording, or people are told: seed by seed."""

from __future__ import annotations

import os
import random
import time
from collections import Counter

import pytest
import simulation
from simulation import Size, World, judge, run

from resend import lane as lane_module
from resend.ledger import lanes
from resend.ledger.rows import count
from resend.policy import decide
from supportctl.core import log
from supportctl.core.failure import Failure

NAMED = os.environ.get("SUPPORTCTL_SEED")
FIRST = random.SystemRandom().randrange(10**6) * 1000
SMALL = Size(days=1, lanes=1, calls_a_day=6, faults_a_day=3, deaths_a_day=1.5)
SECONDS, MOST = 10.0, 300


@pytest.fixture(autouse=True)
def _quiet():
    """Keep thousands of days from being logged."""
    log.configure("error", "text")
    yield
    log.configure("warning", "text")


def test_every_call_is_there_once_through_everything():
    """As many histories as fit into some seconds; `make soak` lives through more, and longer ones."""
    end = time.monotonic() + SECONDS
    seeds = [int(NAMED)] if NAMED else range(FIRST, FIRST + MOST)
    seen = Counter()
    for seed in seeds:
        wrong, happened = run(seed, SMALL)
        assert not wrong, f"SUPPORTCTL_SEED={seed}: {wrong}"
        seen += happened
        if time.monotonic() > end:
            break
    assert NAMED or len(seen) > 10, seen


@pytest.mark.parametrize("seed", [1, 2])
def test_a_seed_is_one_history(seed):
    def story():
        world = World(seed, SMALL)
        try:
            world.run()
            return world.clock.now(), world.seen, world.states(), world.portals["crm0"].operations
        finally:
            world.close()

    assert story() == story()


# What holds the invariant must also break without it, or the simulation shows nothing.


def _without_looking(patch):
    patch.setattr(lane_module, "decide", _blind)


def _blind(outcome, moment, schedule, chance):
    if outcome.failure is Failure.AMBIGUOUS:
        outcome = outcome._replace(failure=Failure.RETRY)
    return decide(outcome, moment, schedule, chance)


def _without_an_intent_of_the_dead(patch):
    """What a dead worker left is sent again at once."""
    patch.setattr(lanes, "recover", lambda store, lease, settle_s: _back_to_waiting(store, lease))


def _back_to_waiting(store, lease):
    table = simulation.DELIVERIES
    with store.write() as connection:
        rows = connection.execute(
            table.update()
            .where(table.c.destination == lease.destination, table.c.state == "sending")
            .values(state="waiting", step="sent-before")
            .returning(table.c.id)
        ).all()
        count(
            connection,
            {(lease.destination, "sending"): -len(rows), (lease.destination, "waiting"): len(rows)},
        )


def _with_time_from_the_intent_on(patch):
    """A worker that stood still after its intent believes that it has all its time."""
    real = lane_module.Lane._advanced

    def advanced(self, parcels, _):
        return real(self, parcels, lane_module.Deadline.after(90, self._store.clock))

    patch.setattr(lane_module.Lane, "_advanced", advanced)
    patch.setattr(simulation.Worker, "at", _only_still_after_an_intent(simulation.Worker.at))


def _about_to_write(world):
    """Return whether something is in mid-send that the portal was asked about already."""
    table = simulation.DELIVERIES.c
    query = simulation.sa.select(table.id).where(table.state == "sending", table.facts.contains("asked"))
    with world.store.read() as connection:
        return connection.execute(query).first() is not None


def _only_still_after_an_intent(real):
    def at(self, place, *, may_stall=True):
        if self.is_dead or place != "after-write" or self.world.accidents <= 0:
            return
        if _about_to_write(self.world) and not self.is_still:
            self.world.accidents -= 1
            self.world.stand_still(self, 450.0)

    return at


@pytest.mark.parametrize(
    "spoil", [_without_looking, _without_an_intent_of_the_dead, _with_time_from_the_intent_on]
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
