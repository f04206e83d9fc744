"""A simulated EGAIS transport module: the answers of version 4.

Source: devices.md §8; the fields of `/api/info/list` and their order as a public monitoring script reads them
(version, contour, rsaError, checkInfo, ownerId, db, rsa, gost, license), `expireDate` as
"2026-12-01 10:11:12 +0300". The texts of `rsaError` are made up, that of `checkInfo` is from the own page of
a module.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from probes.lab.devices.web_service import Asked, Said, WebService, document

if TYPE_CHECKING:
    from datetime import datetime

OWNER: Final = "030000123456"
OTHER_OWNER: Final = "030000654321"
_DAYS: Final = {"expired": -3, "expiring": 12}
_HEALTHY_DAYS: Final = {"rsa": 200, "gost": 150}
_UNSENT_HOURS: Final = {"receipts-unsent": 30, "receipts-blocked": 80}
_LIST, _DIAGNOSIS, _VERSION = "/api/info/list", "/diagnosis", "/info/version"


class TransportModule(WebService):
    """A UTM on port 8080 of a till."""

    protocol = "utm"
    faults = frozenset(
        {
            "rsa-key-missing", "rsa-key-expired", "rsa-key-expiring", "rsa-key-invalid",
            "gost-key-missing", "gost-key-expired", "gost-key-expiring", "gost-key-invalid",
            "other-token", "receipts-unsent", "receipts-blocked", "test-contour",
            "starting", "old-version", "other-program",
        }
    )  # fmt: skip

    def respond(self, asked: Asked, wall: datetime) -> Said:
        """Return the answer to a request at the time of day `wall`."""
        if "other-program" in self.active:
            return Said(200, b"<html><h1>It works!</h1></html>", "text/html", server="Apache/2.4")
        if "starting" in self.active:
            return Said(503, b"", "text/plain")
        if asked.method not in {"GET", "HEAD"}:
            return Said(200, b"<A><url>taken</url></A>", "text/xml")
        return self._page(asked.path.partition("?")[0], wall)

    def _page(self, path: str, wall: datetime) -> Said:
        if path == _LIST and "old-version" not in self.active:
            return document(self._info(wall))
        if path == _DIAGNOSIS:
            body = f'<?xml version="1.0" encoding="UTF-8"?>\n<A>\n  <CN>{self._owner}</CN>\n</A>\n'
            return Said(200, body.encode(), "text/xml")
        if path == _VERSION:
            return Said(200, b"4.2.0", "text/plain")
        return Said(404, b"<html>404</html>", "text/html")

    @property
    def _owner(self) -> str:
        return OTHER_OWNER if "other-token" in self.active else OWNER

    def _info(self, wall: datetime) -> dict[str, object]:
        rsa = self._key("rsa", wall)
        error = None
        if rsa is None:
            error = "Сертификат RSA не найден"
        elif "rsa-key-invalid" in self.active:
            error = "Сертификат RSA не соответствует ключу"
        return {
            "version": "4.2.0",
            "contour": "test" if "test-contour" in self.active else "prod",
            "rsaError": error,
            "checkInfo": self._unsent(wall),
            "ownerId": self._owner,
            "db": {"createDate": _time(wall - timedelta(days=90)), "ownerId": OWNER},
            "rsa": rsa,
            "gost": self._key("gost", wall),
            "license": True,
        }

    def _unsent(self, wall: datetime) -> str | None:
        hours = max((h for fault, h in _UNSENT_HOURS.items() if fault in self.active), default=None)
        if hours is None:
            return None
        oldest = _time(wall - timedelta(hours=hours))
        return f"Дата самого старого неотправленного розничного документа: {oldest}"

    def _key(self, kind: str, wall: datetime) -> dict[str, str] | None:
        if f"{kind}-key-missing" in self.active:
            return None
        states = (days for state, days in _DAYS.items() if f"{kind}-key-{state}" in self.active)
        days = next(states, _HEALTHY_DAYS[kind])
        broken = days < 0 or f"{kind}-key-invalid" in self.active
        return {
            "certType": kind.upper(),
            "startDate": _time(wall + timedelta(days=days - 365)),
            "expireDate": _time(wall + timedelta(days=days)),
            "isValid": "invalid" if broken else "valid",
            "issuer": "pki.fsrar.ru" if kind == "rsa" else "CN=УЦ",
        }


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S %z}"
