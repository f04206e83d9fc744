"""Is the connection with Ringostat healthy? It has one question for us: the log of calls."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from integrations.telephony.asking import FAILURE_CODES, Asking
from integrations.telephony.recency import (
    OLDEST,
    RECENCY_CODES,
    RECENT,
    RECORDING_LATE,
    newest_call,
    recordings,
)
from integrations.telephony.ringostat import METHOD, SYSTEM, RingostatClient, newest, talked, zone_of
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from integrations.checking import CheckContext, Surroundings
    from supportctl.core.accounts import Ringostat
    from supportctl.core.finding import Finding


class RingostatCheck:
    """`CHECKS["telephony.ringostat"]`."""

    codes: ClassVar[frozenset[str]] = (
        FAILURE_CODES | RECENCY_CODES | {"telephony.reachable", "telephony.signed-in"}
    )

    def __init__(
        self, account: Ringostat, surroundings: Surroundings, session: requests.Session | None = None
    ) -> None:
        self._account = account
        self._client = RingostatClient(account, surroundings, session)
        self._zone = zone_of(surroundings)

    def run(self, context: CheckContext) -> Iterator[Finding]:
        """Yield what is fine and what is not."""
        asking = Asking(context, SYSTEM, self._client.host, {})
        now = context.clock.now().astimezone(self._zone).replace(tzinfo=None)
        until = now + timedelta(minutes=5)
        rows, asked = asking.ask(METHOD, lambda: self._client.rows(now - RECENT, until, context.deadline))
        if rows is None:
            yield asking.failed(asked)
            return
        account = clean(self._account.project or "?")
        yield context.ok("telephony.reachable", asked.evidence, system=SYSTEM)
        yield context.ok("telephony.signed-in", asked.evidence, system=SYSTEM, account=account)
        if not rows:
            older, again = asking.ask(
                METHOD, lambda: self._client.rows(now - OLDEST, until, context.deadline)
            )
            if older is None:
                yield asking.failed(again)
                return
            rows, asked = older, again
        yield newest_call(asking, asked, newest(rows), now)
        yield from recordings(asking, asked, talked(rows, now - RECORDING_LATE))
