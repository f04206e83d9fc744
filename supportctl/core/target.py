"""A target is named by a URL: `[PROTOCOL+]WIRE://ADDRESS[?options]` (docs/contract.md)."""

from __future__ import annotations

from ipaddress import ip_address
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from supportctl.core.errors import UsageError
from supportctl.core.nearest import nearest
from supportctl.core.secrets import is_reference
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WIRES = ("serial", "tcp", "rfc2217", "http", "https", "usb", "udp", "host")
DEVICE_PROTOCOLS = (
    "escpos", "star", "shtrih", "atol", "atol2", "atol3", "toledo8217", "sma", "cas", "massak",
    "shtrihscale", "zvt", "datecs", "tremol", "cgi", "telium", "terminal", "scanner",
)  # fmt: skip
SERVICE_WIRES = {
    "utm": "http", "marking": "http", "ofd": "tcp", "ipp": "http", "snmp": "udp",
    "sip": "udp", "stun": "udp", "tls": "tcp", "dns": "udp", "ntp": "udp",
}  # fmt: skip
PROTOCOLS = (*DEVICE_PROTOCOLS, *SERVICE_WIRES)
DEFAULT_PORTS = {
    "escpos": 9100, "star": 9100, "tls": 443, "dns": 53, "ntp": 123, "snmp": 161, "ipp": 631, "sip": 5060,
    "utm": 8080, "marking": 5995, "atol": 16732, "shtrih": 7778, "atol3": 5555, "zvt": 20007, "massak": 5001,
    "tremol": 8000, "stun": 3478, "marking+https": 443,
}  # fmt: skip
# What a serial device of a protocol usually has, where it differs from 9600 8N1 (docs/devices.md).
USUAL_LINE: Mapping[str, Mapping[str, str]] = {
    "shtrih": {"baud": "115200"},
    "atol2": {"baud": "115200"},
    "atol3": {"baud": "115200"},
    "datecs": {"baud": "115200"},
    "tremol": {"baud": "115200"},
    "toledo8217": {"bytesize": "7", "parity": "even"},
    "massak": {"baud": "4800", "parity": "even"},
    "zvt": {"stopbits": "2"},
}
_WIRE_PORTS = {"http": 80, "https": 443}
_SECRET_OPTIONS = {"password", "token", "key", "community", "pin", "secret"}
_MAX_URL = 2048

BAUD_RATES = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600)
PARITIES = ("none", "even", "odd", "mark", "space")
_SERIAL_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "baud": (),
    "parity": PARITIES,
    "bytesize": ("5", "6", "7", "8"),
    "stopbits": ("1", "1.5", "2"),
    "flow": ("none", "xonxoff", "rtscts", "dsrdtr"),
    "one-way": ("0", "1"),
    "protocol": ("1", "2"),
    "framing": ("p", "x"),
    "drawer-open-level": ("high", "low"),
    "bank-host": (),
}
_PORT_MAX = 65535


class Target(NamedTuple):
    """One thing that can be asked. `path` is the device file of a serial wire, else the path of the URL."""

    protocol: str | None
    wire: str
    host: str = ""
    port: int | None = None
    path: str = ""
    options: Mapping[str, str] = MappingProxyType({})
    name: str | None = None
    user: str | None = None

    @property
    def scheme(self) -> str:
        """The part before `://`."""
        return f"{self.protocol}+{self.wire}" if self.protocol else self.wire

    @property
    def is_service(self) -> bool:
        """Whether this is a service of the network, not a device of the till."""
        return self.protocol in SERVICE_WIRES or (not self.protocol and self.wire in {"tcp", "http", "https"})

    @property
    def endpoint(self) -> str:
        """The wire itself without protocol and options: targets that share it are asked one after another."""
        if self.wire == "serial":
            return f"serial:{self.path}"
        return f"{self.wire}:{self.host}:{self.port or ''}" + (self.path if self.wire == "usb" else "")

    @property
    def url(self) -> str:
        """The URL with secrets removed: what is shown, logged and stored."""
        shown = {k: ("***" if k in _SECRET_OPTIONS else v) for k, v in self.options.items()}
        query = f"?{urlencode(shown, safe='*/:,')}" if shown else ""
        bare = ":" not in self.host or self.wire == "usb"  # VENDOR:PRODUCT is no IPv6 address
        host = self.host if bare else f"[{self.host}]"
        port = f":{self.port}" if self.port is not None and self.wire != "usb" else ""
        path = quote(self.path, safe="/:.-_~@")
        if self.wire == "serial" and not path.startswith("/"):
            path = f"/{path}"
        return f"{self.scheme}://{host}{port}{path}{query}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """The names of the options whose values are secrets."""
        return tuple(key for key in self.options if key in _SECRET_OPTIONS)

    def option(self, name: str, default: str = "") -> str:
        """Return an option of the URL."""
        return self.options.get(name, default)

    def named(self, name: str | None) -> Target:
        """Return the same target under the name that the configuration gives it."""
        return Target(
            self.protocol, self.wire, self.host, self.port, self.path, self.options, name, self.user
        )

    def with_secrets(self, resolve: Callable[[str], str]) -> Target:
        """Return the same target with references to secrets replaced by what `resolve` makes of them."""
        told = {
            key: resolve(value) if key in _SECRET_OPTIONS and is_reference(value) else value
            for key, value in self.options.items()
        }
        return self._replace(options=told)

    def speaking(self, protocol: str | None, **options: str) -> Target:
        """Return the same wire with another protocol and further options."""
        merged = {**self.options, **options}
        return Target(protocol, self.wire, self.host, self.port, self.path, merged, self.name, self.user)


def is_loopback(host: str) -> bool:
    """Return whether `host` is this computer: what is asked there needs no network."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name: 127.0.0.1.example is anybody's
        return False


THIS_COMPUTER = Target(None, "host", path="/")


def parse_target(text: str, name: str | None = None) -> Target:
    """Return the target that the URL `text` names.

    Raises:
        UsageError: what is wrong with the URL, what was expected, and the nearest known word.
    """
    if len(text) > _MAX_URL:
        raise UsageError("target.too-long", found=len(text), limit=_MAX_URL)
    if "://" not in text:
        raise UsageError("target.not-a-url", found=text)
    scheme = text.partition("://")[0].lower()
    protocol, wire = _scheme(scheme, text)
    try:
        parts = urlsplit(f"{wire}://{text.partition('://')[2]}")
        port = None if wire == "usb" else parts.port  # VENDOR:PRODUCT is no port number
    except ValueError:
        raise UsageError("target.bad-address", found=text) from None
    options = _options(parts.query, text)
    host, path = parts.hostname or "", unquote(parts.path)
    if wire == "serial":
        host, path = "", _serial_path(parts.netloc, path, text)
        _check_serial(options, text)
    elif wire == "usb":
        host, port, path = _usb(parts.netloc, path, text)
    elif wire == "host":
        return THIS_COMPUTER.named(name)
    elif not host and protocol == "ofd" and options.get("operator"):
        return Target(protocol, wire, options=options, name=name)  # its host is in the list of operators
    elif not host or port == 0 or any(not c.isprintable() or c.isspace() for c in host):
        raise UsageError("target.no-host", found=text)
    else:
        usual = DEFAULT_PORTS.get(scheme) or DEFAULT_PORTS.get(protocol or "")
        port = port or usual or _WIRE_PORTS.get(wire)
    if wire == "rfc2217":
        _check_serial(options, text)
    if wire in {"tcp", "rfc2217"} and port is None:
        raise UsageError("target.no-port", found=text)
    if parts.password and wire in _WIRE_PORTS:  # https://NAME:PASSWORD@HOST: kept where secrets are
        options.setdefault("password", unquote(parts.password))
    user = unquote(parts.username) if parts.username else None
    return Target(protocol, wire, host, port, path, options, name, user)


def _scheme(scheme: str, text: str) -> tuple[str | None, str]:
    first, plus, second = scheme.partition("+")
    if not plus:
        if first in SERVICE_WIRES:
            return first, SERVICE_WIRES[first]
        if first in WIRES:
            return None, first
        if first in PROTOCOLS:
            raise UsageError("target.no-wire", found=text, protocol=first)
        raise UsageError("target.unknown-wire", found=first, nearest=nearest(first, (*WIRES, *SERVICE_WIRES)))
    if first not in PROTOCOLS:
        raise UsageError("target.unknown-protocol", found=first, nearest=nearest(first, PROTOCOLS))
    if second not in WIRES:
        raise UsageError("target.unknown-wire", found=second, nearest=nearest(second, WIRES))
    return first, second


def _options(query: str, text: str) -> dict[str, str]:
    options: dict[str, str] = {}
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=32)
    except ValueError:
        raise UsageError("target.bad-options", found=text) from None
    for key, value in pairs:
        if key in options:
            raise UsageError("target.option-twice", found=key)
        options[key] = value
    return options


def _serial_path(netloc: str, path: str, text: str) -> str:
    windows = netloc if path in {"", "/"} else path.lstrip("/")
    if windows.isascii() and windows.upper().startswith("COM") and windows[3:].isdigit():
        return windows.upper()
    if netloc or path in {"", "/"} or "\0" in path:
        raise UsageError("target.no-serial-port", found=clean(text))
    return path


def _check_serial(options: Mapping[str, str], text: str) -> None:
    for key, value in options.items():
        allowed = _SERIAL_OPTIONS.get(key)
        if key == "baud":
            if not value.isascii() or not value.isdigit() or not 50 <= int(value) <= 4_000_000:
                raise UsageError("target.bad-option", option=key, found=value, expected="50…4000000")
        elif allowed and value not in allowed:
            raise UsageError("target.bad-option", option=key, found=value, expected=", ".join(allowed))
        elif allowed is None and key not in _SECRET_OPTIONS:
            near = nearest(key, _SERIAL_OPTIONS)
            raise UsageError("target.unknown-option", found=key, url=text, nearest=near)


def _usb(netloc: str, path: str, text: str) -> tuple[str, int | None, str]:
    vendor, colon, product = netloc.partition(":")
    try:
        ids = (int(vendor, 16), int(product, 16)) if colon else (-1, -1)
    except ValueError:
        ids = (-1, -1)
    if not all(0 <= part <= _PORT_MAX for part in ids):
        raise UsageError("target.bad-usb", found=text)
    return f"{ids[0]:04x}:{ids[1]:04x}", None, path
