"""Who may help: keys that the company has signed. OpenSSH user certificates (`ssh-keygen -s`).

The certificate says the person's name (`-I`), that it is meant for this (`-n supportctl-staff`), and until
when (`-V`). The same certificate opens the way through the bastion.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, NamedTuple

from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

PRINCIPAL = "supportctl-staff"
_MAX_CERTIFICATE = 16 * 1024
_NAME_MAX = 60


class NotStaffError(Exception):
    """A key that may not help; `reason` names the phrase (`share.key-*`)."""

    def __init__(self, reason: str, name: str = "") -> None:
        super().__init__(reason, name)
        self.reason = reason
        self.name = clean(name, _NAME_MAX)


class Staff(NamedTuple):
    """A supporter, as the company has written them into the certificate. `name` is safe to show."""

    name: str
    fingerprint: str
    valid_until: int  # seconds since 1970


def fingerprint(key: bytes) -> str:
    """Return the fingerprint of a key's bytes, as OpenSSH writes it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def read_staff(certificate: bytes, company_keys: Sequence[str], now: float) -> Staff:
    """Return whose key this is. `certificate` is its bytes as SSH sends them, `company_keys` are public keys.

    Raises:
        NotStaffError: `share.key-unsigned`, `share.key-foreign`, `share.key-purpose`, `share.key-expired`.
    """
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import (
        SSHCertificate,
        SSHCertificateType,
        load_ssh_public_identity,
    )

    if len(certificate) > _MAX_CERTIFICATE:
        raise NotStaffError("share.key-unsigned")
    try:
        found = load_ssh_public_identity(_kind(certificate) + b" " + base64.b64encode(certificate))
        if not isinstance(found, SSHCertificate):
            raise NotStaffError("share.key-unsigned")
        signer, own = _plain(found.signature_key()), _plain(found.public_key())  # both are parsed only here
    except (ValueError, UnsupportedAlgorithm):
        raise NotStaffError("share.key-unsigned") from None
    name = found.key_id.decode("utf-8", "replace")
    if signer not in {_key_of(line) for line in company_keys}:
        raise NotStaffError("share.key-foreign", name)
    try:
        found.verify_cert_signature()
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        raise NotStaffError("share.key-foreign", name) from None
    meant = found.type is SSHCertificateType.USER and PRINCIPAL.encode() in found.valid_principals
    if not meant or found.critical_options:  # an option that we do not keep is a limit that nobody keeps
        raise NotStaffError("share.key-purpose", name)
    if not found.valid_after <= now < found.valid_before:
        raise NotStaffError("share.key-expired", name)
    key = base64.b64decode(own.split()[1])
    return Staff(clean(name, _NAME_MAX), fingerprint(key), found.valid_before)


def _kind(blob: bytes) -> bytes:
    """Return the name with which a key's bytes begin."""
    length = int.from_bytes(blob[:4], "big")
    kind = blob[4 : 4 + length]
    if not 0 < length <= 80 or not kind.isascii() or any(byte <= 32 for byte in kind):
        raise NotStaffError("share.key-unsigned")
    return kind


def _key_of(line: str) -> bytes:
    return b" ".join(line.encode().split()[:2])


def _plain(key: object) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    whole: bytes = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)  # type: ignore[attr-defined]
    return b" ".join(whole.split()[:2])
