"""Reading from UIS: is the minute's limit of points used, and never met?

The lab's account with 150 points a minute, on a clock that only waiting and answers (50 ms each) move: twenty
minutes of reading take a second. One row a page, so that the limit decides; the first minute is not counted.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import requests
from measure import tell

from integrations.checking import Surroundings
from integrations.lab.inprocess import InProcess
from integrations.lab.uis.portal import TOKEN, UisPortal
from integrations.telephony.uis import window
from integrations.telephony.uis.source import UisSource
from supportctl.core.accounts import Uis
from supportctl.core.call import Call
from supportctl.core.clock import FakeClock
from supportctl.core.deadline import Deadline

if TYPE_CHECKING:
    from integrations.lab.portal import Asked, Said

ADDRESS = "https://uis.example"
CALLS, PER_MINUTE = 3000, 150
LIMIT = 0.95
ANSWER_S = 0.05
NOW = datetime(2026, 9, 15, 9, 0, tzinfo=UTC)


class Watched(UisPortal):
    """Notes when each request came, and which ones were refused for a limit."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.asked_at: list[float] = []
        self.refused = 0

    def respond(self, asked: Asked) -> Said:
        """Return the answer, after as long as one takes."""
        self.asked_at.append(self.clock.monotonic())
        said = super().respond(asked)
        self.refused += b"limit_exceeded" in said.body
        return said._replace(delay_s=ANSWER_S)


def main() -> int:
    """Print the share of the allowed rate; returns 1 if it misses its limit or a request was refused."""
    clock = FakeClock(NOW)
    portal = Watched(clock)
    portal.points.day_limit, portal.points.minute_limit = 10**6, PER_MINUTE
    for number in range(CALLS):
        at = NOW - timedelta(hours=12) + timedelta(seconds=10 * number)
        portal.plant(Call(str(number), "pbx", "in", at, 60, "+79161234567", answered=True, employee="101"))
    session = requests.Session()
    session.mount(ADDRESS, InProcess(portal))
    surroundings = Surroundings("pbx", clock, lambda secret: secret, region="RU")
    window.PAGE = 2  # the last second of a page is read again: one new call a page
    source = UisSource(Uis(kind="uis", url=ADDRESS, token=TOKEN), surroundings, session)
    until = Deadline.after(10**6, clock)
    count = sum(1 for _ in source.calls(NOW - timedelta(hours=12), NOW, until))
    if count != CALLS:
        raise SystemExit(f"{count} calls of {CALLS}")
    last = (
        len(portal.asked_at) // PER_MINUTE * PER_MINUTE - PER_MINUTE
    )  # from one minute's first to another's
    used, seconds = last - PER_MINUTE, portal.asked_at[last] - portal.asked_at[PER_MINUTE]
    share = used / (seconds / 60 * PER_MINUTE)
    measured = f"{share:.1%}  ({used} requests in {seconds:.0f} s, {portal.refused} refused)"
    holds = share >= LIMIT and portal.refused == 0
    tell("reading from UIS: share of the points of a minute", measured, f"{LIMIT:.0%}, 0", holds=holds)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
