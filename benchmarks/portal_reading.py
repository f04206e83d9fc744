"""Reading a portal: does the reader use the rate that the portal allows, and never meet its limit?

The lab's Bitrix24 portal on a socket, with its leaky bucket on; it lets 25 requests a second through instead
of two, so that a run ends soon. One page a request; what is left of the allowance is our loss.
Beside it: the same rows with many pages in each batch, which the limit no longer decides.
"""

from __future__ import annotations

import sys
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from measure import tell

from integrations.checking import Surroundings
from integrations.crm.bitrix24.reader import Bitrix24Reader
from integrations.crm.reader import CrmCall
from integrations.lab.bitrix24 import Bitrix24Portal
from integrations.lab.serve import PortalServer
from supportctl.core.accounts import Bitrix24
from supportctl.core.call import Call
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Iterable

ROWS = 20_000
PER_SECOND, BURST = 25.0, 50.0
LIMIT = 0.95
DEADLINE_S = 120.0
CLOCK = SystemClock()


class Reading(NamedTuple):
    """What one reading took: seconds, requests, rows, requests that the portal refused."""

    seconds: float
    requests: int
    rows: int
    refused: int


def portal_with(rows: int) -> tuple[Bitrix24Portal, datetime]:
    """Return a portal with calls of the last days, and when the first began."""
    portal = Bitrix24Portal(CLOCK, "acme", rate=PER_SECOND, burst=BURST, operating_limit_s=float("inf"))
    first = CLOCK.now().replace(microsecond=0) - timedelta(seconds=10 * rows)
    contact = portal.plant_contact("+79990001122", "Maria")
    for number in range(rows):
        at = first + timedelta(seconds=10 * number)
        call = Call(f"uis-{number}", "pbx", "in", at, 60, "+79990001122", answered=True, line="100")
        portal.plant_call(call, employee="1", contact=contact, recording=True)
    return portal, first


def read(portal: Bitrix24Portal, first: datetime, pages_per_request: int) -> Reading:
    """Return what it takes to read every row once."""
    with PortalServer(portal) as server:
        account = Bitrix24(**{**portal.account(server.url), "rate": f"{PER_SECOND:g}/s"})
        surroundings = Surroundings("acme", CLOCK, str, None, "RU")
        reader = Bitrix24Reader(account, surroundings, pages_per_request=pages_per_request, created=False)
        before = len(portal.operations)
        refused = portal.state()["refused_by_limit"]
        deadline = Deadline.after(DEADLINE_S, CLOCK)
        started = time.monotonic()
        rows = count(reader.records(first, CLOCK.now() + timedelta(days=1), deadline))
        seconds = time.monotonic() - started
        reader.client.close()
    now_refused = portal.state()["refused_by_limit"]
    return Reading(seconds, len(portal.operations) - before, rows, now_refused - refused)


def count(records: Iterable[object]) -> int:
    """Return how many different calls there are."""
    return len({record.record_id for record in records if isinstance(record, CrmCall)})


def main() -> int:
    """Print the share of the allowed rate; returns 1 if it is missed, or if a request was refused."""
    portal, first = portal_with(ROWS)
    paged = read(portal, first, 1)
    allowed = BURST + PER_SECOND * paged.seconds  # what the bucket lets through in that time
    share = paged.requests / allowed
    whole = paged.rows == ROWS and paged.refused == 0
    holds = [
        tell(
            f"{ROWS:,} rows page by page: share of the allowed rate",
            f"{share:6.1%}  ({paged.requests} requests in {paged.seconds:.1f} s, {allowed:.0f} allowed)",
            f">= {LIMIT:.0%}",
            holds=share >= LIMIT and whole,
        ),
        tell(
            "requests that the portal refused",
            f"{paged.refused} of {paged.requests}; {paged.rows:,} rows read",
            f"0, {ROWS:,} rows",
            holds=whole,
        ),
    ]
    CLOCK.sleep(BURST / PER_SECOND)  # until the bucket is empty again
    many = read(portal, first, 50)
    holds.append(
        tell(
            f"{ROWS:,} rows in batches",
            f"{many.requests} requests in {many.seconds:.1f} s, {many.refused} refused",
            f"{paged.seconds / 2:.1f} s, 0 refused",
            holds=many.rows == ROWS and many.refused == 0 and many.seconds < paged.seconds / 2,
        )
    )
    return 0 if all(holds) else 1


if __name__ == "__main__":
    sys.exit(main())
