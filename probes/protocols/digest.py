"""HTTP Digest authentication (RFC 7616, RFC 2617), computed only: the challenge in, the header out.

Chance comes in as an argument. MD5 and SHA-256 with their `-sess` forms, quality of protection `auth` or none
(RFC 2069). `auth-int` and `userhash` are not spoken: no register is known to ask for them.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final, NamedTuple
from urllib.request import parse_http_list, parse_keqv_list

_ALGORITHMS: Final = {"md5": "md5", "sha-256": "sha256"}
_DIGEST = re.compile(r"(?:^|,)\s*digest\s+", re.IGNORECASE)
_NEXT_SCHEME = re.compile(r",\s*[A-Za-z][\w-]*\s+[\w-]+\s*=")
_SESSION = "-sess"
_MAX_HEADER = 4096


class DigestError(ValueError):
    """No Digest challenge, or one that cannot be answered."""


class Challenge(NamedTuple):
    """What a server wants. `qop` is "auth" or ""; `stale`: the nonce was old, the password is not judged."""

    realm: str
    nonce: str
    opaque: str | None
    algorithm: str
    qop: str
    stale: bool
    charset: str


def challenge(header: str) -> Challenge:
    """Return the Digest challenge of a WWW-Authenticate header.

    Raises:
        DigestError: there is none that can be answered.
    """
    begins = _DIGEST.search(header[:_MAX_HEADER])
    if begins is None:
        raise DigestError("no Digest challenge")
    told = header[begins.end() : _MAX_HEADER]
    ends = _NEXT_SCHEME.search(told)
    parts = parse_http_list(told[: ends.start()] if ends else told)
    pairs = [part for part in parts if part.partition("=")[2]]  # parse_keqv_list fails on `qop=`
    fields = {name.strip().lower(): value for name, value in parse_keqv_list(pairs).items()}
    algorithm = fields.get("algorithm", "MD5")
    if algorithm.lower().removesuffix(_SESSION) not in _ALGORITHMS:
        raise DigestError(f"unknown algorithm {algorithm[:20]!r}")
    offered = [word.strip().lower() for word in fields.get("qop", "").split(",") if word.strip()]
    if offered and "auth" not in offered:
        raise DigestError("only auth-int")
    if "nonce" not in fields or "realm" not in fields:
        raise DigestError("no nonce or no realm")
    return Challenge(
        fields["realm"],
        fields["nonce"],
        fields.get("opaque"),
        algorithm,
        "auth" if offered else "",
        fields.get("stale", "").lower() == "true",
        "utf-8" if fields.get("charset", "").lower() == "utf-8" else "latin-1",
    )


def authorization(
    asked: Challenge, user: str, password: str, uri: str, *, count: int, cnonce: str, method: str = "GET"
) -> str:
    """Return the Authorization header for one request; `count` is how often this nonce is used, from 1 on.

    Raises:
        DigestError: the name cannot stand in a header.
    """
    if any(sign in part for part in (user, uri, cnonce) for sign in '"\\\r\n'):
        raise DigestError("a quote or a line break in the name")
    nc = f"{count:08x}"
    secret = _hash(asked, f"{user}:{asked.realm}:{password}")
    if asked.algorithm.lower().endswith(_SESSION):
        secret = _hash(asked, f"{secret}:{asked.nonce}:{cnonce}")
    middle = f"{nc}:{cnonce}:{asked.qop}:" if asked.qop else ""
    response = _hash(asked, f"{secret}:{asked.nonce}:{middle}{_hash(asked, f'{method}:{uri}')}")
    fields = [
        f'username="{user}"',
        f"realm={_quoted(asked.realm)}",
        f"nonce={_quoted(asked.nonce)}",
        f'uri="{uri}"',
        f'response="{response}"',
        f"algorithm={asked.algorithm}",
    ]
    if asked.opaque is not None:
        fields.append(f"opaque={_quoted(asked.opaque)}")
    if asked.qop:
        fields += [f"qop={asked.qop}", f"nc={nc}"]
    if asked.qop or asked.algorithm.lower().endswith(_SESSION):
        fields.append(f'cnonce="{cnonce}"')
    return "Digest " + ", ".join(fields)


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _hash(asked: Challenge, text: str) -> str:
    name = _ALGORITHMS[asked.algorithm.lower().removesuffix(_SESSION)]
    try:
        data = text.encode(asked.charset)
    except UnicodeEncodeError:
        data = text.encode()
    return hashlib.new(name, data, usedforsecurity=False).hexdigest()
