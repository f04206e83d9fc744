"""The portal itself: who asks, what they may, limits, batches, and the faults of a real one."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta, timezone
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple
from urllib.parse import unquote

from integrations.lab.bitrix24 import errors, reading
from integrations.lab.bitrix24 import params as p
from integrations.lab.bitrix24.calls import Caller, Calls, line_method
from integrations.lab.bitrix24.errors import ApiError
from integrations.lab.bitrix24.limits import Bucket, Operating
from integrations.lab.bitrix24.planting import Planting
from integrations.lab.bitrix24.reading import Listed
from integrations.lab.bitrix24.records import UPLOAD, Records
from integrations.lab.bitrix24.store import Store, User
from integrations.lab.portal import Asked, Said, document

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import tzinfo

    from supportctl.core.clock import Clock

MOSCOW = timezone(timedelta(hours=3))
SCOPES = ("telephony", "crm", "user", "call")
WEBHOOK_USER, WEBHOOK_CODE = 1, "labwebhookcode01"
BATCH_MAX = 50
_PATH = re.compile(r"/rest/(?:(\d+)/([^/]+)/)?([\w.]+?)(?:\.json)?/?", re.ASCII)
_SHOWN = 20  # so many things of a kind does `state` show
# The methods that the documentation keeps for applications.
_APPLICATIONS_ONLY = (
    "telephony.externalcall.register",
    "telephony.externalcall.finish",
    "telephony.externalline.",
)
_COST_S = {"voximplant.statistic.get": 0.06, "crm.activity.list": 0.05, "telephony.externalcall.finish": 0.08}
_USUAL_COST_S = 0.02


class Token(NamedTuple):
    """What an application's token stands for."""

    user_id: int
    app_id: str
    app_name: str = "Lab"


class Bitrix24Portal(Planting):
    """A Bitrix24 portal; `rate` 0 switches its limit off.

    `webhook` is user and code of its incoming webhook; `tokens` are those of applications. With
    `strict_webhooks` a webhook may not register calls, as the documentation has it and many portals do not.
    """

    kind: ClassVar[str] = "bitrix24"
    own_faults: ClassVar[Mapping[str, str]] = errors.OWN_FAULTS
    late_s = 30.0

    def __init__(
        self,
        clock: Clock,
        name: str = "",
        *,
        rate: float = 2.0,
        burst: float = 50.0,
        operating_limit_s: float = 480.0,
        webhook: tuple[int, str] = (WEBHOOK_USER, WEBHOOK_CODE),
        tokens: Mapping[str, Token] | None = None,
        strict_webhooks: bool = False,
        zone: tzinfo = MOSCOW,
    ) -> None:
        super().__init__(clock, name)
        self.store = Store(zone)
        self.calls = Calls(self.store, clock)
        self.records = Records(self.store)
        self.bucket = Bucket(rate, burst, clock) if rate else None
        self.operating = Operating(operating_limit_s, clock)
        self.webhook = webhook
        self.tokens = dict(tokens or {})
        self.strict_webhooks = strict_webhooks
        self.scopes = SCOPES
        self.executed: Counter[str] = Counter()  # methods that were worked on, those in batches included
        self.base_url = ""
        self._methods = self._table()
        self.store.users.add(webhook[0], User(webhook[0], "Admin", admin=True))

    def operation(self, asked: Asked) -> str:
        """Return the method's name."""
        match = _PATH.fullmatch(asked.path)
        return match[3] if match else asked.path

    def answer(self, asked: Asked, operation: str) -> Said:
        """Return the answer: limits first, then who asks, then the method."""
        self.store.settle(self.clock.monotonic())
        self.calls.late_s = self.late_s if self._hits("statistics-late", operation) else 0.0
        if self.bucket is not None and not self.bucket.take():
            return _refusal(errors.WHOLE_PORTAL["query-limit"])
        for fault, error in errors.WHOLE_PORTAL.items():
            if self._hits(fault, operation):
                return _refusal(error)
        try:
            if asked.path.startswith(UPLOAD):
                kind = asked.headers.get("content-type", "")
                return document({"result": self.records.upload(asked.param("token"), kind, asked.body)})
            self.base_url = self.base_url or f"https://{asked.headers.get('host', '')}"
            params = _params(asked)
            caller = self._caller(asked, params)
            if operation.lower() == "batch":
                result: Any = self._batch(caller, params)
            else:
                result = self._execute(operation, caller, params)
        except ApiError as error:
            return _refusal(error)
        if self._hits("gateway", operation):
            return Said(503, b"<html><h1>503 Service Temporarily Unavailable</h1></html>", "text/html")
        return document(self._envelope(result, operation))

    def _caller(self, asked: Asked, params: dict[str, Any]) -> Caller:
        match = _PATH.fullmatch(asked.path)
        if match is None:
            raise errors.METHOD_NOT_FOUND
        if match[2] is not None:
            user = self.store.user(int(match[1]))
            if (int(match[1]), unquote(match[2])) != self.webhook or user is None:
                raise errors.WHOLE_PORTAL["invalid-credentials"]
            return Caller(user)
        given = p.text(params, "auth")
        if not given:
            raise errors.NO_AUTH_FOUND
        token = self.tokens.get(given)
        user = self.store.user(token.user_id) if token else None
        if token is None or user is None:
            raise ApiError("INVALID_TOKEN", "Unable to get application by token", 401)
        return Caller(user, token.app_id, token.app_name)

    def _envelope(self, result: Any, method: str) -> dict[str, Any]:
        answer: dict[str, Any] = {"result": result}
        if isinstance(result, Listed):
            answer["result"] = result.result
            if result.next is not None:
                answer["next"] = result.next
            if result.total is not None:
                answer["total"] = result.total
        answer["time"] = self._time(method)
        return answer

    def _time(self, method: str) -> dict[str, Any]:
        name, now = method.lower(), self.clock.now()
        start = now.timestamp()
        cost = _COST_S.get(name, _USUAL_COST_S)
        return {
            "start": start,
            "finish": start + cost,
            "duration": cost,
            "processing": cost,
            "date_start": self.store.iso(now),
            "date_finish": self.store.iso(now),
            "operating_reset_at": self.operating.reset_at(name),
            "operating": round(self.operating.spent(name), 3),
        }

    def _execute(self, method: str, caller: Caller, params: dict[str, Any]) -> Any:
        """Do one method, alone or in a batch."""
        name = method.lower()
        telephony = name.startswith(("telephony.", "voximplant."))
        if telephony and self._hits("no-method", method):
            raise errors.METHOD_NOT_FOUND
        found = self._methods.get(name)
        if found is None:
            raise errors.METHOD_NOT_FOUND
        missing = telephony and self._hits("missing-scope", method)
        if missing or not self._may(name):
            raise errors.INSUFFICIENT_SCOPE
        webhook = not caller.app_id and name.startswith(_APPLICATIONS_ONLY)
        if webhook and (self.strict_webhooks or self._hits("wrong-auth-type", method)):
            raise errors.WRONG_AUTH_TYPE
        if self.operating.is_over(name) or self._hits("operation-limit", method):
            raise errors.OPERATION_TIME_LIMIT
        self.operating.spend(name, _COST_S.get(name, _USUAL_COST_S))
        self.executed[name] += 1
        return found(caller, params)

    def _may(self, name: str) -> bool:
        needed = {"telephony": "telephony", "voximplant": "telephony", "crm": "crm", "user": "user"}
        scope = needed.get(name.partition(".")[0])
        return scope is None or any(each.startswith(scope) for each in self.scopes)

    def _batch(self, caller: Caller, params: dict[str, Any]) -> dict[str, Any]:
        folded = p.folded(params)
        commands = folded.get("CMD")
        if isinstance(commands, list):
            commands = {str(number): each for number, each in enumerate(commands)}
        if not isinstance(commands, dict):
            commands = {}
        if len(commands) > BATCH_MAX:
            raise errors.BATCH_TOO_LONG
        answers: dict[str, dict[str, Any]] = {
            part: {} for part in ("result", "result_error", "result_total", "result_next", "result_time")
        }
        broken = self._hits("broken-batch", "batch")
        for number, (key, command) in enumerate(commands.items()):
            try:
                if broken and number % 2:
                    raise errors.BATCH_PIECE
                envelope = self._command(caller, str(command), answers["result"])
            except ApiError as error:
                answers["result_error"][key] = error.document()
                if p.flag(folded, "HALT", default=False):
                    break
                continue
            answers["result"][key] = envelope["result"]
            for part in ("total", "next", "time"):
                if part in envelope:
                    answers[f"result_{part}"][key] = envelope[part]
        return {part: p.as_php(found) for part, found in answers.items()}

    def _command(self, caller: Caller, command: str, results: dict[str, Any]) -> dict[str, Any]:
        method, _, query = command.partition("?")
        params = p.resolved(p.from_query(query), results)
        if method.lower() == "batch" or "FILE_CONTENT" in params:
            raise errors.NOT_IN_BATCH
        return self._envelope(self._execute(method, caller, params), method)

    def _table(self) -> dict[str, Callable[[Caller, dict[str, Any]], Any]]:
        calls, store = self.calls, self.store
        table: dict[str, Callable[[Caller, dict[str, Any]], Any]] = {
            "profile": lambda caller, _: reading.profile(self._seen(caller)),
            "scope": lambda _, __: list(self._granted()),
            "app.info": lambda caller, _: reading.app_info(caller, self._granted()),
            "user.get": lambda _, params: reading.users(store, p.folded(params)),
            "telephony.externalcall.register": lambda c, params: calls.register(c, p.folded(params)),
            "telephony.externalcall.finish": lambda c, params: calls.finish(c, p.folded(params)),
            "telephony.externalcall.show": lambda c, params: calls.show(c, p.folded(params)),
            "telephony.externalcall.hide": lambda c, params: calls.hide(c, p.folded(params)),
            "telephony.externalcall.searchcrmentities": lambda c, params: calls.search(c, p.folded(params)),
            "telephony.externalcall.attachrecord": lambda _, params: self.records.attach(
                p.folded(params), self.base_url
            ),
            "voximplant.statistic.get": self._statistics,
            "crm.activity.list": lambda _, params: reading.activities(store, p.folded(params)),
            "crm.duplicate.findbycomm": lambda _, params: reading.duplicates(store, p.folded(params)),
        }
        for verb in ("add", "update", "delete", "get"):
            table[f"telephony.externalline.{verb}"] = self._line_method(verb)
        return table

    def _line_method(self, verb: str) -> Callable[[Caller, dict[str, Any]], Any]:
        return lambda _, params: line_method(self.store, verb, p.folded(params))

    def _statistics(self, caller: Caller, params: dict[str, Any]) -> Listed:
        method = "voximplant.statistic.get"
        rights = "own" if self._hits("restricted-rights", method) else caller.user.statistics
        if self._hits("no-statistics-right", method):
            rights = "none"
        arrays = not self._hits("array-filter-ignored", method)
        return reading.statistics(self.store, caller, p.folded(params), rights, plain_arrays=arrays)

    def _seen(self, caller: Caller) -> Caller:
        """Return the caller as `profile` shows it: one with restricted rights is no administrator."""
        if "restricted-rights" not in self.active:
            return caller
        user = caller.user
        return caller._replace(user=User(user.id, user.name, user.inner, user.active, statistics="own"))

    def _granted(self) -> tuple[str, ...]:
        hidden = {"telephony"} if "missing-scope" in self.active else set()
        return tuple(scope for scope in self.scopes if scope not in hidden)

    def state(self) -> dict[str, Any]:
        """Return counts and the first things of each kind."""
        store = self.store
        rows = list(store.statistics.rows.values())[:_SHOWN]
        return {
            "calls": len(store.statistics),
            "open": len(store.open),
            "late": len(store.late),
            "activities": len(store.activities),
            "users": len(store.users),
            "cards": len(store.cards),
            "pop_ups": len(store.effects.pop_ups),
            "chat_messages": len(store.effects.chat_messages),
            "refused_by_limit": self.bucket.refused if self.bucket else 0,
            "executed": dict(self.executed),
            "lines": list(store.lines.values())[:_SHOWN],
            "first_calls": [store.statistic_document(row) for row in rows],
            "first_recordings": [
                {"id": number, **recording._asdict()}
                for number, recording in list(store.files.items())[:_SHOWN]
            ],
        }

    def account(self, base_url: str) -> dict[str, Any]:
        """Return the account: the incoming webhook."""
        self.base_url = base_url.rstrip("/")
        user, code = self.webhook
        return {
            "kind": "bitrix24",
            "url": f"{self.base_url}/rest/{user}/{code}/",
            "fallback_employee": user,
        }


def _params(asked: Asked) -> dict[str, Any]:
    """Return query and body together; the body is JSON or a form."""
    found = p.nested(asked.query)
    body = asked.json() if "json" in asked.headers.get("content-type", "json") else None
    if isinstance(body, dict):
        return {**found, **body}
    return {**found, **p.nested(asked.form)} if asked.body and body is None else found


def _refusal(error: ApiError) -> Said:
    return document(error.document(), error.status)
