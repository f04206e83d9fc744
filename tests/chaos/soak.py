"""Long runs of the simulation and of the kill tests: `python tests/chaos/soak.py [MINUTES]`, or `make soak`.

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
from typing import TYPE_CHECKING

from simulation import Size, run

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES = (Size(), Size(days=5, lanes=1, calls_a_day=6), Size(days=1, lanes=4, workers=3, calls_a_day=20))


def live(seed: int) -> tuple[int, list[str], Counter[str], int, float]:
    """Live through one history: seed, what is wrong, what happened, days of traffic, processor seconds."""
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


def main(minutes: float) -> int:
    """Run, tell, and return how many histories went wrong, at most 1."""
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
                    print(f"seed {seed}:", *wrong[:8], sep="\n  ", flush=True)
                if time.monotonic() < until and (seed := next(todo, None)) is not None:
                    running.add(pool.submit(live, seed))
    took = time.monotonic() - began
    print(", ".join(f"{name} {number}" for name, number in sorted(happened.items())))
    print(
        f"{done} histories, {days} days of traffic in {took:.0f} s on {processes} processors:"
        f" {days / took * 60:.0f} days a minute ({days / processor * 60:.0f} a minute of one processor's time);"
        f" {bad} went wrong"
    )
    return min(bad, 1)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 5.0))
