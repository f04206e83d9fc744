"""Long runs of the simulation and of the kill tests: `soak.py [MINUTES [KILLS]]`, or `make soak`.

Every history has its own seed; the seeds of those that went wrong are printed, and `SUPPORTCTL_SEED=N` runs
one of them again.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from killing import Killing
from simulation import MemoryLedger, Size, SqlLedger, run

from supportctl.core import log

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES = (
    Size(),
    Size(days=5, lanes=1, calls_a_day=6),
    Size(days=1, lanes=4, workers=3, calls_a_day=20),
    Size(days=3, faults_a_day=5, deaths_a_day=6),
)
EVERY = 20  # one history of so many is on the real ledger: it takes ten times as long


class Lived(NamedTuple):
    """What came of a history. A day is one lane's; `used` are processor seconds."""

    seed: int
    ledger: str
    wrong: list[str]
    seen: Counter[str]
    days: int
    used: float


def tell(text: str) -> None:
    """Write a line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def live(seed: int) -> Lived:
    """Live through one history."""
    log.configure("error", "text")  # in this process
    size = SIZES[seed // EVERY % len(SIZES)]
    ledger = MemoryLedger if seed % EVERY else SqlLedger
    used = time.process_time()
    try:
        wrong, seen = run(seed, size, ledger)
    except Exception as error:  # noqa: BLE001  a seed is what is wanted
        wrong, seen = [f"{type(error).__name__}: {error}"], Counter()
    return Lived(seed, ledger.__name__, wrong, seen, size.days * size.lanes, time.process_time() - used)


def seeds() -> Iterator[int]:
    """Return the seeds to run: one, if it is named."""
    named = os.environ.get("SUPPORTCTL_SEED")
    return iter([int(named)]) if named else count(int(time.time()) % 10**6 * 1000)


def simulate(minutes: float) -> int:
    """Live through histories for some minutes; return how many went wrong, at most 1."""
    began = time.monotonic()
    lived: list[Lived] = []
    todo, processes = seeds(), os.cpu_count() or 1
    with ProcessPoolExecutor(processes) as pool:
        running = {pool.submit(live, seed) for seed, _ in zip(todo, range(processes * 2), strict=False)}
        while running:
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                lived.append(future.result())
                if lived[-1].wrong:
                    tell("\n  ".join([f"SUPPORTCTL_SEED={lived[-1].seed}:", *lived[-1].wrong[:8]]))
                if time.monotonic() < began + minutes * 60 and (seed := next(todo, None)) is not None:
                    running.add(pool.submit(live, seed))
    summarise(lived, time.monotonic() - began, processes)
    return int(any(each.wrong for each in lived))


def summarise(lived: list[Lived], took: float, processes: int) -> None:
    """Tell what has happened, and how fast."""
    happened: Counter[str] = Counter()
    for each in lived:
        happened += each.seen
    tell(", ".join(f"{name} {number}" for name, number in sorted(happened.items())))
    days, bad = sum(each.days for each in lived), sum(bool(each.wrong) for each in lived)
    for ledger in ("MemoryLedger", "SqlLedger"):
        of_it = [each for each in lived if each.ledger == ledger]
        own, used = sum(each.days for each in of_it), sum(each.used for each in of_it)
        if used:
            tell(f"{ledger}: {len(of_it)} histories, {own} days, {own / used * 60:.0f} a processor's minute")
    tell(
        f"{len(lived)} histories, {days} days of one lane, {happened['call'] / max(days, 1):.1f} calls a day,"
        f" in {took:.0f} s on {processes} processors: {days / took * 60:.0f} days a minute; {bad} went wrong"
    )


def kill(count: int) -> int:
    """Kill workers `count` times in runs of two and of four; return whether a run went wrong."""
    began, kills, calls, in_doubt = time.monotonic(), 0, 0, 0
    seed = int(os.environ.get("SUPPORTCTL_SEED") or time.time() % 10**6)
    while kills < count:
        workers = 2 + 2 * (seed % 2)
        with TemporaryDirectory() as folder, Killing(Path(folder), seed, workers) as killing:
            killing.accept(100)
            for _ in range(50):
                killing.pass_time(killing.chance.random() * 0.3)
                killing.kill()
                killing.accept(5)
            try:
                killing.until_empty()
                killing.judge()
            except AssertionError as error:
                tell(f"kill, seed {seed}, {workers} workers: {error}")
                return 1
            kills += killing.kills
            calls += sum(map(len, killing.calls.values()))
            in_doubt += killing.in_doubt()
        seed += 1
    took = time.monotonic() - began
    tell(f"{kills} kills in {took:.0f} s: {calls} calls, each there once; {in_doubt} were left in mid-send")
    return 0


if __name__ == "__main__":
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    sys.exit(max(simulate(minutes), kill(int(sys.argv[2]) if len(sys.argv) > 2 else 200)))
