"""Who may sign: OpenSSH's `allowed_signers` (ssh-keygen(1), ALLOWED SIGNERS), and keys that were taken back.

One signer a line: names, then options (`namespaces="…"`, `valid-after="…"`, `valid-before="…"`), then the
public key. Lines with `cert-authority` are refused: we do not read certificates here, and would take the
authority for a signer.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from supportctl.core.errors import UsageError
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

MAX_LINES = 10_000
MAX_LINE = 16 * 1024
_KEY = re.compile(r"(?P<kind>(?:ssh|ecdsa|sk)-[a-z0-9@.-]+)[ \t]+(?P<key>[A-Za-z0-9+/=]+)(?:[ \t].*)?")
_OPTION = re.compile(r'(?P<name>[a-z-]+)(?:="(?P<value>[^"]*)")?(?:,|[ \t]+)', re.IGNORECASE)
_NAMES = re.compile(r'(?:"(?P<quoted>[^"]+)"|(?P<plain>[^\s"]+))[ \t]+')
_MOMENT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?(Z?)")


class Signer(NamedTuple):
    """One line: whose key it is, for what and when it is good. `where` is its place in the file."""

    names: str
    key: bytes
    namespaces: tuple[str, ...] = ()  # patterns; none: any
    valid_after: datetime | None = None
    valid_before: datetime | None = None
    where: str = ""


class Signers(NamedTuple):
    """All who may sign. `revoked` are fingerprints of keys that are good no more."""

    allowed: tuple[Signer, ...] = ()
    revoked: Collection[str] = frozenset()


def read_signers(lines: Iterable[str], source: str) -> tuple[Signer, ...]:
    """Return the signers of a file, or of a list in the configuration (`source` names it).

    Raises:
        UsageError: `signing.bad-signer`: a line that is not understood. Nothing is signed then: a limit that
            was misread would be no limit.
    """
    found: list[Signer] = []
    for number, line in enumerate(lines, 1):
        told = line.strip()
        if not told or told.startswith("#"):
            continue
        where = f"{source}:{number}"
        if number > MAX_LINES or len(line) > MAX_LINE:
            raise UsageError("signing.bad-signer", where=where, found=f"{number}", reason="too much")
        try:
            found.append(_signer(told, where))
        except (ValueError, binascii.Error) as error:
            raise UsageError("signing.bad-signer", where=where, found=clean(told, 80), reason=error) from None
    return tuple(found)


def good_for(signer: Signer, namespace: str, now: datetime) -> str:
    """Return why a signer's key is not good for this now: a key of an error, "" if it is."""
    if signer.namespaces and not any(fnmatchcase(namespace, each) for each in signer.namespaces):
        return "signing.not-for-playbooks"
    if signer.valid_after is not None and now < signer.valid_after:
        return "signing.not-yet"
    if signer.valid_before is not None and now >= signer.valid_before:
        return "signing.key-expired"
    return ""


def _signer(line: str, where: str) -> Signer:
    names = _NAMES.match(line)
    if names is None:
        raise ValueError("names")
    rest = line[names.end() :]
    given: dict[str, str] = {}
    while not (key := _KEY.fullmatch(rest)):
        option = _OPTION.match(rest)
        if option is None:
            raise ValueError("key")
        name = option["name"].lower()
        if name not in {"namespaces", "valid-after", "valid-before"} or not option["value"]:
            raise ValueError(name)
        if name in given:
            raise ValueError(f"{name} twice")
        given[name] = option["value"]
        rest = rest[option.end() :]
    data = base64.b64decode(key["key"], validate=True)
    kind = key["kind"].encode()
    if data[: 4 + len(kind)] != len(kind).to_bytes(4, "big") + kind:
        raise ValueError(key["kind"])
    spaces = tuple(each for each in given.get("namespaces", "").split(",") if each)
    after, before = (
        _moment(given[name]) if name in given else None for name in ("valid-after", "valid-before")
    )
    return Signer(clean(names["quoted"] or names["plain"], 80), data, spaces, after, before, where)


def _moment(text: str) -> datetime:
    """Return a time as OpenSSH writes it; without Z it is that of this computer."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise ValueError(text)
    moment = datetime(*(int(each or 0) for each in found.groups()[:6]), tzinfo=UTC)  # type: ignore[misc, arg-type]
    return moment if found[7] else moment.replace(tzinfo=None).astimezone()
