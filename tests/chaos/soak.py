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
from typing import TYPE_CHECKING

from killing import Killing
from simulation import Size, run

from supportctl.core import log

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES = (Size(), Size(days=5, lanes=1, calls_a_day=6), Size(days=1, lanes=4, workers=3, calls_a_day=20))


def tell(text: str) -> None:
    """Write a line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def live(seed: int) -> tuple[int, list[str], Counter[str], int, float]:
    """Live through one history: seed, what is wrong, what happened, days of traffic, processor seconds."""
    log.configure("error", "text")  # in this process
    size = SIZES[seed % len(SIZES)]
    used = time.process_time()
    try:
        wrong, seen = run(seed, size)
    except Exception as error:  # noqa: BLE001  a seed is what is wanted
        wrong, seen = [f"{type(error).__name__}: {error}"], Counter()
    return seed, wrong, seen, size.days * size.lanes, time.process_time() - used


def seeds() -> Iterator[int]:
    """Return the seeds to run: one, if it is named."""
    named = os.environ.get("SUPPORTCTL_SEED")
    return iter([int(named)]) if named else count(int(time.time()) % 10**6 * 1000)


def simulate(minutes: float) -> int:
    """Live through histories for some minutes; return how many went wrong, at most 1."""
    until = time.monotonic() + minutes * 60
    began, done, days, bad, processor = time.monotonic(), 0, 0, 0, 0.0
    happened: Counter[str] = Counter()
    todo, processes = seeds(), os.cpu_count() or 1
    with ProcessPoolExecutor(processes) as pool:
        running = {pool.submit(live, seed) for seed, _ in zip(todo, range(processes * 2), strict=False)}
        while running:
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                seed, wrong, seen, lived, used = future.result()
                done, days, processor = done + 1, days + lived, processor + used
                happened += seen
                if wrong:
                    bad += 1
                    tell("\n  ".join([f"seed {seed}:", *wrong[:8]]))
                if time.monotonic() < until and (seed := next(todo, None)) is not None:
                    running.add(pool.submit(live, seed))
    took = time.monotonic() - began
    tell(", ".join(f"{name} {number}" for name, number in sorted(happened.items())))
    a_minute, of_one = days / took * 60, days / processor * 60
    tell(
        f"{done} histories, {days} days of traffic in {took:.0f} s on {processes} processors:"
        f" {a_minute:.0f} days a minute ({of_one:.0f} a minute of one processor's time); {bad} went wrong"
    )
    return min(bad, 1)


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
