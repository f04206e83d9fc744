"""The Phone API 1.0: calls, cards on the screens of employees, employees with extensions.

Paths and fields are those of the official page as far as it is stored; bodies of errors, what a second POST
with the same externalId does, and which counterparty a call gets are UNVERIFIED.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from integrations.lab.moysklad.books import Ref
from integrations.lab.moysklad.errors import RemapError
from integrations.lab.portal import Said, document
from integrations.phones import normalise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from integrations.lab.moysklad.books import Books
    from integrations.lab.portal import Asked
    from supportctl.core.clock import Clock

ROOT = "/api/phone/1.0"
REQUESTS, PERIOD_S = 100, 5.0
_NEEDED = ("externalId", "number", "isIncoming", "startTime")
_FILLED_ONCE = ("number", "extension", "employee", "counterparty", "startTime", "endTime", "duration")
_EVENTS = frozenset({"SHOW", "STARTTIME", "HIDE", "HIDE_ALL"})
_COMMENT_MAX = 4096


class Phone:
    """The calls of an account, found by id and by the telephony's id."""

    def __init__(self, books: Books, clock: Clock) -> None:
        self._books = books
        self._clock = clock
        self.calls: dict[str, dict[str, Any]] = {}
        self.by_external_id: dict[str, str] = {}
        self.by_phone: dict[str, str] = {}  # number -> counterparty
        self.extensions: dict[str, str] = {}  # extension -> employee
        self.events: list[dict[str, Any]] = []
        self.refused = 0  # requests over the limit
        self._asked: deque[float] = deque()

    def answer(self, asked: Asked, operation: str, base: str) -> Said:
        """Return the answer to a request below `/api/phone/1.0`.

        Raises:
            RemapError: it is refused.
        """
        self._limit()
        parts = asked.path.removeprefix(ROOT).strip("/").split("/")
        if operation == "phone.employee":
            return self._employees(asked, base)
        if operation == "phone.call.create":
            return document(self._shown(self.create(_body(asked)), base))
        call = self._call(parts)
        if operation == "phone.call.update":
            self.update(call, _body(asked))
            return document(self._shown(call, base))
        if operation == "phone.event":
            self._event(call, _body(asked))
            return Said(204)
        raise RemapError(1039)

    def create(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Store a call. A second one with the same externalId returns the first (UNVERIFIED)."""
        for name in _NEEDED:
            if fields.get(name) is None or fields[name] == "":
                raise RemapError(3000, name)
        if len(str(fields.get("comment") or "")) > _COMMENT_MAX:
            raise RemapError(1040, "comment")
        known = self.by_external_id.get(str(fields["externalId"]))
        if known is not None:
            return self.calls[known]
        call: dict[str, Any] = {
            "id": self._books.new_id(),
            "recordUrl": [],
            "endTime": None,
            "duration": None,
        }
        call |= {name: value for name, value in fields.items() if name != "events"}
        self._link(call)
        self.calls[call["id"]] = call
        self.by_external_id[str(call["externalId"])] = call["id"]
        for event in fields.get("events") or ():
            self._event(call, event)
        return call

    def update(self, call: dict[str, Any], fields: Mapping[str, Any]) -> None:
        """Fill what is empty; the comment is replaced, addresses of recordings are added."""
        for name in _FILLED_ONCE:
            if fields.get(name) is not None and call.get(name) is None:
                call[name] = fields[name]
        if "comment" in fields:
            call["comment"] = fields["comment"]
        added = fields.get("recordUrl") or []
        call["recordUrl"] = [*call["recordUrl"], *(added if isinstance(added, list) else [added])]
        self._link(call)
        for event in fields.get("events") or ():
            self._event(call, event)

    def _link(self, call: dict[str, Any]) -> None:
        if call.get("employee") is None and call.get("extension"):
            found = self.extensions.get(str(call["extension"]))
            call["employee"] = Ref("employee", found) if found else None
        if call.get("counterparty") is None:
            who = self.by_phone.get(normalise(str(call["number"]), "RU"))
            call["counterparty"] = Ref("counterparty", who) if who else None

    def _call(self, parts: list[str]) -> dict[str, Any]:
        by_external = len(parts) > 2 and parts[1] == "extid"
        id_ = self.by_external_id.get(parts[2]) if by_external else parts[1] if len(parts) > 1 else None
        if id_ is None or id_ not in self.calls:
            raise RemapError(1021, "call")
        return self.calls[id_]

    def _event(self, call: Mapping[str, Any], event: Any) -> None:
        kind = event.get("eventType") if isinstance(event, dict) else None
        if kind not in _EVENTS or "sequence" not in event:
            raise RemapError(1040, "eventType")
        if kind != "HIDE_ALL" and not event.get("extension"):
            raise RemapError(3000, "extension")
        self.events.append({**event, "call": call["id"]})

    def _employees(self, asked: Asked, base: str) -> Said:
        wanted = asked.param("filter")
        rows = [
            {"meta": _meta(base, Ref("employee", id_)), "extention": extension}  # the vendor's spelling
            for extension, id_ in self.extensions.items()
            if _matches(extension, wanted)
        ]
        return document({"employees": rows})

    def _shown(self, call: Mapping[str, Any], base: str) -> dict[str, Any]:
        shown: dict[str, Any] = {"meta": {"href": f"{base}{ROOT}/call/{call['id']}", "type": "call"}}
        for name, value in call.items():
            shown[name] = _meta(base, value) if isinstance(value, Ref) else value
        return shown

    def _limit(self) -> None:
        now = self._clock.monotonic()
        while self._asked and self._asked[0] <= now - PERIOD_S:
            self._asked.popleft()
        if len(self._asked) >= REQUESTS:
            self.refused += 1
            raise RemapError(1049)
        self._asked.append(now)


def _matches(extension: str, wanted: str) -> bool:
    name, operator, value = wanted.partition("~=") if "~=" in wanted else wanted.partition("=")
    if not wanted:
        return True
    if name != "extention":
        raise RemapError(1034, name)
    return value in extension if operator == "~=" else extension == value


def _body(asked: Asked) -> dict[str, Any]:
    found = asked.json()
    if not isinstance(found, dict):
        raise RemapError(2001)
    return found


def _meta(base: str, ref: Ref) -> dict[str, Any]:
    href = f"{base}/api/remap/1.2/entity/{ref.type}/{ref.id}"
    return {"href": href, "type": ref.type, "mediaType": "application/json"}
