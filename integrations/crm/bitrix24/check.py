"""Is the connection with a Bitrix24 portal healthy? Reads only: profile, scopes, users, calls, lines."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from integrations.crm.asking import Asked, Asking
from integrations.crm.bitrix24.client import OPERATING_LIMIT_S, SYSTEM, Answer, Client, Command
from integrations.crm.bitrix24.faults import REFUSAL_CODES, refusal
from integrations.crm.bitrix24.pages import STATISTICS
from integrations.crm.bitrix24.reader import Bitrix24Reader
from integrations.crm.bitrix24.rows import text
from integrations.crm.people import PEOPLE_CODES, employee_findings
from integrations.crm.strict import UnreadableError
from supportctl.core.failure import Failure, ServiceError
from supportctl.core.finding import Meaning, clean_args

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import requests

    from integrations.checking import CheckContext, Surroundings
    from integrations.crm.reader import Employee
    from supportctl.core.accounts import Bitrix24
    from supportctl.core.finding import Evidence, Finding

DAYS = 30
LINES = "telephony.externalLine.get"
_FEW = 5  # calls of one person only say something from here on
_SHARE = 0.8  # of the time for one method
_SHOWN = 5  # names in a text
_USER_SCOPES = frozenset({"user", "user_brief", "user_basic", "user.basic", "user.brief"})
_OWN_CALLS = "externalCall."  # how the ids of calls of other telephony begin


class Bitrix24Check:
    """`CHECKS["crm.bitrix24"]`."""

    codes: ClassVar[frozenset[str]] = REFUSAL_CODES | PEOPLE_CODES | {
        "crm.reachable", "crm.signed-in", "crm.scopes", "crm.rights", "crm.limits", "crm.lines", "crm.batch",
        "crm.rights-limited", "crm.employee-unmapped", "crm.line-missing", "crm.app-context-needed",
        "crm.batch-failing",
    }  # fmt: skip

    def __init__(
        self, account: Bitrix24, surroundings: Surroundings, session: requests.Session | None = None
    ) -> None:
        self._account = account
        self._reader = Bitrix24Reader(account, surroundings, session)

    def run(self, context: CheckContext) -> Iterator[Finding]:
        """Yield what is fine and what is not; ends with the first answer that makes all others useless."""
        yield from _Run(context, self._reader, self._account.fallback_employee).run()


class _Run:
    """One check: what was learned on the way."""

    def __init__(self, context: CheckContext, reader: Bitrix24Reader, fallback: int | str | None) -> None:
        self._context = context
        self._reader = reader
        self._client: Client = reader.client
        self._fallback = fallback
        self._asking = Asking(context, SYSTEM, self._client.portal)
        self._asking.host = self._client.host
        self._me = ""
        self._admin = False
        self._employees: Sequence[Employee] = ()

    def run(self) -> Iterator[Finding]:
        if not self._client.has_key:
            yield self._no_key()
            return
        asked = self._call("profile")
        if asked.error:
            yield self._failed(asked)
            return
        profile = asked.answer.result
        if not isinstance(profile, dict):
            yield self._unlike(asked, "profile")
            return
        yield from self._signed_in(profile, asked.evidence)
        yield from self._scopes()
        for question in (self._people, self._rights, self._batch, self._limits):
            stop = False
            for finding in question():
                yield finding
                stop = stop or finding.code in {"crm.rate-limited", "crm.unreachable", "crm.blocked"}
            if stop:  # what follows would be told the same
                return

    def _call(self, method: str, params: Mapping[str, Any] | None = None) -> Asked:
        return self._asking.ask(
            method, lambda: self._client.call(method, params or {}, self._context.deadline)
        )

    def _no_key(self) -> Finding:
        now = self._context.clock.monotonic()
        seen = self._context.evidence("profile", "crm.no-answer", started=now, code="no-key", text="")
        return self._context.fault("crm.webhook-invalid", seen, system=SYSTEM, code="no-key")

    def _signed_in(self, profile: Mapping[str, Any], seen: Evidence) -> Iterator[Finding]:
        context, name = (
            self._context,
            " ".join(filter(None, (_said(profile, "NAME"), _said(profile, "LAST_NAME")))),
        )
        self._me, self._admin = _said(profile, "ID"), profile.get("ADMIN") is True
        self._asking.user = name or self._me or "?"
        yield context.ok("crm.reachable", seen, system=SYSTEM, host=self._client.host)
        told = {"user": self._asking.user, "id": self._me, "admin": _yes(self._admin)}
        owner = seen._replace(meaning="crm.key-owner", args=clean_args(told))
        yield context.ok("crm.signed-in", owner, system=SYSTEM, user=self._asking.user)

    def _scopes(self) -> Iterator[Finding]:
        asked = self._call("scope")
        if asked.error or not isinstance(asked.answer.result, list):
            yield self._failed(asked) if asked.error else self._unlike(asked, "scope")
            return
        granted = {str(scope).casefold() for scope in asked.answer.result}
        seen = asked.evidence._replace(
            meaning="crm.granted", args=clean_args({"scopes": ", ".join(sorted(granted)) or "-"})
        )
        missing = [scope for scope in ("telephony", "crm") if scope not in granted]
        if not granted & _USER_SCOPES:
            missing.append("user_basic")
        if "telephony" in missing:
            yield self._context.fault("crm.scope-missing", seen, system=SYSTEM, scopes=", ".join(missing))
        elif missing:
            yield self._context.warning("crm.scope-missing", seen, system=SYSTEM, scopes=", ".join(missing))
        else:
            yield self._context.ok("crm.scopes", seen, system=SYSTEM)

    def _people(self) -> Iterator[Finding]:
        asked = self._asking.ask("user.get", lambda: self._reader.employees(self._context.deadline))
        if asked.error:
            if not _is_scope(asked.error):  # already told
                yield self._failed(asked)
            return
        self._employees = asked.answer
        yield from employee_findings(self._asking, self._employees, self._fallback, asked.evidence)
        unmapped = [user.name for user in self._employees if user.active and not user.extension]
        if unmapped and len(unmapped) < sum(user.active for user in self._employees):
            names = ", ".join(unmapped[:_SHOWN]) + (" …" if len(unmapped) > _SHOWN else "")
            told = clean_args({"count": len(unmapped), "names": names})
            seen = asked.evidence._replace(meaning="crm.without-number", args=told)
            yield self._context.warning(
                "crm.employee-unmapped", seen, system=SYSTEM, count=len(unmapped), names=names
            )

    def _rights(self) -> Iterator[Finding]:
        since = self._context.clock.now() - timedelta(days=DAYS)
        wanted = {">=CALL_START_DATE": since.isoformat(timespec="seconds")}
        asked = self._call(STATISTICS, {"FILTER": wanted, "SORT": "ID", "ORDER": "DESC"})
        if asked.error:
            if not _is_scope(asked.error):
                yield self._failed(asked)
            return
        if not isinstance(asked.answer.result, list):
            yield self._unlike(asked, STATISTICS)
            return
        rows = [row for row in asked.answer.result if isinstance(row, dict)]
        yield self._seen_calls(rows, asked.evidence)
        yield from self._lines(rows)

    def _seen_calls(self, rows: list[dict[str, Any]], seen: Evidence) -> Finding:
        """Say whether a limited right may hide calls: it does so without a word (UNVERIFIED)."""
        owners = {_said(row, "PORTAL_USER_ID") for row in rows}
        told = {"rows": len(rows), "days": DAYS, "employees": ", ".join(sorted(owners)[:_SHOWN]) or "-"}
        shown = seen._replace(meaning="crm.calls-seen", args=clean_args(told))
        others = sum(user.active and user.id != self._me for user in self._employees)
        suspicious = not rows or (len(rows) >= _FEW and owners == {self._me})
        if self._admin or not others or not suspicious:
            return self._context.ok("crm.rights", shown, system=SYSTEM)
        why = Meaning("crm.only-own-calls") if rows else Meaning("crm.no-calls-shown")
        return self._context.warning(
            "crm.rights-limited",
            shown,
            system=SYSTEM,
            user=self._asking.user,
            seen=why,
            rows=len(rows),
            others=others,
        )

    def _lines(self, rows: list[dict[str, Any]]) -> Iterator[Finding]:
        asked = self._call(LINES)
        if asked.error:
            if asked.error.code.upper() == "WRONG_AUTH_TYPE":  # comparing does not need it, delivering may
                code = asked.error.code
                yield self._context.warning(
                    "crm.app-context-needed", asked.evidence, system=SYSTEM, methods=LINES, code=code
                )
            elif asked.error.failure in {Failure.RETRY, Failure.WAIT, Failure.BLOCKED}:
                yield self._failed(asked)
            return
        lines = asked.answer.result if isinstance(asked.answer.result, list) else []
        known = sorted({_said(line, "NUMBER") for line in lines if isinstance(line, dict)} - {""})
        used = {_said(row, "PORTAL_NUMBER") for row in rows if _said(row, "CALL_ID").startswith(_OWN_CALLS)}
        missing = sorted({_digits(number): number for number in used if number}.items())
        absent = [number for digits, number in missing if digits not in {_digits(each) for each in known}]
        seen = asked.evidence._replace(
            meaning="crm.known-lines", args=clean_args({"lines": ", ".join(known) or "-"})
        )
        if absent:
            names = ", ".join(absent[:_SHOWN])
            yield self._context.warning("crm.line-missing", seen, system=SYSTEM, lines=names)
        elif known:
            yield self._context.ok("crm.lines", seen, system=SYSTEM, lines=", ".join(known[:_SHOWN]))

    def _batch(self) -> Iterator[Finding]:
        commands = {name: Command("profile") for name in ("first", "second")}
        asked = self._asking.ask("batch", lambda: self._client.batch(commands, self._context.deadline))
        if asked.error:
            yield self._failed(asked)
            return
        answered = sum(
            isinstance(answer, Answer) and isinstance(answer.result, dict)
            for answer in asked.answer.answers.values()
        )
        told = clean_args({"answered": answered, "asked": len(commands)})
        seen = asked.evidence._replace(meaning="crm.batch-answers", args=told)
        if answered == len(commands):
            yield self._context.ok("crm.batch", seen, system=SYSTEM)
            return
        code = next((error.code for error in asked.answer.errors.values()), "-")
        yield self._context.warning(
            "crm.batch-failing",
            seen,
            system=SYSTEM,
            asked=len(commands),
            failed=len(commands) - answered,
            code=code,
        )

    def _limits(self) -> Iterator[Finding]:
        method, used = max(self._client.operating.items(), key=lambda item: item[1], default=("-", 0.0))
        now = self._context.clock.monotonic()
        told = {"method": method, "used": round(used, 1)}
        seen = self._context.evidence(
            "time.operating", "crm.operating", started=now, method=method, used=round(used, 1)
        )
        if used >= OPERATING_LIMIT_S * _SHARE:
            yield self._context.warning("crm.operating-limit", seen, system=SYSTEM, **told)
        else:
            yield self._context.ok("crm.limits", seen, system=SYSTEM)

    def _unlike(self, asked: Asked, method: str) -> Finding:
        return self._context.unknown(
            "crm.not-understood", asked.evidence, system=SYSTEM, host=self._client.host, reason=method
        )

    def _failed(self, asked: Asked) -> Finding:
        return refusal(asked, self._asking, self._client)


def _is_scope(error: ServiceError) -> bool:
    return error.code.upper() in {"INSUFFICIENT_SCOPE", "INVALID_SCOPE"}


def _said(row: Mapping[str, Any], name: str) -> str:
    try:
        return text(row, name)
    except UnreadableError:
        return ""


def _digits(number: str) -> str:
    return "".join(character for character in number if character.isdigit()) or number


def _yes(value: bool) -> Meaning:  # noqa: FBT001  a word for a value
    return Meaning("crm.yes") if value else Meaning("crm.no")
