"""The kinds of value that a configuration has: durations, rates, secrets, addresses.

A validator raises `PydanticCustomError` whose type is the key of the error's texts ("config.bad-duration").
"""

import re
import zoneinfo
from ipaddress import ip_network
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from supportctl.core.nearest import close_to
from supportctl.core.secrets import SCHEME, is_reference
from supportctl.core.target import is_loopback

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)", re.ASCII)
_RATE = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)/(s|m|h)", re.ASCII)
_HOST_PORT = re.compile(r"(?:\[[0-9A-Fa-f:.]{2,45}\]|[\w.-]{1,253})(?::(\d{1,5}))?")
_HOOK_CODE = re.compile(r"/rest/\d{1,9}/[^/?#]{4,}")
_NAME_MAX = 64


class IsSecret(NamedTuple):
    """Marks a field whose value is a secret: never shown, and better written as a reference."""

    always: bool = True  # False: an address that is one only when it carries a code or a password


def address_holds_secret(value: str) -> bool:
    """Return whether an address carries a password or the code of an incoming webhook."""
    try:
        parts = urlsplit(value)
    except ValueError:
        return True  # not understood: better hidden than shown
    return bool(parts.password or _HOOK_CODE.search(parts.path))


def _duration(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    match = _DURATION.fullmatch(str(value).strip())
    if match is None:
        raise PydanticCustomError("config.bad-duration", "duration", {"found": str(value)})
    return float(match[1]) * _UNITS[match[2]]


def duration_text(seconds: float) -> str:
    """Return `seconds` as a configuration writes it: `24h`, `90s`."""
    for unit in ("d", "h", "m", "s"):
        if seconds >= _UNITS[unit] and seconds % _UNITS[unit] == 0:
            return f"{seconds / 3600:.10g}h" if unit == "d" else f"{seconds / _UNITS[unit]:.10g}{unit}"
    return f"{seconds * 1000:.10g}ms"


def _rate(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    match = _RATE.fullmatch(str(value).strip())
    if match is None or float(match[1]) == 0:
        raise PydanticCustomError("config.bad-rate", "rate", {"found": str(value)})
    return float(match[1]) / _UNITS[match[2]]


def rate_text(per_second: float) -> str:
    """Return a rate as a configuration writes it: `2/s`, `30/m`."""
    for unit in ("s", "m", "h"):
        count = per_second * _UNITS[unit]
        if count >= 1 and abs(count - round(count)) < 1e-6:
            return f"{round(count)}/{unit}"
    return f"{per_second:.10g}/s"


def _secret(value: str) -> str:
    if not value.strip():
        raise PydanticCustomError("config.empty-value", "secret")
    if is_reference(value):
        kind, _, name = value.removeprefix(SCHEME).partition("/")
        if kind not in {"env", "file", "keyring"} or not name or (kind == "keyring" and "/" not in name):
            raise PydanticCustomError("config.bad-secret", "secret", {"found": value})
    return value


def web_address(value: str) -> str:
    """Return a web address: https anywhere, plain http on this computer only; a reference passes unread.

    Raises:
        PydanticCustomError: `config.bad-url` or `config.plain-http`.
    """
    if is_reference(value):
        return _secret(value)
    try:
        parts = urlsplit(value)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    if parts.scheme not in {"http", "https"} or not host or any(c.isspace() for c in value):
        raise PydanticCustomError("config.bad-url", "url", {"found": _without_secret(value)})
    if parts.scheme == "http" and not is_loopback(host):
        raise PydanticCustomError("config.plain-http", "url", {"found": _without_secret(value), "host": host})
    return value


def _plain_or_secure(value: str) -> str:
    parts = urlsplit(value) if value.isprintable() and "[" not in value else urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise PydanticCustomError("config.bad-url", "url", {"found": _without_secret(value)})
    return value


def _without_secret(value: str) -> str:
    return f"{value.partition('://')[0][:16]}://***" if address_holds_secret(value) else value


def _name(value: str) -> str:
    bad = not value.isprintable() or value != value.strip() or value.startswith("-") or "://" in value
    if bad or not 0 < len(value) <= _NAME_MAX:
        raise PydanticCustomError("config.bad-name", "name", {"found": value})
    return value


def _timezone(value: str) -> str:
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        close = close_to(value, zoneinfo.available_timezones())
        details = {"found": value, "nearest": ", ".join(close) or "Europe/Moscow"}
        raise PydanticCustomError("config.unknown-timezone", "timezone", details) from None
    return value


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except (re.error, RecursionError, OverflowError):
        raise PydanticCustomError("config.bad-pattern", "pattern", {"found": value}) from None
    return value


def _region(value: str) -> str:
    if not re.fullmatch("[A-Z]{2}", value):
        raise PydanticCustomError("config.bad-region", "region", {"found": value})
    return value


def _host(value: str) -> str:
    text = value.partition("://")[2].partition("/")[0] if "://" in value else value
    match = _HOST_PORT.fullmatch(text)
    if match is None or (match[1] is not None and not 0 < int(match[1]) < 65536):
        raise PydanticCustomError("config.bad-host", "host", {"found": _without_secret(value)})
    return value


def _place(value: str) -> str:
    if "/" in value and "://" not in value:
        try:
            ip_network(value)
        except ValueError:
            raise PydanticCustomError("config.bad-host", "host", {"found": _without_secret(value)}) from None
        return value
    _host(value.removeprefix("*."))
    return value


def _store(value: str) -> str:
    if is_reference(value):
        return _secret(value)
    if not value.startswith(("sqlite:///", "sqlite://", "postgresql://", "postgresql+psycopg://")):
        raise PydanticCustomError("config.bad-store", "store", {"found": _without_secret(value)})
    return value


_DURATION_SCHEMA = {"type": "string", "pattern": r"^\d+(\.\d+)?(ms|s|m|h|d)$", "examples": ["24h", "1m"]}
_RATE_SCHEMA = {"type": "string", "pattern": r"^\d+(\.\d+)?/(s|m|h)$", "examples": ["2/s"]}

Duration = Annotated[  # seconds
    float, BeforeValidator(_duration), PlainSerializer(duration_text), WithJsonSchema(_DURATION_SCHEMA)
]
Rate = Annotated[  # a second
    float, BeforeValidator(_rate), PlainSerializer(rate_text), WithJsonSchema(_RATE_SCHEMA)
]
Secret = Annotated[str, AfterValidator(_secret), IsSecret()]
WebAddress = Annotated[str, AfterValidator(web_address), IsSecret(always=False)]
AnyAddress = Annotated[str, AfterValidator(_plain_or_secure), IsSecret(always=False)]
Name = Annotated[str, AfterValidator(_name)]
Timezone = Annotated[str, AfterValidator(_timezone)]
Pattern = Annotated[str, AfterValidator(_pattern)]  # a regular expression
Region = Annotated[str, AfterValidator(_region)]
Host = Annotated[str, AfterValidator(_host)]
Place = Annotated[str, AfterValidator(_place)]  # a host, *.DOMAIN for all of a domain's, or a network
Store = Annotated[str, AfterValidator(_store), IsSecret(always=False)]
