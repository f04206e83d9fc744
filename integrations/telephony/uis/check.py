"""Is the connection with UIS healthy? Reads only: account, numbers, employees, calls, the delivery log."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from integrations.telephony.asking import FAILURE_CODES, Asked, Asking
from integrations.telephony.recency import (
    OLDEST,
    RECENCY_CODES,
    RECENT,
    RECORDING_LATE,
    newest_call,
    recordings,
)
from integrations.telephony.uis import delivery
from integrations.telephony.uis.client import Answer, UisClient
from integrations.telephony.uis.records import SYSTEM, TIME, start_of, talkers
from integrations.telephony.uis.source import account_zone, employees, extensions
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

    import requests

    from integrations.checking import CheckContext, Surroundings
    from integrations.telephony.uis.records import Row
    from supportctl.core.accounts import Uis
    from supportctl.core.finding import Finding

DAY_S = 86400
_CALLS, _SHOWN = 200, 5
_LOCKED = frozenset({"manual_lock", "limit_lock"})
# after these all that follows would be told the same
_USELESS = frozenset({"telephony.unreachable", "telephony.rate-limited"})
# mnemonic of an error -> our finding
_SPECIAL = {
    "access_token_expired": "key-expired",
    "access_token_blocked": "key-blocked",
    "access_token_invalid": "auth-failed",
    "auth_error": "auth-failed",
    "-32001": "auth-failed",
    "ip_not_whitelisted": "ip-not-allowed",
    "forbidden": "rights-missing",
    "account_inactive": "account-inactive",
    "method_component_disabled": "component-missing",
    "parameter_component_disabled": "component-missing",
    "tariff_restrictions": "tariff-limit",
    "internal_error": "system-error",
}
_FIELDS = [
    "id", "start_time", "finish_time", "is_lost", "talk_duration", "call_records", "full_record_file_link",
    "employees",
]  # fmt: skip


class UisCheck:
    """`CHECKS["telephony.uis"]`; costs at most eight points of the day."""

    codes: ClassVar[frozenset[str]] = FAILURE_CODES | RECENCY_CODES | {
        "telephony.reachable", "telephony.signed-in", "telephony.limits", "telephony.lines",
        "telephony.employees", "telephony.notifications", "telephony.line-not-routed",
        "telephony.employee-unmapped", "telephony.notifications-failing", "telephony.log-not-found",
    }  # fmt: skip

    def __init__(
        self, account: Uis, surroundings: Surroundings, session: requests.Session | None = None
    ) -> None:
        self._account = account
        self._client = UisClient(account, surroundings, session, guards=False)

    def run(self, context: CheckContext) -> Iterator[Finding]:
        """Yield what is fine and what is not; ends with what makes all further questions useless."""
        yield from _Run(context, self._account, self._client).run()


class _Run:
    """One check: what was learned on the way."""

    def __init__(self, context: CheckContext, account: Uis, client: UisClient) -> None:
        self._context = context
        self._account = account
        self._client = client
        self._asking = Asking(context, SYSTEM, client.host, _SPECIAL)
        self._extensions: dict[int, str] | None = None
        self._names: dict[int, str] = {}

    def run(self) -> Iterator[Finding]:
        answer, asked = self._ask("get.account")
        if answer is None:
            yield self._failed(asked)
            return
        yield self._context.ok("telephony.reachable", asked.evidence, system=SYSTEM)
        zone, zoned = self._asking.ask("get.account", lambda: account_zone(answer))
        if zone is None:
            yield self._failed(zoned)
            return
        yield self._signed_in(answer, asked, zone)
        yield from self._limits(asked)
        for question in (self._lines(), self._employees(), self._calls(zone), self._notifications(zone)):
            for finding in question:
                yield finding
                if finding.code in _USELESS or self._is_spent(finding):
                    return

    def _ask(self, method: str, **params: object) -> tuple[Answer | None, Asked]:
        return self._asking.ask(method, lambda: self._client.ask(method, self._context.deadline, **params))

    def _failed(self, asked: Asked, *, optional: bool = False) -> Finding:
        """Return the finding of a question that failed; the day's points are told as such."""
        known = self._client.limits
        spent = known is not None and known.day_remaining <= 0
        if asked.error is not None and asked.error.code in {"limit_exceeded", "-32029"} and spent:
            return self._quota(asked)
        return self._asking.failed(asked, optional=optional)

    def _signed_in(self, answer: Answer, asked: Asked, zone: tzinfo) -> Finding:
        row = answer.rows[0]
        name, number = clean(row.get("name") or "?"), clean(row.get("app_id") or "?")
        self._asking.account = number
        seen = asked.seen("telephony.account", account=f"{name} ({number})", timezone=str(zone))
        return self._context.ok("telephony.signed-in", seen, system=SYSTEM, account=name)

    def _limits(self, asked: Asked) -> Iterator[Finding]:
        known = self._client.limits
        if known is None or known.day_limit <= 0:
            return  # "except when limits are not applied"
        if known.day_remaining < self._account.keep_points * known.day_limit:
            yield self._quota(asked)
            return
        points = {"remaining": known.day_remaining, "limit": known.day_limit}
        seen = asked.seen("telephony.points", **points)
        yield self._context.ok("telephony.limits", seen, system=SYSTEM, **points)

    def _quota(self, asked: Asked) -> Finding:
        known = self._client.limits
        assert known is not None
        remaining, limit = max(known.day_remaining, 0), max(known.day_limit, 1)
        seen = asked.seen("telephony.points", remaining=remaining, limit=limit)
        tell = self._context.fault if remaining == 0 else self._context.warning
        return tell(
            "telephony.quota-low",
            seen,
            system=SYSTEM,
            remaining=remaining,
            limit=limit,
            percent=round(100 * remaining / limit),
            hours=max(round(known.day_reset_s / 3600), 1),
        )

    def _is_spent(self, finding: Finding) -> bool:
        return finding.code == "telephony.quota-low" and finding.args.get("remaining") == 0

    def _lines(self) -> Iterator[Finding]:
        fields = ["virtual_phone_number", "status", "type", "scenarios"]
        answer, asked = self._ask("get.virtual_numbers", fields=fields, limit=1000)
        if answer is None:
            yield self._failed(asked, optional=True)
            return
        rows = [row for row in answer.rows if isinstance(row, dict)]
        lost = [clean(row.get("virtual_phone_number") or "?") for row in rows if _leads_nowhere(row)]
        seen = asked.seen("telephony.lines", count=len(rows))
        if lost:
            yield self._context.warning(
                "telephony.line-not-routed", seen, system=SYSTEM, count=len(lost), lines=_few(lost)
            )
        else:
            yield self._context.ok("telephony.lines", seen, system=SYSTEM, count=len(rows))

    def _employees(self) -> Iterator[Finding]:
        """Learn the employees; whether they are mapped is told when it is known who has calls."""
        rows, asked = self._asking.ask(
            "get.employees", lambda: employees(self._client, self._context.deadline)
        )
        if rows is None:
            yield self._failed(asked, optional=True)
            return
        self._extensions = extensions(rows)
        self._names = {row["id"]: clean(row.get("full_name") or row["id"]) for row in rows if _has_id(row)}

    def _calls(self, zone: tzinfo) -> Iterator[Finding]:
        now = self._context.clock.now().astimezone(zone).replace(tzinfo=None)
        answer, asked = self._newest(now, RECENT, _CALLS)
        if answer is not None and not answer.rows:
            answer, asked = self._newest(now, OLDEST, 1)
        if answer is None:
            yield self._failed(asked)
            return
        starts = [start for start in map(start_of, answer.rows) if start is not None]
        yield newest_call(self._asking, asked, max(starts, default=None), now)
        yield from self._mapped(asked, answer.rows)
        yield from recordings(self._asking, asked, _talked(answer.rows, now - RECORDING_LATE))

    def _newest(self, now: datetime, back: timedelta, limit: int) -> tuple[Answer | None, Asked]:
        return self._ask(
            "get.calls_report",
            date_from=(now - back).strftime(TIME),
            date_till=(now + timedelta(minutes=5)).strftime(TIME),
            fields=_FIELDS,
            sort=[{"field": "start_time", "order": "desc"}],
            limit=limit,
        )

    def _mapped(self, asked: Asked, rows: Sequence[object]) -> Iterator[Finding]:
        """Tell whether those who had calls can be told by an extension."""
        if self._extensions is None:
            return
        busy = list(dict.fromkeys(person for row in rows for person in talkers(row)))
        lost = [self._names.get(person, str(person)) for person in busy if person not in self._extensions]
        seen = asked.seen("telephony.employees", count=len(self._names))
        if lost:
            yield self._context.warning(
                "telephony.employee-unmapped", seen, system=SYSTEM, count=len(lost), names=_few(lost)
            )
        else:
            yield self._context.ok("telephony.employees", seen, system=SYSTEM, count=len(self._names))

    def _notifications(self, zone: tzinfo) -> Iterator[Finding]:
        report = self._account.notifications_report
        if report is None:
            answer, asked = self._ask("get.reports_list", fields=["id", "type", "name"], limit=1000)
            if answer is None:
                yield self._failed(asked, optional=True)
                return
            report = delivery.report_of(answer.rows)
            if report is None:
                yield self._context.unknown(
                    "telephony.log-not-found", asked.evidence, system=SYSTEM, count=len(answer.rows)
                )
                return
        now = self._context.clock.now().astimezone(zone).replace(tzinfo=None)
        answer, asked = self._ask("get.notifications", **delivery.params(report, now))
        if answer is None:
            yield self._failed(asked, optional=True)
            return
        log = delivery.summary(answer.rows)
        total = max(log.total, 0)
        seen = asked.seen("telephony.delivery-log", failed=log.failed, total=total)
        if not log.failed:
            yield self._context.ok("telephony.notifications", seen, system=SYSTEM, total=total)
            return
        tell = self._context.fault if log.is_failing else self._context.warning
        yield tell(
            "telephony.notifications-failing",
            seen,
            system=SYSTEM,
            failed=log.failed,
            total=total,
            since=log.since,
            last=log.last,
            kinds=log.kinds,
            recipient=log.recipient,
        )


def _leads_nowhere(row: Row) -> bool:
    status = row.get("status")
    if isinstance(status, str) and status in _LOCKED:
        return True
    rules = row.get("scenarios")
    if status != "active" or row.get("type") != "va" or not isinstance(rules, list):
        return False  # a number for tracking is led by its campaign
    return not any(isinstance(rule, dict) and rule.get("is_active") is not False for rule in rules)


def _talked(rows: Sequence[object], before: datetime) -> list[tuple[str, bool]]:
    """Return the calls with talk that ended before a moment, and whether they have a recording."""
    found = []
    for row in rows:
        start = start_of(row)
        if not isinstance(row, dict) or start is None:
            continue
        talk = row.get("talk_duration")
        if isinstance(talk, int | float) and 0 < talk < DAY_S and start + timedelta(seconds=talk) < before:
            has = bool(row.get("call_records") or row.get("full_record_file_link"))
            found.append((clean(row.get("id")), has))
    return found


def _has_id(row: Row) -> bool:
    return isinstance(row.get("id"), int)


def _few(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" … +{more}" if more > 0 else "")
