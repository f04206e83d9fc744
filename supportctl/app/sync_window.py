"""What `--since` and `--until` mean: so long ago, a moment, or a day of the shop."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from integrations.sync.model import Window
from supportctl.core.errors import UsageError

if TYPE_CHECKING:
    from datetime import tzinfo

DEFAULT_SINCE = "24h"
_AGO = re.compile(r"(\d{1,5})(m|h|d|w)", re.ASCII)
_UNITS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_LONGEST = timedelta(days=366)


def window(since: str | None, until: str | None, now: datetime, zone: tzinfo | None) -> Window:
    """Return the time to compare, up to now: by default the last 24 hours.

    A date is a day of the shop: `since` begins with it, `until` ends with it. A moment without a zone is the
    shop's time.

    Raises:
        UsageError: `sync.bad-time`, `sync.bad-window`.
    """
    zone = zone or now.tzinfo
    first = moment("--since", since or DEFAULT_SINCE, now, zone)
    last = moment("--until", until, now, zone, end=True) if until else now
    last = min(last, now)
    if not first < last <= first + _LONGEST:
        found = f"{first.isoformat(timespec='minutes')} … {last.isoformat(timespec='minutes')}"
        raise UsageError("sync.bad-window", found=found)
    return Window(first, last)


def moment(option: str, text: str, now: datetime, zone: tzinfo | None, *, end: bool = False) -> datetime:
    """Return what an option means; with `end` a date is the end of its day.

    Raises:
        UsageError: `sync.bad-time`.
    """
    text = text.strip()
    ago = _AGO.fullmatch(text)
    try:
        if ago is not None:
            return now.astimezone(zone) - int(ago[1]) * _UNITS[ago[2]]
        if _DAY.fullmatch(text):
            day = date.fromisoformat(text) + timedelta(days=end)
            return datetime.combine(day, time(), zone)
        found = datetime.fromisoformat(text)
        found = found if found.tzinfo else found.replace(tzinfo=zone)
        found.astimezone(UTC)  # the year 1 has no moment in the east
    except (ValueError, OverflowError):
        raise UsageError("sync.bad-time", option=option, found=text) from None
    return found
