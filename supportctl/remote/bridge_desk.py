"""The raw bridge, on the asking side: a listener on loopback, and one program at a time."""

from __future__ import annotations

import base64
import binascii
import selectors
import socket  # noqa: TID251  it listens for programs of this computer; no device is asked here
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from supportctl.core.errors import SupportctlError, UsageError
from supportctl.core.target import is_loopback
from supportctl.remote.bridge import OPEN, SEND, WINDOW

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from supportctl.core.clock import Clock

LONGEST_S = 1800.0  # a request of a session can take no longer
BEAT_S = 2.0  # the other side closes the bridge when it hears nothing for 10 s
_SEND_S = 60.0
_BLOCK = 4096  # a port of 1200 baud takes it in 34 s
_LOCAL_S = 10.0  # so long the program here may take no bytes


def bound(word: str) -> socket.socket:
    """Return a socket that is bound to HOST:PORT of this computer, and not listening yet.

    Raises:
        UsageError: `remote.bridge-listen`: another address, or a port that is taken.
    """
    host, _, port = word.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    host = "127.0.0.1" if host == "localhost" else host
    if not is_loopback(host) or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise UsageError("remote.bridge-listen", found=word, reason="-")
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        if sys.platform == "win32":
            made.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, int(port)))
    except OSError as error:
        made.close()
        raise UsageError("remote.bridge-listen", found=word, reason=error.strerror or error) from None
    return made


class Desk:
    """One bridge. `ask` sends a request and returns its result, `stop` cancels all that wait.

    `opened` is called with host and port once the bridge is open and a program can come.
    """

    def __init__(
        self,
        ask: Callable[..., Mapping[str, Any]],
        stop: Callable[[], None],
        listener: socket.socket,
        clock: Clock,
        opened: Callable[[str, int], None],
    ) -> None:
        self.sent = self.received = 0
        self._ask, self._stop = ask, stop
        self._listener = listener
        self._clock = clock
        self._tells = opened
        self._lock = threading.Lock()
        self._id = ""
        self._program: socket.socket | None = None
        self._early: bytearray | None = bytearray()  # what came before the first program; None after that
        self._heard = self._told = 0
        self._news, self._bell = socket.socketpair()
        self._over = threading.Event()
        self._result: Mapping[str, Any] | None = None
        self._error: BaseException | None = None

    @property
    def opened(self) -> bool:
        """Whether the other side has opened the bridge."""
        return bool(self._id)

    def run(self, target: str, grant: str = "") -> Mapping[str, Any]:
        """Ask for the bridge and carry bytes until it is over; return how much, and why it is over.

        Raises:
            SupportctlError: it was refused, it could not be opened, or the line broke.
        """
        params = {"target": target, **({"grant": grant} if grant else {})}
        asking = threading.Thread(target=self._opens, args=(params,), name="bridge", daemon=True)
        asking.start()
        try:
            self._pump()
        except KeyboardInterrupt:
            self._stop()
            if not self._id:
                raise
        except SupportctlError:
            self._stop()  # the answer of the request itself says more
        try:
            asking.join(_LOCAL_S)
        finally:
            self._over.set()
            self._hang_up()
            for each in (self._listener, self._news, self._bell):
                each.close()
        if self._result is None:
            raise self._error or SupportctlError("remote.closed", method=OPEN)
        return self._result

    def _opens(self, params: Mapping[str, Any]) -> None:
        try:
            self._result = self._ask(OPEN, params, deadline_s=LONGEST_S, on_progress=self._progress)
        except BaseException as error:  # noqa: BLE001  raised by the thread that waits for it
            self._error = error
        self._over.set()
        self._ring()

    def _ring(self) -> None:
        with suppress(OSError):
            self._bell.send(b"!")

    # --- from the device, on the thread of the request -----------------------------------------------------

    def _progress(self, value: Mapping[str, Any]) -> None:
        if not self._id:
            self._id = str(value.get("bridge", ""))
            self._ring()
            return
        data = _decoded(value.get("data"))
        ahead = self.received + len(data) - self._heard
        if not data or ahead > WINDOW or value.get("at") != self.received:
            self._stop()  # bytes were lost: a bridge with a gap is worse than none
            return
        self.received += len(data)
        with self._lock:
            if self._early is not None:
                self._early += data
                return
            program = self._program
        if program is not None:
            self._give(program, data)
        with self._lock:
            self._heard += len(data)
        if self._heard - self._told >= WINDOW // 4:
            self._ring()

    @staticmethod
    def _give(program: socket.socket, data: bytes) -> None:
        try:
            program.sendall(data)
        except OSError:
            with suppress(OSError):
                program.shutdown(socket.SHUT_RDWR)  # the other thread sees its end

    # --- from the program, on the thread that called -------------------------------------------------------

    def _pump(self) -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(self._news, selectors.EVENT_READ)
            listening = False
            beat = self._clock.monotonic()
            while not self._over.is_set():
                if self._id and not listening:
                    listening = True
                    self._listener.listen(1)
                    self._listener.setblocking(False)  # noqa: FBT003  the socket's own way
                    ready.register(self._listener, selectors.EVENT_READ)
                    self._tells(*self._listener.getsockname()[:2])
                found = [key.fileobj for key, _ in ready.select(max(beat - self._clock.monotonic(), 0.0))]
                if self._news in found:
                    self._news.recv(4096)
                if self._listener in found:
                    self._comes(ready)  # the next one waits until this one has left
                data = self._typed(ready) if self._program is not None and self._program in found else b""
                if self._id and (data or self._news in found or self._clock.monotonic() >= beat):
                    self._tell(data)
                if self._clock.monotonic() >= beat:
                    beat = self._clock.monotonic() + BEAT_S

    def _comes(self, ready: selectors.BaseSelector) -> None:
        try:
            program, _ = self._listener.accept()
        except OSError:
            return
        ready.unregister(self._listener)
        program.settimeout(_LOCAL_S)
        program.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ready.register(program, selectors.EVENT_READ)
        with self._lock:
            early, self._early = self._early, None
            self._program = program
            if early:
                self._give(program, bytes(early))
                self._heard += len(early)

    def _typed(self, ready: selectors.BaseSelector) -> bytes:
        assert self._program is not None
        try:
            data = self._program.recv(_BLOCK)
        except OSError:
            data = b""
        if not data:
            ready.unregister(self._program)
            ready.register(self._listener, selectors.EVENT_READ)
            self._hang_up()
        return data

    def _hang_up(self) -> None:
        with self._lock:
            program, self._program = self._program, None
        if program is not None:
            program.close()

    def _tell(self, data: bytes) -> None:
        self._told = self._heard
        params: dict[str, Any] = {"bridge": self._id, "at": self.sent, "heard": self._told}
        if data:
            params["data"] = base64.b64encode(data).decode("ascii")
        self.sent += len(data)
        if self._ask(SEND, params, deadline_s=_SEND_S).get("over"):
            self._over.wait(_LOCAL_S)


def _decoded(value: object) -> bytes:
    """Return the bytes of a message; none where it makes no sense."""
    if not isinstance(value, str):
        return b""
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return b""
