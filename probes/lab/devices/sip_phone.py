"""A simulated SIP telephone exchange: it answers OPTIONS, and tells which telephones an account has.

Source: RFC 3261, RFC 3581; devices.md section 10. It cannot see the sender's address,
so what it notes in Via is what stood there; with the fault `nat` it is an outer address, as a server sees it.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

USER, PASSWORD, REALM, NONCE = "101", "lab-secret", "lab", "5f2d1a"
OUTER_ADDRESS, OUTER_PORT = "203.0.113.7", 41000
_STATUS: Final = {
    "overloaded": "503 Service Unavailable", "forbidden": "403 Forbidden",
    "not-allowed": "405 Method Not Allowed", "busy-here": "486 Busy Here",
}  # fmt: skip
_OTHERS: Final = frozenset({
    "alg", "alg-from", "nat", "no-rport", "account-refused", "account-wants-password", "not-registered",
    "trying-first", "loses-first", "short-headers",
})  # fmt: skip


class SipExchange:
    """An exchange on UDP, where a message is a datagram, or on TCP."""

    protocol = "sip"
    faults = frozenset(_STATUS) | _OTHERS

    def __init__(self) -> None:
        self.active: set[str] = set()
        self.opcodes: list[str] = []
        self.writes: list[str] = []
        self._pending = b""
        self._lost: set[str] = set()

    def switch(self, fault: str, *, on: bool, now: float) -> bytes:  # noqa: ARG002  nothing here takes time
        """Switch a fault; nothing is pushed because of it.

        Raises:
            KeyError: the exchange has no such fault.
        """
        if fault not in self.faults:
            raise KeyError(fault)
        (self.active.add if on else self.active.discard)(fault)
        self._lost.clear()
        return b""

    def connected(self, now: float) -> bytes:  # noqa: ARG002
        """Say nothing; a new client begins a new message."""
        self._pending = b""
        return b""

    def receive(self, data: bytes, now: float) -> bytes:  # noqa: ARG002
        """Take any piece of the stream; return the responses to what is complete in it."""
        self._pending += data
        answer = b""
        while b"\r\n\r\n" in self._pending:
            head, _, self._pending = self._pending.partition(b"\r\n\r\n")
            answer += self._respond(head.decode("utf-8", "replace").lstrip("\r\n").split("\r\n"))
        return answer

    def tick(self, now: float) -> bytes:  # noqa: ARG002
        """Return nothing: this device does nothing on a timer."""
        return b""

    def _respond(self, lines: list[str]) -> bytes:
        method = lines[0].partition(" ")[0]
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (s.partition(":") for s in lines[1:])
        }
        self.opcodes.append(method)
        if method not in {"OPTIONS", "REGISTER"} or (method == "REGISTER" and "contact" in headers):
            self.writes.append(method)
        stream = "/TCP" in headers.get("via", "")  # there nothing is lost, and messages follow one another
        if not stream and "loses-first" in self.active and headers.get("call-id", "") not in self._lost:
            self._lost.add(headers.get("call-id", ""))
            return b""
        status, extra = self._options() if method == "OPTIONS" else self._register(lines[0], headers)
        trying = self._message("100 Trying", headers, []) if stream and "trying-first" in self.active else b""
        return trying + self._message(status, headers, extra)

    def _options(self) -> tuple[str, list[str]]:
        status = next((text for fault, text in _STATUS.items() if fault in self.active), "200 OK")
        return status, ["Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, REGISTER"]

    def _register(self, first: str, headers: dict[str, str]) -> tuple[str, list[str]]:
        if "account-refused" in self.active:
            return "403 Forbidden", []
        if "account-wants-password" in self.active and not self._proved(first, headers):
            challenge = f'realm="{REALM}", nonce="{NONCE}", algorithm=MD5, qop="auth,auth-int"'
            return "401 Unauthorized", [f"WWW-Authenticate: Digest {challenge}"]
        if "not-registered" in self.active:
            return "200 OK", []
        return "200 OK", [
            f'Contact: "Desk, 1" <sip:{USER}@192.0.2.11:5060>;expires=120, <sip:{USER}@192.0.2.12>'
        ]

    def _proved(self, first: str, headers: dict[str, str]) -> bool:
        given = dict(re.findall(r'(\w+)="?([^",]*)"?', headers.get("authorization", "")))

        def md5(text: str) -> str:
            return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

        method, uri = first.split(" ")[:2]
        ends = f"{given.get('nc')}:{given.get('cnonce')}:auth"
        expected = md5(f"{md5(f'{USER}:{REALM}:{PASSWORD}')}:{NONCE}:{ends}:{md5(f'{method}:{uri}')}")
        return given.get("response") == expected

    def _message(self, status: str, headers: dict[str, str], extra: list[str]) -> bytes:
        sender = headers.get("from", "")
        if "alg-from" in self.active:
            sender = re.sub(r"@[^>]*>", f"@{OUTER_ADDRESS}:{OUTER_PORT}>", sender)
        via, call = ("v", "i") if "short-headers" in self.active else ("Via", "Call-ID")
        lines = [
            f"SIP/2.0 {status}",
            f"{via}: {self._via(headers.get('via', ''))}",
            f"From: {sender}",
            f"To: {headers.get('to', '')};tag=lab",
            f"{call}: {headers.get('call-id', '')}",
            f"CSeq: {headers.get('cseq', '')}",
            "Server: Lab PBX 1.0",
            *extra,
            "Content-Length: 0",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def _via(self, via: str) -> str:
        found = re.match(r"(\S+ )([^;]+):(\d+)(.*)", via)
        if found is None:
            return via
        wire, host, port, rest = found.groups()
        seen = (OUTER_ADDRESS, str(OUTER_PORT)) if "nat" in self.active else (host, port)
        if "alg" in self.active:
            host, port = OUTER_ADDRESS, str(OUTER_PORT)
        if "no-rport" not in self.active:
            rest = rest.replace(";rport", f";received={seen[0]};rport={seen[1]}")
        return f"{wire}{host}:{port}{rest}"
