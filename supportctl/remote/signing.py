"""Whether a playbook's bytes were signed by somebody who may. It is asked before anybody reads the bytes.

What a signature cannot say (the version, the day until which it is good) stands in the signed bytes and is
looked at by `supportctl.app.signed_playbooks`, after this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from supportctl.remote.signers import good_for
from supportctl.remote.sshsig import SigningError, check, fingerprint, read_signature

if TYPE_CHECKING:
    from datetime import datetime

    from supportctl.remote.signers import Signers

NAMESPACE = "supportctl-playbook"
ENDING = ".sig"


class SignedBy(NamedTuple):
    """Who has signed: the names of their line, and their key."""

    names: str
    fingerprint: str


def verify(data: bytes, signature: str, signers: Signers, now: datetime) -> SignedBy:
    """Return who has signed these bytes.

    Raises:
        SigningError: `signing.unreadable`, `signing.algorithm`, `signing.other-namespace`, `signing.revoked`,
            `signing.unknown-signer`, `signing.not-for-playbooks`, `signing.not-yet`, `signing.key-expired`,
            `signing.mismatch`.
    """
    found = read_signature(signature)
    if found.namespace != NAMESPACE:
        raise SigningError("signing.other-namespace", found=found.namespace, expected=NAMESPACE)
    key = fingerprint(found.key)
    if key in signers.revoked:
        raise SigningError("signing.revoked", found=key)
    lines = [signer for signer in signers.allowed if signer.key == found.key]
    if not lines:
        raise SigningError("signing.unknown-signer", found=key)
    reasons = {line: good_for(line, NAMESPACE, now) for line in lines}
    good = next((line for line, reason in reasons.items() if not reason), None)
    if good is None:
        line, reason = next(iter(reasons.items()))
        raise SigningError(reason, found=f"{line.names} ({key})", where=line.where)
    check(found, data)
    return SignedBy(good.names, key)
