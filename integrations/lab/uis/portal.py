"""The Data API of one simulated account: POST /v2.0 speaks JSON-RPC, GET serves recordings.

From the documentation: one point a request, only successful ones are charged; dates without a zone are those
of the account; the error's mnemonic decides. Not documented, and assumed: errors come with HTTP 200;
`date_till` is included; what failed notifications look like in the log; the type of their report.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from zoneinfo import ZoneInfo

from integrations.lab import sound
from integrations.lab.portal import document
from integrations.lab.roles import TelephonyPortal
from integrations.lab.uis import methods
from integrations.lab.uis.points import Points
from integrations.lab.uis.rpc import Question, RpcError, question
from integrations.lab.uis.store import Store

if TYPE_CHECKING:
    from integrations.lab.portal import Asked, Said
    from integrations.lab.roles import Recording
    from supportctl.core.call import Call
    from supportctl.core.clock import Clock

TOKEN, LOGIN, PASSWORD = "lab-uis-token-0000000000000000", "lab", "lab"
ADDRESS = "203.0.113.7"
_SESSION = timedelta(hours=1)
_SHOWN = 1000
# fault -> the error that every method gives, in the order in which they are looked at
_REFUSALS: dict[str, tuple[str, dict[str, str]]] = {
    "expired-token": ("access_token_expired", {}),
    "blocked-token": ("access_token_blocked", {}),
    "invalid-token": ("access_token_invalid", {}),
    "ip-not-whitelisted": ("ip_not_whitelisted", {"ip": ADDRESS}),
    "account-inactive": ("account_inactive", {}),
    "forbidden": ("forbidden", {}),
    "component-disabled": ("method_component_disabled", {"components": "Data API"}),
    "tariff-restrictions": ("tariff_restrictions", {}),
    "internal-error": ("internal_error", {}),
    "ok-with-error": ("error", {}),
}


class UisPortal(TelephonyPortal):
    """One account. Tests and the lab's day plant calls; `store` and `points` are open to tests."""

    kind = "uis"
    own_faults: ClassVar = {
        "expired-token": "access_token_expired: the key's time is over",
        "blocked-token": "access_token_blocked: the key was blocked",
        "invalid-token": "access_token_invalid: no such key",
        "ip-not-whitelisted": "ip_not_whitelisted: the address is not on the list",
        "account-inactive": "account_inactive: the account is off",
        "forbidden": "forbidden: the user has no right to the method",
        "component-disabled": "method_component_disabled: an option is not bought",
        "tariff-restrictions": "tariff_restrictions",
        "internal-error": "internal_error",
        "ok-with-error": "HTTP 200 with an error that has no code of its own",
        "day-limit": "limit_exceeded: no points of the day are left",
        "minute-limit": "limit_exceeded: no points of the minute are left",
        "points-low": "few points of the day are left",
        "notifications-failing": "the newest notifications did not arrive",
        "recordings-late": "calls are listed without their recordings",
        "line-not-routed": "a number without a rule",
        "employee-without-extension": "an employee of the last calls has no extension",
    }

    def __init__(self, clock: Clock, name: str = "", zone: str = "Europe/Moscow") -> None:
        super().__init__(clock, name)
        self.zone = ZoneInfo(zone)
        self.store = Store(self.zone)
        self.points = Points(clock, self.zone)
        self._sessions: dict[str, datetime] = {}

    def plant(self, call: Call, recording: Recording = "none", employee_name: str = "") -> None:
        """Remember a call; a `call_id` that is no number becomes `ext_id` of a new one."""
        with self._lock:
            self.store.plant(call, recording, employee_name)

    def operation(self, asked: Asked) -> str:
        """Return the method of the request, or which recording it asks for."""
        if asked.method == "GET":
            return "media"
        body = asked.json()
        method = body.get("method") if isinstance(body, dict) else None
        return method if isinstance(method, str) and method.isprintable() else "?"

    def answer(self, asked: Asked, operation: str) -> Said:
        """Return the answer: a recording, or JSON-RPC with HTTP 200."""
        if operation == "media":
            return self._media(asked)
        if asked.method != "POST" or asked.path.rstrip("/") != "/v2.0":
            return document({"error": "not found"}, 404)
        request_id: object = None
        try:
            asked_for = question(asked)
            request_id = asked_for.id
            return document(self._answer(asked_for))
        except RpcError as error:
            return document(error.document(request_id, {"limits": self._limits()}))

    def state(self) -> dict[str, Any]:
        """Return what is stored: the newest calls, the points, employees and numbers. `Any`: JSON."""
        count = len(self.store.calls)
        return {
            "calls": list(self.store.calls.rows(max(count - _SHOWN, 0), count)),
            "total": count,
            "limits": self._limits(),
            "employees": list(self.store.employees.values()),
            "numbers": list(self.store.numbers.values()),
        }

    def account(self, base_url: str) -> dict[str, Any]:
        """Return the configuration's entry. `Any`: YAML."""
        return {"kind": "uis", "url": base_url, "token": TOKEN, "recordings": base_url}

    def _answer(self, asked: Question) -> dict[str, Any]:
        if asked.method == "login.user":
            return self._login(asked)
        if asked.method not in methods.METHODS:
            raise RpcError("method_not_found")
        self._admit(asked)
        self._limit(asked.method)
        hits = {fault for fault in methods.SHOWING if self._hits(fault, asked.method)}
        view = methods.View(self.name, str(self.zone), self.clock.now().astimezone(self.zone), hits)
        rows, total = methods.METHODS[asked.method](self.store, asked.params, view)
        self.points.charge()
        # the sample of get.account spells it with an underscore, all others without
        name = "meta_data" if asked.method == "get.account" else "metadata"
        metadata = {"total_items": total, "limits": self._limits(asked.method)}
        return {"jsonrpc": "2.0", "id": asked.id, "result": {"data": rows, name: metadata}}

    def _login(self, asked: Question) -> dict[str, Any]:
        for name in ("login", "password"):
            if name not in asked.params:
                raise RpcError("required_parameter_missed", name)
        if (asked.params["login"], asked.params["password"]) != (LOGIN, PASSWORD):
            raise RpcError("auth_error")
        token = f"session-{len(self._sessions) + 1}"
        self._sessions[token] = self.clock.now() + _SESSION
        data = {"access_token": token, "expire_at": int(self._sessions[token].timestamp()), "app_id": 1103}
        return {"jsonrpc": "2.0", "id": asked.id, "result": {"data": data}}

    def _admit(self, asked: Question) -> None:
        token = asked.params.get("access_token")
        if token is None:
            raise RpcError("required_parameter_missed", "access_token")
        if token != TOKEN and token not in self._sessions:
            raise RpcError("access_token_invalid")
        if token in self._sessions and self._sessions[token] <= self.clock.now():
            raise RpcError("access_token_expired")
        for fault, (mnemonic, params) in _REFUSALS.items():
            if self._hits(fault, asked.method):
                raise RpcError(mnemonic, **params)

    def _limit(self, method: str) -> None:
        if self._hits("day-limit", method):
            raise RpcError("limit_exceeded", limit_type="day", limit_max_value=self.points.day_limit)
        if self._hits("minute-limit", method):
            raise RpcError("limit_exceeded", limit_type="minute", limit_max_value=self.points.minute_limit)
        self.points.check()

    def _limits(self, method: str = "") -> dict[str, int]:
        limits = self.points.document()
        if "day-limit" in self.active:
            limits["day_remaining"] = 0
        elif "points-low" in self.active and method:
            limits["day_remaining"] = limits["day_limit"] // 20
        return limits

    def _media(self, asked: Asked) -> Said:
        parts = [part for part in asked.path.split("/") if part]
        if parts[:2] == ["system", "media"]:
            parts = parts[2:]
        recording = self.store.recordings.get((parts[-2], parts[-1])) if len(parts) in {2, 3} else None
        return sound.said(recording or "gone", asked, wav=parts[0] == "wav" if len(parts) == 3 else False)
