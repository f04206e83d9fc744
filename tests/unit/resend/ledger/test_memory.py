"""The ledger without a database is the ledger: every act on both gives the same, and leaves the same behind.

Random acts in any order, as workers, sweeps and sources may do them; after each all rows are compared.
On SQLite hypothesis chooses; on SQLite and PostgreSQL storms of seeded acts follow each other.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import memory_lanes
import memory_ledger
import memory_trouble
import pytest
from chances import Drawn, Seeded
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from ledger_bench import DAY_S, call
from ledger_pair import Pair

from resend.fingerprint import Cause
from resend.ledger import accept as sql_accept
from resend.ledger import escalations as sql_cases
from resend.ledger.escalations import LEASE_S as CASE_LEASE_S
from resend.ledger.lanes import LEASE_S, Settled
from resend.model import Acts, Breaker, Lease, State
from resend.policy import BreakerView, Decision
from supportctl.core.delivery import Outcome
from supportctl.core.failure import Failure

if TYPE_CHECKING:
    from chances import Chance

LANES = ("acme", "beta")
CAUSES = (Cause("bitrix24", "data", "E", "no #"), Cause("webhook", "late"))
FORMS = (
    {}, {"duration_s": 9}, {"recording_url": "https://rec.example/1.mp3"}, {"employee": "Ёж \ud83d"},
)  # fmt: skip


# --- what may be done


def accept(pair: Pair, chance: Chance) -> None:
    """Offer calls: new, known, changed, twice in one offer."""
    offered = [
        call(number, age_s=60.0 * number + 1, **chance.pick(FORMS))
        for number in [chance.pick(range(8)) for _ in range(chance.pick([1, 2, 4]))]
    ]
    horizon, ask_first = chance.pick([DAY_S, 3600.0]), chance.pick([False, False, True])
    pair.both(
        (sql_accept, memory_ledger), "accept", chance.pick(LANES), offered, horizon, ask_first=ask_first
    )


def claim(pair: Pair, chance: Chance) -> None:
    """Claim a lane; every lease that ever was is kept, and used although it may be lost."""
    lease = pair.lanes("claim", chance.pick((*LANES, "nobody")), chance.pick(["one", "two"]), LEASE_S)
    if lease is not None:
        pair.leases.append(lease)


def keep(pair: Pair, chance: Chance) -> None:
    """Renew, recover or release."""
    if not pair.leases:
        return
    lease, now = chance.pick(pair.leases[-4:]), pair.clock.now().timestamp()
    what = chance.pick(["renew", "break", "recover", "recover", "release"])
    if what == "break":
        until = now + chance.pick([0.0, 60.0, 3600.0, 9000.0])
        pair.lanes("renew", lease, BreakerView(Breaker.OPEN, 3, until, now, "E: no"))
    else:
        pair.lanes(what, lease, *([60.0] if what == "recover" else []))


def work(pair: Pair, chance: Chance) -> None:
    """Send or ask about what is due, and write down what came of it; things may happen in between."""
    if not pair.leases:
        return
    lease, most = chance.pick(pair.leases[-3:]), chance.pick([1, 2, 9])
    kind, fresh = chance.pick([State.WAITING, State.WAITING, State.VERIFYING]), chance.pick([False, True])
    due = pair.look(lease.destination, lambda seen: seen.due(kind, most, fresh=fresh))
    chance.pick([accept, claim, pass_time, *[_nothing] * 6])(pair, chance)
    if kind is State.WAITING:
        taken = pair.lanes("intend", lease, due)
        if not isinstance(taken, set) or chance.pick([False, False, True]):  # its worker dies in mid-send
            return
        due = [each for each in due if each.id in taken]
    chance.pick([accept, claim, pass_time, *[_nothing] * 6])(pair, chance)
    settle(pair, chance, lease, due, kind)


def settle(pair: Pair, chance: Chance, lease: Lease, due: list[Any], kind: State) -> None:
    """Write down any outcome."""
    now, looked = pair.clock.now().timestamp(), kind is State.VERIFYING
    settled = []
    for each in due:
        failure = chance.pick([None, None, *Failure])
        state = chance.pick([State.DELIVERED, State.WAITING, State.VERIFYING, State.HELD, State.ESCALATED])
        outcome = Outcome(
            each.id, chance.pick(["", "register"]), {"id": chance.pick(["1", "2"])}, done=failure is None,
            failure=failure, code=chance.pick(["", "E", "x" * 120]), text=chance.pick(["", "no", "нет"]),
            remote_id=chance.pick(["", "7", "9" * 120]), alone=chance.pick([False, True]),
        )  # fmt: skip
        again = now + chance.pick([0.0, 1.0, 60.0, 3600.0])
        decision = Decision(state, again, chance.pick(list(Acts)), counted=chance.pick([True, False]))
        settled.append(Settled(outcome, decision, "lookup" if looked else "try", each.revision))
    view = chance.pick(
        [BreakerView(), BreakerView(Breaker.OPEN, 4, now + 30, now, "E"), BreakerView(failures=2)]
    )
    pair.lanes("settle", lease, settled, view, State.VERIFYING if looked else State.SENDING)


def ask(pair: Pair, chance: Chance) -> None:
    """Ask everything that a worker asks."""
    lane, numbers = chance.pick((*LANES, "nobody")), [chance.pick(range(1, 12)) for _ in range(3)]
    pair.lanes("due_lanes")
    pair.lanes("pending")
    pair.look(lane, lambda seen: seen.has_sending())
    for kind in (State.WAITING, State.VERIFYING):
        pair.look(lane, lambda seen, kind=kind: seen.next_due(kind))
    if lane in pair.memory.lanes:
        here = [
            each.id for each in pair.memory.calls.values() if each.destination == lane and each.id in numbers
        ]
        pair.look(lane, lambda seen: seen.still_due(here, State.WAITING))


def look_for_trouble(pair: Pair, chance: Chance) -> None:
    """Do what a sweep does."""
    now, cause = pair.clock.now().timestamp(), chance.pick(CAUSES)
    found = pair.trouble("unreported", now + chance.pick([0.0, 7200.0]))
    if found and chance.pick([True, False]):
        pair.trouble("report", {cause: found})
    pair.trouble("lanes_with_work")
    pair.trouble("hits")
    pair.trouble("lane_names")
    lane = chance.pick(LANES)
    if lane in pair.memory.lanes:
        pair.trouble("near_deadline", lane, now + 7200.0)
        if chance.pick([True, False]):
            pair.trouble("expire", lane, cause, ("E", "no", Acts.CUSTOMER), 60.0)
        if chance.pick([True, False]):
            pair.trouble("report_overdue", lane, cause)


def tell(pair: Pair, chance: Chance) -> None:
    """Do what is done when people are told."""
    now, fingerprint = pair.clock.now().timestamp(), chance.pick(CAUSES).fingerprint
    known = {case.fingerprint: case for case in pair.cases("escalations")}
    pair.cases("escalations", ("open",))
    if fingerprint in known and chance.pick([True, False]):
        case = known[fingerprint]._replace(
            code="escalation.late", affected=2, peak=3, last_at=now, destinations=("acme",), news=1,
            news_kind="opened", state=chance.pick(["open", "closed"]), tracker_issue="not to be written",
        )  # fmt: skip
        afresh = chance.pick([False, True])
        with pair.real.write() as connection:
            sql_cases.put(connection, case, afresh=afresh)
        memory_trouble.put(pair.memory, case, afresh=afresh)
    claimed = pair.cases("claim", fingerprint)
    if claimed is not None:
        pair.claimed.append(claimed)
    if pair.claimed:
        case = chance.pick(pair.claimed[-3:])
        values = {
            "tracker_issue": "17",
            "told_news": 1,
            "notified": {"chat": 1},
            "intent": chance.pick(["", "create"]),
        }
        assert isinstance(pair.cases("told", case, **values), bool)
        if chance.pick([True, False]):
            pair.cases("release", case)


def pass_time(pair: Pair, chance: Chance) -> None:
    """Let time pass, up to a horizon."""
    pair.clock.advance(chance.pick([0.5, 61.0, LEASE_S + 1, CASE_LEASE_S, 3600.0, 3600.0, DAY_S]))


def set_clock(pair: Pair, chance: Chance) -> None:
    """Set the clock."""
    pair.clock.jump(chance.pick([-7200.0, 7200.0, -90.0, LEASE_S + 1, -2.0]))


def _nothing(pair: Pair, chance: Chance) -> None:
    """Let nothing happen."""


ACTS = (
    [work] * 6
    + [accept] * 2
    + [claim] * 2
    + [keep, keep, ask, ask, look_for_trouble, tell, pass_time, set_clock]
)


class TwoLedgers(RuleBasedStateMachine):
    """Single acts that hypothesis chooses, and storms of many."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
        self.pair = Pair(f"sqlite:///{self.folder / 'ledger.db'}")

    def teardown(self) -> None:
        self.pair.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    @rule(data=st.data(), act=st.sampled_from(ACTS))
    def act(self, data: st.DataObject, act: Any) -> None:
        act(self.pair, Drawn(data))
        self.pair.check()

    @rule(seed=st.integers(0, 2**32))
    def storm(self, seed: int) -> None:
        _storm(self.pair, seed, 25)


# A storm cannot be made simpler, and trying it takes minutes: its seed is what one needs.
TwoLedgers.TestCase.settings = settings(
    max_examples=15, stateful_step_count=8, phases=[Phase.explicit, Phase.reuse, Phase.generate]
)
test_any_order = TwoLedgers.TestCase


@pytest.mark.parametrize("seed", range(4))
def test_storms_on_every_database(url: str, seed: int) -> None:
    pair = Pair(url)
    try:
        _storm(pair, seed, 100)
        assert pair.memory.attempts
    finally:
        pair.close()


def _storm(pair: Pair, seed: int, acts: int) -> None:
    chance = Seeded(seed)
    for _ in range(acts):
        chance.pick(ACTS)(pair, chance)
        pair.check()


@pytest.mark.parametrize("name", ["recover", "intend", "settle"])
def test_a_ledger_that_differs_is_noticed(url: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An act that is forgotten in memory shows within some storms."""
    monkeypatch.setattr(memory_lanes, name, lambda *args, **more: None)
    pair = Pair(url)
    try:
        with pytest.raises(AssertionError):
            _storm(pair, 0, 600)
    finally:
        pair.close()
