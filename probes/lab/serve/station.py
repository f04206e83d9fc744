"""A device, the faults of its wires, and the clients that are on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.lab.device import HasClock
from probes.lab.wirefaults import NOISE as WIRE_NOISE
from probes.lab.wirefaults import WIRE_FAULTS, WireFaults, noise, wire_faults
from supportctl.core.clock import SystemClock

if TYPE_CHECKING:
    import asyncio

    from probes.lab.device import Device
    from probes.lab.serve.session import Endpoint, Session


class Station:
    """One simulated device on its wires. Everything here runs in the lab's thread.

    A device nobody is connected to costs nothing: it ticks only while a client is there, and only if its
    class has `tick_s`, the seconds between two ticks.
    """

    def __init__(self, name: str, device: Device, loop: asyncio.AbstractEventLoop) -> None:
        self.name = name
        self.device = device
        self.wire_faults = WireFaults()
        self.endpoints: list[Endpoint] = []
        self.bytes_in = 0
        self._loop = loop
        self._sessions: list[Session] = []
        self._timer: asyncio.TimerHandle | None = None
        self._tick_s: float | None = getattr(device, "tick_s", None)
        if isinstance(device, HasClock):
            device.set_clock(SystemClock().now(), loop.time())

    @property
    def faults(self) -> tuple[str, ...]:
        """Every fault that this device can be given: its own, then those of its wires."""
        wires = frozenset(endpoint.wire for endpoint in self.endpoints)
        return (*sorted(self.device.faults), *wire_faults(wires))

    @property
    def active(self) -> tuple[str, ...]:
        """The faults that are switched on, in the order of `faults`."""
        on = self.device.active | self.wire_faults.active
        return tuple(fault for fault in self.faults if fault in on)

    def switch(self, fault: str, *, on: bool) -> None:
        """Switch a fault.

        Raises:
            KeyError: this device has no such fault.
            OSError: its wire cannot be had again.
        """
        if fault not in self.faults:
            raise KeyError(fault)
        if fault not in WIRE_FAULTS:
            self._push(self.device.switch(fault, on=on, now=self._loop.time()))
            return
        was_on = fault in self.wire_faults.active
        (self.wire_faults.active.add if on else self.wire_faults.active.discard)(fault)
        for endpoint in self.endpoints:
            endpoint.refresh()
        if fault == WIRE_NOISE and on and not was_on:
            for session in list(self._sessions):
                session.send(noise())

    def opened(self, session: Session) -> None:
        """A client has opened the wire."""
        self._sessions.append(session)
        session.send(self.wire_faults.on_open())
        self._answer(session, self.device.connected(self._loop.time()))
        self._schedule()

    def received(self, session: Session, data: bytes) -> None:
        """A client has sent bytes; they reach the device unless a wire fault is in the way."""
        if self.wire_faults.deaf:
            session.send(self.wire_faults.instead(session.wire))
            return
        self.bytes_in += len(data)
        self._answer(session, self.device.receive(data, self._loop.time()))

    def closed(self, session: Session) -> None:
        """A client is gone."""
        if session in self._sessions:
            self._sessions.remove(session)
        if not self._sessions and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _answer(self, session: Session, answer: bytes) -> None:
        session.send(self.wire_faults.on_answer(answer, session.byte_s))

    def _push(self, data: bytes) -> None:
        for session in list(self._sessions):
            self._answer(session, data)

    def _schedule(self) -> None:
        if self._tick_s is not None and self._timer is None and self._sessions:
            self._timer = self._loop.call_later(self._tick_s, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._schedule()
        self._push(self.device.tick(self._loop.time()))
