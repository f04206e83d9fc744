"""TLS over any link, without judging the certificate: printers have made their own. The TLS probe judges."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from probes.links.base import CHUNK, Attempt

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from probes.links.base import Link
    from supportctl.core.deadline import Deadline
    from supportctl.core.target import Target


class TlsLink:
    """A link inside TLS.

    Raises (when made):
        LinkError: `link.wrong-device`: the other side does not speak TLS, or none that this computer accepts;
            `link.silent`; what the link below raises.
    """

    def __init__(self, link: Link, deadline: Deadline) -> None:
        self.target: Target = link.target
        self.one_way = link.one_way
        self._link = link
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._tls = context.wrap_bio(self._in, self._out)
        attempt = Attempt("TLS ClientHello", deadline)
        try:
            done = self._until_done(self._handshake, deadline)
        except ssl.SSLError as error:
            self.close()
            reason = error.reason or type(error).__name__
            raise attempt.failed("link.wrong-device", "ipp.no-tls", expected="TLS", found=reason) from error
        except BaseException:
            self.close()
            raise
        if not done:
            self.close()
            raise attempt.failed("link.silent", "ipp.tls-silent")

    def _handshake(self) -> bytes:
        self._tls.do_handshake()
        return b"done"

    def _until_done(self, step: Callable[[], bytes], deadline: Deadline) -> bytes:
        """Return what `step` gives once the link has brought enough, `b""` if the deadline is sooner."""
        while True:
            try:
                result = step()
                self._flush(deadline)
                return result
            except ssl.SSLWantReadError:
                self._flush(deadline)
                piece = self._link.receive(deadline, CHUNK)
                if not piece:
                    return b""
                self._in.write(piece)

    def _flush(self, deadline: Deadline) -> None:
        pending = self._out.read()
        if pending:
            self._link.send(pending, deadline)

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Send all of `data`. Raises as a link does."""
        self._tls.write(data)
        self._flush(deadline)

    def receive(self, deadline: Deadline, limit: int = CHUNK) -> bytes:
        """Return what has arrived; `b""` when the deadline passes first. Raises as a link does."""
        try:
            return self._until_done(lambda: self._tls.read(limit), deadline)
        except ssl.SSLError as error:
            attempt = Attempt("TLS", deadline)
            raise attempt.failed("link.closed", "ipp.tls-broken", found=error.reason or "TLS") from error

    def close(self) -> None:
        """Close the link below; never raises."""
        self._link.close()

    def __enter__(self) -> Self:
        """Return the link."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close the link."""
        self.close()
