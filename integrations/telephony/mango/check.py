"""Is the connection with Mango Office healthy? Reads only: employees, lines, the report of the last day."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from integrations.telephony.asking import FAILURE_CODES, Asking
from integrations.telephony.mango.client import LINES, REQUEST, SYSTEM, USERS, MangoClient
from integrations.telephony.mango.records import FIELDS, Setting, call_of
from integrations.telephony.mango.source import grouped
from integrations.telephony.recency import RECENCY_CODES, RECENT, RECORDING_LATE, newest_call, recordings
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import requests

    from integrations.checking import CheckContext, Surroundings
    from integrations.telephony.asking import Asked
    from supportctl.core.accounts import Mango
    from supportctl.core.finding import Finding

_SHOWN = 5
_SPECIAL = {
    "3102": "auth-failed",
    "3105": "auth-failed",
    "not-ready": "rate-limited",
    **{str(code): "account-inactive" for code in range(2000, 3000)},
    **{str(code): "system-error" for code in range(5000, 6000)},
}


class MangoCheck:
    """`CHECKS["telephony.mango"]`; some ten seconds, since a report has to get ready."""

    codes: ClassVar[frozenset[str]] = FAILURE_CODES | RECENCY_CODES | {
        "telephony.reachable", "telephony.signed-in", "telephony.employees", "telephony.employee-unmapped",
        "telephony.lines", "telephony.line-not-routed",
    }  # fmt: skip

    def __init__(
        self, account: Mango, surroundings: Surroundings, session: requests.Session | None = None
    ) -> None:
        self._client = MangoClient(account, surroundings, session)
        around = surroundings
        self._setting = Setting(around.name, around.timezone, around.region, self._client.recording)

    def run(self, context: CheckContext) -> Iterator[Finding]:
        """Yield what is fine and what is not; ends with the first refusal of the exchange itself."""
        asking = Asking(context, SYSTEM, self._client.host, _SPECIAL)
        asking.account = self._setting.source
        answer, asked = asking.ask(USERS, lambda: self._client.ask(USERS, {}, context.deadline))
        if answer is None:
            yield asking.failed(asked)
            return
        yield context.ok("telephony.reachable", asked.evidence, system=SYSTEM)
        yield context.ok("telephony.signed-in", asked.evidence, system=SYSTEM, account=self._setting.source)
        yield _employees(asking, asked, _rows(answer, "users"))
        answer, asked = asking.ask(LINES, lambda: self._client.ask(LINES, {}, context.deadline))
        yield asking.failed(asked, optional=True) if answer is None else _lines(asking, asked, answer)
        yield from self._calls(asking)

    def _calls(self, asking: Asking) -> Iterator[Finding]:
        context = asking.context
        now = context.clock.now().astimezone(self._setting.zone)
        until = now + timedelta(minutes=5)
        report, asked = asking.ask(
            REQUEST, lambda: self._client.report(now - RECENT, until, FIELDS, context.deadline)
        )
        if report is None:
            yield asking.failed(asked)
            return
        calls = [call_of(legs, self._setting) for legs in grouped(report)[1]]
        yield newest_call(asking, asked, calls[-1].started_at if calls else None, now)
        before = now - RECORDING_LATE
        yield from recordings(
            asking,
            asked,
            [
                (call.call_id, call.recording_url is not None)
                for call in calls
                if call.duration_s and call.started_at + timedelta(seconds=call.duration_s) < before
            ],
        )


def _employees(asking: Asking, asked: Asked, users: Sequence[dict[str, Any]]) -> Finding:
    """Return whether each employee who has a telephone has an extension, too."""
    lost = []
    for user in users:
        general, telephony = _part(user, "general"), _part(user, "telephony")
        if telephony.get("numbers") and not str(telephony.get("extension") or "").strip():
            lost.append(clean(general.get("name") or "?"))
    seen = asked.seen("telephony.employees", count=len(users))
    if not lost:
        return asking.context.ok("telephony.employees", seen, system=SYSTEM, count=len(users))
    return asking.context.warning(
        "telephony.employee-unmapped", seen, system=SYSTEM, count=len(lost), names=", ".join(lost[:_SHOWN])
    )


def _lines(asking: Asking, asked: Asked, answer: dict[str, Any]) -> Finding:
    """Return whether each line has a scheme that distributes its calls."""
    lines = _rows(answer, "lines")
    lost = [clean(line.get("number") or "?") for line in lines if not line.get("schema_id")]
    seen = asked.seen("telephony.lines", count=len(lines))
    if not lost:
        return asking.context.ok("telephony.lines", seen, system=SYSTEM, count=len(lines))
    return asking.context.warning(
        "telephony.line-not-routed", seen, system=SYSTEM, count=len(lost), lines=", ".join(lost[:_SHOWN])
    )


def _rows(answer: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = answer.get(name)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _part(row: dict[str, Any], name: str) -> dict[str, Any]:
    found = row.get(name)
    return found if isinstance(found, dict) else {}
