"""A simulated STUN server, and the NAT before it.

Source: RFC 5389; devices.md section 10. It cannot see the sender's address: it tells the
one that the shop's router would have given, and another port of it with the fault `symmetric`.
"""

from __future__ import annotations

from typing import Final

ADDRESS, PORT, OTHER_PORT = bytes((203, 0, 113, 7)), 41000, 41007
_COOKIE: Final = bytes.fromhex("2112a442")
_HEADER: Final = 20


class StunServer:
    """A server on UDP."""

    protocol = "stun"
    faults = frozenset({"symmetric", "refuses", "old-server", "ipv6", "loses-first", "cut-off"})

    def __init__(self) -> None:
        self.active: set[str] = set()
        self.opcodes: list[str] = []
        self.writes: list[str] = []
        self._lost: set[bytes] = set()

    def switch(self, fault: str, *, on: bool, now: float) -> bytes:  # noqa: ARG002  nothing here takes time
        """Switch a fault; nothing is pushed because of it.

        Raises:
            KeyError: the server has no such fault.
        """
        if fault not in self.faults:
            raise KeyError(fault)
        (self.active.add if on else self.active.discard)(fault)
        self._lost.clear()
        return b""

    def connected(self, now: float) -> bytes:  # noqa: ARG002
        """Say nothing."""
        return b""

    def receive(self, data: bytes, now: float) -> bytes:  # noqa: ARG002
        """Take a datagram; return the one that answers it."""
        if len(data) < _HEADER or data[4:8] != _COOKIE:
            return b""
        kind, transaction = data[:2].hex(), data[8:_HEADER]
        self.opcodes.append(kind)
        if kind != "0001":
            self.writes.append(kind)
            return b""
        if "loses-first" in self.active and transaction not in self._lost:
            self._lost.add(transaction)
            return b""
        if "refuses" in self.active:
            return self._message(0x0111, transaction, _attribute(0x0009, b"\0\0\x04\x01Unauthorized"))
        answer = self._message(
            0x0101, transaction, _attribute(0x8022, b"lab 1.0") + self._address(transaction)
        )
        return answer[:-3] if "cut-off" in self.active else answer

    def tick(self, now: float) -> bytes:  # noqa: ARG002
        """Return nothing: this device does nothing on a timer."""
        return b""

    def _address(self, transaction: bytes) -> bytes:
        port = (OTHER_PORT if "symmetric" in self.active else PORT).to_bytes(2, "big")
        if "old-server" in self.active:
            return _attribute(0x0001, b"\0\x01" + port + ADDRESS)
        key = _COOKIE + transaction
        address = bytes.fromhex("20010db8000000000000000000000007") if "ipv6" in self.active else ADDRESS
        family = 2 if "ipv6" in self.active else 1
        hidden = bytes(a ^ b for a, b in zip(address, key, strict=False))
        return _attribute(
            0x0020, bytes((0, family)) + bytes(a ^ b for a, b in zip(port, key, strict=False)) + hidden
        )

    @staticmethod
    def _message(kind: int, transaction: bytes, attributes: bytes) -> bytes:
        return (
            kind.to_bytes(2, "big") + len(attributes).to_bytes(2, "big") + _COOKIE + transaction + attributes
        )


def _attribute(kind: int, value: bytes) -> bytes:
    return kind.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value + bytes(-len(value) % 4)
