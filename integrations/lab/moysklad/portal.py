"""The portal: who asks, how much, for what; faults in the documented forms."""

from __future__ import annotations

import base64
import gzip
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from integrations.lab.moysklad import phone, reading, shop, writing
from integrations.lab.moysklad.books import TYPES, Books, Ref
from integrations.lab.moysklad.errors import RemapError
from integrations.lab.moysklad.limits import FAILING_LIMIT, PUT_LIMIT, Limits
from integrations.lab.moysklad.lists import ROOT
from integrations.lab.moysklad.phone import Phone
from integrations.lab.moysklad.planting import Planting
from integrations.lab.portal import Said, document
from integrations.lab.roles import CrmPortal, ShopPortal

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from integrations.lab.moysklad.limits import TokenKind
    from integrations.lab.portal import Asked
    from supportctl.core.clock import Clock

PUBLIC = "https://api.moysklad.ru"
OLD_HOST = "online.moysklad.ru"
TOKEN = "lab-moysklad-token"  # noqa: S105  the lab's own
PHONE_TOKEN = "lab-moysklad-phone-token"  # noqa: S105  the lab's own
LOGIN, PASSWORD = "admin@lab", "lab-password"  # the lab's own


class Login(NamedTuple):
    """Somebody who may ask. `uid` is the login that the audit shows."""

    uid: str
    kind: TokenKind = "user"


class MoySkladPortal(Planting, CrmPortal, ShopPortal):
    """One account of MoySklad. A first user, an organisation and nothing else are in it."""

    kind = "moysklad"
    own_faults: ClassVar = {
        "expired-token": "401 with 1056: the token was withdrawn by a newer one",
        "too-many-logins": "401 with 1048: too many tries with a wrong password",
        "no-api-access": "403 with 1061: access to the API is off for this user",
        "no-rights": "403 with 1016: no right to see the warehouses' stock and the audit",
        "narrow-rights": "the user sees own warehouses and documents only, and no audit",
        "plan-limited": "403 with 1070: the tariff does not allow it",
        "rate-limited": "429 with 1049 and the headers that say how long",
        "parallel-limited": "429 with 1073, of which the headers say nothing",
        "maintenance": "503 with 1074: technical work",
        "overloaded": "503 with 1095: not available for a moment",
        "old-host": "error 1998, as the address of before December 2023 gives it",
        "no-phone-solution": "55008 of the Phone API: the solution is not installed",
    }

    def __init__(self, clock: Clock, name: str = "") -> None:
        super().__init__(clock, name)
        self.books = Books(clock)
        self.limits = Limits(clock)
        self.phone = Phone(self.books, clock)
        self.tokens: dict[str, Login] = {TOKEN: Login(LOGIN)}
        self.passwords: dict[str, str] = {LOGIN: PASSWORD}
        self.phone_tokens: set[str] = {PHONE_TOKEN}
        self.organization = self.books.add("organization", {"name": "Lab LLC"})["id"]
        self.plant_user(LOGIN, "Администратор", role="admin")

    def operation(self, asked: Asked) -> str:
        """Return "GET report.stock.bystore.current" without ids, or "entity.store.create"."""
        path = asked.path.rstrip("/")
        if path.startswith(phone.ROOT):
            return _phone_operation(asked.method, path.removeprefix(phone.ROOT).strip("/").split("/"))
        parts = path.removeprefix(ROOT).strip("/").split("/")
        if parts[0] == "entity" and len(parts) > 1:
            return _entity_operation(asked.method, parts)
        if parts[0] == "audit" and len(parts) == 3 and parts[2] == "events":
            return "audit.events"
        return ".".join(parts)

    def answer(self, asked: Asked, operation: str) -> Said:
        """Return the answer; every body is compressed, as every client has to allow."""
        if "gzip" not in asked.headers.get("accept-encoding", ""):
            return Said(415)
        host = asked.headers.get("host", "")
        base = PUBLIC if not host or host.startswith("api.moysklad.ru") else f"http://{host}"
        try:
            said = self._answer(asked, operation, base)
        except RemapError as error:
            said = error.said()
        if not said.body:
            return said
        packed = gzip.compress(said.body, 1)
        return said._replace(body=packed, headers=(*said.headers, ("Content-Encoding", "gzip")))

    def _answer(self, asked: Asked, operation: str, base: str) -> Said:
        if asked.headers.get("host", "").startswith(OLD_HOST) or self._hits("old-host", operation):
            raise RemapError(1998)
        if asked.path.startswith(phone.ROOT):
            self._phone_sign_in(asked, operation)
            return self.phone.answer(asked, operation, base)
        login = self._sign_in(asked, operation)
        spent = self.limits.spend(login.uid, login.kind, asked.path.rstrip("/").removeprefix(ROOT))
        if asked.method == "PUT":
            self.limits.count(login.uid, f"PUT {asked.path}", PUT_LIMIT)
        try:
            self._fail(operation, spent)
            said = self._route(asked, operation, base, login)
        except RemapError as error:
            self.limits.count(login.uid, f"{asked.method} {asked.path} {asked.query}", FAILING_LIMIT)
            said = error.said()
        return said._replace(headers=(*said.headers, *spent)) if said.status != 429 else said

    def _fail(self, operation: str, spent: tuple[tuple[str, str], ...]) -> None:
        limited = self._hits("rate-limited", operation)
        if limited:
            headers = [(name, value) for name, value in spent if name != "X-RateLimit-Remaining"]
            wait = (("X-RateLimit-Remaining", "0"), ("X-Lognex-Retry-After", "60000"))
            raise RemapError(1049, "", *headers, *wait)
        for fault, code in (("parallel-limited", 1073), ("maintenance", 1074), ("overloaded", 1095)):
            if self._hits(fault, operation):
                raise RemapError(code)
        if self._hits("no-api-access", operation):
            raise RemapError(1061)
        if self._hits("plan-limited", operation):
            raise RemapError(1070)
        unseen = operation.startswith(("report.stock", "audit", "entity.retailstore"))
        if unseen and self._hits("no-rights", operation):
            raise RemapError(1016)

    def _sign_in(self, asked: Asked, operation: str) -> Login:
        kind, _, secret = asked.headers.get("authorization", "").partition(" ")
        if self._hits("too-many-logins", operation):
            raise RemapError(1048)
        if not self._hits("expired-token", operation):
            if kind == "Bearer" and secret in self.tokens:
                return self.tokens[secret]
            if kind == "Basic" and (uid := self._by_password(secret)):
                return Login(uid)
        raise RemapError(1056, "", ("X-Lognex-Auth", "1"), ("X-Lognex-Auth-Message", "Wrong credentials"))

    def _by_password(self, secret: str) -> str:
        try:
            login, _, password = base64.b64decode(secret, validate=True).decode().partition(":")
        except ValueError:
            return ""
        return login if self.passwords.get(login) == password else ""

    def _phone_sign_in(self, asked: Asked, operation: str) -> None:
        token = asked.headers.get("lognex-phone-auth-token", "")
        if self._hits("expired-token", operation) or token not in self.phone_tokens:
            raise RemapError(1056)
        if self._hits("no-phone-solution", operation):
            raise RemapError(55008)
        for fault, code in (("rate-limited", 1049), ("maintenance", 1074), ("no-api-access", 1061)):
            if self._hits(fault, operation):
                raise RemapError(code)

    def _route(self, asked: Asked, operation: str, base: str, login: Login) -> Said:
        if operation == "security.token" and asked.method == "POST":
            self.tokens = {token: who for token, who in self.tokens.items() if who.uid != login.uid}
            token = self.books.new_id().replace("-", "")
            self.tokens[token] = login
            return document({"access_token": token})
        parts = asked.path.rstrip("/").removeprefix(ROOT).strip("/").split("/")
        if operation.startswith("entity.") and operation.endswith((".create", ".update", ".delete")):
            if parts[1] not in TYPES:
                raise RemapError(1005, parts[1])
            return writing.write(self.books, asked, operation, parts, writing.Caller(base, login.uid))
        if asked.method != "GET":
            raise RemapError(1039)
        narrow = "narrow-rights" in self.active
        reader = reading.Reading(self.books, asked, base, narrow=narrow)
        if operation == "context.employee":
            if login.kind != "user":
                raise RemapError(1085)
            return document(reader.me(self.users[login.uid]))
        if operation.endswith(".security"):
            return document(self._security(parts[2]))
        return document(reader.answer(operation, parts))

    def _security(self, employee: str) -> dict[str, Any]:
        user = self.books.find("employee", employee)
        role = user.get("_role", "worker")
        href = f"{PUBLIC}{ROOT}/entity/role/{role}"
        kind = "individualrole" if role == "individual" else "systemrole"
        about = {"href": href, "type": kind, "mediaType": "application/json"}
        return {"isActive": not user["archived"], "login": user.get("uid"), "role": {"meta": about}}

    def state(self) -> dict[str, Any]:
        """Return what is stored."""
        return {
            "entities": {type_: len(found) for type_, found in self.books.entities.items() if found},
            "audit": len(self.books.contexts),
            "calls": [_plain(call) for call in list(self.phone.calls.values())[:1000]],
            "call_count": len(self.phone.calls),
            "access_off": sorted(self.limits.off),
        }

    def account(self, base_url: str) -> dict[str, Any]:
        """Return the entry of `crm:`; see `stock_account` for the one of `shop:`."""
        return {"kind": "moysklad", "url": base_url, "token": PHONE_TOKEN, "api_token": TOKEN}

    def entry(self, section: str, base_url: str) -> dict[str, Any]:
        """Return the entry for `crm:` or `shop:`."""
        return self.stock_account(base_url) if section == "shop" else self.account(base_url)

    def plant_shop(self, now: datetime, zone: tzinfo, *, troubles: bool) -> None:
        """Add a shop with two points of sale; see `shop.plant_shop`."""
        shop.plant_shop(self, now, zone, troubles=troubles)

    def stock_account(self, base_url: str) -> dict[str, Any]:
        """Return the entry of `shop:` that names this portal."""
        return {"kind": "moysklad", "url": base_url, "token": TOKEN}


def _plain(call: dict[str, Any]) -> dict[str, Any]:
    return {name: value.id if isinstance(value, Ref) else value for name, value in call.items()}


def _phone_operation(method: str, parts: list[str]) -> str:
    if parts[0] == "employee" and method == "GET":
        return "phone.employee"
    if parts[-1] == "event" and method == "POST":
        return "phone.event"
    if parts[0] == "call" and method == "POST" and len(parts) == 1:
        return "phone.call.create"
    return "phone.call.update" if parts[0] == "call" and method == "PUT" else "phone.unknown"


def _entity_operation(method: str, parts: list[str]) -> str:
    verbs = {"POST": "create", "PUT": "update", "DELETE": "delete"}
    if method != "GET":
        return f"entity.{parts[1]}.{verbs.get(method, method)}"
    tails = {2: "", 3: ".one"}  # a list, one entity, or something of one entity
    return f"entity.{parts[1]}{tails.get(len(parts), '.' + parts[-1])}"
