"""Whole documents without secrets: every text redacted, whatever form a secret takes, and phones masked."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from html import escape
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import quote, quote_plus, unquote, urlsplit

from supportctl.core.redaction import redact, remember
from supportctl.core.secret_patterns import HIDDEN, PHONE, is_secret_name
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

_LINE_LIMIT = 8000
_SHORTEST_PART = 12  # of an address: shorter ones are words like `services`
_SHORTEST_FORM = 4
_URL_SAFE = str.maketrans("+/", "-_")
T = TypeVar("T")


def remember_forms(secret: str) -> None:
    """Take note of a secret, of the forms in which it may stand elsewhere, and of the parts of an address."""
    for part in {secret, *_parts(secret)}:
        for form in forms_of(part):
            remember(form)


def forms_of(secret: str) -> set[str]:
    """Return a secret as it may stand in addresses, headers, JSON, XML and dumps."""
    data = secret.encode("utf-8", "backslashreplace")
    text = data.decode("utf-8")
    quoted = json.dumps(secret)[1:-1]
    forms = {
        secret,
        quote(text, safe=""),
        quote_plus(text),
        quoted,
        json.dumps(secret, ensure_ascii=False)[1:-1],
    }
    forms |= {escape(secret), data.hex(), data.hex().upper()}
    for shift in range(3):  # inside of a longer text its base64 begins at one of three places
        coded = base64.b64encode(b"\0" * shift + data).decode().rstrip("=")
        start, end = (
            (0, 2, 3)[shift],
            len(coded) - (0, 2, 3)[(len(data) + shift) % 3 and 3 - (len(data) + shift) % 3],
        )
        whole = coded if shift == 0 else ""
        forms |= {form for each in (whole, coded[start:end]) for form in (each, each.translate(_URL_SAFE))}
    return {form for form in forms if len(form) >= _SHORTEST_FORM or form == secret}


def _parts(secret: str) -> set[str]:
    if "://" not in secret:
        return set()
    try:
        address = urlsplit(secret)
        found = [address.password or "", *address.path.split("/"), *re.split("[&=]", address.query)]
        if address.scheme not in {"http", "https"}:  # of a chat: there the token stands for the host
            found += re.split("[@:]", address.netloc)
    except ValueError:
        return set()
    parts = {unquote(part) for part in found}
    secrets = {part for part in parts if len(part) >= _SHORTEST_PART and re.search(r"\d", part)}
    return secrets | ({unquote(address.password)} if address.password else set())


def scrubbed_text(text: str, *, prose: bool = True) -> str:
    """Return a text without secrets, whole telephone numbers, and anything invisible.

    Without `prose` what only reads like a secret stays: for texts of the catalogue and of playbooks.
    """
    shown = PHONE.regex.sub(_masked, redact(text, prose=prose))
    if shown.isprintable():
        return shown
    return "\n".join(clean(line, _LINE_LIMIT) for line in shown.split("\n"))


def _masked(match: re.Match[str]) -> str:
    """Keep the first four characters and the last two digits: who knows the number finds it again."""
    number = match[0]
    return f"{number[:4]}{re.sub(r'[0-9]', '*', number[4:-2])}{number[-2:]}"


def scrubbed(value: T, *, prose: bool = True) -> T:
    """Return plain data, named tuples or dataclasses with every text in them scrubbed.

    What is called a password, a token and the like is hidden, whatever it is. `prose` as of `scrubbed_text`.
    """
    return cast("T", _scrubbed(value, prose=prose))


def _scrubbed(value: Any, *, prose: bool) -> Any:  # noqa: ANN401  documents of any shape
    if isinstance(value, str):
        return value if isinstance(value, Enum) else scrubbed_text(value, prose=prose)
    if isinstance(value, dict):
        return {
            scrubbed_text(str(key), prose=prose): _entry(str(key), inner, prose=prose)
            for key, inner in _items(value)
        }
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_scrubbed(inner, prose=prose) for inner in value))
    if isinstance(value, list | tuple):
        return type(value)(_scrubbed(inner, prose=prose) for inner in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{f.name: _scrubbed(getattr(value, f.name), prose=prose) for f in fields(value)}
        )
    return value


def _items(value: Mapping[object, object]) -> list[tuple[object, object]]:
    return list(value.items())


def _entry(key: str, value: object, *, prose: bool) -> object:
    plain = isinstance(value, str | int | float) and not isinstance(value, bool) and value != ""
    if plain and is_secret_name(key) and not str(value).startswith("secret://"):
        return HIDDEN
    return _scrubbed(value, prose=prose)
