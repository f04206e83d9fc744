"""A simulated local module of the marking system, as version 1.5 answers `/api/v1/status`.

Source: devices.md §8 (fields, states and ms since 1970 of [LMZ] 1.5.1-523). Values are made up.
"""

from __future__ import annotations

from base64 import b64decode
from datetime import datetime, timedelta
from typing import Final

from probes.lab.devices.web_service import Asked, Said, WebService, document

USER, PASSWORD = "admin", "lab"
_STATES: Final = {
    "not-initialised": "not_configured",
    "initialising": "initialization",
    "sync-failing": "sync_error",
}
_HOURS_OLD: Final = 50
_ENTRIES: Final = {"blocked_cis": 1_250_000, "blocked_gtin": 8_200}


class LocalModule(WebService):
    """A module on port 5995."""

    protocol = "marking"
    faults = frozenset(_STATES) | {
        "database-old", "download-required", "lists-behind", "service-mode", "password", "starting",
        "other-program", "second-version",
    }  # fmt: skip

    def respond(self, asked: Asked, wall: datetime) -> Said:
        """Return the answer to a request at the time of day `wall`."""
        if "other-program" in self.active:
            return Said(200, b'{"status": "ok"}', server="nginx")
        if "starting" in self.active:
            return Said(503, b"", "text/plain")
        if "password" in self.active and not _knows_password(asked):
            return Said(401, b"", "text/plain", challenge='Basic realm="lm"')
        path = "/api/v2/status" if "second-version" in self.active else "/api/v1/status"
        if asked.path.partition("?")[0] != path:
            return document({"error": "not found"}, 404)
        return document(self._status(wall)) if asked.method in {"GET", "HEAD"} else document({}, 405)

    def _status(self, wall: datetime) -> dict[str, object]:
        state = next((state for fault, state in _STATES.items() if fault in self.active), "ready")
        empty = state in {"not_configured", "initialization"}
        last = wall - timedelta(hours=_HOURS_OLD if "database-old" in self.active else 1)
        share = 40 if "lists-behind" in self.active else 100
        return {
            "status": state,
            "operationMode": "service" if "service-mode" in self.active else "active",
            "name": "regime",
            "version": "1.5.1-523",
            "dbVersion": "" if empty else "12",
            "inn": "" if state == "not_configured" else "7700000001",
            "inst": "2f1a4f0a-6d5e-4b7d-9a53-0d7d2a3a1f10",
            "lastSync": 0 if empty else _ms(last),
            "lastUpdate": 0 if empty else _ms(last + timedelta(minutes=10)),
            "requiresDownload": "download-required" in self.active,
            "replicationStatus": {
                name: {"localDocCount": 0 if empty else count * share // 100, "serverDocCount": count}
                for name, count in _ENTRIES.items()
            },
        }


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _knows_password(asked: Asked) -> bool:
    kind, _, secret = asked.headers.get("authorization", "").partition(" ")
    try:
        return kind == "Basic" and b64decode(secret) == f"{USER}:{PASSWORD}".encode()
    except ValueError:
        return False
