"""The reverse way for tests: a customer who shares through a real bastion, and a supporter who comes in."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

from supportctl.core.clock import SystemClock
from supportctl.remote.reconnect import Reconnect
from supportctl.remote.reverse.desk import line_name, open_reverse
from supportctl.remote.reverse.door import Door, DoorSettings
from supportctl.remote.reverse.pairing import new_pairing
from supportctl.remote.reverse.tunnel import Tunnel, new_host_key
from supportctl.remote.server import Server

if TYPE_CHECKING:
    from bastions import Sshd


class Heard:
    """Keeps what a customer would see."""

    def __init__(self) -> None:
        self.refusals: list[tuple[str, str]] = []
        self.events: list[str] = []
        self.changed = threading.Condition()

    def refused(self, reason, name) -> None:
        self.refusals.append((reason, name))

    def came(self, staff) -> None:
        self._add(f"came {staff.name}")

    def left(self, staff, *, on_purpose) -> None:
        self._add("left" if on_purpose else "cut")

    def rested(self) -> None:
        self._add("rested")

    def besieged(self) -> None:
        self._add("besieged")

    def lost(self) -> None:
        self._add("lost")

    def back(self) -> None:
        self._add("back")

    def gone(self, error) -> None:
        self._add(f"gone {error.key}")

    def _add(self, event) -> None:
        with self.changed:
            self.events.append(event)
            self.changed.notify_all()

    def wait(self, event, times=1, seconds=10.0) -> None:
        """Wait until something has happened so many times."""
        with self.changed:
            came = self.changed.wait_for(lambda: self.events.count(event) >= times, seconds)
        assert came, (event, self.events)


class Shared:
    """A customer's side that serves, with everything a test may look at."""

    def __init__(self, sshd: Sshd, serve, clock=None, revoked=frozenset(), chance=None) -> None:
        self.sshd = sshd
        self.clock = clock or SystemClock()
        self.heard = Heard()
        self.host_key = new_host_key()
        settings = DoorSettings(self.host_key, (sshd.company.public("company"),), revoked)
        self.door = Door(settings, self.clock, self.heard, serve)
        self.tunnel = Tunnel(
            sshd.bastion(), sshd.account(), self.door, SystemClock(), chance or random.Random(1).random
        )
        self.pairing = new_pairing(self.tunnel.open(), self.host_key.asbytes())
        self.door.pairing = self.pairing
        self.tunnel.keep(self.heard)

    def line(self, name=None, pairing=None, supporter=None):
        """Return a line of a supporter."""
        return open_reverse(
            pairing or self.pairing,
            self.sshd.bastion(),
            supporter or self.sshd.company.supporter(),
            SystemClock(),
            name or line_name(lead=False),
        )

    def close(self) -> None:
        self.door.shut()
        self.tunnel.close()


class ReverseWay:
    """Mixed into the way of the local pipe: the same session through the bastion."""

    hello: object

    def prepare(self, request) -> None:
        self.name = line_name(lead=True)
        self.shared = Shared(request.getfixturevalue("bastion"), self._serve)

    def attach(self) -> bool:
        """Open a line; the customer's side may need a moment until it is there again."""
        again = Reconnect(
            lambda _number: self.client.attach(self.shared.line(self.name)),
            lambda: self.client.connected,
            self.clock,
            random.Random(1).random,
            give_up_s=10.0,
        )
        return again()

    def _serve(self, link, _session, _staff) -> None:
        Server(link, self.handlers, self.gate, self.clock, self.session).serve(self.hello)

    def cut(self) -> None:
        """Kill the bastion's processes of both lines."""
        self.shared.sshd.cut()

    def close(self) -> None:
        self.handlers.hold.set()
        self.client.close()
        self.shared.close()
