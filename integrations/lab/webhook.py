"""A simulated receiver of webhooks: checks signatures as Standard Webhooks say, keeps each message once."""

from __future__ import annotations

import base64
import hashlib
import hmac
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from integrations.lab.portal import Asked, Portal, Said, document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from supportctl.core.clock import Clock

SECRET = "whsec_bGFiLXdlYmhvb2stc2VjcmV0LWtleQ=="  # noqa: S105  the lab's own
PATH = "/calls"
MAX_BYTES = 20_000
PER_SECOND = 50
_TOLERANCE_S = 300.0
_KEPT = 200  # requests as they came, for a test to look at

_REFUSALS: Mapping[str, Said] = MappingProxyType(
    {
        "gone": Said(410, b"this endpoint is no more", "text/plain"),
        "throttled": Said(429, b"slow down", "text/plain", (("Retry-After", "30"),)),
        "throttled-bare": Said(429, b"slow down", "text/plain"),
        "bad-gateway": Said(502, b"<html>Bad Gateway</html>", "text/html"),
        "gateway-timeout": Said(504, b"<html>Gateway Time-out</html>", "text/html"),
        "moved": Said(302, b"", "text/plain", (("Location", "https://elsewhere.example/"),)),
        "wrong-key": document({"error": "signature does not match"}, 401),
        "refused": document({"error": "employee is missing"}, 422),
    }
)


class WebhookPortal(Portal):
    """One endpoint. What it has had under the same `webhook-id` is answered with 200 and not taken twice."""

    kind = "webhook"
    own_faults: ClassVar[Mapping[str, str]] = {
        "gone": "410: the endpoint is no more",
        "throttled": "429 with Retry-After",
        "throttled-bare": "429 without Retry-After",
        "bad-gateway": "502, after which the sender slows down",
        "gateway-timeout": "504, although the work was done",
        "moved": "302 to another address, which is no delivery",
        "wrong-key": "401: the receiver has another secret",
        "refused": "422: the receiver does not take this call",
    }

    def __init__(self, clock: Clock, name: str = "", *, secret: str = SECRET) -> None:
        super().__init__(clock, name)
        self.secret = secret
        self.messages: dict[str, dict[str, Any]] = {}  # webhook-id -> event
        self.repeated = 0
        self.unsigned = 0
        self.refused = 0  # for the limit
        self.requests: list[Asked] = []
        self._asked_at: list[float] = []

    def operation(self, asked: Asked) -> str:
        """Return the method and the path."""
        return f"{asked.method} {asked.path}"

    def answer(self, asked: Asked, operation: str) -> Said:
        """Return the answer."""
        self.requests = [*self.requests[-_KEPT:], asked]
        if asked.method != "POST" or asked.path != PATH:
            return document({"error": "not found"}, 404)
        if self._too_many():
            self.refused += 1
            return _REFUSALS["throttled"]
        for fault, said in _REFUSALS.items():
            if fault != "gateway-timeout" and self._hits(fault, operation):
                return said
        wrong = self._wrong(asked)
        if wrong:
            return document({"error": wrong}, 413 if wrong == "too big" else 401)
        event = asked.json()
        if not isinstance(event, dict) or not isinstance(event.get("data"), dict):
            return document({"error": "no event"}, 400)
        number = asked.headers["webhook-id"]
        self.repeated += number in self.messages
        self.messages.setdefault(number, event)
        return _REFUSALS["gateway-timeout"] if self._hits("gateway-timeout", operation) else Said(204)

    def calls(self) -> list[dict[str, Any]]:
        """Return the calls that were taken, in their order."""
        return [event["data"] for event in self.messages.values()]

    def state(self) -> dict[str, Any]:
        """Return what is stored."""
        last = list(self.messages.items())[-20:]
        return {"messages": len(self.messages), "repeated": self.repeated, "last": dict(last)}

    def account(self, base_url: str) -> dict[str, Any]:
        """Return the entry of the configuration."""
        return {"kind": "webhook", "url": f"{base_url.rstrip('/')}{PATH}", "secret": self.secret}

    def _too_many(self) -> bool:
        now = self.clock.monotonic()
        self._asked_at = [at for at in self._asked_at if now - at < 1]
        if len(self._asked_at) >= PER_SECOND:
            return True
        self._asked_at.append(now)
        return False

    def _wrong(self, asked: Asked) -> str:
        headers = asked.headers
        number, second = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        if not number or not second.isdecimal():
            return "no id or no time"
        if abs(int(second) - self.clock.now().timestamp()) > _TOLERANCE_S:
            return "too old or too new"
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        text = f"{number}.{second}.".encode() + asked.body
        wanted = "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
        if not any(hmac.compare_digest(wanted, one) for one in headers.get("webhook-signature", "").split()):
            self.unsigned += 1
            return "signature does not match"
        return "too big" if len(asked.body) > MAX_BYTES else ""
