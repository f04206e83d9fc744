"""Reads the calls of an exchange of Mango Office: a report a day, asked for and fetched when it is ready."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from integrations.telephony.mango.client import MangoClient
from integrations.telephony.mango.records import FIELDS, Leg, Setting, call_of, read_leg
from integrations.telephony.source import Progress, no_progress
from supportctl.core.call import Rejected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    import requests

    from integrations.checking import Surroundings
    from supportctl.core.accounts import Mango
    from supportctl.core.call import Call
    from supportctl.core.deadline import Deadline

SPAN = timedelta(days=1)  # a month at most; a report is held whole
AROUND = timedelta(hours=1)  # legs of a call that lie on the other side of a border
_HEADER = ";".join(FIELDS)


class MangoSource:
    """The calls of one exchange."""

    def __init__(
        self, account: Mango, surroundings: Surroundings, session: requests.Session | None = None
    ) -> None:
        self._client = MangoClient(account, surroundings, session)
        around = surroundings
        self._setting = Setting(around.name, around.timezone, around.region, self._client.recording)

    def calls(
        self,
        since: datetime,
        until: datetime,
        deadline: Deadline,
        progress: Callable[[Progress], None] = no_progress,
    ) -> Iterator[Call | Rejected]:
        """Yield the calls that began in `since <= t < until`, oldest first.

        Each report reaches an hour over both borders: a call whose legs lie on both sides is told once.

        Raises:
            ServiceError: it refuses, cannot be reached, or the report does not get ready in time.
        """
        done, begin = 0, since
        told: set[str] = set()  # lines that are no legs, of the hour that two reports share
        while begin < until:
            stop = min(begin + SPAN, until)
            report = self._client.report(begin - AROUND, stop + AROUND, FIELDS, deadline)
            wrong, groups = grouped(report)
            yield from (each for line, each in wrong.items() if line not in told)
            told = set(wrong)
            for legs in groups:
                if begin.timestamp() <= legs[0].start < stop.timestamp():
                    done += 1
                    yield call_of(legs, self._setting)
            progress(Progress(done))
            begin = stop


def grouped(report: str) -> tuple[dict[str, Rejected], list[list[Leg]]]:
    """Return what is no leg, by its line, and the legs of each call, by the call's beginning."""
    wrong: dict[str, Rejected] = {}
    groups: dict[str, list[Leg]] = {}
    for number, line in enumerate(report.split("\n"), 1):
        text = line.strip("\r")
        if not text.strip() or text == _HEADER:
            continue
        leg = read_leg(text, number)
        if isinstance(leg, Rejected):
            wrong[text] = leg
        else:
            groups.setdefault(leg.entry_id, []).append(leg)
    for legs in groups.values():
        legs.sort(key=lambda leg: (leg.start, leg.finish))
    return wrong, sorted(groups.values(), key=lambda legs: (legs[0].start, legs[0].entry_id))
