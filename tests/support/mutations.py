"""Answers of a sound portal, spoilt: wrong types, odd numbers, missing keys, deep nesting, garbage."""

from __future__ import annotations

import copy
import csv
import gzip
import io
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

    from integrations.lab.portal import Asked, Portal, Said

A_REQUEST_TAKES_S = 0.02
# What JSON can say and Python's own writer would not: put in as text.
_RAW = {
    "@NaN@": "NaN",
    "@Infinity@": "-Infinity",
    "@4000 digits@": "9" * 4000,
    "@10000 digits@": "-" + "9" * 10_000,
    "@1e400@": "1e400",
    "@deep@": "[" * 500 + "]" * 500,
    "@deeper@": '{"a":' * 20_000 + "1" + "}" * 20_000,
    "@lone surrogate@": '"\\ud800"',
    "@twice@": '{"id": 1, "id": [], "ID": null}',
}
_ODD: tuple[Any, ...] = (
    *_RAW,
    None, True, False, 0, -1, 1, 0.5, 2**31, 2**63, -(2**64), 1e300, 1e-300,
    "", " ", "0", "-1", "1e999", "null", "NaN", "０１２", "x" * 5000,
    "\u202eevil\u2066\x00\x1b[2J", "\ud7ff\uffff",
    "2026-02-30 25:61:61", "9999-12-31T23:59:59+14:00", "0001-01-01T00:00:00-14:00", "2026-09-01",
    "-62135596800",
    "file:///etc/passwd", "http://other.example/next", "//other.example", "../..", "a\r\nb: c",
    "Europe/Nowhere", "/",
    [], {}, [[]], [None], [{}], [[[[1]]]], {"": ""}, {"id": {}}, ["x"], {"0": 1}, [1] * 2000,
)  # fmt: skip
_BODIES = (
    b"", b"null", b"[]", b"{}", b'""', b"0", b"true", b"[[]]", b"[{}]", b'{"result": null}',
    b'{"error": null}', b"NaN",
    b"<html><body>Sign in</body></html>", b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}", b"\x80\x81\x82", b"{",
    b'{"a": ',
    b"\x1f\x8b\x08broken", b"9" * 20_000, b"[" * 100_000, b'{"a":' * 100_000, b'"' + b"x" * 100_000,
    b";;;;\n;;;\n", b"\0" * 1000,
)  # fmt: skip
_HEADERS = (
    "retry-after", "content-type", "location", "link", "date", "x-ratelimit-remaining", "x-ratelimit-limit",
    "x-lognex-retry-after", "x-lognex-retry-timeinterval", "x-lognex-reset", "x-ratelimit-reset",
    "x-hubspot-ratelimit-daily", "x-hubspot-ratelimit-daily-remaining", "x-hubspot-ratelimit-max",
)  # fmt: skip
_HEADER_VALUES = (
    "", "0", "-1", "1e9", "99999999999999999999", "NaN", "soon", "Wed, 99 Foo 2026 00:00:00 GMT", "9" * 5000,
    "Fri, 31 Dec 9999 23:59:59 GMT", "text/html", "https://other.example/", "<x>; rel=next",
    "\u00ff", "1,2,3", "None",
)  # fmt: skip
_STATUSES = (
    200,
    200,
    200,
    201,
    202,
    204,
    207,
    302,
    400,
    401,
    402,
    403,
    404,
    409,
    418,
    423,
    429,
    500,
    502,
    503,
    599,
)


class Spoilt:
    """A portal whose answers are spoilt by chance; it counts its requests and lets time pass."""

    def __init__(self, portal: Portal, chance: Random, share: float) -> None:
        self.clock = portal.clock
        self.requests = 0
        self._portal, self._chance, self._share = portal, chance, share

    def respond(self, asked: Asked) -> Said:
        """Return the portal's answer, or what is left of it."""
        self.requests += 1
        self.clock.sleep(A_REQUEST_TAKES_S)
        said = self._portal.respond(asked)
        return self._spoil(said) if self._chance.random() < self._share else said

    def _spoil(self, said: Said) -> Said:
        kind = self._chance.randrange(100)
        if kind < 12:
            said = said._replace(body=self._chance.choice(_BODIES))
        elif kind < 85:
            said = self._spoilt_body(said)
        if kind % 10 < 2:
            said = said._replace(status=self._chance.choice(_STATUSES))
        if kind % 10 in {2, 3}:
            odd = [(self._chance.choice(_HEADERS), self._chance.choice(_HEADER_VALUES)) for _ in range(3)]
            said = said._replace(headers=(*said.headers, *odd))
        if kind == 99:
            said = said._replace(delay_s=timedelta(minutes=10).total_seconds())
        return said

    def _spoilt_body(self, said: Said) -> Said:
        packed = dict(said.headers).get("Content-Encoding") == "gzip"
        body = gzip.decompress(said.body) if packed else said.body
        try:
            document = json.loads(body)
        except ValueError:
            spoilt = self._spoilt_table(body)
        else:
            spoilt = self._spoilt_document(document)
        return said._replace(body=gzip.compress(spoilt, 1) if packed else spoilt)

    def _spoilt_document(self, document: Any) -> bytes:
        for _ in range(self._chance.randrange(1, 4)):
            document = self._spoilt(document)
        text = json.dumps(document)
        for name, raw in _RAW.items():
            text = text.replace(json.dumps(name), raw)
        return text.encode()

    def _spoilt(self, document: Any) -> Any:
        """Return a document with one value replaced, removed, wrapped or repeated; `Any`: JSON."""
        if not isinstance(document, dict | list) or not document or self._chance.random() < 0.02:
            return self._odd(document)
        places = [*document] if isinstance(document, dict) else [*range(len(document))]
        place = self._chance.choice(places)
        inner = document[place]
        if isinstance(inner, dict | list) and inner and self._chance.random() < 0.85:
            document[place] = self._spoilt(inner)
        elif self._chance.random() < 0.2:
            del document[place]
        elif isinstance(document, list) and self._chance.random() < 0.2:
            document.insert(place, copy.deepcopy(inner))
        else:
            document[place] = self._odd(inner)
        return document

    def _odd(self, value: Any) -> Any:
        way = self._chance.randrange(10)
        if way == 0:
            return [value]
        if way == 1:
            return {"value": value}
        if way == 2 and isinstance(value, int | float | str):
            return str(value) if not isinstance(value, str) else f"{value}x"
        return copy.deepcopy(self._chance.choice(_ODD))

    def _spoilt_table(self, body: bytes) -> bytes:
        text = body.decode("utf-8", "replace")
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))
        if not rows:
            return self._chance.choice(_BODIES)
        row = self._chance.choice(rows)
        if row and self._chance.random() < 0.8:
            row[self._chance.randrange(len(row))] = str(self._chance.choice(_ODD))[:3000]
        else:
            row.append("more")
        out = io.StringIO()
        csv.writer(out, delimiter=";").writerows(rows)
        return out.getvalue().encode("utf-8", "replace")
