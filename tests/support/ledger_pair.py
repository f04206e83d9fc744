"""A real ledger and one in memory, by one clock: every act is done on both, and must give the same."""

from __future__ import annotations

from typing import Any

import memory_lanes
import memory_ledger
import memory_trouble
from ledger_bench import NOW as BEGIN
from ledger_bench import PretendedClock, PretendingStore
from ledger_story import memory_story, sql_story

from resend.ledger import escalations as sql_cases
from resend.ledger import lanes as sql_lanes
from resend.ledger import trouble as sql_trouble
from resend.model import Lease, LeaseLostError


class Pair:
    """One real ledger and one in memory, by the same clock."""

    def __init__(self, url: str) -> None:
        self.clock = PretendedClock(BEGIN)
        self.real = PretendingStore(url, self.clock)
        self.memory = memory_ledger.MemoryStore(self.clock)
        self.leases: list[Lease] = []
        self.claimed: list[Any] = []

    def close(self) -> None:
        """Close the real one."""
        self.real.close()

    def both(self, modules: tuple[Any, Any], name: str, *args: object, **more: object) -> Any:
        """Do the same on both; return what both have returned."""
        said = []
        for store, module in zip((self.real, self.memory), modules, strict=True):
            try:
                said.append(getattr(module, name)(store, *args, **more))
            except LeaseLostError as error:
                said.append(("lost", str(error)))
        ours, theirs = (
            sorted(each) if name in {"unreported", "hits", "lane_names"} else each for each in said
        )
        assert ours == theirs, name
        return ours

    def lanes(self, name: str, *args: object, **more: object) -> Any:
        """Act as a worker."""
        return self.both((sql_lanes, memory_lanes), name, *args, **more)

    def trouble(self, name: str, *args: object) -> Any:
        """Act as a sweep."""
        return self.both((sql_trouble, memory_trouble), name, *args)

    def cases(self, name: str, *args: object, **more: object) -> Any:
        """Act as one who tells."""
        return self.both((sql_cases, memory_trouble), name, *args, **more)

    def look(self, lane: str, ask: Any) -> Any:
        """Ask both how a lane is; return the answer of the real one."""
        with sql_lanes.look(self.real, lane) as real, memory_lanes.look(self.memory, lane) as memory:
            ours, theirs = ask(real), ask(memory)
            assert (real.now, real.lane) == (memory.now, memory.lane)
        if isinstance(ours, list) and not self.real.is_sqlite:  # what is due at one moment comes in any order
            assert [_order(each) for each in ours] == [_order(each) for each in theirs]
        else:
            assert ours == theirs
        return ours

    def check(self) -> None:
        """Fail if they differ."""
        ours, theirs = sql_story(self.real), memory_story(self.memory)
        for name, rows in ours.items():
            assert rows == theirs[name], name


def _order(delivery: Any) -> tuple[object, ...]:
    return delivery.next_attempt_at, delivery.state
