"""A simulated host of a fiscal data operator: it takes connections and says nothing until a register speaks.

Only its wire can be broken (`wire-refused`, `wire-timeout`): nothing of the operator's protocol may be tried.
"""

from __future__ import annotations


class OperatorHost:
    """Takes connections; any byte that it is sent counts as a write."""

    protocol = "ofd"
    faults: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.active: set[str] = set()
        self.opcodes: list[str] = []
        self.writes: list[str] = []

    def switch(self, fault: str, *, on: bool, now: float) -> bytes:  # noqa: ARG002
        """Raise KeyError: the host has no faults of its own."""
        raise KeyError(fault)

    def connected(self, now: float) -> bytes:  # noqa: ARG002
        """Wait for the register's word."""
        return b""

    def receive(self, data: bytes, now: float) -> bytes:  # noqa: ARG002
        """Take note of what should not have been sent."""
        self.opcodes.append(data.hex())
        self.writes.append(data.hex())
        return b""

    def tick(self, now: float) -> bytes:  # noqa: ARG002
        """Return nothing."""
        return b""
