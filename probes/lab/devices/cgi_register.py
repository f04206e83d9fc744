"""A simulated register with a web server inside ("cgi", Belarus build): pages, errors, Digest login.

Source: devices.md section 9, from public clients and a stub; what is UNVERIFIED there is so here. The login
is written from RFC 2617, apart from the probes' own.
"""

from __future__ import annotations

import re
from hashlib import new
from typing import TYPE_CHECKING, Final

from probes.lab.devices.web_service import Asked, Said, WebService, document

if TYPE_CHECKING:
    from datetime import datetime

USER: Final = "1"
PASSWORD: Final = "4567"  # noqa: S105  of a simulated register
_REALM: Final = "HTROM"
# What /cgi/state has under `err` for each fault.
_ERRORS: Final = {
    "paper-out": "x25",
    "tape-paper-out": "x8A",
    "register-password": "x32",
    "procedure-running": "x41",
    "unsent-reports": "xA6",
    "wrong-date": "xBD",
    "skno-busy": "xC5",
    "skno-no-link": "xC6",
    "skno-full": "xC8",
    "skno-wrong-state": "xC9",
    "skno-not-identified": "xCA",
    "report-missing": "xCF",
    "shift-over-24h": "xD3",
    "tape-full": "xFF",
    "unknown-error": "x99",
    "error-in-words": "No fiscal printer mode",
}
_LOGIN: Final = frozenset(
    {"needs-password", "stale-nonces", "silent-nonces", "sha-256", "no-qop", "basic-login", "access-refused"}
)
_OTHERS: Final = frozenset(
    {"not-fiscalised", "shift-closed", "document-open", "memory-near-full", "memory-full", "no-details",
     "server-busy", "legacy-encoding"}
)  # fmt: skip
_READS: Final = frozenset({"getfmroom", "getjrnroom", "lastreceipt", "sknostate", "state"})
_FIELD = re.compile(r'(\w+)=(?:"([^"]*)"|([^,\s]+))')


class CgiRegister(WebService):
    """A register. Its white list knows everybody: it asks for a password only while a login fault is on."""

    protocol = "cgi"
    faults = frozenset(_ERRORS) | _LOGIN | _OTHERS

    def __init__(self) -> None:
        super().__init__()
        self.logins = 0  # how often a password was judged
        self._nonces = 0

    def changes(self, asked: Asked) -> bool:
        """Return whether a request changes something: many GETs of this family do."""
        path = asked.path.partition("?")[0]
        if path.startswith("/cgi/proc/"):
            return path.removeprefix("/cgi/proc/") not in _READS or "?" in asked.path
        return super().changes(asked)

    def respond(self, asked: Asked, wall: datetime) -> Said:
        """Return the page, or what stands before it."""
        if "server-busy" in self.active:
            return document({}, 503)
        if "access-refused" in self.active:
            return document({}, 403)
        if self.active & _LOGIN and asked.path != "/cgi/status":
            refused = self._login(asked)
            if refused is not None:
                return refused
        said = self._page(asked.path, wall)
        if "legacy-encoding" in self.active:
            return said._replace(body=said.body.decode().encode("cp1251"))
        return said

    def _page(self, path: str, wall: datetime) -> Said:
        if path == "/cgi/state":
            return document(self._state(wall))
        opened = 0x21 if "document-open" in self.active else 0
        details: dict[str, dict[str, object]] = {
            "/cgi/status": {"Status": "ok"},
            "/cgi/dev_info": {"dev_zn": "ТФ00012345", "dev_ver": "1.25", "dev_dat": "2019-02-01",
                              "prot": "3.1",
                              "skno_num": "АВ123", "reg_num": "110077777", "unp_num": "100777000"},
            "/cgi/proc/state": {"State": opened, "Oper": 1, "Num": 7, "Rep": 57},
            "/cgi/proc/getfmroom": {"Total": 2000, "Free": self._free()},
            "/cgi/proc/getjrnroom": {"Total": 30000, "Free": 21000},
            "/cgi/proc/sknostate": {"SKNO": 3},
        }  # fmt: skip
        if path not in details or ("no-details" in self.active and path != "/cgi/status"):
            return document({}, 404)
        return document(details[path])

    def _state(self, wall: datetime) -> dict[str, object]:
        return {
            "model": "Титан-Ф",
            "name": "Касса 1",
            "serial": "ТФ00012345",
            "time": int(wall.timestamp()),
            "chkId": 216,
            "JrnTime": int(wall.timestamp()) - 600,
            "currZ": 57,
            "IsWrk": 0 if "shift-closed" in self.active else 1,
            "Fiscalization": 0 if "not-fiscalised" in self.active else 1,
            "FskMode": 1,
            "SKNOState": 3,
            "err": [{"e": _ERRORS[fault]} for fault in sorted(self.active & _ERRORS.keys())],
        }

    def _free(self) -> int:
        if "memory-full" in self.active:
            return 0
        return 150 if "memory-near-full" in self.active else 1700

    def _login(self, asked: Asked) -> Said | None:
        given = asked.headers.get("authorization", "")
        if not given.lower().startswith("digest "):
            return self._challenge(stale=False)
        told = {name.lower(): quoted or plain for name, quoted, plain in _FIELD.findall(given)}
        if told.get("nonce") != self._nonce:
            return self._challenge(stale="silent-nonces" not in self.active)
        if told.get("username") != USER or told.get("response") != self._response(asked, told):
            self.logins += 1
            return self._challenge(stale=False)
        if self.active & {"stale-nonces", "silent-nonces"}:
            self._nonces += 1  # good for one request
        return None

    @property
    def _nonce(self) -> str:
        return f"5c0f{self._nonces:08x}"

    @property
    def _name(self) -> str:
        return "SHA-256" if "sha-256" in self.active else "MD5"

    def _challenge(self, *, stale: bool) -> Said:
        if "basic-login" in self.active:
            return document({}, 401)._replace(challenge=f'Basic realm="{_REALM}"')
        qop = "" if "no-qop" in self.active else ', qop="auth"'
        old = ", stale=true" if stale else ""
        text = f'Digest realm="{_REALM}", nonce="{self._nonce}"{qop}, algorithm={self._name}{old}'
        return document({}, 401)._replace(challenge=text)

    def _response(self, asked: Asked, told: dict[str, str]) -> str:
        def hashed(*parts: str) -> str:
            name = "sha256" if "sha-256" in self.active else "md5"
            return new(name, ":".join(parts).encode(), usedforsecurity=False).hexdigest()

        who = hashed(USER, _REALM, PASSWORD)
        what = hashed(asked.method, told.get("uri", ""))
        if "no-qop" in self.active:
            return hashed(who, self._nonce, what)
        middle = (told.get("nc", ""), told.get("cnonce", ""), told.get("qop", ""))
        return hashed(who, self._nonce, *middle, what)
