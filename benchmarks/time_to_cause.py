"""From the start of a playbook to the named cause: how long the machine takes; lab devices answer for real.

Every case of every library playbook that names a cause is run once, nothing remembered from another one: the
probes ask the lab's devices on real sockets. What people need for their part is not counted. The limit is
15 s for the median; the ratio beside it says how much of it is used.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import TYPE_CHECKING

from playbooks.engine.library import Library
from playbooks.engine.ports import Looked
from playbooks.engine.state import CauseNamed
from playbooks.engine.testkit.kit import Kit
from probes.links import open_link
from probes.registry import entries, plan
from probes.runner import Job, Runner
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.target import parse_target

if TYPE_CHECKING:
    from playbooks.engine.model import Check
    from playbooks.engine.state import Notice

LIMIT_S = 15.0


class Stopwatch:
    """Counts the seconds in which devices were asked, up to the moment when the cause was named."""

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self.named: float | None = None

    def heard(self, notice: Notice) -> None:
        """Stop at the first cause that is named."""
        if isinstance(notice, CauseNamed) and self.named is None:
            self.named = time.perf_counter() - self.started


def asked(check: Check, targets: tuple[str, ...]) -> Looked:
    clock = SystemClock()
    jobs = [Job(entry, target) for entry, target in plan(entries(), [parse_target(url) for url in targets])]
    result = Runner(open_link, clock).run(jobs, Deadline.after(check.deadline, clock))
    return Looked(result.findings, targets)


def measured(library: Library, name: str) -> list[tuple[float, str]]:
    times = []
    for number in range(len(_cases(library, name))):
        with Kit(library, name, asked) as kit:  # a new lab and no memory: every case asks its devices itself
            case = kit.test.cases[number]
            if not case.world.faults:
                continue  # what is told to the playbook instead of being asked would cost nothing
            watch = Stopwatch()
            kit.heard = watch.heard
            kit.case(case)
            if watch.named is not None:
                times.append((watch.named, f"{name}, {case.name}"))
    return times


def _cases(library: Library, name: str) -> tuple[object, ...]:
    return Kit(library, name, asked).test.cases


def main() -> int:
    library = Library()
    times = [found for name in library.names() for found in measured(library, name)]
    if not times:
        print("no case names a cause")
        return 1
    seconds = [each for each, _ in times]
    median = statistics.median(seconds)
    slowest, where = max(times)
    print(f"cases that name a cause by asking lab devices: {len(times)} of {len(library.names())} playbooks")
    print(f"median {median:.2f} s, slowest {slowest:.2f} s ({where})")
    print(f"share of the limit of {LIMIT_S:.0f} s: {median / LIMIT_S:.2f}")
    return 0 if median < LIMIT_S else 1


if __name__ == "__main__":
    sys.exit(main())
