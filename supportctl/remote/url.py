"""Where a session goes: `ssh://USER@HOST[:PORT][?options]`, or `code:…` as the customer reads it out."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from supportctl.core.errors import UsageError
from supportctl.core.nearest import nearest

SSH_PORT = 22
WAYS = ("auto", "installed", "push")
_MAX_URL = 1024
_MAX_PORTS = 8
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,63}")
_HOST = re.compile(r"[A-Za-z0-9_.:%-]{1,253}")
_PYTHON = re.compile(r"[A-Za-z0-9_./\\:-]{1,200}")  # no blank, no quote: it is a word of a command line
_OPTIONS = ("key", "agent", "ports", "way", "python")


class SshPlace(NamedTuple):
    """A machine with an SSH server.

    `key` is a file, `agent` the SHA256 fingerprint of a key that the SSH agent holds ("any": each of them):
    no other key is offered. `ports` are tried in turn. `way`: `installed` starts the supportctl that is
    there, `push` brings one, `auto` brings one where there is none.
    """

    user: str
    host: str
    ports: tuple[int, ...] = (SSH_PORT,)
    key: str = ""
    agent: str = ""
    way: str = "auto"
    python: str = "python3"

    def shown(self, port: int | None = None) -> str:
        """Return it as people read it, without its options."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        number = port or self.ports[0]
        return f"ssh://{self.user}@{host}" + (f":{number}" if number != SSH_PORT else "")


class CodePlace(NamedTuple):
    """A customer who shares: the code that they read out. What is in it is the business of `connect`."""

    code: str

    def shown(self) -> str:
        """Return it as people read it; the code is a secret while it is good."""
        return "code:…"


Place = SshPlace | CodePlace


def parse_remote(text: str) -> Place:
    """Return where `--on` points.

    Raises:
        UsageError: what is wrong with it.
    """
    if len(text) > _MAX_URL:
        raise UsageError("remote.bad-place", found=text[:80])
    scheme, colon, rest = text.partition(":")
    if colon and scheme.lower() == "code":
        if not rest.strip():
            raise UsageError("remote.bad-place", found=text)
        return CodePlace(rest.strip())
    if scheme.lower() != "ssh" or not rest.startswith("//"):
        raise UsageError("remote.bad-place", found=text)
    return _ssh(text)


def _ssh(text: str) -> SshPlace:
    try:
        parts = urlsplit(text)
        port, host, user = parts.port, parts.hostname or "", unquote(parts.username or "")
    except ValueError:
        raise UsageError("remote.bad-place", found=text) from None
    if parts.password is not None:
        raise UsageError("remote.password-in-url")
    if parts.path not in {"", "/"} or parts.fragment or not _HOST.fullmatch(host) or port == 0:
        raise UsageError("remote.bad-place", found=text)
    if not _USER.fullmatch(user):
        raise UsageError("remote.no-user", found=text)
    options = _options(parts.query, text)
    ports = _ports(options.get("ports", ""), text) or (port or SSH_PORT,)
    if port is not None and port not in ports:
        ports = (port, *ports)
    way, python = options.get("way", "auto"), options.get("python", "python3")
    if way not in WAYS:
        raise UsageError("remote.bad-option", option="way", found=way, expected=", ".join(WAYS))
    if not _PYTHON.fullmatch(python):
        raise UsageError("remote.bad-option", option="python", found=python, expected="python3")
    return SshPlace(user, host, ports, options.get("key", ""), options.get("agent", ""), way, python)


def _options(query: str, text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=16)
    except ValueError:
        raise UsageError("remote.bad-place", found=text) from None
    for name, value in pairs:
        if name not in _OPTIONS:
            known = ", ".join(_OPTIONS)
            raise UsageError(
                "remote.unknown-option", found=name, known=known, nearest=nearest(name, _OPTIONS)
            )
        if not value or not value.isprintable():
            raise UsageError("remote.bad-option", option=name, found=value, expected="…")
    return dict(pairs)


def _ports(text: str, whole: str) -> tuple[int, ...]:
    if not text:
        return ()
    words = text.split(",")
    if len(words) > _MAX_PORTS or not all(word.isascii() and word.isdigit() for word in words):
        raise UsageError("remote.bad-option", option="ports", found=text, expected="22,2222")
    ports = tuple(dict.fromkeys(int(word) for word in words if len(word) < 6))
    if len(ports) != len(words) or not all(0 < port < 65536 for port in ports):
        raise UsageError("remote.bad-place", found=whole)
    return ports
