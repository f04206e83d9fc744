"""A backlog of 100,000 calls into one Bitrix24 portal: how much of what its limit allows is used?

The lab's portal with the documented limit (2 requests a second, 50 at once, 50 commands a request), on a
clock that only waiting and answers move: hours of sending take minutes. The ledger is a file as in daily
work. The portal's other limit, on the working time of a method, is not metered: its size is not published,
and a client that is told of it slows down by itself long before (7.5 calls a second at the lab's 0.08 s).

Each call is asked about before it is sent, one command more; the second figure is that of calls which need
not be. The same calls one by one, two requests each, are the baseline; fewer of them: their rate is the same.
A number on the command line is the size of the backlog.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import requests
from measure import tell

from integrations.checking import Surroundings
from integrations.crm.bitrix24.client import Client
from integrations.crm.bitrix24.destination import Bitrix24Destination
from integrations.crm.bitrix24.saga import FINISH, REGISTER
from integrations.crm.reader import Employee
from integrations.lab.bitrix24.limits import Operating
from integrations.lab.bitrix24.portal import WEBHOOK_CODE, WEBHOOK_USER, Bitrix24Portal
from integrations.lab.inprocess import InProcess
from resend.lane import Lane
from resend.ledger.accept import accept
from resend.ledger.store import Store
from resend.policy import Schedule
from supportctl.core.accounts import Bitrix24
from supportctl.core.call import Call
from supportctl.core.clock import FakeClock
from supportctl.core.deadline import Deadline

if TYPE_CHECKING:
    from supportctl.core.delivery import Parcel

CALLS, ONE_BY_ONE = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000, 500
PER_SECOND, BURST, COMMANDS = 2.0, 50.0, 50
LIMIT = 0.95
NOW = datetime(2026, 9, 15, 9, 0, tzinfo=UTC)
ADDRESS = "https://portal.example"


class Unmetered(Operating):
    """The working time of methods on a portal that does not count it: its default on own servers."""

    def spend(self, method: str, seconds: float) -> None:
        """Count nothing."""


class Known(Bitrix24Destination):
    """For calls of which it is known that nobody else has brought them."""

    def _is_new(self, parcel: Parcel) -> bool:  # noqa: ARG002  overrides
        return False


class Rig:
    """A portal, an account and a session with it, on one pretended clock."""

    def __init__(self) -> None:
        self.clock = FakeClock(NOW)
        self.portal = Bitrix24Portal(self.clock, rate=PER_SECOND, burst=BURST)
        self.portal.operating = Unmetered(1e9, self.clock)
        self.portal.plant_employee(Employee("17", "Employee", "101"))
        self.session = requests.Session()
        self.session.mount(ADDRESS, InProcess(self.portal))
        self.account = Bitrix24(kind="bitrix24", url=f"{ADDRESS}/rest/{WEBHOOK_USER}/{WEBHOOK_CODE}/")
        self.around = Surroundings("acme", self.clock, lambda secret: secret, region="RU")

    @property
    def refused(self) -> int:
        """How often the portal said that it was too much."""
        assert self.portal.bucket is not None
        return self.portal.bucket.refused


def call(number: int) -> Call:
    """Return one call of the backlog."""
    began = NOW - timedelta(seconds=number % 80_000)
    phone = f"+7916{number:07d}"
    return Call(f"c{number}", "pbx", "in", began, 60, phone, answered=True, employee="101")


def backlog(folder: Path, kind: type[Bitrix24Destination]) -> tuple[float, int, float]:
    """Return the pretended seconds, the limit errors, and the real seconds of draining the backlog."""
    rig = Rig()
    store = Store(f"sqlite:///{folder / 'ledger.db'}", rig.clock)
    accept(store, "acme", (call(number) for number in range(CALLS)), 86_400.0)
    destination = kind(rig.account, rig.around, rig.session)
    chance = random.Random(1).random
    lane = Lane(store, "acme", destination, schedule=Schedule(), chance=chance, holder="benchmark")
    began, started = rig.clock.monotonic(), time.perf_counter()
    while (drained := lane.drain()) is not None and drained.next_at is not None:
        rig.clock.advance(max(0.0, drained.next_at - rig.clock.now().timestamp()))
    finished = len(rig.portal.store.statistics)
    store.close()
    if finished != CALLS:
        raise SystemExit(f"{finished} calls of {CALLS} are in the portal")
    return rig.clock.monotonic() - began, rig.refused, time.perf_counter() - started


def one_by_one() -> float:
    """Return the calls a second that the limit leaves to who registers and finishes each by itself."""
    rig = Rig()
    client = Client(rig.account, rig.around, rig.session)
    until = Deadline.after(10**6, rig.clock)
    marks: list[float] = []
    for number in range(ONE_BY_ONE):
        each = call(number)
        who = {"USER_ID": 17, "SHOW": 0, "ADD_TO_CHAT": 0}
        registered = client.call(
            REGISTER,
            {**who, "PHONE_NUMBER": each.contact_phone, "TYPE": 2, "EXTERNAL_CALL_ID": each.call_id},
            until,
            reads=False,
        )
        done = {**who, "CALL_ID": registered.result["CALL_ID"], "DURATION": 60}
        client.call(FINISH, done, until, reads=False)
        marks.append(rig.clock.monotonic())
    steady = marks[ONE_BY_ONE // 2 :]  # the burst is used up by then
    return (len(steady) - 1) / (steady[-1] - steady[0])


def share(kind: type[Bitrix24Destination], commands: int, claim: str) -> tuple[bool, float]:
    """Print which share of the portal's limit a backlog uses that needs so many commands a call.

    Returns whether it is enough, and the calls a second.
    """
    with tempfile.TemporaryDirectory() as folder:
        seconds, refused, real_s = backlog(Path(folder), kind)
    allowed = (BURST + PER_SECOND * seconds) * COMMANDS / commands
    rate = CALLS / seconds
    measured = f"{CALLS / allowed:.1%}  ({rate:.1f} calls/s, {refused} refused; {real_s:.0f} s of work)"
    holds = CALLS / allowed >= LIMIT and refused == 0
    return tell(claim, measured, f"{LIMIT:.0%}, 0", holds=holds), rate


def main() -> int:
    """Print the shares of the allowed rate and the ratio to one by one; returns 1 if a share is too low."""
    print(f"a backlog of {CALLS:,} calls")
    known, rate = share(Known, 2, "into Bitrix24, 2 commands a call: share of its limit")
    asked, rate_asked = share(Bitrix24Destination, 3, "asked about first, 3 commands: share of its limit")
    single = one_by_one()
    measured = f"{rate / single:.1f} x; asked first {rate_asked / single:.1f} x  ({single:.2f} calls/s)"
    tell("the same, beside one call at a time", measured, "-", holds=True)
    return 0 if known and asked else 1


if __name__ == "__main__":
    sys.exit(main())
