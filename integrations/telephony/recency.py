"""What a connection check says of the last calls: is there one, and where are their recordings?"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from integrations.telephony.asking import Asked, Asking
    from supportctl.core.finding import Finding

RECENT, OLDEST = timedelta(hours=24), timedelta(days=30)
RECORDING_LATE = timedelta(minutes=30)  # a recording appears some time after the call
_SHARE = 0.1  # of calls without one: recording may be off for some people
RECENCY_CODES = frozenset({
    "telephony.calls", "telephony.no-recent-calls", "telephony.recordings", "telephony.recordings-late",
})  # fmt: skip


def newest_call(asking: Asking, asked: Asked, newest: datetime | None, now: datetime) -> Finding:
    """Return what the newest call says; `newest` and `now` by the same clock. None: none for a month."""
    context, system = asking.context, asking.system
    last = newest or now - OLDEST
    told = f"{last:%d.%m.%Y %H:%M}"
    seen = asked.seen("telephony.newest-call", last=told) if newest else asked.seen("telephony.no-calls")
    if newest is not None and now - newest <= RECENT:
        return context.ok("telephony.calls", seen, system=system, last=told)
    hours = int((now - last) / timedelta(hours=1))
    return context.warning("telephony.no-recent-calls", seen, system=system, last=told, hours=hours)


def recordings(asking: Asking, asked: Asked, talked: Sequence[tuple[str, bool]]) -> Iterator[Finding]:
    """Yield whether calls have recordings; `talked` are calls that ended long enough ago: id, has one."""
    late = [call_id for call_id, has_recording in talked if not has_recording]
    total = len(talked)
    if not total:
        return
    seen = asked.seen("telephony.recordings", count=len(late), total=total)
    if len(late) < max(_SHARE * total, 1):
        yield asking.context.ok("telephony.recordings", seen, system=asking.system, count=total)
        return
    yield asking.context.warning(
        "telephony.recordings-late",
        seen,
        system=asking.system,
        minutes=int(RECORDING_LATE / timedelta(minutes=1)),
        call=late[0],
        count=len(late),
        total=total,
    )
