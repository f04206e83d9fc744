"""A TLS handshake over a link, so that it has the check's deadline and the link's own failures.

`TlsLink` is a link itself: what is asked over TLS is asked like over TCP.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

from probes.links.base import CHUNK, LinkError

if TYPE_CHECKING:
    from probes.links import Link
    from supportctl.core.deadline import Deadline
    from supportctl.core.target import Target

# x509_vfy.h of OpenSSL
X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED = 9, 10
X509_V_FLAG_NO_CHECK_TIME = 0x200000
_RECORD_TYPES = range(20, 25)  # RFC 8446, 5.1: change_cipher_spec to heartbeat
_MAJOR_VERSION = 3

Outcome = Literal["done", "not-verified", "not-tls", "refused", "silent"]


class TlsFailedError(Exception):
    """A handshake that did not end well; `reason` is OpenSSL's, `got` the first bytes of the other side."""

    def __init__(self, outcome: Outcome, reason: str, got: bytes, verify_code: int = 0) -> None:
        super().__init__(f"{outcome} {reason}")
        self.outcome = outcome
        self.reason = reason
        self.got = got[:64]
        self.verify_code = verify_code


class Peer(NamedTuple):
    """The other side of a handshake: `leaf` is its certificate (DER)."""

    version: str
    leaf: bytes


class TlsLink:
    """TLS over an open link, which it owns."""

    one_way = False

    def __init__(self, link: Link, context: ssl.SSLContext, server_name: str | None) -> None:
        self.target: Target = link.target
        self._link = link
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        self._first = b""

    def handshake(self, deadline: Deadline) -> Peer:
        """Return who is on the other side.

        Raises:
            TlsFailedError: how the handshake ended.
            LinkError: the connection was closed in it.
        """
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush(deadline)
                if not self._fill(deadline):
                    raise TlsFailedError("silent", "", self._first) from None
            except ssl.SSLCertVerificationError as error:
                raise TlsFailedError(
                    "not-verified", error.verify_message, self._first, error.verify_code
                ) from error
            except ssl.SSLError as error:
                outcome: Outcome = "refused" if looks_like_tls(self._first) else "not-tls"
                raise TlsFailedError(outcome, error.reason or "", self._first) from error
            else:
                self._flush(deadline)
                return Peer(self._tls.version() or "", self._tls.getpeercert(binary_form=True) or b"")

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Send all of `data`."""
        self._tls.write(data)
        self._flush(deadline)

    def receive(self, deadline: Deadline, limit: int = CHUNK) -> bytes:
        """Return what has arrived, or `b""` once the deadline has passed.

        Raises:
            LinkError: `link.closed`.
        """
        while True:
            try:
                data = self._tls.read(limit)
            except ssl.SSLWantReadError:
                if not self._fill(deadline):
                    return b""
                continue
            except ssl.SSLError as error:
                raise LinkError("link.closed") from error
            if not data:
                raise LinkError("link.closed")
            return data

    def close(self) -> None:
        """Close the link below; no farewell is sent, for nothing was said."""
        self._link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _flush(self, deadline: Deadline) -> None:
        data = self._outgoing.read()
        if data:
            self._link.send(data, deadline)

    def _fill(self, deadline: Deadline) -> bool:
        data = self._link.receive(deadline)
        self._first += data[: 64 - len(self._first)]
        self._incoming.write(data)
        return bool(data)


def looks_like_tls(first: bytes) -> bool:
    """Return whether bytes begin like a TLS record (RFC 8446, 5.1), an alert included."""
    return len(first) >= 2 and first[0] in _RECORD_TYPES and first[1] == _MAJOR_VERSION


def strict_context(ca_file: str = "") -> ssl.SSLContext:
    """Return a client that trusts what this system trusts, and `ca_file`; names are compared by us.

    Raises:
        OSError: `ca_file` cannot be read or holds no certificate.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    if ca_file:
        context.load_verify_locations(cafile=ca_file)
    return context


def timeless_context(ca_file: str = "") -> ssl.SSLContext:
    """Return the strict client, to which it does not matter what time it is."""
    context = strict_context(ca_file)
    context.verify_flags |= ssl.VerifyFlags(X509_V_FLAG_NO_CHECK_TIME)
    return context


def looking_context() -> ssl.SSLContext:
    """Return a client that looks at any certificate. It is used to look only: no secret is sent over it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def old_context() -> ssl.SSLContext:
    """Return a client that also speaks TLS 1.0 and 1.1, to see whether that is the trouble.

    RFC 8996 forbids them; OpenSSL 3 speaks them at security level 0 only.
    """
    import warnings

    context = looking_context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context
