"""Signatures after Standard Webhooks: HMAC-SHA256 over id, time and body."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING

from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

PREFIX = "whsec_"
VERSION = "v1"


def key_of(secret: str) -> bytes:
    """Return the key of a secret: base64, with or without `whsec_` before it.

    Raises:
        ServiceError: it is none, so that nothing can be signed.
    """
    written = secret.removeprefix(PREFIX)
    try:
        key = base64.b64decode(written + "=" * (-len(written) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ServiceError(Failure.CONFIGURATION, "bad-secret", "expected whsec_ and base64", sent=False)
    return key


def signed(key: bytes | None, message_id: str, at: datetime, body: bytes) -> Mapping[str, str]:
    """Return the headers of a message; without a key it is not signed."""
    second = str(int(at.timestamp()))
    headers = {"webhook-id": message_id, "webhook-timestamp": second}
    if key is not None:
        text = b".".join((message_id.encode(), second.encode(), body))
        signature = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
        headers["webhook-signature"] = f"{VERSION},{signature}"
    return headers
