"""The answer to a SIP server that wants a password (RFC 3261, 22.4; RFC 2617; RFC 8760 for SHA-256)."""

from __future__ import annotations

import hashlib
import re
from typing import Final, NamedTuple

_PAIR: Final = re.compile(r'([a-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))', re.IGNORECASE)
_HASHES: Final = {"MD5": "md5", "SHA-256": "sha256"}


class Challenge(NamedTuple):
    """What a server wants to have proved. `proxy`: it asks by Proxy-Authenticate (407)."""

    realm: str
    nonce: str
    algorithm: str = "MD5"
    opaque: str = ""
    qop: bool = False
    proxy: bool = False


def read_challenge(value: str, *, proxy: bool) -> Challenge | None:
    """Return the challenge of a WWW- or Proxy-Authenticate header; None for one that we cannot meet."""
    scheme, _, rest = value.strip().partition(" ")
    given = {name.lower(): quoted or plain for name, quoted, plain in _PAIR.findall(rest)}
    algorithm = given.get("algorithm", "MD5").upper()
    offered = {word.strip().lower() for word in given.get("qop", "").split(",")} - {""}
    possible = (
        scheme.lower() == "digest" and algorithm in _HASHES and "nonce" in given and value.isprintable()
    )
    if not possible or (offered and "auth" not in offered):
        return None
    return Challenge(
        given.get("realm", ""), given["nonce"], algorithm, given.get("opaque", ""), bool(offered), proxy
    )


def authorization(
    challenge: Challenge, *, user: str, password: str, method: str, uri: str, cnonce: str
) -> tuple[str, str]:
    """Return the name and the value of the header that proves the password; `cnonce` is chance of ours."""

    def hashed(*parts: str) -> str:
        return hashlib.new(_HASHES[challenge.algorithm], ":".join(parts).encode()).hexdigest()

    account, question = hashed(user, challenge.realm, password), hashed(method, uri)
    extra = ("00000001", cnonce, "auth") if challenge.qop else ()
    fields = [
        f'username="{_quoted(user)}"', f'realm="{challenge.realm}"', f'nonce="{challenge.nonce}"',
        f'uri="{uri}"', f'response="{hashed(account, challenge.nonce, *extra, question)}"',
        f"algorithm={challenge.algorithm}",
    ]  # fmt: skip
    if challenge.opaque:
        fields.append(f'opaque="{challenge.opaque}"')
    if challenge.qop:
        fields += ["qop=auth", "nc=00000001", f'cnonce="{cnonce}"']
    name = "Proxy-Authorization" if challenge.proxy else "Authorization"
    return name, "Digest " + ", ".join(fields)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
