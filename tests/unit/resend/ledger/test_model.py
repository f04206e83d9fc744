"""Two workers, a person and a source of calls act on one ledger in any order; some die, clocks are set.

What must hold after each step: nothing is lost, the counts are those of the rows, a call is on its way by one
worker at most, it is delivered only when the destination has it in its newest form, and there only once; who
lives keeps its lane. In the end one healthy worker brings all that can be brought.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from chances import Drawn, Seeded
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from ledger_bench import LANE, Bench, call

from resend.ledger import hand, lanes
from resend.ledger.filter import Filter
from resend.ledger.lanes import LEASE_S, Settled
from resend.model import LeaseLostError, State
from resend.policy import BreakerView, Moment, Schedule, after_lookup, decide
from supportctl.core.delivery import Outcome
from supportctl.core.failure import Failure

if TYPE_CHECKING:
    from chances import Chance

    from resend.ledger.store import Store
    from resend.model import Delivery, Lease

SETTLE_S = 60.0
REQUEST_S = 90.0
SCHEDULE = Schedule(settle_s=SETTLE_S)
FAST = Path("/dev/shm")  # the disk's patience is not what is tested here
CALLS = 4
ENDS = {State.DELIVERED, State.HELD, State.CANCELLED, State.ESCALATED}


class _Worker:
    """One process: its lease, and the request that it has under way."""

    def __init__(self, name: str, store: Store) -> None:
        self.name = name
        self.store = store
        self.lease: Lease | None = None
        self.sent: list[Delivery] = []
        self.since = 0.0


class World:
    """The ledger beside what it is to agree with: which calls there are, and what the destination has."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=FAST if FAST.is_dir() else None))
        self.bench = Bench(f"sqlite:///{self.folder / 'ledger.db'}")
        self.workers = [_Worker(name, self.bench.open()) for name in ("one", "two")]
        self.revisions: dict[str, int] = {}  # what the source has told of each call
        self.there: Counter[tuple[str, int]] = Counter()  # what the destination was brought, and how often

    def close(self) -> None:
        """Remove the ledger."""
        self.bench.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- the source

    def enqueue(self, chance: Chance) -> None:
        """Offer some calls, known and new ones."""
        numbers = {chance.pick(range(CALLS)) for _ in range(2)}
        calls = [call(each, duration_s=self.revisions.get(f"c-{each}", 0)) for each in numbers]
        found = self.bench.accept(*calls, ask_first=chance.pick([True, False]))
        new = {each.call_id for each in calls} - self.revisions.keys()
        assert found.accepted == len(new)
        self.revisions |= dict.fromkeys(new, 0)

    def change(self, chance: Chance) -> None:
        """Offer a known call in another form: its duration is the number of the form."""
        if self.revisions:
            name = chance.pick(sorted(self.revisions))
            changed = call(int(name.removeprefix("c-")), duration_s=self.revisions[name] + 1)
            self.revisions[name] += self.bench.accept(changed).updated  # a cancelled one stays as it was

    # --- workers

    def work(self, chance: Chance) -> None:
        """Let a worker do what is next for it, some times: where it stops the others go on."""
        worker = chance.pick(self.workers)
        for _ in range(chance.pick([1, 2, 3, 6])):
            self._step(worker, chance)

    def _step(self, worker: _Worker, chance: Chance) -> None:
        if worker.lease is None:
            if lease := lanes.claim(worker.store, LANE, worker.name):
                worker.lease = lease
                lanes.recover(worker.store, lease, REQUEST_S + SETTLE_S)
        elif worker.sent:
            self._answer(worker, chance.pick([None, None, None, *Failure]))
        elif chance.pick([True, False]):
            self._look_up(worker, chance)
        else:
            self._send(worker, chance)

    def _send(self, worker: _Worker, chance: Chance) -> None:
        assert worker.lease is not None
        fresh = chance.pick([True, False])
        due = lanes.due(worker.store, LANE, State.WAITING, chance.pick([1, 2, 9]), fresh=fresh)
        self._meanwhile(chance)
        try:
            taken = lanes.intend(worker.store, worker.lease, due)
        except LeaseLostError:
            worker.lease = None
            return
        worker.sent = [each for each in due if each.id in taken]
        worker.since = self.bench.clock.monotonic()
        if worker.sent and chance.pick([True, False]):
            for each in worker.sent:
                self.there[each.call_id, each.call.duration_s] += 1

    def _answer(self, worker: _Worker, failure: Failure | None) -> None:
        sent, worker.sent = worker.sent, []
        if self.bench.clock.monotonic() - worker.since > REQUEST_S:
            failure = Failure.AMBIGUOUS  # its time was over
        settled = []
        for each in sent:
            has = bool(self.there[each.call_id, each.call.duration_s])
            said = failure
            if has and said is not Failure.AMBIGUOUS:
                said = None  # who has it does not say that it has not
            if not has and said is None:
                said = Failure.RETRY
            outcome = Outcome(each.id, "done", {}, done=said is None, failure=said)
            moment = Moment(self.bench.now, each.deadline_at, each.attempts + 1)
            settled.append(Settled(outcome, decide(outcome, moment, SCHEDULE, 0.5), revision=each.revision))
        self._settle(worker, settled, State.SENDING)

    def _look_up(self, worker: _Worker, chance: Chance) -> None:
        doubtful = lanes.due(worker.store, LANE, State.VERIFYING, chance.pick([1, 2, 9]))
        self._meanwhile(chance)
        settled = []
        for each in doubtful:
            has = bool(self.there[each.call_id, each.call.duration_s])  # whole: in this form
            outcome = Outcome(each.id, "done" if has else "", {}, done=has)
            moment = Moment(self.bench.now, each.deadline_at, each.attempts + 1)
            decision = after_lookup(has, moment, SCHEDULE, 0.5)
            settled.append(Settled(outcome, decision, "lookup", each.revision))
        if settled:
            self._settle(worker, settled, State.VERIFYING)

    def _settle(self, worker: _Worker, settled: list[Settled], before: State) -> None:
        assert worker.lease is not None
        try:
            lanes.settle(worker.store, worker.lease, settled, BreakerView(), before)
        except LeaseLostError:
            worker.lease = None
            lived = self.bench.clock.monotonic() - worker.since < LEASE_S
            assert before is not State.SENDING or not lived, "a living worker has lost its lane"

    def _meanwhile(self, chance: Chance) -> None:
        """Between two looks at a call it may change, or a person may come."""
        chance.pick([self.change, self.by_hand, *[lambda _: None] * 6])(chance)

    def end(self, chance: Chance) -> None:
        """End a worker: in order, or in mid-send. What was on its way has arrived or not: nobody can say."""
        worker = chance.pick(self.workers)
        if worker.lease is not None and not worker.sent:
            lanes.release(worker.store, worker.lease)
        worker.lease, worker.sent = None, []

    # --- the person on call, and time

    def by_hand(self, chance: Chance) -> None:
        """Do what the person on call does, after a look at what it will do."""
        wanted = Filter(call_id=f"c-{chance.pick(range(CALLS))}")
        verb: hand.Verb = chance.pick(["now", "now", "hold", "cancel"])
        planned = hand.preview(self.bench.store, verb, wanted).total
        assert hand.apply(self.bench.store, verb, wanted, who="me", why="a test") == planned

    def pass_time(self, chance: Chance) -> None:
        """Let some time pass; seldom a day."""
        times = [1.0, SETTLE_S, LEASE_S + 1, LEASE_S + REQUEST_S + SETTLE_S] * 4 + [90_000.0]
        self.bench.clock.advance(chance.pick(times))

    def set_clock(self, chance: Chance) -> None:
        """Set the clock. Both workers have looked at it before: they are processes that run."""
        for worker in self.workers:
            lanes.due_lanes(worker.store)
        self.bench.clock.jump(chance.pick([-7200.0, 7200.0, LEASE_S + 1]))

    # --- what must hold

    def check(self) -> None:
        """Fail if anything does not hold."""
        self.bench.sound()
        found = self.bench.all()
        assert {each.call_id: each.revision for each in found} == self.revisions
        assert len(found) == len(self.revisions)
        for each in found:
            assert each.state is not State.DELIVERED or self.there[each.call_id, each.revision], each
        assert all(number <= 1 for number in self.there.values()), self.there
        on_their_way = Counter(
            each.call_id
            for worker in self.workers
            if self.bench.clock.monotonic() - worker.since <= REQUEST_S
            for each in worker.sent
        )
        assert all(number == 1 for number in on_their_way.values()), on_their_way

    def calm_down(self) -> None:
        """Let everybody end, and one healthy worker do the rest."""
        for worker in self.workers:
            worker.lease, worker.sent = None, []
        last, chance = self.workers[0], Seeded(0)
        for _ in range(400):
            if all(each.state in ENDS for each in self.bench.all()):
                break
            self.bench.clock.advance(LEASE_S + 1)
            for _ in range(8):
                self._step(last, chance)
        assert {each.state for each in self.bench.all()} <= ENDS
        self.check()


ACTS = [World.work] * 10 + [
    World.enqueue, World.change, World.end, World.by_hand, World.pass_time, World.pass_time, World.set_clock,
]  # fmt: skip


class LedgerMachine(RuleBasedStateMachine):
    """Single acts that hypothesis chooses, and storms of many."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    def teardown(self) -> None:
        try:
            self.world.calm_down()
        finally:
            self.world.close()

    @rule(data=st.data(), act=st.sampled_from(ACTS))
    def act(self, data: st.DataObject, act: object) -> None:
        assert callable(act)
        act(self.world, Drawn(data))
        self.world.check()

    @rule(seed=st.integers(0, 2**32))
    def storm(self, seed: int) -> None:
        chance = Seeded(seed)
        for _ in range(30):
            chance.pick(ACTS)(self.world, chance)
            self.world.check()


# A storm cannot be made simpler, and trying it takes minutes: its seed is what one needs.
LedgerMachine.TestCase.settings = settings(
    max_examples=12, stateful_step_count=6, phases=[Phase.explicit, Phase.reuse, Phase.generate]
)
test_any_order = LedgerMachine.TestCase
