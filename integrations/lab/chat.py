"""A simulated chat: an incoming webhook that keeps what it is sent. Apprise knows it as json://."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from integrations.lab.portal import Asked, Portal, Said, document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from supportctl.core.clock import Clock

PATH = "/hooks/oncall-4711"
_REFUSALS: Mapping[str, Said] = MappingProxyType(
    {
        "revoked": Said(404, b"no_service", "text/plain"),
        "archived": Said(410, b"channel_is_archived", "text/plain"),
        "throttled": Said(429, b"rate_limited", "text/plain", (("Retry-After", "30"),)),
    }
)


class ChatPortal(Portal):
    """One channel."""

    kind = "chat"
    own_faults: ClassVar[Mapping[str, str]] = {
        "revoked": "404 no_service: the webhook is no more",
        "archived": "410 channel_is_archived",
        "throttled": "429 with Retry-After",
    }

    def __init__(self, clock: Clock, name: str = "") -> None:
        super().__init__(clock, name)
        self.messages: list[dict[str, Any]] = []

    def operation(self, asked: Asked) -> str:
        """Return the operation."""
        return "message" if asked.method == "POST" and asked.path.rstrip("/") == PATH else "unknown"

    def answer(self, asked: Asked, operation: str) -> Said:
        """Keep a message."""
        if operation == "unknown":
            return document({"error": "no such webhook"}, 404)
        for fault, said in _REFUSALS.items():
            if self._hits(fault, operation):
                return said
        message = asked.json()
        if not isinstance(message, dict):
            return Said(400, b"invalid_payload", "text/plain")
        kept = {key: str(message.get(key, ""))[:20_000] for key in ("title", "message", "type")}
        self.messages.append({"at": self.clock.now().isoformat(timespec="seconds"), **kept})
        return Said(200, b"ok", "text/plain")

    def state(self) -> dict[str, Any]:
        """Return the messages."""
        return {"messages": list(self.messages)}

    def account(self, base_url: str) -> dict[str, Any]:
        """Return the address as `notify:` takes it."""
        scheme = "jsons" if base_url.startswith("https:") else "json"
        return {"url": f"{scheme}://{base_url.partition('://')[2].rstrip('/')}{PATH}"}
