"""RFC 2217: a serial port behind a server (ser2net, a device server), through pyserial.

Held to ser2net 4.3 by tests/integration/test_rfc2217_ser2net.py. What servers (and pyserial) are known to do,
and what is done about it:

- they do not acknowledge SET_CONTROL where the port has no modem lines (pseudo-terminals), and
  pyserial gives up ("timeout while waiting for option 'control'"): that one is not waited for;
- they answer PURGE_DATA late or never ("timeout while waiting for option 'purge'"): nothing is purged, since
  a conversation takes stale bytes out of the way itself;
- pyserial refuses a write time-out on this kind of port: none is set, the socket's buffer takes a question;
- a port that is in use or missing is told in plain text, and the connection is closed: what the server says
  is read over a second, plain connection, because pyserial drops it;
- pyserial's reader thread ends with a traceback when the server closes in mid-negotiation, and
  its socket stays open: the one is caught, the other closed.
"""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING

from serial import SerialException
from serial.rfc2217 import Serial

from probes.links import tcp
from probes.links.base import Attempt, LinkError
from probes.links.garble import explain_noise
from probes.links.portlink import POLL_S, PortLink, Settings
from probes.links.worker import TooLate, in_time
from supportctl.core.deadline import Deadline
from supportctl.core.finding import Status

if TYPE_CHECKING:
    from socket import socket

    from supportctl.core.target import Target

OPEN_S = 8.0
_NEGOTIATE_S = 3.0  # for each round of options, as pyserial has it
_CLOSE_S = 1.0
_LISTEN_S = 1.0
_LISTEN_BYTES = 1024
_IAC = b"\xff"
_COM_PORT = b"\xff\xfd\x2c"  # IAC DO COM-PORT-OPTION
# what servers say, in small letters: ser2net, and the words that device servers share
_SAYS_BUSY = ("in use", "already open", "busy", "locked")
_SAYS_MISSING = (
    "no such",
    "open failure",
    "unable to open",
    "cannot open",
    "not found",
    "i/o error",
    "not available",
)


class _Port(Serial):
    """pyserial's port with the remedies that stand at the top of this file."""

    _socket: socket | None

    def reset_input_buffer(self) -> None:
        """Keep what has arrived."""

    def reset_output_buffer(self) -> None:
        """Keep what is on its way."""

    def _telnet_read_loop(self) -> None:
        """Read until the connection ends; when it breaks, end quietly instead of with a traceback."""
        try:
            super()._telnet_read_loop()  # type: ignore[misc]  # no part of its types
        except (OSError, AttributeError):  # AttributeError: the port was closed meanwhile
            self.is_open = False

    def close(self) -> None:
        """Close, and close the socket even where shutting it down fails because the server was first."""
        connection = self._socket
        super().close()
        if connection is not None:
            connection.close()

    @property
    def connected(self) -> bool:
        """Whether there is a TCP connection, negotiated or not."""
        return self._socket is not None


class Rfc2217Link(PortLink):
    """A port of an RFC 2217 server."""

    def __init__(self, port: _Port, target: Target, deadline: Deadline) -> None:
        super().__init__(port, target)
        self._deadline = deadline

    def close(self) -> None:
        """Close the connection; pyserial waits for its reader thread, which is given a second."""
        with contextlib.suppress(TooLate):
            # not bounded by the deadline that the link was opened with: what is open is closed, late or not
            in_time(super().close, Deadline.after(_CLOSE_S, self._deadline.clock))

    def _gone(self, deadline: Deadline) -> LinkError:
        return Attempt("receive", deadline).failed("link.closed", "link.closed-by-peer")


def open(target: Target, deadline: Deadline) -> Rfc2217Link:  # noqa: A001  the name that open_link calls
    """Return the port behind the server, with its settings made.

    Raises:
        LinkError: as for TCP; `link.wrong-device`: the server does not speak RFC 2217; `link.port-busy`: the
            port is held on its side; `link.no-such-port`: it has none; `link.bad-settings`: it refuses them.
    """
    until = deadline.within(OPEN_S)
    address = tcp.resolve(target.host, target.port or 0, until)[0]
    settings = Settings.of(target)
    attempt = Attempt(f"RFC 2217 {target.host}:{target.port} {settings}", deadline)
    port = _Port(timeout=POLL_S, **settings.for_pyserial())
    host = address.sockaddr[0]
    where = f"[{host}]:{target.port}" if ":" in host else f"{host}:{target.port}"
    port.port = f"rfc2217://{where}?ign_set_control&timeout={_NEGOTIATE_S}"
    try:
        in_time(port.open, until, lambda _none: port.close())
    except TooLate:
        meaning = "link.server-negotiates-too-slowly" if port.connected else "link.no-connection"
        raise attempt.failed(
            "link.timeout", meaning, status=attempt.sure(), host=target.host, port=target.port or 0
        ) from None
    except (OSError, ValueError) as error:
        raise _why(attempt, error, target) from error
    return Rfc2217Link(port, target, deadline)


def _why(attempt: Attempt, error: Exception, target: Target) -> LinkError:
    host, port, settings = target.host, target.port or 0, str(Settings.of(target))
    cause = error.__context__
    if isinstance(error, SerialException) and isinstance(cause, OSError):  # connect() itself failed
        return tcp.why(attempt, [cause.errno or errno.ETIMEDOUT], host, port)
    if isinstance(error, ValueError):  # "remote rejected value for option"
        return attempt.failed(
            "link.bad-settings", "link.settings-refused", port=f"{host}:{port}", settings=settings
        )
    return _by_greeting(attempt, _listen(target, attempt.deadline), host, port)


def _by_greeting(attempt: Attempt, said: bytes, host: str, port: int) -> LinkError:
    """Return why the negotiation failed, from how the server greets a client that says nothing."""
    text = _without_telnet(said).decode("utf-8", "replace").strip()
    where = f"{host}:{port}"
    if any(word in text.lower() for word in _SAYS_BUSY):
        return attempt.failed(
            "link.port-busy",
            "link.server-says-busy",
            status=Status.UNKNOWN,
            got=text,
            port=where,
            holder=host,
        )
    if any(word in text.lower() for word in _SAYS_MISSING):
        return attempt.failed(
            "link.no-such-port", "link.server-says-missing", got=text, port=where, ports="-"
        )
    if _COM_PORT in said:  # it does speak RFC 2217, but did not come to terms with us
        return attempt.failed(
            "link.timeout", "link.server-negotiates-too-slowly", got=said, host=host, port=port
        )
    guess, args = "link.not-rfc2217", dict[str, str]()
    if said.startswith(_IAC):
        guess = "link.telnet-without-rfc2217"
    elif said:
        noise = explain_noise(b"", said)
        guess, args = (noise.guess, noise.args) if noise.code == "link.wrong-device" else (guess, args)
    return attempt.failed("link.wrong-device", guess, status=Status.FAULT, got=said or None, **args)


def _listen(target: Target, deadline: Deadline) -> bytes:
    """Return how the server greets a client that says nothing."""
    until = deadline.within(_LISTEN_S)
    heard = b""
    try:
        with tcp.open(target, until) as plain:
            while len(heard) < _LISTEN_BYTES:
                piece = plain.receive(until)
                if not piece:
                    break
                heard += piece
    except LinkError:
        pass  # closed after its words, or not reachable any more: what was heard counts
    return heard


def _without_telnet(data: bytes) -> bytes:
    """Return the text between Telnet's option negotiations (RFC 854: IAC, a verb, an option)."""
    text, position = bytearray(), 0
    while position < len(data):
        if data[position : position + 1] == _IAC:
            position += 3
        else:
            text.append(data[position])
            position += 1
    return bytes(text)
