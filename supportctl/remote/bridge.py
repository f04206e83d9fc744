"""The raw bridge, beside the device: bytes to one port or one address, and back.

One thread owns the device: it writes what `bridge.send` has brought and tells what comes as progress of
`bridge.open`. It is closed by whoever ends the session or the request, by its time, by silence, and when the
asking side has not been heard for a moment: a line that broke may have lost bytes, so it is never mended.
"""

from __future__ import annotations

import base64
import secrets
import threading
from typing import TYPE_CHECKING, Any

from supportctl.core.deadline import Deadline
from supportctl.core.errors import SupportctlError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from probes.links.base import Link
    from supportctl.core.clock import Clock
    from supportctl.core.target import Target
    from supportctl.remote.server import Call
    from supportctl.remote.work import Handler

OPEN, SEND = "bridge.open", "bridge.send"
WIRES = frozenset({"serial", "tcp"})
OPEN_S = 10.0
IDLE_S = 300.0  # without a byte in either direction
UNHEARD_S = 10.0  # without a word of the asking side, which says one every 2 s
MAX_BYTES = 64 * 1024 * 1024  # in each direction
WINDOW = 256 * 1024  # bytes that are on the way to the asking side and not acknowledged
_BLOCK = 16 * 1024  # of bytes in one message
_PIECE = {"serial": 256, "tcp": _BLOCK}  # written at once: a slow port has to be read meanwhile
_WRITE_S = 10.0
_SLICE_S = 0.005  # so long what is to be written waits for a device that is silent


class Bridges:
    """The methods of the bridge. `find` returns the target of a word from the wire, if it may be reached.

    There is one bridge at a time. `find` raises SupportctlError.
    """

    def __init__(
        self, find: Callable[[str], Target], open_link: Callable[[Target, Deadline], Link], clock: Clock
    ) -> None:
        self._find = find
        self._open_link = open_link
        self._clock = clock
        self._lock = threading.Lock()
        self._now: _Bridge | None = None  # the one that is open, or the last

    def handlers(self) -> dict[str, Handler]:
        """Return the methods by name."""
        return {OPEN: self._open, SEND: self._send}

    def looked(self, word: str) -> Target:
        """Return the target of a bridge that could be opened; nobody is asked about another.

        Raises:
            SupportctlError: `remote.bridge-wire`, `remote.bridge-busy`, and what `find` says.
        """
        target = self._find(word)
        if target.wire not in WIRES:
            raise SupportctlError("remote.bridge-wire", found=target.url)
        if self._now is not None and not self._now.over():
            raise SupportctlError("remote.bridge-busy", found=target.url)
        return target

    def _open(self, params: Mapping[str, Any], call: Call) -> Mapping[str, Any]:
        from probes.links.base import LinkError

        target = self.looked(params["target"])
        bridge = _Bridge(target, call, self._clock)
        with self._lock:
            self.looked(params["target"])  # another one may have come in between
            self._now = bridge
        try:
            with self._open_link(target, call.deadline.within(OPEN_S)) as link:
                call.progress({"bridge": bridge.id})
                reason = bridge.carry(link)
        except LinkError as error:
            raise SupportctlError("remote.bridge-link", found=target.url, reason=error.code) from None
        finally:
            bridge.end()
        return {"sent": bridge.sent, "received": bridge.received, "reason": reason}

    def _send(self, params: Mapping[str, Any], call: Call) -> Mapping[str, Any]:
        bridge = self._now
        if bridge is None or not secrets.compare_digest(bridge.id.encode(), params["bridge"].encode()):
            raise SupportctlError("remote.bridge-unknown")
        return bridge.take(params, call)


class _Bridge:
    """One bridge that is open."""

    def __init__(self, target: Target, call: Call, clock: Clock) -> None:
        self.id = secrets.token_hex(16)
        self._over = threading.Event()
        self.sent = self.received = 0
        self._piece = _PIECE[target.wire]
        self._call = call
        self._clock = clock
        self._changed = threading.Condition()
        self._out = bytearray()
        self._accepted = self._heard = self._waiting = 0
        self._moved_at = self._seen_at = clock.monotonic()

    def over(self) -> bool:
        """Whether it carries nothing any more."""
        return self._over.is_set()

    def take(self, params: Mapping[str, Any], call: Call) -> Mapping[str, Any]:
        """Take bytes for the device, and what the other side has heard; return once they are written.

        Raises:
            SupportctlError: `remote.bridge-gap`: bytes are missing, or came twice.
        """
        data: bytes = params.get("data", b"")
        with self._changed:
            if self.over():
                return {"over": True}
            if params["at"] != self._accepted or params["heard"] > self.received:
                raise SupportctlError("remote.bridge-gap", expected=self._accepted, found=params["at"])
            self._heard = max(self._heard, params["heard"])
            self._out += data
            self._accepted += len(data)
            self._waiting += 1
            self._changed.notify_all()
            while self._out and not (self.over() or call.cancelled.is_set() or call.deadline.expired):
                self._changed.wait(_SLICE_S * 20)
            self._waiting -= 1
            self._seen_at = self._clock.monotonic()
            return {"sent": self.sent, **({"over": True} if self.over() else {})}

    def carry(self, link: Link) -> str:
        """Carry bytes until it is over; return why: a word, or the code of what the wire had."""
        from probes.links.base import LinkError

        self._moved_at = self._seen_at = self._clock.monotonic()
        try:
            while not (reason := self._reason()):
                self._write(link)
                self._read(link)
        except LinkError as error:
            return error.code
        return reason

    def end(self) -> None:
        """Let nobody wait for it any more."""
        with self._changed:
            self._over.set()
            self._out.clear()
            self._changed.notify_all()

    def _reason(self) -> str:
        now = self._clock.monotonic()
        for reason, holds in (
            ("ended", self._call.cancelled.is_set()),
            ("time", self._call.deadline.expired),
            ("full", max(self.sent, self.received) >= MAX_BYTES),
            ("idle", now - self._moved_at >= IDLE_S),
            ("unheard", now - self._seen_at >= UNHEARD_S and not self._waiting),
        ):
            if holds:
                return reason
        return ""

    def _write(self, link: Link) -> None:
        with self._changed:
            piece = bytes(self._out[: min(self._piece, MAX_BYTES - self.sent)])
        if not piece:
            return
        link.send(piece, Deadline.after(_WRITE_S, self._clock))
        with self._changed:
            del self._out[: len(piece)]
            self.sent += len(piece)
            self._moved_at = self._clock.monotonic()
            self._changed.notify_all()

    def _read(self, link: Link) -> None:
        with self._changed:
            room = min(WINDOW - (self.received - self._heard), MAX_BYTES - self.received, _BLOCK)
            if room <= 0:
                self._changed.wait(_SLICE_S)
                return
            wait = 0.0 if self._out else _SLICE_S
        data = link.receive(Deadline.after(wait, self._clock), room)
        if not data:
            return
        with self._changed:  # counted before it is told: an acknowledgement may come at once
            at, self.received = self.received, self.received + len(data)
            self._moved_at = self._clock.monotonic()
        self._call.progress({"at": at, "data": base64.b64encode(data).decode("ascii")})
