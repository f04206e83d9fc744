"""A million calls that wait in a thousand lanes: how fast, how large and how idle is the embedded engine?

The ledger is SQLite in a temporary folder. The destination is in the process of the worker and answers
at once: what is measured is ledger, lane and worker, 50 calls a request. Of the million a share is drained,
a few seconds for each figure. A ledger in which all is finished is made by one statement, not by delivering.
A number on the command line is how many calls wait.
"""

from __future__ import annotations

import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa
from measure import PYTHON, SUPPORTCTL, run, tell

from resend.lane import Lane
from resend.ledger.accept import accept
from resend.ledger.schema import COUNTS, DELIVERIES
from resend.ledger.store import Store
from resend.policy import Schedule
from resend.worker import Worker
from supportctl.core.call import Call
from supportctl.core.clock import SystemClock
from supportctl.core.delivery import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from supportctl.core.deadline import Deadline
    from supportctl.core.delivery import Found, Parcel

CALLS = 1_000_000
DEPTH = 1000  # calls a lane
SMALL_LANES = 10
DRAIN_S, IDLE_S = 8.0, 10.0
THREADS = 16
PEAK_MB, LOOK_S, IDLE_SHARE, GROWTH = 150.0, 0.3, 0.01, 1.3
CONFIG = """\
site: {name: Scale}
store: "sqlite:///ledger.db"
crm:
  lane0000: {kind: webhook, url: "https://crm.example/calls"}
"""


class Worked(NamedTuple):
    """What a worker process did: deliveries, wall seconds, processor seconds, peak memory in MB."""

    delivered: int
    seconds: float
    processor_s: float
    peak_mb: float


class AtOnce:
    """A destination that has everything at once."""

    batch_size = 50

    def fits(self, parcels: Sequence[Parcel]) -> int:
        """Return all."""
        return len(parcels)

    def advance(self, parcels: Sequence[Parcel], deadline: Deadline) -> list[Outcome]:  # noqa: ARG002  no wire
        """Return that each is there."""
        return [Outcome(each.delivery_id, "done", {}, done=True, remote_id="1") for each in parcels]

    def look_up(self, parcels: Sequence[Parcel], deadline: Deadline) -> dict[int, Found | Outcome | None]:  # noqa: ARG002  no wire
        """Return that nothing is there."""
        return {each.delivery_id: None for each in parcels}


def work(url: str, seconds: float) -> Worked:
    """Work for so long at most, in this process; less if nothing waits any more and it is not to idle."""
    store = Store(url, SystemClock())
    chance = random.Random(1).random

    def lane(name: str) -> Lane:
        return Lane(store, name, AtOnce(), schedule=Schedule(), chance=chance, holder=str(id(store)))

    worker = Worker(store, lane, THREADS)
    timer = threading.Timer(seconds, worker.stop)
    before = resource.getrusage(resource.RUSAGE_SELF)
    started = time.perf_counter()
    timer.start()
    done = worker.run(until_empty=seconds != IDLE_S)
    took = time.perf_counter() - started
    timer.cancel()
    after = resource.getrusage(resource.RUSAGE_SELF)
    store.close()
    processor_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Worked(done.delivered, took, processor_s, after.ru_maxrss / 1024)


def workers(url: str, count: int, seconds: float) -> list[Worked]:
    """Return what so many worker processes did at the same time."""
    command = [PYTHON, __file__, "work", url, str(seconds)]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    return [Worked(*json.loads(child.communicate()[0])) for child in children]


def calls(lane: int) -> Iterator[Call]:
    """Return the calls of one lane."""
    now = SystemClock().now()
    for number in range(DEPTH):
        began = now - timedelta(seconds=number * 60)
        phone = f"+7916{lane:04d}{number:03d}"
        yield Call(f"c{lane}-{number}", "pbx", "in", began, 60, phone, answered=True, employee="101")


def fill(url: str, lanes: int) -> float:
    """Accept the calls of so many lanes; return the seconds."""
    store = Store(url, SystemClock())
    started = time.perf_counter()
    for lane in range(lanes):
        accept(store, f"lane{lane:04d}", calls(lane), 86_400.0)
    took = time.perf_counter() - started
    store.close()
    return took


def finish(url: str) -> None:
    """Make a ledger in which everything is delivered."""
    store = Store(url, SystemClock())
    with store.write() as connection:
        connection.execute(sa.update(DELIVERIES).values(state="delivered"))
        connection.execute(sa.delete(COUNTS))
        grouped = sa.select(DELIVERIES.c.destination, DELIVERIES.c.state, sa.func.count()).group_by(
            DELIVERIES.c.destination, DELIVERIES.c.state
        )
        connection.execute(sa.insert(COUNTS).from_select(["destination", "state", "count"], grouped))
    store.close()


def looks(folder: Path, claim: str, *words: str) -> bool:
    """Print how long a look of the person on call takes as a whole process, the median of five."""
    command = [SUPPORTCTL, "--config", str(folder / "supportctl.yaml"), "resend", *words]
    runs = [run(command) for _ in range(6)][1:]
    seconds, busy = statistics.median(r.seconds for r in runs), statistics.median(r.processor_s for r in runs)
    fine = all(r.code == 0 for r in runs)
    measured = f"{seconds:.2f} s  ({busy:.2f} s of processor){'' if fine else '; exit code not 0'}"
    return tell(claim, measured, f"{LOOK_S} s", holds=fine and seconds <= LOOK_S)


def main(waiting: int) -> int:
    """Print the figures; returns 1 if one is missed."""
    lanes = waiting // DEPTH
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url, small = f"sqlite:///{folder / 'ledger.db'}", f"sqlite:///{folder / 'small.db'}"
        (folder / "supportctl.yaml").write_text(CONFIG, encoding="utf-8")
        print(
            f"{waiting:,} calls wait in {lanes:,} lanes; the destination answers at once, 50 calls a request"
        )
        fill(small, SMALL_LANES)
        took = fill(url, lanes)
        tell("enqueue", f"{waiting / took:,.0f} calls/s  ({took:.0f} s)", "-", holds=True)
        held = [looks(folder, "resend status on that ledger", "status")]
        held.append(looks(folder, "resend list on that ledger", "list"))
        few = workers(small, 1, DRAIN_S)[0]
        one = workers(url, 1, DRAIN_S)[0]
        two = workers(url, 2, DRAIN_S)
        rates = [one.delivered / one.seconds, sum(each.delivered / each.seconds for each in two)]
        tell("drain, 1 and 2 processes", f"{rates[0]:,.0f} and {rates[1]:,.0f} calls/s", "-", holds=True)
        peak = max(each.peak_mb for each in (one, *two))
        held.append(tell("memory of a worker", f"{peak:.0f} MB", f"{PEAK_MB:.0f} MB", holds=peak < PEAK_MB))
        costs = [each.processor_s / max(each.delivered, 1) * 1e6 for each in (few, one)]
        grown = costs[1] / costs[0]
        measured = f"{grown:.2f} x  ({costs[0]:.0f} and {costs[1]:.0f} us of processor)"
        claim = f"cost of a delivery, {waiting:,} beside {SMALL_LANES * DEPTH:,}"
        held.append(tell(claim, measured, f"{GROWTH} x", holds=grown <= GROWTH))
        finish(url)
        idle = workers(url, 1, IDLE_S)[0]
        share = idle.processor_s / idle.seconds
        measured = f"{share:.2%} of a core  ({idle.processor_s:.2f} s in {idle.seconds:.0f} s)"
        claim = f"idle, {waiting:,} finished and none due"
        held.append(tell(claim, measured, f"{IDLE_SHARE:.0%}", holds=share <= IDLE_SHARE))
    return 0 if all(held) else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["work"]:
        print(json.dumps(work(sys.argv[2], float(sys.argv[3]))))
        sys.exit(0)
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else CALLS))
