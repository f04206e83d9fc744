"""A simulated Telium terminal: it answers ENQ, and takes frames, each of which would start a payment.

Source: devices.md section 6.
"""

from __future__ import annotations

_STX, _ETX, _EOT, _ENQ, _ACK, _NAK = 0x02, 0x03, 0x04, 0x05, 0x06, 0x15
_FRAME_SIZE = 37  # STX, 34 characters, ETX, LRC


class TeliumTerminal:
    """A terminal on one line. It has no status to tell, so its faults are those of its answer."""

    protocol = "telium"
    faults = frozenset({"busy", "silent", "misses-first"})

    def __init__(self) -> None:
        self.active: set[str] = set()
        self.opcodes: list[str] = []
        self.writes: list[str] = []
        self._frame = bytearray()
        self._enquiries = 0

    def switch(self, fault: str, *, on: bool, now: float) -> bytes:  # noqa: ARG002  nothing here takes time
        """Switch a fault; nothing is pushed because of it.

        Raises:
            KeyError: the terminal has no such fault.
        """
        if fault not in self.faults:
            raise KeyError(fault)
        (self.active.add if on else self.active.discard)(fault)
        return b""

    def connected(self, now: float) -> bytes:  # noqa: ARG002
        """Wait for an enquiry."""
        self._frame.clear()
        self._enquiries = 0
        return b""

    def receive(self, data: bytes, now: float) -> bytes:  # noqa: ARG002
        """Take any piece of the stream; return the answers."""
        return b"".join(self._byte(byte) for byte in data)

    def tick(self, now: float) -> bytes:  # noqa: ARG002
        """Return nothing: this device does nothing on a timer."""
        return b""

    def _byte(self, byte: int) -> bytes:
        if self._frame or byte == _STX:
            self._frame.append(byte)
            if len(self._frame) < _FRAME_SIZE:
                return b""
            self.opcodes.append("payment")
            self.writes.append("payment")
            self._frame.clear()
            return bytes((_ACK,))
        if byte == _ENQ:
            self.opcodes.append("ENQ")
            self._enquiries += 1
            missed = "misses-first" in self.active and self._enquiries == 1
            if missed or "silent" in self.active:
                return b""
            return bytes((_NAK if "busy" in self.active else _ACK,))
        self.opcodes.append("EOT" if byte == _EOT else f"{byte:02x}")
        return b""
